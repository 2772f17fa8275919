"""Pareto local search: the neighbours of the front found so far."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask
from workflow_lib.search.proposers import DrawingStrategy
from workflow_lib.spaces.space import Configuration, Space


class ParetoLocalSearch(DrawingStrategy):
    """Draws a neighbour, in one choice, of a random member of the front found so far; at first, random networks.

    Args:
        space: the search space.
        seed: seed of the draws.
        first: number of random networks at the start.
        costs: name of a network -> its other losses, which are known before training.

    Source: Paquete, Chiarandini and Stützle 2004; differs from it in: members and neighbours are drawn, not enumerated,
        because a budget ends the search long before all neighbours are known.
    """

    def __init__(self, space: Space, seed: int, first: int, costs: Mapping[str, NDArray[np.float64]]) -> None:
        super().__init__(space, seed)
        self._first, self._costs = first, costs
        self._front: list[str] = []

    def _draw(self) -> Configuration | None:
        if len(self._drawn) < self._first:
            return self._space.sample(self._generator)
        if not self._front:
            return None
        member = self._drawn[self._front[self._generator.integers(len(self._front))]]
        name = self._pick([name for name, values in self._space.choices.items() if len(values) > 1])
        return {**member, name: self._pick([value for value in self._space.choices[name] if value != member[name]])}

    def _pick(self, values: list[Any]) -> Any:
        return values[self._generator.integers(len(values))]

    def _draw_again(self, network: str, configuration: Configuration) -> None:
        """Do nothing: only its neighbours matter, and they are drawn from the front."""

    def _learn(self, rewards: Mapping[str, float]) -> None:
        names = list(self._rewards)
        losses = np.array([[-self._rewards[name], *self._costs[name]] for name in names])
        self._front = [names[row] for row in np.flatnonzero(front_mask(losses))]
