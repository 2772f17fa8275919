"""Train what a model of the accuracy expects to add most to the front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.search.strategy_declaration import StrategyDeclaration, StrategyInput

if TYPE_CHECKING:
    from workflow_lib.search.strategy_declaration import Strategy


class SurrogateConfig(Section):
    """Settings of the strategy `surrogate`."""

    min_gain_pct: float = Field(
        default=0.0,
        ge=0,
        description="stop the search before `search.candidates` are trained, once no candidate is expected to add this "
        "share to the hypervolume of the front (percent); 0: never",
    )


def make(given: StrategyInput) -> Strategy:
    """Make the strategy."""
    import numpy as np

    from workflow_lib.search.surrogate_search import Surrogate, describe_candidates

    return Surrogate(
        given.known["candidate"].tolist(),
        describe_candidates(given.space, given.known, [each.name for each in given.cost_objectives]),
        np.array(list(given.costs.values())),
        given.seed,
        given.settings.min_gain_pct,
    )


STRATEGY = StrategyDeclaration(
    words="candidates that are expected to add most to the hypervolume of the front, by a Gaussian process of the "
    "accuracy and the known costs",
    make=make,
    settings=SurrogateConfig,
    learns=True,
    rewarded_by_accuracy=True,
    position=35,
)
