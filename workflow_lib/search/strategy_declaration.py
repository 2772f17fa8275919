"""The declaration of search strategies; quick to import, because planning reads every declaration.

A new strategy is one module in `workflow_lib/search/strategies`. Most strategies propose candidates of the grid and
receive their rewards (`make`). Some train candidates for a part of their epochs first (`propose_rung`). Others
turn result tables of separate jobs into proposals (`propose`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from workflow_lib.core.discovery import discover
from workflow_lib.core.results import parse_table_files
from workflow_lib.export.network_tables import NETWORKS_RESULT
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.pareto.front_config import besides_accuracy
from workflow_lib.search.cell_tables import PRICES_RESULT
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from workflow_lib.core.results import Result
    from workflow_lib.core.section import Section
    from workflow_lib.pareto.front_config import Objective
    from workflow_lib.search.search_config import SearchConfig
    from workflow_lib.spaces.space import Space

_MIN_DRAWS = 4
LAST = 1000
"""The default position of a strategy."""


class Strategy(Protocol):
    """The interface of strategies of the grid; the same seed and rewards must give the same proposals."""

    def propose(self, count: int) -> list[str]:
        """Return names of candidates to train next: at most `count`, never one twice, empty if none are left."""

    def tell(self, rewards: Mapping[str, float]) -> None:
        """Receive the rewards of proposed candidates, by name; higher is better."""


@runtime_checkable
class FoldStrategy(Protocol):
    """The interface of strategies of the grid that propose single folds; deterministic like `Strategy`."""

    def propose_folds(self, count: int) -> dict[str, int]:
        """Return trainings of at most `count` candidates: name -> number of first folds that it shall then have."""

    def tell_folds(self, accuracies: Mapping[str, Sequence[float]]) -> None:
        """Receive the accuracies of proposed candidates on all their folds so far (percent), by name."""

    def complete(self) -> dict[str, int]:
        """Return the missing trainings of the candidates that are believed to be the best, as `propose_folds` does."""


@dataclass(frozen=True)
class StrategyInput:
    """The input from which a strategy of the grid is made.

    Attributes:
        space: the space of candidates.
        known: one row per candidate, in the order of the space: `candidate`, its key, and the costs of its network.
        search: the section `search`.
        settings: the section of the strategy; None if it declares none.
        seed: seed of the strategy.
        objectives: objectives of the front: the accuracy, and columns of `known`.
        budgets: column of `known` -> maximum values, within each of which the best candidate is wanted; empty: the
            whole front is wanted.
        folds: number of folds of the run.
        describe: see `SearchedCandidates.describe`.
    """

    space: Space
    known: pd.DataFrame
    search: SearchConfig
    settings: Any
    seed: int
    objectives: Sequence[Objective]
    budgets: Mapping[str, Sequence[float]]
    folds: int
    describe: Callable[[Sequence[str]], pd.DataFrame] | None = None

    @property
    def first_draws(self) -> int:
        """Number of networks that a strategy draws at random before it learns: two rounds.

        It does not depend on the budget, so that a search with a larger budget continues the earlier one.
        """
        return max(2 * self.search.round_candidates, _MIN_DRAWS)

    @property
    def cost_objectives(self) -> list[Objective]:
        """Objectives that are known before training: all but the accuracy."""
        return besides_accuracy(self.objectives)

    @property
    def costs(self) -> Mapping[str, NDArray[np.float64]]:
        """Name of each candidate -> its losses that are known before training."""
        from workflow_lib.pareto.dominance import to_losses

        return dict(zip(self.known["candidate"], to_losses(self.known, self.cost_objectives), strict=True))


@dataclass(frozen=True)
class RungInput:
    """The input for the next rung of a strategy that trains candidates for a part of their epochs first.

    Attributes:
        number: number of the rung, from 0; the first rung has new candidates.
        count: maximum number of candidates of the rung.
        judged: name -> accuracy of the candidates of the rung before, after its part of the epochs (percent).
        observed: n -> accuracies after 1/n of the epochs, by name, of all candidates so far (percent).
        starts: names of the new candidates of each search of rungs so far, in order.
    """

    number: int
    count: int
    judged: Mapping[str, float]
    observed: Mapping[int, Mapping[str, float]]
    starts: Sequence[Sequence[str]]


@dataclass(frozen=True)
class ProposalInput:
    """The input of a strategy that proposes from result tables.

    Attributes:
        tables: result name -> table, for the results in `StrategyDeclaration.reads`.
        settings: batch sizes and recipes with which each network is trained; columns batch, recipe and precision.
        search: the section `search`.
    """

    tables: Mapping[str, pd.DataFrame]
    settings: pd.DataFrame
    search: SearchConfig


@dataclass(frozen=True)
class StrategyDeclaration:
    """A strategy, named after its module. It has `make` or `propose_rung`, or both, or `propose`.

    Args:
        words: the candidates that it proposes, in one phrase, for the description of the configuration.
        make: function that makes a strategy of the grid; import NNI and scikit-learn only inside it.
        make_by_folds: function that makes the strategy for `search.folds_at_a_time`, if it can decide between folds.
        propose_rung: function that proposes the candidates of a rung, which train for its part of the epochs; used if
            `SearchConfig.rungs` says so.
        propose: function that turns tables into rows of PROPOSALS, including `search_s`.
        reads: results that it needs.
        optional: results that it uses if a run has them.
        settings: section of the configuration for this strategy, at `search.<name>`.
        learns: whether it needs the results of one round before it proposes the next.
        rewarded_by_accuracy: whether it receives mean accuracies (percent) as rewards, not those that include the
            latency; all other objectives must then be known before training.
        keeps_budgets: whether it can look for the best candidate within each of several budgets.
        draws: whether its proposals depend on the seed.
        is_compared: whether `comparison` includes it.
        position: position in the order of strategies.
    """

    words: str
    make: Callable[[StrategyInput], Strategy] | None = None
    make_by_folds: Callable[[StrategyInput], FoldStrategy] | None = None
    propose_rung: Callable[[StrategyInput, RungInput], Sequence[str]] | None = None
    propose: Callable[[ProposalInput], pd.DataFrame] | None = None
    reads: tuple[Result, ...] = (NETWORKS_RESULT, LATENCIES_RESULT)
    optional: tuple[Result, ...] = (UTILIZATIONS_RESULT,)
    settings: type[Section] | None = None
    learns: bool = False
    rewarded_by_accuracy: bool = False
    keeps_budgets: bool = False
    draws: bool = True
    is_compared: bool = True
    position: int = LAST

    def needed(self, cells: bool) -> tuple[Result, ...]:
        """Return the results that it cannot do without.

        Args:
            cells: whether networks of cells replace those of the grid, so that only operations have costs.
        """
        return (PRICES_RESULT,) if cells and self.make else self.reads

    def results(self, config: Any) -> list[Result]:
        """Return the results that it reads in a run with a configuration."""
        needed = self.needed(config.cell_search is not None)
        return [*needed, *(result for result in self.optional if needed == self.reads and result.when(config))]

    def read(self, pairs: Sequence[str], cells: bool) -> dict[str, pd.DataFrame]:
        """Read the results that it needs, and those optional ones that are given.

        Args:
            pairs: values of the flag --table, RESULT=FILE.
            cells: as in `needed`.
        """
        needed = self.needed(cells)
        files = parse_table_files(pairs, "the strategy", needed)
        return {each.name: each.read(files[each.name]) for each in (*needed, *self.optional) if each.name in files}


def all_strategies() -> dict[str, StrategyDeclaration]:
    """Return all declared strategies by name, ordered by position."""
    found: dict[str, StrategyDeclaration] = discover("search.strategies", "STRATEGY")
    return dict(sorted(found.items(), key=lambda item: item[1].position))
