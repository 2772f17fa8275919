"""Compare the private memory of a training job on few chips and on as many chips as CROSS has.

Run: python benchmarks/memory.py [--chips 1000 12068] [--quick]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.core.sealed import save_array, seal
from workflow_lib.data.chip_tables import CHIPS, FOLDS
from workflow_lib.workflow.resources import JOB_ENVIRONMENT

ROOT = Path(__file__).parents[1]
BANDS = ["dem", "red", "green", "blue", "nir", "ndwi", "ndvi"]
SIZE_PX = 100
CLASSES = ["F", "T"]


def write_chips(folder: Path, chips: int) -> None:
    """Write random noise in the format of import_chips and assign_folds; a fifth of the chips validates."""
    noise = np.random.default_rng(0).normal(size=(64, SIZE_PX, SIZE_PX, len(BANDS))).astype(np.float32)
    array = np.lib.format.open_memmap(
        folder / "chips.npy", mode="w+", dtype=np.float32, shape=(chips, *noise.shape[1:])
    )
    for first in range(0, chips, len(noise)):
        array[first : first + len(noise)] = noise[: chips - first]
    array.flush()
    seal(folder / "chips.npy")
    save_array(folder / "moments.npy", np.ones((chips, len(BANDS), 2)))
    number = np.arange(chips)
    classes = [CLASSES[place % 2] for place in number]
    CHIPS.write(
        pd.DataFrame({"chip": number, "region": "a", "class": classes, "file": "a.tif", "crs": ""}).assign(
            **dict.fromkeys(["x", "y", "left", "bottom", "right", "top"], 0.0)
        ),
        folder / "chips.parquet",
    )
    roles = np.where(number % 5 == 0, "validation", "training")
    FOLDS.write(pd.DataFrame({"chip": number, "fold": 0, "role": roles}), folder / "folds.parquet")


def peak_memory(folder: Path, architecture: str, batch: int) -> tuple[int, int]:
    """Run a `train_fold` job; return its peak private and peak shared memory (bytes).

    Args:
        folder: folder with the chips.
        architecture: architecture id.
        batch: batch size.
    """
    command = [
        sys.executable, "-m", "workflow_lib.stages.train_fold", "--array", "chips.npy", "--moments", "moments.npy",
        "--chips", "chips.parquet", "--folds", "folds.parquet", "--bands", *BANDS, "--classes", *CLASSES,
        "--normalisation=per_dataset", "--epochs=1", "--device=cpu", "--seed=7", "--channels=7", "--select", *BANDS,
        f"--batch={batch}", f"--architecture={architecture}", "--fold=0", "--output", "scores.parquet",
    ]  # fmt: skip
    environment = os.environ | JOB_ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    job = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    private = shared = 0
    while job.poll() is None:
        status = Path(f"/proc/{job.pid}/status").read_text()
        values = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        private = max(private, _bytes(values.get("RssAnon")))
        shared = max(shared, _bytes(values.get("RssFile")))
        time.sleep(0.02)
    if job.returncode:
        sys.exit(f"the job ended with {job.returncode}")
    return private, shared


def _bytes(value: str | None) -> int:
    return int(value.split()[0]) * 1024 if value else 0


def main() -> None:
    """Print megabytes for each number of chips, and the ratio of the last to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chips", type=int, nargs="+", default=[1000, 12068])
    parser.add_argument("--architecture", default="k3-s2-p1-pool3s2-w32")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="few chips, only to check that the benchmark runs")
    arguments = parser.parse_args()
    found = []
    for chips in [20, 40] if arguments.quick else arguments.chips:
        with tempfile.TemporaryDirectory() as name:
            write_chips(Path(name), chips)
            private, shared = peak_memory(Path(name), arguments.architecture, arguments.batch)
        found.append(private)
        print(f"{chips} chips: {private / 1e6:.0f} MB private, {shared / 1e6:.0f} MB shared", flush=True)
    print(f"ratio, most chips to fewest: {found[-1] / found[0]:.3f}")


if __name__ == "__main__":
    main()
