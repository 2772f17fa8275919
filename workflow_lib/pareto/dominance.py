"""Pareto dominance: fronts, ranks, knee, epsilon front and hypervolume."""

from collections.abc import Sequence
from typing import Any

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.pareto.front_config import Objective

Losses = NDArray[np.float64]
Mask = NDArray[np.bool_]


def to_losses(candidates: pd.DataFrame, objectives: Sequence[Objective]) -> Losses:
    """Extract the objectives from a table as losses, for which lower is better.

    Args:
        candidates: one column per objective.
        objectives: names and directions of the objectives.

    Returns:
        (n, m) losses in the columns' units; objectives to maximise are negated.
    """
    signs = [-1.0 if objective.direction == "max" else 1.0 for objective in objectives]
    return candidates[[objective.name for objective in objectives]].to_numpy(dtype=np.float64) * signs


def front_mask(losses: Losses) -> Mask:
    """Mark the rows that no other row dominates.

    Args:
        losses: (n, m) array, every objective minimised, no NaN.

    Returns:
        (n,) mask of the front; of equal rows, all are kept.

    >>> front_mask(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])).tolist()
    [True, True, False]
    """
    mask: Mask = moocore.is_nondominated(losses, keep_weakly=True)
    return mask


def pareto_ranks(losses: Losses) -> NDArray[np.int64]:
    """Rank the rows by non-dominated sorting: 0 for the front, 1 for the front once rank 0 is removed, and so on.

    Args:
        losses: (n, m) array, every objective minimised.

    Returns:
        (n,) ranks.

    >>> pareto_ranks(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
    [0, 0, 1, 2]
    """
    ranks: NDArray[np.int64] = moocore.pareto_rank(losses).astype(np.int64)
    return ranks


def unit_scaled(losses: Losses) -> Losses:
    """Scale each objective to [0, 1] over all rows; a constant objective becomes 0.

    Args:
        losses: (n, m) array; not modified.
    """
    spread = np.ptp(losses, axis=0)
    return np.asarray((losses - losses.min(0)) / np.where(spread == 0, 1, spread), dtype=np.float64)


def knee(losses: Losses) -> int:
    """Find the knee of a two-objective front: the member with the best compromise.

    Both objectives are scaled to [0, 1] over the front. The knee lies furthest below the line between the ends of the
    front. If no member lies below the line, it is the first member on it.

    Args:
        losses: (n, 2) array, both objectives minimised.

    Returns:
        Row of the knee.

    Source: Das 1999, on characterizing the "knee" of the Pareto curve.

    >>> knee(np.array([[0.0, 1.0], [0.2, 0.3], [1.0, 0.0]]))
    1
    """
    front = np.flatnonzero(front_mask(losses))
    # The ends are at (0, 1) and (1, 0), so the sum of both objectives measures the distance from the line.
    return int(front[int(np.argmin(np.round(unit_scaled(losses[front]).sum(1), 12)))])


def epsilon_front(losses: Losses, tolerances: Sequence[float]) -> Mask:
    """Choose a few front members such that one of them matches each candidate within the tolerances.

    The relation "better by more than the tolerance" has cycles, so it cannot define a front. An epsilon-approximate
    Pareto set always exists. This one is built greedily: the next member is the one that matches the most front
    members not yet matched. Ties go to the smallest sum of losses, each scaled to [0, 1].

    Args:
        losses: (n, m) array, every objective minimised.
        tolerances: (m,) differences that are ignored, in the objectives' units.

    Returns:
        (n,) mask, a subset of `front_mask`; with zero tolerances one member per distinct point of the front.

    Source: additive epsilon-approximate Pareto set, Laumanns et al. 2002, definition 3; Papadimitriou and Yannakakis
        2000.
    """
    front = np.flatnonzero(front_mask(losses))
    members = losses[front]
    matches = (members[:, None, :] <= members[None, :, :] + np.asarray(tolerances)).all(-1)
    cost = unit_scaled(members).sum(1)
    unmatched = np.ones(len(front), dtype=bool)
    chosen = np.zeros(len(losses), dtype=bool)
    while unmatched.any():
        gain = (matches & unmatched).sum(1)
        best = np.lexsort((cost, -gain))[0]
        chosen[front[best]] = True
        unmatched &= ~matches[best]
    return chosen


def hypervolume_share(losses: Losses, front: Mask) -> NDArray[np.float64]:
    """Compute the share of the front's hypervolume that only this member dominates.

    Every objective is scaled to [0, 1] over all rows. The reference point is 1.1 in each objective, so that the ends
    of the front contribute.

    Args:
        losses: (n, m) array, every objective minimised.
        front: (n,) mask of the front.

    Returns:
        (n,) shares in percent of the front's hypervolume; 0 for rows that are not on the front.
    """
    scaled = unit_scaled(losses)
    reference: Any = np.full(losses.shape[1], 1.1)
    share = np.zeros(len(losses))
    lost = moocore.hv_contributions(scaled[front], ref=reference) / moocore.hypervolume(scaled[front], ref=reference)
    share[front] = 100 * np.clip(lost, 0, 1)  # rounding can push the share of a single member above 1
    return share


def hypervolume_lost(losses: Losses, removed: Mask) -> float:
    """Compute the share of the front's hypervolume that is lost without some rows; scaled as in `hypervolume_share`.

    Args:
        losses: (n, m) array, every objective minimised.
        removed: (n,) mask of the rows that are removed.

    Returns:
        Share in percent.

    >>> hypervolume_lost(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([False, False, True]))
    0.0
    """
    if removed.all():
        return 100.0
    reference: Any = np.full(losses.shape[1], 1.1)
    scaled = unit_scaled(losses)
    # Of the front alone, because dominated rows make the computation slow.
    kept, everything = (
        moocore.hypervolume(rows[front_mask(rows)], ref=reference) for rows in (scaled[~removed], scaled)
    )
    return float(100 * np.clip(1 - kept / everything, 0, 1))


def crowding_distances(losses: Losses) -> NDArray[np.float64]:
    """Compute how far each member of a front is from its neighbours; the ends of each objective are infinitely far.

    Args:
        losses: (n, m) array of mutually non-dominated rows. Of equal rows, all but the first have distance 0.

    Returns:
        (n,) sums over the objectives of the difference between the two neighbours, relative to the range.

    Source: Deb et al. 2002 (NSGA-II), section III-B.

    >>> crowding_distances(np.array([[0.0, 4.0], [1.0, 1.0], [1.0, 1.0], [4.0, 0.0]])).tolist()
    [inf, 2.0, 0.0, inf]
    """
    points, first = np.unique(losses, axis=0, return_index=True)
    scaled, sums = unit_scaled(points), np.zeros(len(points))
    for values in scaled.T:
        order = np.argsort(values, kind="stable")
        sums[order[[0, -1]]] = np.inf
        sums[order[1:-1]] += values[order[2:]] - values[order[:-2]]
    distances = np.zeros(len(losses))
    distances[first] = sums
    return distances


def choose_by_hypervolume(losses: Losses, count: int) -> NDArray[np.int64]:
    """Choose rows greedily by hypervolume improvement.

    All rows of one front are chosen before those of the next front, which add no hypervolume to it. A row's
    improvement is therefore measured against the rows already chosen from its own front. Every objective is scaled to
    [0, 1] over all rows; the reference point is 1.1 in each objective.

    Args:
        losses: (n, m) array, every objective minimised.
        count: maximum number of rows.

    Returns:
        (min(n, count),) row numbers, in the order of choice.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, equation 3 (hypervolume improvement).
    """
    scaled = unit_scaled(losses)
    reference: Any = np.full(losses.shape[1], 1.1)
    ranks = pareto_ranks(losses)
    chosen: list[int] = []
    for rank in range(int(ranks.max()) + 1):
        remaining, front = np.flatnonzero(ranks == rank).tolist(), list[int]()
        while remaining and len(chosen) < count:
            volumes = [moocore.hypervolume(scaled[[*front, row]], ref=reference) for row in remaining]
            front.append(remaining.pop(int(np.argmax(volumes))))
            chosen.append(front[-1])
    return np.array(chosen, dtype=np.int64)
