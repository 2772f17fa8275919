"""Train what a model of the accuracy expects to add most to the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    from workflow_lib.pareto.dominance import to_losses
    from workflow_lib.search.surrogate_search import Surrogate, describe_candidates

    costs = [objective for objective in given.objectives if objective.name != "accuracy_pct"]
    return Surrogate(
        given.known["candidate"].tolist(),
        describe_candidates(given.space, given.known),
        to_losses(given.known, costs),
        given.seed,
    )


STRATEGY = StrategyDeclaration(
    words="candidates that are expected to add most to the hypervolume of the front, by a Gaussian process of the "
    "accuracy and the known costs",
    make=make,
    learns=True,
    rewarded_by_accuracy=True,
    position=35,
)
