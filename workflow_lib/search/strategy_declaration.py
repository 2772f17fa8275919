"""How a search strategy is declared; quick to import, because planning reads every declaration.

A new strategy is one module in `workflow_lib/search/strategies`. Most strategies propose candidates of the grid and are
told their rewards (`make`); others turn the tables of jobs of their own into proposals (`propose`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from workflow_lib.core.discovery import discover
from workflow_lib.export.network_tables import NETWORKS_RESULT
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT

if TYPE_CHECKING:
    import pandas as pd

    from workflow_lib.core.results import Result
    from workflow_lib.core.section import Section
    from workflow_lib.search.search_config import SearchConfig
    from workflow_lib.spaces.space import Space

LAST = 1000
"""The position of a strategy that says nothing about its place."""


class Strategy(Protocol):
    """What every strategy of the grid does; the same seed and the same rewards give the same proposals."""

    def propose(self, count: int) -> list[str]:
        """Names of candidates to train next: at most `count`, none twice in its life; none when it has no more."""

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Say how good candidates are that it proposed; more is better."""


@dataclass(frozen=True)
class StrategyInput:
    """What a strategy of the grid is made from.

    Attributes:
        space: of candidates.
        known: one row per candidate of the space, in its order: `candidate`, its key, and what its network costs.
        search: the section `search`.
        settings: the strategy's own section; None if it declares none.
        seed: of its draws.
    """

    space: Space
    known: pd.DataFrame
    search: SearchConfig
    settings: Any
    seed: int


@dataclass(frozen=True)
class ProposalInput:
    """What a strategy with jobs of its own proposes from.

    Attributes:
        tables: result name -> table, of `StrategyDeclaration.reads`.
        batch_sizes: of the grid.
        search: the section `search`.
    """

    tables: Mapping[str, pd.DataFrame]
    batch_sizes: Sequence[int]
    search: SearchConfig


@dataclass(frozen=True)
class StrategyDeclaration:
    """One strategy; its name is that of its module. It has either `make` or `propose`.

    Args:
        words: what it proposes, in one phrase, for the description of the configuration.
        make: makes a strategy of the grid. Imports of NNI and scikit-learn belong inside.
        propose: turns tables into rows of PROPOSALS, `search_s` included.
        reads, optional: results that it needs, and that it uses where a run has them.
        settings: its own section of the configuration, at `search.<name>`.
        learns: whether it needs the results of one round before it proposes the next.
        takes_whole_fronts: whether it proposes whole fronts, at least as many candidates as asked for.
        draws: whether another seed gives other proposals.
        is_compared: whether `comparison` lets it search a grid that was trained.
        position: order among the strategies.
    """

    words: str
    make: Callable[[StrategyInput], Strategy] | None = None
    propose: Callable[[ProposalInput], pd.DataFrame] | None = None
    reads: tuple[Result, ...] = (NETWORKS_RESULT, LATENCIES_RESULT)
    optional: tuple[Result, ...] = (UTILIZATIONS_RESULT,)
    settings: type[Section] | None = None
    learns: bool = False
    takes_whole_fronts: bool = False
    draws: bool = True
    is_compared: bool = True
    position: int = LAST

    def results(self, config: Any) -> list[Result]:
        """The results that it reads in a run of a configuration."""
        return [*self.reads, *(result for result in self.optional if result.when(config))]


def all_strategies() -> dict[str, StrategyDeclaration]:
    """Every strategy that is declared, in the order of their positions."""
    found: dict[str, StrategyDeclaration] = discover("search.strategies", "STRATEGY")
    return dict(sorted(found.items(), key=lambda item: item[1].position))
