"""Scores of choices whose sums put networks in the order of their Pareto ranks (PRP, step 2).

Each value of each choice has an architecture parameter alpha; a network's score P_s is the sum over its values, high
where its Pareto rank is low.

Source: Pareto Rank-Preserving Supernetwork for HW-NAS, equation 2, with what it leaves open chosen here:
- Its hinge compares scores of pairs; the margin is 1, which only sets the scale of alpha, and pairs of equal rank do
  not count. All networks that were sampled so far are ranked together: ranks within batches do not compare.
- Its listwise cross-entropy is ListNet's (Cao et al. 2007): between softmax(-rank / T) and softmax(P_s). T is the
  standard deviation of the ranks. With T = 1 all weight lies on the front, and tau over all cells of NAS-Bench-201
  falls by 7 to 14 %.
- A little ridge makes the minimum unique: adding a constant to all values of a choice would change nothing else.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize

from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.spaces.space import Space

Numbers = NDArray[np.float64]
MARGIN, RIDGE = 1.0, 1e-4


def values_of(space: Space) -> list[tuple[str, int | str]]:
    """The (choice, value) that each alpha belongs to, in the order of alpha."""
    return [(name, value) for name, values in space.choices.items() for value in values]


def error_and_latency(judged: pd.DataFrame, measure: str, latency: Sequence[float] | pd.Series) -> Numbers:
    """(n, 2) losses: of accuracy the negative, of cross-entropy itself; and latency."""
    error = -judged[measure] if measure == "accuracy_pct" else judged[measure]
    return np.column_stack([error, latency]).astype(np.float64)


def membership(space: Space, networks: Sequence[str]) -> Numbers:
    """Which values each network has.

    Args:
        space: choices and their values.
        networks: n ids.

    Returns:
        (n, k) of 0 and 1, k being the number of values of all choices, in the order of `values_of`.
    """
    columns = {pair: column for column, pair in enumerate(values_of(space))}
    members = np.zeros((len(networks), len(columns)))
    for row, network in enumerate(networks):
        members[row, [columns[pair] for pair in space.parse(network).items()]] = 1
    return members


def best_networks(space: Space, alpha: Numbers, count: int) -> list[str]:
    """The networks of highest score, the best first, without going over the space: choices add up one by one.

    Args:
        space: in which no two configurations build the same network.
        alpha: (k,) of `values_of`.
        count: how many, at most.
    """
    scored = dict(zip(values_of(space), alpha.tolist(), strict=True))
    best: list[tuple[float, tuple[int | str, ...]]] = [(0.0, ())]
    for name, values in space.choices.items():
        grown = ((score + scored[name, value], (*chosen, value)) for score, chosen in best for value in values)
        best = heapq.nlargest(count, grown, key=itemgetter(0))
    return [space.build(dict(zip(space.choices, chosen, strict=True))) for _, chosen in best]


def rank_loss(alpha: Numbers, members: Numbers, ranks: NDArray[np.int64]) -> tuple[float, Numbers]:
    """Equation 2: hinge over pairs, plus listwise cross-entropy, plus the ridge.

    Args:
        alpha: (k,) parameters.
        members: (n, k) of `membership`.
        ranks: (n,) Pareto ranks, 0 for the front.

    Returns:
        The loss, and its gradient (k,).
    """
    scores = members @ alpha
    better = ranks[:, None] < ranks[None, :]
    pairs = max(int(better.sum()), 1)
    short = MARGIN - (scores[:, None] - scores[None, :])
    violated = better & (short > 0)
    hinge = float(short[violated].sum()) / pairs
    of_scores = (violated.sum(0) - violated.sum(1)) / pairs
    wanted, log_given = _log_softmax(-ranks / (ranks.std() or 1.0)), _log_softmax(scores)
    cross_entropy = -float(np.exp(wanted) @ log_given)
    of_scores = of_scores + np.exp(log_given) - np.exp(wanted)
    return hinge + cross_entropy + RIDGE * float(alpha @ alpha), members.T @ of_scores + 2 * RIDGE * alpha


def _log_softmax(values: Numbers) -> Numbers:
    shifted = values - values.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()), dtype=np.float64)


def fit_alpha(members: Numbers, ranks: NDArray[np.int64], start: Numbers | None = None) -> Numbers:
    """Minimise the loss, which is convex.

    Args:
        members, ranks: see `rank_loss`.
        start: (k,) where to begin; None: zeros.
    """
    begin = np.zeros(members.shape[1]) if start is None else start
    return np.asarray(minimize(rank_loss, begin, args=(members, ranks), jac=True, method="L-BFGS-B").x)


@dataclass(frozen=True)
class Ranking:
    """What was learned.

    Attributes:
        alpha: (epochs, k) parameters after each epoch.
        sampled: rows of the networks that were evaluated, in order.
    """

    alpha: Numbers
    sampled: NDArray[np.int64]


def learn_ranking(
    members: Numbers,
    evaluate: Callable[[NDArray[np.int64]], Numbers],
    epochs: int,
    per_epoch: int,
    generator: np.random.Generator,
) -> Ranking:
    """Sample networks, each once; rank all so far; fit alpha to that; and again.

    Args:
        members: (n, k) of all networks of the space.
        evaluate: rows -> their losses, every objective minimised: by shared weights, or from a table.
        epochs, per_epoch: how often, and how many each time.
        generator: of the samples.
    """
    order = generator.permutation(len(members))[: epochs * per_epoch]
    losses = np.empty((0, 0))
    alphas: list[Numbers] = []
    for epoch in range(epochs):
        new = evaluate(order[epoch * per_epoch : (epoch + 1) * per_epoch])
        losses = np.vstack([losses, new]) if epoch else new
        so_far = order[: len(losses)]
        alphas.append(fit_alpha(members[so_far], pareto_ranks(losses), alphas[-1] if alphas else None))
    return Ranking(np.array(alphas), order)


def places(ranking: pd.DataFrame) -> NDArray[np.int64]:
    """Where a supernet puts networks: 0 for the best, the same number for those that tie.

    Args:
        ranking: rows of RANKING of one supernet. Who took part in a later ranking comes first; who has no score, last.
    """
    keys = -np.column_stack([ranking["ranking"], ranking["score"].fillna(-np.inf)])
    return np.unique(keys, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
