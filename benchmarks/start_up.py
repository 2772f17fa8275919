"""Compare short jobs run with and without a warm worker: one workflow, one Snakemake run each, in alternation.

Run: python benchmarks/start_up.py [--rule predict_latency] [--repeats 3] [--quick]
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.core.cores import available_cores

ROOT = Path(__file__).parents[1]
RUN = "start_up"
DEVICES = ["cortexA76cpu_tflite21", "adreno640gpu_tflite21", "adreno630gpu_tflite21", "myriadvpu_openvino2019r2"]


SPACE = {
    "kernel_size": [3, 5], "stride": [1, 2], "padding": [1, 2, 3], "pool_choice": [0, 1],
    "kernel_size_pool": [3], "stride_pool": [2], "initial_output_feature": [32, 48],
}  # fmt: skip
QUICK_SPACE = {key: values[:1] for key, values in SPACE.items()}
# Together with the baseline, these are 4 networks, and 20 jobs on 5 folds.
TRAINED_SPACE = QUICK_SPACE | {"stride": [2], "padding": [1, 2, 3]}
TABLES = {"predict_latency": "latencies", "train_fold": "fold_scores"}


def write_config(path: Path, space: dict[str, list[int]]) -> None:
    """Write the demo's config with another grid, nn-Meter's four devices, and very few chips."""
    config = yaml.safe_load((ROOT / "config" / "scenarios" / "demo.yaml").read_text())
    config["run"] = RUN
    config["grid"] = {"channel_sets": config["grid"]["channel_sets"], "batch_sizes": [16], "space": space}
    config["data"]["generate"]["counts"] = {region: {"F": 2, "T": 2} for region in config["data"]["regions"]}
    config["folds"]["count"] = 2 if space == QUICK_SPACE else 5
    config["training"] = {"epochs": 1, "device": "cpu"}
    config["devices"] = {device: {"kind": "calibrated"} for device in DEVICES}
    path.write_text(yaml.safe_dump(config))


def snakemake(folder: Path, target: str, warm: bool) -> float:
    """Run the workflow up to a target; return its wall time (s).

    Args:
        folder: folder of the run.
        target: file to make.
        warm: whether to use a warm worker.
    """
    command = [
        sys.executable, "-m", "snakemake", target, "--snakefile", str(ROOT / "Snakefile"),
        "--workflow-profile", str(ROOT / "profiles" / "default"), "--directory", str(folder),
        "--configfile", str(folder / "config.yaml"), "--config", f"execution={{warm_worker: {warm}}}",
        "--cores", str(available_cores()), "--quiet", "all",
    ]  # fmt: skip
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print seconds per job and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", choices=TABLES, default="train_fold", help="rule whose jobs are run")
    parser.add_argument("--repeats", type=int, default=3, help="number of runs of each kind, in alternation")
    parser.add_argument(
        "--quick", action="store_true", help="two networks and one repeat, only to check that the benchmark runs"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        space = TRAINED_SPACE if arguments.rule == "train_fold" else SPACE
        write_config(folder / "config.yaml", QUICK_SPACE if arguments.quick else space)
        target = f"results/{RUN}/gather_table/{TABLES[arguments.rule]}.parquet"
        snakemake(folder, target, warm=True)
        made = folder / "results" / RUN / arguments.rule
        jobs = len(list(made.rglob("*.parquet")))
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(1 if arguments.quick else arguments.repeats):
            for warm, taken in seconds.items():
                shutil.rmtree(made)
                (folder / target).unlink()
                taken.append(snakemake(folder, target, warm))
    for warm, taken in seconds.items():
        each = " ".join(f"{value:.1f}" for value in taken)
        print(f"{jobs} {arguments.rule} jobs, {'warm' if warm else 'plain'}: {each} s")
    ratio = statistics.median(plain / warm for warm, plain in zip(seconds[True], seconds[False], strict=True))
    print(f"ratio, plain to warm, Snakemake's own time included: {ratio:.2f}")


if __name__ == "__main__":
    main()
