"""The configuration of comparisons: of search strategies, and of supernets."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from workflow_lib.core.section import Distinct, Section
from workflow_lib.search.supernet_config import VARIANTS, VariantName

if TYPE_CHECKING:
    from workflow_lib.config import Config


class RankingQualityConfig(Section):
    """How well supernets rank the grid that was trained."""

    variants: Annotated[list[VariantName], Distinct] = Field(
        default=list(VARIANTS),
        min_length=1,
        description="uniform: one random path per step; fair: strict fairness; without_alpha, without_pruning: steps 1 "
        "to 3 without either; full: all of them",
    )
    seeds: int = Field(default=3, ge=2, le=100, description="supernets of each variant")

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        _need_whole_grid(config, key)
        if config.supernet.batch not in config.grid.batch_sizes:
            raise ValueError(
                f"{key} compares networks of one batch size: supernet.batch is {config.supernet.batch}, and "
                f"grid.batch_sizes has {config.grid.batch_sizes}"
            )


class ComparisonConfig(Section):
    """How well each search strategy would have done on the grid that was trained."""

    candidates: int = Field(
        default=32, ge=1, description="candidates that each may train: at least, because filters take whole fronts"
    )
    seeds: int = Field(default=5, ge=2, le=100, description="searches of each strategy that draws")

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        _need_whole_grid(config, key)


def _need_whole_grid(config: "Config", key: str) -> None:
    if config.search.strategy != "grid" or config.racing:
        raise ValueError(f"{key} needs the whole grid trained: search.strategy grid, and no racing")
