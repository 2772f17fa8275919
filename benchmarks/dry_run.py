"""Compare dry runs of this workflow with those of a bare Snakefile with the same jobs and files, in alternation.

Run: python benchmarks/dry_run.py [--folds 5 19 47] [--repeats 3] [--quick]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.config import parse_config
from workflow_lib.spaces.cross import cross_architecture as cross

ROOT = Path(__file__).parents[1]
NO_OP_FOLDS = 5
FIGURES = [
    "input_channels", "front_3d", "front_radar", "front_pairs", "latency_devices", "dimension_effects", "chip_map",
    "chip_map_roles",
]  # fmt: skip

# The files of every rule of the paper's grid and nothing else: no params, resources, environments or checks.
BARE = """
RUN = "results/paper"
BATCHES, FOLDS, CHANNELS, DEVICES = config["batches"], range(config["folds"]), config["channels"], config["devices"]
NETWORKS = config["networks"]
DATA = expand(RUN + "/import_chips/{name}", name=["chips.npy", "moments.npy", "chips.parquet"])
FOLD_TABLE = RUN + "/assign_folds/folds.parquet"
FIGURES = expand(RUN + "/plot_figure/{figure}.png", figure=config["figures"])

rule all:
    input:
        RUN + "/build_front/front.parquet", RUN + "/build_report/report.html"

rule import_chips:
    output:
        DATA, RUN + "/import_chips/bands.parquet", RUN + "/import_chips/rejected.parquet"
    shell:
        "true"

rule assign_folds:
    input:
        RUN + "/import_chips/chips.parquet"
    output:
        FOLD_TABLE
    log:
        RUN + "/logs/assign_folds.log"
    shell:
        "true"

rule train_fold:
    input:
        DATA, FOLD_TABLE
    output:
        RUN + "/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet"
    log:
        RUN + "/logs/train_fold/{channels}/{batch}/{architecture}/{fold}.log"
    benchmark:
        RUN + "/benchmarks/train_fold/{channels}/{batch}/{architecture}/{fold}.tsv"
    shell:
        "true"

rule train_forest:
    input:
        DATA, FOLD_TABLE
    output:
        RUN + "/train_forest/{channels}/{fold}.parquet"
    log:
        RUN + "/logs/train_forest/{channels}/{fold}.log"
    shell:
        "true"

rule export_network:
    output:
        expand(RUN + "/export_network/{{channels}}/{{architecture}}/{name}",
        name=["deployed.onnx", "paper.onnx", "detection.onnx", "network.parquet"])
    log:
        RUN + "/logs/export_network/{channels}/{architecture}.log"
    shell:
        "true"

rule detect_kernels:
    input:
        RUN + "/export_network/{channels}/{architecture}/detection.onnx"
    output:
        RUN + "/detect_kernels/{channels}/{architecture}/plain.parquet"
    log:
        RUN + "/logs/detect_kernels/{channels}/{architecture}/plain.log"
    shell:
        "true"

rule calibrate_predictor:
    output:
        RUN + "/calibrate_predictor/{device}.json"
    log:
        RUN + "/logs/calibrate_predictor/{device}.log"
    shell:
        "true"

rule predict_latency:
    input:
        RUN + "/detect_kernels/{channels}/{architecture}/plain.parquet", RUN + "/calibrate_predictor/{device}.json"
    output:
        RUN + "/predict_latency/{channels}/{architecture}/{device}.parquet"
    log:
        RUN + "/logs/predict_latency/{channels}/{architecture}/{device}.log"
    shell:
        "true"

rule gather_fold_scores:
    input:
        expand(RUN + "/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
        channels=CHANNELS, batch=BATCHES, architecture=NETWORKS, fold=FOLDS)
    output:
        RUN + "/gather_table/fold_scores.parquet"
    log:
        RUN + "/logs/gather_table/fold_scores.log"
    shell:
        "true"

rule gather_forest_scores:
    input:
        expand(RUN + "/train_forest/{channels}/{fold}.parquet", channels=CHANNELS, fold=FOLDS)
    output:
        RUN + "/gather_table/forest_scores.parquet"
    log:
        RUN + "/logs/gather_table/forest_scores.log"
    shell:
        "true"

rule gather_predictions:
    input:
        expand(RUN + "/train_fold/{channels}/{batch}/{architecture}/{fold}.parquet",
        channels=CHANNELS, batch=BATCHES, architecture=NETWORKS, fold=FOLDS)
    output:
        RUN + "/gather_table/predictions.parquet"
    log:
        RUN + "/logs/gather_table/predictions.log"
    shell:
        "true"

rule gather_forest_predictions:
    input:
        expand(RUN + "/train_forest/{channels}/{fold}.parquet", channels=CHANNELS, fold=FOLDS)
    output:
        RUN + "/gather_table/forest_predictions.parquet"
    log:
        RUN + "/logs/gather_table/forest_predictions.log"
    shell:
        "true"

rule gather_networks:
    input:
        expand(RUN + "/export_network/{channels}/{architecture}/network.parquet",
        channels=CHANNELS, architecture=NETWORKS)
    output:
        RUN + "/gather_table/networks.parquet"
    log:
        RUN + "/logs/gather_table/networks.log"
    shell:
        "true"

rule gather_latencies:
    input:
        expand(RUN + "/predict_latency/{channels}/{architecture}/{device}.parquet",
        channels=CHANNELS, architecture=NETWORKS, device=DEVICES)
    output:
        RUN + "/gather_table/latencies.parquet"
    log:
        RUN + "/logs/gather_table/latencies.log"
    shell:
        "true"

rule build_candidates:
    input:
        expand(RUN + "/gather_table/{table}.parquet", table=["fold_scores", "networks", "latencies"])
    output:
        expand(RUN + "/build_candidates/{name}", name=["candidates.parquet", "candidates.csv",
        "raw_configurations.parquet", "raw_configurations.csv"])
    log:
        RUN + "/logs/build_candidates.log"
    shell:
        "true"

rule build_front:
    input:
        RUN + "/build_candidates/candidates.parquet"
    output:
        expand(RUN + "/build_front/{name}", name=["ranked.parquet", "ranked.csv", "front.parquet", "front.csv"])
    log:
        RUN + "/logs/build_front.log"
    shell:
        "true"

rule assess_predictions:
    input:
        expand(RUN + "/gather_table/{table}.parquet", table=["predictions", "forest_predictions"]),
        RUN + "/import_chips/chips.parquet", RUN + "/build_front/ranked.parquet"
    output:
        RUN + "/assess_predictions/paired.parquet"
    log:
        RUN + "/logs/assess_predictions.log"
    shell:
        "true"

rule plot_figure:
    input:
        DATA, FOLD_TABLE, RUN + "/build_front/ranked.parquet"
    output:
        RUN + "/plot_figure/{figure}.png", RUN + "/plot_figure/{figure}.pdf"
    log:
        RUN + "/logs/plot_figure/{figure}.log"
    shell:
        "true"

rule plot_interactive:
    input:
        RUN + "/build_front/ranked.parquet"
    output:
        RUN + "/plot_interactive/front_3d.html"
    log:
        RUN + "/logs/plot_interactive.log"
    shell:
        "true"

rule build_report:
    input:
        FIGURES, expand(RUN + "/gather_table/{table}.parquet", table=["fold_scores", "forest_scores", "latencies"]),
        RUN + "/import_chips/bands.parquet", RUN + "/import_chips/rejected.parquet", FOLD_TABLE,
        RUN + "/import_chips/chips.parquet", RUN + "/build_front/ranked.parquet",
        RUN + "/plot_interactive/front_3d.html", RUN + "/assess_predictions/paired.parquet"
    output:
        expand(RUN + "/build_report/{name}", name=["report.html", "region_counts.csv", "ranges.csv",
        "baselines.csv"])
    log:
        RUN + "/logs/build_report.log"
    shell:
        "true"
"""


@dataclass(frozen=True)
class Cost:
    """CPU time (s; less noisy than wall time, and there is one process) and peak memory (MB)."""

    seconds: float
    memory_mb: float


def measure(command: list[str]) -> Cost:
    """Run a dry run in a separate process, so that its memory is measured alone."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(output[-3000:])
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def write_raster_names(folder: Path, chips: int) -> None:
    """Create empty files where the paper's grid expects its chips: planning reads only their names and times."""
    config = yaml.safe_load((ROOT / "config" / "scenarios" / "paper.yaml").read_text())["data"]
    folders = [layer["folder"] for layers in config["regions"].values() for layer in layers]
    for name in folders:
        for number in range(chips * 2 // len(folders)):
            path = folder / config["root"] / name / config["classes"][number % 2] / f"chip_{number}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


def write_grid(folder: Path, folds: int, quick: bool) -> dict[str, list[str]]:
    """Write both workflows; return name -> Snakemake command.

    Args:
        folder: folder for both workflows.
        folds: number of folds.
        quick: whether to use one value per choice of the space.
    """
    config = yaml.safe_load((ROOT / "config" / "scenarios" / "paper.yaml").read_text())
    config["folds"]["count"] = folds
    if quick:
        config["grid"]["space"] = {key: values[:1] for key, values in cross.CHOICES.items()}
    checked = parse_config(config)
    bare = {
        "channels": list(checked.grid.channel_sets),
        "batches": checked.grid.batch_sizes,
        "networks": [*checked.architectures, *checked.grid.baselines],
        "folds": folds,
        "devices": list(checked.devices),
        "figures": FIGURES,
    }
    commands = {}
    for name, snakefile, values in (("edgefront", ROOT / "Snakefile", config), ("bare", folder / "bare.smk", bare)):
        (folder / name).mkdir()
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values))
        commands[name] = [
            sys.executable, "-m", "snakemake", "--snakefile", str(snakefile), "--directory", str(folder / name),
            "--configfile", str(folder / f"{name}.yaml"), "--workflow-profile", str(ROOT / "profiles" / "default"),
        ]  # fmt: skip
    (folder / "bare.smk").write_text(BARE)
    return commands


# Replaces Snakemake's --touch, which takes half an hour for this grid.
FINISH = """
import os
from itertools import chain
from pathlib import Path

from workflow_lib.core.external_files import record_files
from workflow_lib.report.report_stamp import Stamp, digest_tables

include: "{snakefile}"

onstart:
    async def finish():
        for job in chain.from_iterable(workflow.dag.toposorted()):
            if not job.is_norun:
                for path in map(Path, job.output):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.touch()
                external = getattr(globals()["RUN"], "external_files", dict())
                if job.rule.name in external:
                    record_files(*external[job.rule.name](job.wildcards))
                if "page" in job.output.keys():
                    tables = digest_tables(Path(file) for file in job.input if file.endswith(".parquet"))
                    Path(job.output.page).write_text(Stamp(CONFIG.digest, tables).markup())
                await workflow.persistence.finished(job)
    workflow.async_run(finish())
    os._exit(0)
"""


def finish(commands: dict[str, list[str]], folder: Path) -> None:
    """Create every output, oldest first, and record it for Snakemake as made by its rule."""
    for command in commands.values():
        place = command.index("--snakefile") + 1
        wrapper = folder / "finish.smk"
        wrapper.write_text(FINISH.format(snakefile=command[place]))
        arguments = [*command[:place], str(wrapper), *command[place + 1 :], "--cores", "1", "--", "all"]
        subprocess.run(arguments, check=True, capture_output=True)
        check = subprocess.run([*command, "--dry-run"], check=True, capture_output=True, text=True).stdout
        if "Nothing to be done" not in check or "missing provenance" in check:
            sys.exit(check[-3000:])


def compare(commands: dict[str, list[str]], what: str, repeats: int) -> None:
    """Print the median of each workflow, and the median ratio of consecutive runs.

    Args:
        commands: name -> Snakemake command.
        what: what is measured, for the output.
        repeats: dry runs of each workflow, in alternation.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            costs[name].append(measure([*command, "--dry-run", "--quiet"]))
    for name, each in costs.items():
        seconds, memory = (statistics.median(getattr(cost, unit) for cost in each) for unit in ("seconds", "memory_mb"))
        print(f"{what}, {name}: {seconds:.1f} s, {memory:.0f} MB", flush=True)
    pairs = list(zip(costs["edgefront"], costs["bare"], strict=True))
    time_ratio = statistics.median(ours.seconds / bare.seconds for ours, bare in pairs)
    memory_ratio = statistics.median(ours.memory_mb / bare.memory_mb for ours, bare in pairs)
    print(f"{what}: ratio of time {time_ratio:.2f}, of memory {memory_ratio:.2f}", flush=True)


def main() -> None:
    """Print the costs and ratios for each number of folds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, nargs="+", default=[5, 19, 47], help="1,086 trainings for each fold")
    parser.add_argument("--chips", type=int, default=0, help="number of chips to create, of two empty files each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--quick", action="store_true", help="two networks and one repeat, only to check that the benchmark runs"
    )
    arguments = parser.parse_args()
    repeats = 1 if arguments.quick else arguments.repeats
    for folds in [2] if arguments.quick else arguments.folds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            commands = write_grid(folder, folds, arguments.quick)
            write_raster_names(folder / "edgefront", arguments.chips)
            what = f"{folds} folds" if arguments.quick else f"{folds * 1086:,} trainings"
            compare(commands, f"{what}, nothing done", repeats)
            if folds <= NO_OP_FOLDS:
                finish(commands, folder)
                compare(commands, f"{what}, all done", repeats)


if __name__ == "__main__":
    main()
