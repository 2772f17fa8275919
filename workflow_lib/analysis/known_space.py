"""A space whose networks are all evaluated: its front, and what a share of its networks has of it."""

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
    """A space whose networks are all evaluated.

    Args:
        names: ids.
        losses: (n, m) every objective minimised.
        rewards: name -> what a strategy is told.
        hours: (n,) what training each costs.
    """

    names: Sequence[str]
    losses: Numbers
    rewards: Mapping[str, float]
    hours: Numbers

    @cached_property
    def places(self) -> dict[str, int]:
        """Name -> row."""
        return {name: row for row, name in enumerate(self.names)}

    @cached_property
    def scaled(self) -> Numbers:
        """The losses, each scaled to [0, 1]."""
        return unit_scaled(self.losses)

    @cached_property
    def front(self) -> set[tuple[float, ...]]:
        """The distinct points of the true front, scaled."""
        return {tuple(point) for point in self.scaled[front_mask(self.scaled)]}

    def hypervolume(self, points: Numbers) -> float:
        """Of scaled points; the reference is 1.1 in each objective, so that the ends of the front count."""
        return float(moocore.hypervolume(points, ref=np.full(points.shape[1], 1.1)))

    def share_pct(self, points: Numbers) -> float:
        """Hypervolume of (n, m) scaled points in percent of the true front's, which rounding does not let it exceed."""
        return 100 * min(1.0, self.hypervolume(points) / self._whole)

    @cached_property
    def _whole(self) -> float:
        return self.hypervolume(np.array(sorted(self.front)))
