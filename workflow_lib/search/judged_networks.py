"""Networks that were evaluated with the shared weights of a supernet, and the alpha that is fitted to their ranks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.data.dataset import Rows
from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.rank_preservation import error_and_latency, fit_alpha, membership, values_of
from workflow_lib.spaces.space import Space
from workflow_lib.training.metrics import Labels
from workflow_lib.training.supernet_training import SupernetTrainer, evaluate_with_shared_weights

Numbers = NDArray[np.float64]

MEASURES = ("accuracy_pct", "cross_entropy")
"""Metrics of each evaluation."""

LEVELS = {"accuracy_pct": "mean_accuracy_pct", "cross_entropy": "mean_cross_entropy"}
"""Metric -> column of its mean over the networks that were evaluated at the same time."""


def centred(evaluated: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Make evaluations of different epochs comparable: subtract the mean of those at the same time.

    Args:
        evaluated: rows with the column `measure` and, unless all were evaluated at once, its column of LEVELS.
        measure: one of MEASURES.
    """
    if LEVELS[measure] not in evaluated:
        return evaluated
    return evaluated.assign(**{measure: evaluated[measure] - evaluated[LEVELS[measure]].fillna(0)})


@dataclass(frozen=True)
class Judge:
    """The evaluation of networks with the shared weights.

    Args:
        rows: (n,) validation rows, disjoint from the training rows of the supernet.
        labels: (n,) class numbers of these rows.
        measure: metric that is ranked together with the cost.
        cost: function from id to the second objective, minimised, such as latency from a lookup table.
    """

    rows: Rows
    labels: Labels
    measure: Literal["accuracy_pct", "cross_entropy"]
    cost: Callable[[str], float]

    def __call__(self, trainer: SupernetTrainer, networks: Sequence[str]) -> pd.DataFrame:
        """Evaluate networks: columns architecture, accuracy_pct, cross_entropy."""
        evaluations = evaluate_with_shared_weights(trainer.supernet, networks, trainer.task, self.rows, self.labels)
        table = pd.DataFrame(evaluations, columns=["accuracy_pct", "cross_entropy"])
        table.insert(0, "architecture", list(networks))
        return table

    def losses(self, evaluated: pd.DataFrame) -> Numbers:
        """Return the (n, 2) losses, error and cost, of n evaluated networks; errors are relative to their epoch's."""
        costs = [self.cost(name) for name in evaluated["architecture"]]
        return error_and_latency(centred(evaluated, self.measure), self.measure, costs)


@dataclass
class RankingProgress:
    """The state of step 2.

    Attributes:
        evaluated: evaluated networks, each once, with their latest results (see `Judge`).
        alphas: (k,) parameters after each epoch, in the order of `rank_preservation.values_of`.
    """

    evaluated: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"architecture": []}))
    alphas: list[Numbers] = field(default_factory=list)

    def note(self, new: pd.DataFrame) -> None:
        """Store the latest results of networks, with the mean results of those evaluated at the same time.

        Shared weights improve from epoch to epoch, so results of different epochs are compared relative to these means.
        """
        levels = {LEVELS[name]: new[name].mean() for name in MEASURES if name in new}
        table = pd.concat([self.evaluated, new.assign(**levels)])
        self.evaluated = table.drop_duplicates("architecture", keep="last", ignore_index=True)

    def fit(self, space: Space, judge: Judge) -> Numbers:
        """Fit alpha to the Pareto ranks of all evaluated networks; zeros if there are none."""
        if self.evaluated.empty:
            return np.zeros(len(values_of(space)))
        ranks = pareto_ranks(judge.losses(self.evaluated))
        return fit_alpha(membership(space, self.evaluated["architecture"].tolist()), ranks)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"judged": self.evaluated.to_dict("list"), "alphas": [alpha.tolist() for alpha in self.alphas]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Resume from a state."""
        self.evaluated, self.alphas = pd.DataFrame(state["judged"]), [np.array(alpha) for alpha in state["alphas"]]
