"""Comparison of whole runs: the share of their joint front that each run found, and its cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_lib.analysis.candidate_tables import CANDIDATES
from workflow_lib.analysis.known_space import KnownSpace
from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.errors import UserError
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.pareto.dominance import to_losses
from workflow_lib.pareto.front_config import Objective

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class FinishedRun:
    """The results of one finished run.

    Args:
        candidates: rows of CANDIDATES, without baselines.
        folds: table FOLDS.
    """

    candidates: pd.DataFrame
    folds: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> "FinishedRun":
        """Read the results of a run.

        Args:
            folder: the folder `results/<run>`.

        Raises:
            UserError: if a table is missing or does not match its schema.
        """
        candidates = CANDIDATES.read(folder / "build_candidates" / "candidates.parquet")
        searched = candidates[~candidates["baseline"].astype(bool)].reset_index(drop=True)
        return cls(searched, FOLDS.read(folder / "assign_folds" / "folds.parquet"))

    @property
    def search_s(self) -> float:
        """Core-seconds spent before any candidate was trained, on searches of cells and supernets."""
        return float(self.candidates["search_s"].max()) if "search_s" in self.candidates else 0.0


def compare_runs(runs: Mapping[str, FinishedRun], objectives: Sequence[Objective]) -> pd.DataFrame:
    """Compare runs with the front of all their candidates together.

    Args:
        runs: run name -> results.
        objectives: objectives of the front.

    Returns:
        Rows of RUNS, in the order of the runs.

    Raises:
        UserError: if the runs differ in chips, folds or devices, or a run lacks an objective.
    """
    _check_comparable(runs, [objective.name for objective in objectives])
    union = pd.concat([run.candidates.assign(run=name) for name, run in runs.items()], ignore_index=True)
    names = [f"{run} {candidate}" for run, candidate in zip(union["run"], union["candidate"], strict=True)]
    union["trained"] = union["folds"].where(union["precision"] == TRAINED, 0)  # all precisions share a training
    hours = (union["training_s"] * union["trained"] / _SECONDS_PER_HOUR).to_numpy()
    space = KnownSpace(names, to_losses(union, objectives), {}, hours)
    rows = []
    for name, run in runs.items():
        of_run = (union["run"] == name).to_numpy()
        points = space.scaled[of_run]
        found = space.front & {tuple(point) for point in points}
        rows.append(
            {
                "run": name, "candidates": int(of_run.sum()), "trainings": int(union["trained"][of_run].sum()),
                "training_hours": float(hours[of_run].sum()), "search_hours": run.search_s / _SECONDS_PER_HOUR,
                "accuracy_pct": float(run.candidates["accuracy_pct"].max()),
                "recall_pct": 100 * len(found) / len(space.front),
                "hypervolume_pct": space.share_pct(points),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def _check_comparable(runs: Mapping[str, FinishedRun], objectives: Sequence[str]) -> None:
    """Require the same validation chips and devices; otherwise accuracies and costs are not comparable."""
    first, *others = runs
    columns = [column.name for column in FOLDS.columns if column.name in runs[first].folds]
    for name in others:
        if not runs[name].folds[columns].equals(runs[first].folds[columns]):
            raise UserError(f"run {name} has other chips or folds than {first}", "report.compared_runs")
    for name, run in runs.items():
        if missing := [objective for objective in objectives if objective not in run.candidates]:
            raise UserError(f"run {name} lacks the objective {', '.join(missing)}", "report.compared_runs")
        if _device_columns(run) != _device_columns(runs[first]):
            raise UserError(f"run {name} has other devices than {first}", "report.compared_runs")


def _device_columns(run: FinishedRun) -> set[str]:
    return {column for column in map(str, run.candidates) if column.startswith(("latency_", "energy_"))}
