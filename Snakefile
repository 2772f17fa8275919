"""Edgefront: from labelled raster chips to the Pareto front of small CNNs.

Run: snakemake --configfile config/scenarios/demo.yaml --cores 2
"""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

if not workflow.config_settings.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"


# `basedir` would be wrong here: a workflow that includes this one may be in another folder.
folder = workflow.current_basedir.get_path_or_uri(secret_free=True)

for rules_file in sorted(Path(folder, "rules").rglob("*.smk")):
    if rules_file.name != "common.smk":

        include: str(rules_file)


rule all:
    """Build the front and its report, with all tables that they need."""
    default_target: True
    input:
        expand("<results>/gather_table/{table}.parquet", table=TRAININGS.gathered),
        TRAININGS.kept_weights,
        "<results>/build_candidates/candidates.parquet",
        "<results>/build_front/front.parquet",
        "<results>/score_efficiency/efficiency.parquet",
        "<results>/plot_interactive/front_3d.html",
        "<results>/build_report/report.html",
        REPORT.pdf_files,
        expand("<results>/report_map/{area}.html", area=MAPS.areas),


rule data:
    """Import the chips and assign them to folds."""
    input:
        "<results>/assign_folds/folds.parquet",


rule train:
    """Train every candidate on every fold."""
    input:
        "<results>/gather_table/fold_scores.parquet",
        TRAININGS.kept_weights,


rule export:
    """Export every network as ONNX files."""
    input:
        "<results>/gather_table/networks.parquet",


rule latency:
    """Predict or measure the latency of every network on every device."""
    input:
        "<results>/gather_table/latencies.parquet",


rule deploy:
    """Retrain the recommended model on all chips and write a bundle to copy to a device."""
    input:
        expand("<results>/{file}", file=MAPS.deployed),
