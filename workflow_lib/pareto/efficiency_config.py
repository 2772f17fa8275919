"""Configuration of relative efficiency."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from workflow_lib.core.section import Distinct, Name, Section
from workflow_lib.pareto.front_config import SCORES

if TYPE_CHECKING:
    from workflow_lib.config import Config


DEVIATIONS = ("accuracy_error_pct", "accuracy_fold_std_pct", "latency_device_std_ms")
"""Columns of the candidates table that hold the standard deviation of other columns."""


class EfficiencyConfig(Section):
    """How models are scored relative to each other (data envelopment analysis)."""

    former_keys: ClassVar[Mapping[str, str]] = {"shown": "shown_models"}

    inputs: Annotated[list[Name], Distinct] = Field(
        default=["latency_mean_ms", "memory_bytes"],
        min_length=1,
        description="costs of a model: positive columns of the candidates table; lower is better",
    )
    outputs: Annotated[list[Name], Distinct] = Field(
        default=["accuracy_pct"],
        min_length=1,
        description="benefits of a model: columns of the candidates table; higher is better",
    )
    training_inputs: Annotated[list[Name], Distinct] = Field(
        default=["training_s"],
        description="costs of making a model; models are scored a second time with these added to the inputs",
    )
    deviations: dict[Name, Name] = Field(
        default={"accuracy_pct": "accuracy_error_pct"},
        description="column -> column with its standard deviation, for the stochastic front; all other columns are "
        "treated as exact (latency_mean_ms: latency_device_std_ms treats the devices as a random sample)",
    )
    returns: Literal["variable", "constant"] = Field(
        default="variable",
        description="returns to scale. variable: models are compared with averages of other models (BCC); constant: "
        "with averages scaled by any factor as well (CCR)",
    )
    orientation: Literal["input", "output"] = Field(
        default="input",
        description="input: the share of its costs at which a mix of models gives the same benefits; output: the share "
        "that its benefits are of those of a mix at the same costs",
    )
    samples: int = Field(default=1000, ge=10, description="number of samples of the stochastic front")
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="confidence that no arrow of the dominance diagram is due to chance"
    )
    shown_models: int = Field(
        default=20,
        ge=2,
        le=60,
        description="number of models in the box plots and in the dominance diagram: those with the highest median "
        "efficiency",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        columns = [*self.inputs, *self.training_inputs, *self.outputs]
        if len(set(columns)) != len(columns):
            raise ValueError(f"a column is named twice among inputs, training_inputs and outputs: {columns}")
        if training := set(self.deviations) & set(self.training_inputs):
            raise ValueError(f"deviations names {sorted(training)}: training costs are treated as exact; remove them")
        if unknown := set(self.deviations) - set(columns):
            raise ValueError(f"deviations names {sorted(unknown)}, which are neither inputs nor outputs")
        return self

    def check_within(self, config: "Config", key: str) -> None:
        """Reject values that contradict other sections; see `Section.check_within`."""
        costs = [name for name in config.objective_names if name not in SCORES]
        if unknown := [name for name in [*self.inputs, *self.training_inputs] if name not in costs]:
            raise ValueError(f"{key}.inputs or training_inputs name {unknown}; known costs are {costs}")
        if unknown := [name for name in self.outputs if name not in SCORES]:
            raise ValueError(f"{key}.outputs names {unknown}; known are {list(SCORES)}")
        if unknown := [name for name in self.deviations.values() if name not in DEVIATIONS]:
            raise ValueError(f"{key}.deviations names {unknown}; known are {list(DEVIATIONS)}")
