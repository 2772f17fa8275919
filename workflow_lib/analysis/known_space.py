"""A search space whose networks are all evaluated, so that its true front is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import moocore
import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask, unit_scaled

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class KnownSpace:
    """A search space whose networks are all evaluated.

    Args:
        names: n ids of networks.
        losses: (n, m) float array, every objective minimised.
        rewards: name -> reward that a strategy receives for the network.
        hours: (n,) training times (h).
    """

    names: Sequence[str]
    losses: Numbers
    rewards: Mapping[str, float]
    hours: Numbers

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each network, by name."""
        return {name: row for row, name in enumerate(self.names)}

    @cached_property
    def scaled(self) -> Numbers:
        """The (n, m) losses, each objective scaled to [0, 1]."""
        return unit_scaled(self.losses)

    @cached_property
    def front(self) -> set[tuple[float, ...]]:
        """The distinct scaled points of the true front."""
        return {tuple(point) for point in self.scaled[front_mask(self.scaled)]}

    def hypervolume(self, points: Numbers) -> float:
        """Return the hypervolume of scaled points.

        Args:
            points: (k, m) scaled losses. The reference is 1.1 in each objective, so that the ends of the front count.
        """
        return float(moocore.hypervolume(points, ref=np.full(points.shape[1], 1.1)))

    def share_pct(self, points: Numbers) -> float:
        """Hypervolume of (n, m) scaled points in percent of the true front's, which rounding does not let it exceed."""
        return 100 * min(1.0, self.hypervolume(points) / self.front_hypervolume)

    @cached_property
    def front_hypervolume(self) -> float:
        """The hypervolume of the true front."""
        return self.hypervolume(np.array(sorted(self.front)))
