"""Train what a model of the accuracy expects to add most to the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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


def make(given: StrategyInput) -> Strategy:
    """Make the strategy of whole candidates."""
    from workflow_lib.search.surrogate_search import Surrogate

    return Surrogate(*_candidates(given), given.seed, given.settings.min_gain_pct)


def make_by_folds(given: StrategyInput) -> FoldStrategy:
    """Make the strategy of single folds."""
    from workflow_lib.search.surrogate_folds import SurrogateByFolds

    assert given.search.folds_at_a_time
    return SurrogateByFolds(*_candidates(given), given.folds, given.search.folds_at_a_time, given.seed)


def _candidates(given: StrategyInput) -> tuple[list[str], NDArray[np.float64], Goal]:
    """Return the names and features of the candidates, and what the search looks for."""
    import numpy as np

    from workflow_lib.search.surrogate_goals import FrontGoal, budget_goal
    from workflow_lib.search.surrogate_search import describe_candidates

    goal = budget_goal(given.known, given.budgets) if given.budgets else FrontGoal(np.array(list(given.costs.values())))
    features = describe_candidates(given.space, given.known, [each.name for each in given.cost_objectives])
    return given.known["candidate"].tolist(), features, goal


STRATEGY = StrategyDeclaration(
    words="candidates that are expected to add most to the hypervolume of the front, by a Gaussian process of the "
    "accuracy and the known costs",
    make=make,
    make_by_folds=make_by_folds,
    settings=SurrogateConfig,
    learns=True,
    rewarded_by_accuracy=True,
    keeps_budgets=True,
    position=35,
)
