"""Figures and report.

input:  the tables of all stages
output: results/{run}/plot_figures/*, results/{run}/build_report/*
"""


rule plot_figures:
    """Draw every figure, as PNG and PDF, and the interactive front."""
    input:
        array="results/{run}/import_chips/chips.npy",
        moments="results/{run}/import_chips/moments.npy",
        chips="results/{run}/import_chips/chips.parquet",
        folds="results/{run}/assign_folds/folds.parquet",
        ranked="results/{run}/build_front/ranked.parquet",
    output:
        "results/{run}/plot_figures/todo",
    shell: "false"
