"""The configuration of racing."""

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


class RacingConfig(Section):
    """Stopping candidates that cannot reach the front any more."""

    first_folds: int = Field(
        default=3, ge=2, description="folds on which every candidate is trained before any is stopped"
    )
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="confidence that a stopped candidate is dominated; it holds for each candidate over the whole race",
    )

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        if config.search.strategy != "grid":
            raise ValueError(f"{key} is for the whole grid, and search.strategy is {config.search.strategy}")
        if config.execution.folds_together == "always":
            raise ValueError(f"{key} decides fold by fold: set execution.folds_together to auto or never")
        if self.first_folds >= config.folds.count:
            raise ValueError(f"{key}.first_folds is {self.first_folds}, of {config.folds.count} folds: none is left")
        names = {objective.name for objective in config.front.objectives}
        if "accuracy_pct" not in names or names & {"f1_pct", "auc", "training_s"}:
            raise ValueError(
                f"{key} compares accuracies: front.objectives must name accuracy_pct, and beside it only costs that "
                "are known before training"
            )
