"""Edgefront: from labelled raster chips to the Pareto front of small CNNs.

Run: snakemake --configfile config/scenarios/demo.yaml --cores 2
"""

from snakemake.utils import min_version

min_version("9.0")

if not workflow.config_settings.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/export.smk"
include: "rules/latency.smk"
include: "rules/front.smk"
include: "rules/report.smk"
include: "rules/deploy.smk"


# A scheduler would take longer to start these than they run.
localrules:
    all,
    data,
    train,
    export,
    latency,
    deploy,
    calibrate_predictor,
    import_package,
    check_coverage,
    gather_table,
    assign_folds,
    build_candidates,
    build_report,


rule all:
    """The front and its report."""
    default_target: True
    input:
        f"results/{RUN}/build_front/front.parquet",
        f"results/{RUN}/build_report/report.html",


rule data:
    """The imported chips and their folds."""
    input:
        f"results/{RUN}/assign_folds/folds.parquet",


rule train:
    """Every candidate on every fold."""
    input:
        f"results/{RUN}/gather_table/fold_scores.parquet",


rule export:
    """Every network as ONNX files."""
    input:
        f"results/{RUN}/gather_table/networks.parquet",


rule latency:
    """Every network's latency on every device."""
    input:
        f"results/{RUN}/gather_table/latencies.parquet",


rule deploy:
    """The recommended model, retrained on all its data and ready to be copied to a device."""
    input:
        f"results/{RUN}/deploy_model/recommended/model.onnx",
