"""Configuration of the Pareto front."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from workflow_lib.core.section import Name, Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


SCORES = (
    "accuracy_pct", "f1_pct", "macro_precision_pct", "macro_recall_pct", "auc", "average_precision", "matthews",
)  # fmt: skip
"""Columns of the candidates table for which higher is better, in addition to precision and recall of each class."""


class Objective(Section):
    """One axis of the Pareto front."""

    name: Name = Field(description="numeric column of the candidates table, such as accuracy_pct or latency_mean_ms")
    direction: Literal["max", "min"] = Field(description="max: higher is better; min: lower is better")
    tolerance: float = Field(
        default=0.0,
        ge=0,
        description="differences up to this value count as ties on the epsilon front (in the unit of the column)",
    )


def besides_accuracy(objectives: Sequence[Objective]) -> list[Objective]:
    """Return all objectives but the accuracy; in searches they are the costs that are known before training."""
    return [objective for objective in objectives if objective.name != "accuracy_pct"]


class FrontConfig(Section):
    """Objectives of the Pareto front, and resampling for its uncertainty."""

    objectives: list[Objective] = Field(
        default=[
            Objective(name="accuracy_pct", direction="max", tolerance=0.5),
            Objective(name="latency_mean_ms", direction="min", tolerance=0.25),
            Objective(name="memory_bytes", direction="min", tolerance=10_000),
        ],
        min_length=2,
        description="objectives of the front",
    )
    resamples: int = Field(default=1000, ge=1, description="bootstrap resamples of the folds for each front frequency")

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [objective.name for objective in self.objectives]
        if len(set(names)) != len(names):
            raise ValueError(f"an objective is named twice: {names}")
        return self

    def check_within(self, config: "Config", key: str) -> None:
        """Reject values that contradict other sections; see `Section.check_within`."""
        for objective in self.objectives:
            if objective.name not in config.objective_names:
                raise ValueError(f"{key}.objectives names {objective.name}; known are {config.objective_names}")
