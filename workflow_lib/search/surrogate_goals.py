"""What a surrogate search looks for: the whole front, or the most accurate candidate within each of several budgets."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask
from workflow_lib.search.known_cost_improvement import KnownCostFront, expected_improvement

Numbers = NDArray[np.float64]
Rows = NDArray[np.intp]

_MARGIN = 0.01
"""Distance of the reference costs from the dearest member of the expected front, as a share of the range of costs."""


class Progress(Protocol):
    """What was found so far."""

    @property
    def total(self) -> float:
        """The value of what was found: higher is better."""

    def improvement(self, mean: Numbers, deviation: Numbers, costs: Numbers) -> Numbers:
        """Return how much each candidate is expected to add to the total.

        Args:
            mean, deviation: (n,) of the accuracies; deviations are positive.
            costs: (n, m) known costs, as in `Goal.costs`.
        """


class Goal(Protocol):
    """What a search looks for.

    Attributes:
        costs: (n, m) costs of all candidates.
    """

    costs: Numbers

    def draw(self, open_rows: Rows, count: int, generator: np.random.Generator, drawn: int = 0) -> list[int]:
        """Draw candidates at random, from which the model learns first.

        Args:
            open_rows: (k,) rows of the candidates that may be drawn.
            count: number of candidates, at most k.
            generator: random number generator.
            drawn: number of candidates that were drawn at random before.
        """

    def best(self, believed: Numbers, rows: Rows) -> list[int]:
        """Return those of the trained candidates that reach the goal, by their expected accuracies.

        Args:
            believed: (n,) expected accuracies of all candidates.
            rows: rows of the trained candidates.
        """

    def begin(self, believed: Numbers) -> Callable[[Sequence[int]], Progress]:
        """Return a function that turns the rows of trained candidates into the progress that they are believed to be.

        Args:
            believed: (n,) expected accuracies of all candidates.
        """


class FrontGoal:
    """The whole front: the progress is its hypervolume.

    Args:
        costs: (n, m) costs that are objectives, minimised.
    """

    def __init__(self, costs: Numbers) -> None:
        ranges = np.ptp(costs, axis=0)
        self.costs: Numbers = (costs - costs.min(axis=0)) / np.where(ranges > 0, ranges, 1)

    def draw(self, open_rows: Rows, count: int, generator: np.random.Generator, drawn: int = 0) -> list[int]:
        """See `Goal.draw`; all are equally likely."""
        rows: list[int] = generator.choice(open_rows, count, replace=False).tolist()
        return rows

    def best(self, believed: Numbers, rows: Rows) -> list[int]:
        """See `Goal.best`: the members of the front."""
        members: list[int] = rows[front_mask(np.column_stack([-believed[rows], self.costs[rows]]))].tolist()
        return members

    def begin(self, believed: Numbers) -> Callable[[Sequence[int]], Progress]:
        """See `Goal.begin`."""
        expected_front = front_mask(np.column_stack([-believed, self.costs]))
        worst_costs = self.costs[expected_front].max(axis=0) + _MARGIN
        worst = float(np.median(believed)), worst_costs
        return partial(self._front, believed, worst)

    def _front(self, believed: Numbers, worst: tuple[float, Numbers], members: Sequence[int]) -> Progress:
        rows = list(members)
        return KnownCostFront(believed[rows], self.costs[rows], *worst, self.costs.min(axis=0))


class BudgetGoal:
    """The most accurate candidate within each budget: the progress is the sum of their accuracies.

    All budgets share one search: a training counts for every budget that the candidate is within.

    Args:
        costs: (n, m) costs that are limited.
        budgets: (k, m) maximum costs of each budget, within which there are candidates; infinite where a cost is not
            limited.
    """

    def __init__(self, costs: Numbers, budgets: Numbers) -> None:
        self.costs, self._budgets = costs, budgets
        self._within: NDArray[np.bool_] = np.all(costs[None] <= budgets[:, None], axis=2)  # (k, n)

    def draw(self, open_rows: Rows, count: int, generator: np.random.Generator, drawn: int = 0) -> list[int]:
        """See `Goal.draw`; budgets take turns over all calls, so that the smallest is not left without candidates."""
        order, rows = generator.permutation(open_rows), list[int]()
        for turn in range(drawn, drawn + count):
            left = order[~np.isin(order, rows)]
            within = left[self._within[turn % len(self._within), left]]
            rows.append(int((within if len(within) else left)[0]))
        return rows

    def best(self, believed: Numbers, rows: Rows) -> list[int]:
        """See `Goal.best`: the most accurate candidate within each budget."""
        within = [rows[each[rows]] for each in self._within]
        return sorted({int(some[believed[some].argmax()]) for some in within if len(some)})

    def begin(self, believed: Numbers) -> Callable[[Sequence[int]], Progress]:
        """See `Goal.begin`."""
        # Half of the candidates within a budget count for nothing, however many more accurate ones are above it.
        floors = np.array([np.median(believed[within]) for within in self._within])
        return partial(self._best, believed, floors)

    def _best(self, believed: Numbers, floors: Numbers, members: Sequence[int]) -> Progress:
        rows = list(members)
        return BestWithin(believed[rows], self.costs[rows], floors, self._budgets)


class BestWithin:
    """The best accuracy so far within each budget.

    Args:
        accuracies: (k,) accuracies of the trained candidates.
        costs: (k, m) their costs.
        floors: (b,) accuracy that counts where no candidate is within a budget, or all are worse.
        budgets: (b, m) maximum costs of each budget.

    >>> limits, floors = np.array([[2.0], [6.0]]), np.array([70.0, 75.0])
    >>> best = BestWithin(np.array([80.0, 90.0]), np.array([[1.0], [5.0]]), floors, limits)
    >>> best.best.tolist(), best.total
    ([80.0, 90.0], 25.0)
    >>> best.improvement(np.array([95.0]), np.array([1e-9]), np.array([[4.0]])).round(6).tolist()
    [5.0]
    """

    def __init__(self, accuracies: Numbers, costs: Numbers, floors: Numbers, budgets: Numbers) -> None:
        self._budgets, self._floors = budgets, floors
        within = [(costs <= limit).all(axis=1) for limit in budgets]
        self.best: Numbers = np.array(
            [np.max(accuracies[rows], initial=floor) for rows, floor in zip(within, floors, strict=True)]
        )

    @property
    def total(self) -> float:
        """Sum over the budgets of what the best accuracy is above the floor (points)."""
        return float((self.best - self._floors).sum())

    def improvement(self, mean: Numbers, deviation: Numbers, costs: Numbers) -> Numbers:
        """Return the expected sum of improvements over the budgets; see `Progress.improvement`."""
        total = np.zeros(len(mean))
        for limit, best in zip(self._budgets, self.best, strict=True):
            within = (costs <= limit).all(axis=1)
            total[within] += expected_improvement(mean[within], deviation[within], float(best))
        return total


def budget_goal(known: pd.DataFrame, budgets: Mapping[str, Sequence[float]]) -> BudgetGoal:
    """Make the goal from budgets of single costs.

    Args:
        known: one row per candidate, with a column for each limited cost.
        budgets: column -> maximum values.
    """
    names = list(budgets)
    limits = [
        [limit if name == own else np.inf for name in names] for own, values in budgets.items() for limit in values
    ]
    return BudgetGoal(known[names].to_numpy(dtype=np.float64), np.array(limits, dtype=np.float64))
