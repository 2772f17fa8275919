"""The contract version of every stage.

Snakemake does not rerun a job because code changed. Raise a stage's number when the meaning of its results changes:
then its jobs, and what depends on them, run again. tests/contract keeps a digest of the code behind each stage and
asks which it is when that code changes.
"""

CONTRACTS = {
    "generate_chips": 1,
    "import_chips": 1,
    "assign_folds": 1,
    "train_fold": 3,
    "train_forest": 1,
    "gather_table": 1,
    "export_network": 1,
    "import_package": 1,
    "detect_kernels": 1,
    "check_coverage": 1,
    "export_kernels": 1,
    "build_predictor": 1,
    "measure_latency": 1,
    "calibrate_predictor": 1,
    "predict_latency": 1,
    "measure_utilization": 1,
    "race_folds": 2,
    "build_candidates": 2,
    "build_front": 1,
    "score_efficiency": 1,
    "score_holdout": 3,
    "plot_figures": 1,
    "plot_efficiency": 1,
    "plot_utilization": 1,
    "build_report": 3,
    "deploy_model": 2,
}
