"""Measure what racing would have saved in a run that trained everything, and whether its front would be the same.

Trainings are independent of each other, so a race replayed on finished trainings equals a real race.

Run: python benchmarks/racing.py [--scenario config/scenarios/demo.yaml [--results results/demo]] [--quick]
"""

import argparse
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.analysis.candidate_rows import build_candidates
from workflow_lib.analysis.race import race
from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.config import Config, parse_config
from workflow_lib.core.candidate import KEYS
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.pareto.dominance import front_mask, to_losses
from workflow_lib.training.score_tables import FOLD_SCORES

ROOT = Path(__file__).parents[1]
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def train_all(folder: Path, config: Path) -> None:
    """Run the workflow up to the tables that a race needs."""
    tables = ["fold_scores", "networks", "latencies"]
    run = yaml.safe_load(config.read_text())["run"]
    command = [
        sys.executable, "-m", "snakemake", *(f"results/{run}/gather_table/{table}.parquet" for table in tables),
        "--snakefile", str(ROOT / "Snakefile"), "--workflow-profile", str(ROOT / "profiles" / "default"),
        "--directory", str(folder), "--configfile", str(config), "--cores", "all", "--quiet", "all",
    ]  # fmt: skip
    subprocess.run(command, check=True)


def front_of(config: Config, scores: pd.DataFrame, tables: Tables) -> set[str]:
    """Return the names of the front's members, among candidates with all folds.

    Args:
        config: the configuration.
        scores: rows of FOLD_SCORES.
        tables: rows of FOLD_SCORES, NETWORKS and LATENCIES; the first are not used.
    """
    grid, classes = config.grid, config.data.classes
    candidates = build_candidates(scores, *tables[1:], classes, grid.baselines, config.folds.count)
    searched = candidates[~candidates["baseline"]]
    return set(searched["candidate"][front_mask(to_losses(searched, config.front.objectives))])


def run_race(config: Config, tables: Tables, racing: RacingConfig) -> pd.DataFrame:
    """Replay a race; return the fold scores that a run with racing would have.

    Args:
        config: the configuration.
        tables: rows of FOLD_SCORES, NETWORKS and LATENCIES.
        racing: racing settings.
    """
    scores, networks, latencies = tables
    for fold in range(racing.first_folds, config.folds.count):
        running = scores.groupby(KEYS)["fold"].transform("max") >= fold - 1
        before = scores[running & (scores["fold"] < fold)]
        stopped = race(
            before, networks, latencies, config.front.objectives, racing, config.folds.count, config.grid.baselines
        )
        is_stopped = scores.set_index(KEYS).index.isin(stopped.set_index(KEYS).index)
        scores = scores[~is_stopped | (scores["fold"] < fold)]
    return scores


def main() -> None:
    """Print what racing saves for each setting."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, help="folder results/<run> of a finished run of the scenario")
    parser.add_argument("--scenario", type=Path, default=ROOT / "config" / "scenarios" / "demo.yaml")
    parser.add_argument("--folds", type=int, default=5, help="number of folds, without --results")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="smallest grid of the tests on 3 folds, only to check that the benchmark runs",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scenario = ROOT / "tests" / "e2e" / "tiny.yaml" if arguments.quick else arguments.scenario
        values = yaml.safe_load(scenario.read_text())
        results = arguments.results
        if results is None:
            values["folds"]["count"] = 3 if arguments.quick else arguments.folds
            (Path(name) / "config.yaml").write_text(yaml.safe_dump(values))
            train_all(Path(name), Path(name) / "config.yaml")
            results = Path(name) / "results" / values["run"]
        gathered = results / "gather_table"
        tables = (
            FOLD_SCORES.read(gathered / "fold_scores.parquet"),
            NETWORKS.read(gathered / "networks.parquet"),
            LATENCIES.read(gathered / "latencies.parquet"),
        )
    values["folds"]["count"] = int(tables[0]["fold"].max()) + 1
    config = parse_config(values)
    full_front = front_of(config, tables[0], tables)
    print(f"{len(tables[0])} trainings, {tables[0]['training_s'].sum() / 60:.1f} min, front of {len(full_front)}")
    for first_folds, confidence in product((2, 3), (0.8, 0.9, 0.95, 0.99)):
        if first_folds == config.folds.count:
            continue
        scores = run_race(config, tables, RacingConfig(first_folds=first_folds, confidence=confidence))
        front = front_of(config, scores, tables)
        print(
            f"first {first_folds} folds, confidence {confidence}: {len(tables[0]) - len(scores)} trainings saved,"
            f" ratio of training time {tables[0]['training_s'].sum() / scores['training_s'].sum():.2f};"
            f" {'the same front' if front == full_front else f'lost {full_front - front}, new {front - full_front}'}"
        )


if __name__ == "__main__":
    main()
