"""Measure the storage of kept predictions: the size of the gathered file, and the memory of gathering it.

The files of the trainings are simulated: 1,086 candidates, 5 folds and 12,068 chips, as in the grid of CROSS.

Run: python benchmarks/predictions.py [--quick]
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from examples import fold_scores

from workflow_lib.training.metrics import predictions
from workflow_lib.training.score_tables import TRAINING

FOLDS = 5


def write_parts(folder: Path, candidates: int, chips: int) -> list[Path]:
    """Write the file of every training, with probabilities of realistic spread."""
    generator = np.random.default_rng(0)
    folds = np.array_split(generator.permutation(chips), FOLDS)
    paths = []
    for candidate in range(candidates):
        for fold, members in enumerate(folds):
            logits = generator.normal(0, 4, len(members))
            probabilities = np.stack([1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits))], axis=1)
            row = fold_scores([90.0], batch=16 + candidate).iloc[0].to_dict() | {"fold": fold}
            paths.append(folder / f"{candidate}_{fold}.parquet")
            TRAINING.write(pd.DataFrame([row | predictions(np.sort(members), probabilities)]), paths[-1])
    return paths


def main() -> None:
    """Print sizes, seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only a few candidates")
    candidates, chips = (4, 300) if parser.parse_args().quick else (1086, 12068)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_parts(Path(folder), candidates, chips)
        output = Path(folder, "predictions.parquet")
        command = [
            sys.executable,
            "-m",
            "workflow_lib.stages.gather_table",
            "--table=predictions",
            f"--output={output}",
        ]
        start = time.perf_counter()
        subprocess.run(command, input="\n".join(map(str, paths)), text=True, check=True)
        seconds = time.perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        parts, gathered = sum(path.stat().st_size for path in paths), output.stat().st_size
        bare = candidates * chips * (2 * 2 + 4)  # two probabilities and a chip number
        print(
            f"{candidates} candidates, {chips} chips: trainings {parts / 1e6:.1f} MB in {len(paths)} files; gathered "
            f"{gathered / 1e6:.1f} MB in {seconds:.1f} s, peak memory {memory:.0f} MB, ratio to the bare numbers "
            f"{gathered / bare:.2f}"
        )


if __name__ == "__main__":
    main()
