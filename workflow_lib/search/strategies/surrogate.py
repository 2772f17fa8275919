"""Train what a model of the accuracy expects to add most to the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.search.strategy_declaration import RungInput, StrategyDeclaration, StrategyInput
from workflow_lib.search.supernet_tables import RANKINGS_RESULT
from workflow_lib.spaces.cross import CROSS
from workflow_lib.training.utilization_tables import UTILIZATIONS_RESULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from workflow_lib.config import Config
    from workflow_lib.search.strategy_declaration import FoldStrategy, Strategy
    from workflow_lib.search.surrogate_goals import Goal


class SurrogateConfig(Section):
    """Settings of the strategy `surrogate`."""

    min_gain_pct: float = Field(
        default=0.0,
        ge=0,
        description="stop the search before `search.candidates` are trained, once no candidate is expected to add this "
        "share to the hypervolume of the front (percent); 0: never",
    )
    shared_accuracy: bool = Field(
        default=False,
        description="train all networks with shared weights first (section supernet, steps of strict fairness), and "
        "use the accuracy of each network with these weights as one feature of the model",
    )
    by_halving: bool = Field(
        default=False,
        description="train more candidates per round, by successive halving over epochs (settings of halving): most of "
        "them for a part of the epochs, and to the end those that are then expected to add most",
    )

    def check_within(self, config: Config, key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        if self.by_halving and self.min_gain_pct:
            raise ValueError(f"{key}.min_gain_pct cannot be combined with by_halving: set one of them")
        if not self.shared_accuracy:
            return
        if config.cell_search:
            raise ValueError(f"{key}.shared_accuracy cannot be combined with cell_search: remove one of them")
        if config.supernet.space != CROSS:
            raise ValueError(f"{key}.shared_accuracy needs supernet.space {CROSS}, which is {config.supernet.space}")
        if config.grid.space.name != CROSS:
            raise ValueError(f"{key}.shared_accuracy needs grid.space {CROSS}, which is {config.grid.space.name}")


def make(given: StrategyInput) -> Strategy:
    """Make the strategy of whole candidates."""
    from workflow_lib.search.local_surrogate import LocalSurrogate
    from workflow_lib.search.surrogate_search import Surrogate

    if (find := given.describe) is None:
        return Surrogate(*_candidates(given, given.known), given.seed, given.settings.min_gain_pct)
    return LocalSurrogate(
        given.known["candidate"].tolist(),
        given.space.neighbours,
        lambda names: _candidates(given, find(names)),
        given.seed,
        given.settings.min_gain_pct,
    )


def make_by_folds(given: StrategyInput) -> FoldStrategy:
    """Make the strategy of single folds."""
    from workflow_lib.search.surrogate_folds import SurrogateByFolds

    assert given.search.folds_at_a_time
    return SurrogateByFolds(*_candidates(given, given.known), given.folds, given.search.folds_at_a_time, given.seed)


def propose_rung(given: StrategyInput, rung: RungInput) -> Sequence[str]:
    """Propose the candidates of a rung of successive halving."""
    from workflow_lib.search.surrogate_rungs import SurrogateByRungs

    surrogate = SurrogateByRungs(*_candidates(given, given.known), rung, given.seed)
    return surrogate.promote() if rung.number else surrogate.start()


def _candidates(given: StrategyInput, known: pd.DataFrame) -> tuple[list[str], NDArray[np.float64], Goal]:
    """Return the names and features of candidates, and what the search looks for."""
    from workflow_lib.pareto.dominance import to_losses
    from workflow_lib.search.surrogate_goals import FrontGoal, budget_goal
    from workflow_lib.search.surrogate_search import describe_candidates

    goal = budget_goal(known, given.budgets) if given.budgets else FrontGoal(to_losses(known, given.cost_objectives))
    features = describe_candidates(given.space, known, [each.name for each in given.cost_objectives])
    return known["candidate"].tolist(), features, goal


STRATEGY = StrategyDeclaration(
    words="candidates that are expected to add most to the hypervolume of the front, by a Gaussian process of the "
    "accuracy and the known costs",
    make=make,
    make_by_folds=make_by_folds,
    propose_rung=propose_rung,
    settings=SurrogateConfig,
    optional=(UTILIZATIONS_RESULT, RANKINGS_RESULT),
    learns=True,
    rewarded_by_accuracy=True,
    keeps_budgets=True,
    position=35,
)
