"""Which candidates no other one beats."""

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
    """Take the objectives out of a table so that lower is better in all of them.

    Args:
        candidates: one column per objective.
        objectives: names and directions.

    Returns:
        (n, m) array in the columns' units; those to maximise are negated.
    """
    signs = [-1.0 if objective.direction == "max" else 1.0 for objective in objectives]
    return candidates[[objective.name for objective in objectives]].to_numpy(dtype=np.float64) * signs


def front_mask(losses: Losses) -> Mask:
    """Mark the rows that no other row dominates; equal rows are all kept.

    Args:
        losses: (n, m) array, every objective minimised, no NaN.
    """
    mask: Mask = moocore.is_nondominated(losses, keep_weakly=True)
    return mask


def pareto_ranks(losses: Losses) -> NDArray[np.int64]:
    """Number the fronts: 0 for the front, 1 for what becomes the front without it, and so on.

    Args:
        losses: (n, m) array, every objective minimised.
    """
    ranks: NDArray[np.int64] = moocore.pareto_rank(losses).astype(np.int64)
    return ranks


def unit_scaled(losses: Losses) -> Losses:
    """Scale each objective to [0, 1] over all rows; one that is the same in all is 0."""
    spread = np.ptp(losses, axis=0)
    return np.asarray((losses - losses.min(0)) / np.where(spread == 0, 1, spread), dtype=np.float64)


def knee(losses: Losses) -> int:
    """The front's member that gives up least for both of two objectives.

    Both are scaled to [0, 1] over the front; the knee lies furthest below the line between the front's ends. Where none
    lies below it, it is the first of the members on the line.

    Args:
        losses: (n, 2) array, both objectives minimised.

    Returns:
        Its row.

    Source: Das 1999, on characterizing the "knee" of the Pareto curve.
    """
    front = np.flatnonzero(front_mask(losses))
    # The ends are at (0, 1) and (1, 0), so that the sum tells on which side of their line a member lies, and how far.
    return int(front[int(np.argmin(np.round(unit_scaled(losses[front]).sum(1), 12)))])


def epsilon_front(losses: Losses, tolerances: Sequence[float]) -> Mask:
    """Choose few front members that stand for all: each candidate is matched by one within the tolerances.

    The relation "better beyond the tolerance" has cycles, so it cannot define a front. An epsilon-approximate Pareto
    set always exists; this one is found greedily, by the front member that matches most candidates not matched yet
    (ties: the one with the smallest sum of losses in units of their range).

    Args:
        losses: (n, m) array, every objective minimised.
        tolerances: (m,) differences that count as none, in the objectives' units.

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
    """How much of the front's hypervolume each member alone gives.

    Every objective is scaled to [0, 1] over all rows; the reference point is 1.1 in each, so that the ends count.

    Args:
        losses: (n, m) array, every objective minimised.
        front: (n,) mask of the front.

    Returns:
        (n,) percent of the front's hypervolume; 0 off the front.
    """
    scaled = unit_scaled(losses)
    reference: Any = np.full(losses.shape[1], 1.1)
    share = np.zeros(len(losses))
    lost = moocore.hv_contributions(scaled[front], ref=reference) / moocore.hypervolume(scaled[front], ref=reference)
    share[front] = 100 * np.clip(lost, 0, 1)  # rounding takes a lone member's share beyond 1
    return share


def choose_by_hypervolume(losses: Losses, count: int) -> NDArray[np.int64]:
    """Choose few rows that cover much: one after the other, the one that adds most hypervolume to those before it.

    Rows of a front are chosen before any of the next, which adds nothing to them: it is weighed by what it adds to
    those of its own front. Every objective is scaled to [0, 1] over all rows; the reference point is 1.1 in each.

    Args:
        losses: (n, m) array, every objective minimised.
        count: how many, at most.

    Returns:
        (min(n, count),) rows, in the order of their choice.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, equation 3 (hypervolume improvement).
    """
    scaled = unit_scaled(losses)
    reference: Any = np.full(losses.shape[1], 1.1)
    ranks = pareto_ranks(losses)
    chosen: list[int] = []
    for rank in range(int(ranks.max()) + 1):
        left, own = np.flatnonzero(ranks == rank).tolist(), list[int]()
        while left and len(chosen) < count:
            volumes = [moocore.hypervolume(scaled[[*own, row]], ref=reference) for row in left]
            own.append(left.pop(int(np.argmax(volumes))))
            chosen.append(own[-1])
    return np.array(chosen, dtype=np.int64)
