"""The configuration of comparisons between search strategies and between supernets."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from workflow_lib.core.section import Distinct, Section
from workflow_lib.search.supernet_config import VARIANTS, VariantName

if TYPE_CHECKING:
    from workflow_lib.config import Config


class RankingQualityConfig(Section):
    """The evaluation of how well supernets rank a trained grid."""

    variants: Annotated[list[VariantName], Distinct] = Field(
        default=list(VARIANTS),
        min_length=1,
        description="ways to train the supernet. uniform: one random path per step; fair: strict fairness; "
        "without_alpha and without_pruning: the full method without that part; full: the full method",
    )
    seeds: int = Field(default=3, ge=2, le=100, description="supernets to train per variant")

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        _require_whole_grid(config, key)
        if config.grid.recipes:
            raise ValueError(f"{key} compares networks of one recipe: remove grid.recipes")
        if config.supernet.batch not in config.grid.batch_sizes:
            raise ValueError(
                f"{key} compares networks of one batch size: add supernet.batch, which is {config.supernet.batch}, to "
                f"grid.batch_sizes, which is {config.grid.batch_sizes}"
            )


class ComparisonConfig(Section):
    """The comparison of search strategies on a trained grid."""

    candidates: int = Field(
        default=32,
        ge=1,
        description="candidates that each strategy may train",
    )
    seeds: int = Field(default=5, ge=2, le=100, description="repetitions of each strategy that uses random numbers")

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        _require_whole_grid(config, key)


def _require_whole_grid(config: "Config", key: str) -> None:
    if config.search.strategy != "grid" or config.racing:
        raise ValueError(f"{key} needs the whole grid trained: set search.strategy to grid and remove racing")
