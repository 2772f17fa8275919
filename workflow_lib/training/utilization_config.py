"""The configuration of measured utilization."""

import re
from math import isqrt
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from workflow_lib.core.section import Section
from workflow_lib.spaces.cross.cross_architecture import UNFOLDED_PATTERN

if TYPE_CHECKING:
    from workflow_lib.config import Config


class UtilizationConfig(Section):
    """How much of a processor's peak each network reaches where its job runs."""

    memory_limit_mb: float = Field(
        default=256.0, gt=0, description="memory that a batch may use on a CPU (MB); on a GPU, the free memory"
    )
    fold: int | None = Field(
        default=None,
        ge=4,
        le=64,
        description="also measure every network folded by this many chips, a square number (chips are stacked in the "
        "channels, and widths grow by its root), and compare throughput and utilization (FoldedCNN); null: "
        "do not",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fold and isqrt(self.fold) ** 2 != self.fold:
            raise ValueError(f"fold is {self.fold}, but must be a square number, such as 4 or 9")
        return self

    def check_within(self, config: "Config", key: str) -> None:
        """Check against other sections; see `Section.check_within`."""
        networks = [*config.architectures, *config.grid.compared_networks]
        only_cross = all(re.fullmatch(UNFOLDED_PATTERN, network) for network in networks)
        if self.fold and (config.assembled or not only_cross):
            raise ValueError(f"{key}.fold is for networks of the CROSS space, which are not searched here")
