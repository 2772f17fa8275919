"""Edgefront: from labelled raster chips to the Pareto front of small CNNs.

Run: snakemake --configfile config/scenarios/demo.yaml --cores 2
"""

from snakemake.utils import min_version

min_version("9.0")

if not workflow.config_settings.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/scenes.smk"
include: "rules/data.smk"
include: "rules/training.smk"
include: "rules/export.smk"
include: "rules/latency.smk"
include: "rules/cells.smk"
include: "rules/supernet.smk"
include: "rules/search.smk"
include: "rules/front.smk"
include: "rules/utilization.smk"
include: "rules/battery.smk"
include: "rules/report.smk"
include: "rules/deploy.smk"


rule all:
    """The front and its report, and the tables that they are made of."""
    default_target: True
    input:
        expand("<results>/gather_table/{table}.parquet", table=PARTS),
        weights_parts,
        RESULTS,


rule data:
    """The imported chips and their folds."""
    input:
        "<results>/assign_folds/folds.parquet",


rule train:
    """Every candidate on every fold."""
    input:
        "<results>/gather_table/fold_scores.parquet",
        weights_parts,


rule export:
    """Every network as ONNX files."""
    input:
        "<results>/gather_table/networks.parquet",


rule latency:
    """Every network's latency on every device."""
    input:
        "<results>/gather_table/latencies.parquet",


rule deploy:
    """The recommended model, retrained on all its data and ready to be copied to a device."""
    input:
        expand("<results>/deploy_model/recommended/{file}", file=BUNDLE),
