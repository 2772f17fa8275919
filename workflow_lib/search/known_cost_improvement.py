"""Expected hypervolume improvement where only the accuracy is uncertain: costs are known before anything is trained."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Numbers = NDArray[np.float64]

_ROOT_2PI = np.sqrt(2 * np.pi)


def expected_improvement(mean: Numbers, deviation: Numbers, best: float) -> Numbers:
    """Expected amount by which normally distributed values exceed the best one so far.

    Args:
        mean, deviation: (n,) of the values; deviations are positive.
        best: the best value so far.

    >>> expected_improvement(np.array([1.0]), np.array([1e-9]), best=0.25).round(6).tolist()
    [0.75]

    Source: Jones, Schonlau and Welch 1998, equation 15.
    """
    distance = (mean - best) / deviation
    density: Numbers = np.exp(-(distance**2) / 2) / _ROOT_2PI
    improvement: Numbers = deviation * (distance * ndtr(distance) + density)
    return improvement


class KnownCostFront:
    """The front so far, and what a candidate of known costs is expected to add to its hypervolume.

    The members' costs divide the space of costs into cells. In each cell, the best accuracy at no higher costs is
    constant: its level. A candidate adds hypervolume only in cells of higher costs than its own. Its expected
    improvement is therefore the sum over the levels of the volume of these cells times the expected improvement over
    the level. This is exact for any number of costs.

    Args:
        accuracies: (k,) accuracies of the members, k may be 0.
        costs: (k, m) their costs, lower is better.
        worst_accuracy: reference accuracy, which counts where no member is as cheap.
        worst_costs: (m,) reference costs; what is dearer adds nothing.
        lowest_costs: (m,) costs that no candidate is below.

    Source: Emmerich, Giannakoglou and Naujoks 2006 (expected hypervolume improvement), for known costs.
    """

    def __init__(
        self, accuracies: Numbers, costs: Numbers, worst_accuracy: float, worst_costs: Numbers, lowest_costs: Numbers
    ) -> None:
        inside = (costs < worst_costs).all(axis=1) & (accuracies > worst_accuracy)
        accuracies, costs = accuracies[inside], costs[inside]
        ends = np.stack([np.minimum(lowest_costs, worst_costs), worst_costs])
        self._lines = [np.unique(values) for values in np.vstack([costs, ends]).T]
        levels = _levels(accuracies, costs, worst_accuracy, self._lines)
        widths = [np.diff(line, append=np.inf) for line in self._lines]
        self.levels = np.unique(np.append(levels, worst_accuracy))
        self._volumes = [_volumes_above(levels == level, widths) for level in self.levels]

    @property
    def total(self) -> float:
        """Hypervolume of the members, in units of accuracy times costs."""
        origin = (0,) * len(self._lines)
        worst = self.levels[0]  # levels are sorted, and the reference accuracy is the lowest
        return float(
            sum((level - worst) * volumes[origin] for level, volumes in zip(self.levels, self._volumes, strict=True))
        )

    def improvement(self, mean: Numbers, deviation: Numbers, costs: Numbers) -> Numbers:
        """Expected hypervolume improvement of each candidate, in units of accuracy times costs.

        Args:
            mean, deviation: (n,) of the accuracies; deviations are positive.
            costs: (n, m) known costs.
        """
        total = np.zeros(len(mean))
        for level, volumes in zip(self.levels, self._volumes, strict=True):
            volume = self._volume(volumes, costs)
            useful = volume > 0
            total[useful] += volume[useful] * expected_improvement(mean[useful], deviation[useful], level)
        return total

    def _volume(self, volumes: Numbers, costs: Numbers) -> Numbers:
        """Volume of the cells of a level at higher costs than each candidate's; multilinear between the lines."""
        total = np.zeros(len(costs))
        places, shares = [], []
        for line, values in zip(self._lines, costs.T, strict=True):
            clipped = np.clip(values, line[0], line[-1])
            place = np.clip(np.searchsorted(line, clipped, side="right") - 1, 0, max(len(line) - 2, 0))
            width = line[np.minimum(place + 1, len(line) - 1)] - line[place]
            places.append(place)
            shares.append(np.divide(clipped - line[place], width, out=np.zeros_like(clipped), where=width > 0))
        for corner in product((0, 1), repeat=len(self._lines)):
            weight = np.prod([share if up else 1 - share for up, share in zip(corner, shares, strict=True)], axis=0)
            index = tuple(place + up for up, place in zip(corner, places, strict=True))
            total += weight * volumes[index]
        return total


def _levels(accuracies: Numbers, costs: Numbers, worst: float, lines: Sequence[Numbers]) -> Numbers:
    """Best accuracy at no higher costs than the lower corner of each cell; the cells past the last line are unused."""
    levels = np.full([len(line) for line in lines], worst)
    for accuracy, own in zip(accuracies, costs, strict=True):
        corner = tuple(slice(int(np.searchsorted(line, cost)), None) for line, cost in zip(lines, own, strict=True))
        levels[corner] = np.maximum(levels[corner], accuracy)
    return levels


def _volumes_above(cells: NDArray[np.bool_], widths: Sequence[Numbers]) -> Numbers:
    """Volume of the chosen cells at higher costs than each corner of the grid, one more corner than lines per cost."""
    volumes = cells.astype(np.float64)
    for axis, width in enumerate(widths):
        shape = [1] * cells.ndim
        shape[axis] = -1
        volumes = volumes * np.where(np.isfinite(width), width, 0).reshape(shape)
    for axis in range(cells.ndim):
        volumes = np.flip(np.cumsum(np.flip(volumes, axis), axis), axis)
    above: Numbers = np.pad(volumes, [(0, 1)] * cells.ndim)
    return above
