"""The configuration of racing."""

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


class RacingConfig(Section):
    """Early stopping of candidates that are very unlikely to reach the front."""

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
        """Check this section against the others; see `Section.check_within`."""
        if config.search.strategy != "grid":
            raise ValueError(f"{key} needs search.strategy grid, which is {config.search.strategy}")
        if config.execution.folds_together == "always":
            raise ValueError(f"{key} decides after each fold: set execution.folds_together to auto or never")
        if self.first_folds >= config.folds.count:
            raise ValueError(
                f"{key}.first_folds is {self.first_folds} and must be less than folds.count, which is "
                f"{config.folds.count}"
            )
        if not config.only_accuracy_is_unknown:
            raise ValueError(
                f"{key} compares accuracies: front.objectives must contain accuracy_pct, and otherwise only costs "
                "that are known before training"
            )
