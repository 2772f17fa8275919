"""Scores of the values of choices, whose sums order networks by their Pareto ranks (PRP, step 2).

Each value of each choice has an architecture parameter alpha. The score P_s of a network is the sum over its values;
it is high if the Pareto rank is low.

Source: Pareto Rank-Preserving Supernetwork for HW-NAS, equation 2. The paper leaves these details open:
- The hinge of the paper is over counts of wrongly ordered pairs, which has no gradient; here it is over the
  differences of their scores. The margin is 1, which only sets the scale of alpha; pairs of equal rank are
  ignored. All networks sampled so far are ranked together, because ranks within batches are not comparable.
- The listwise cross-entropy is that of ListNet (Cao et al. 2007), between softmax(-rank / T) and softmax(P_s). T is the
  standard deviation of the ranks. With T = 1 all weight lies on the front, and tau over all cells of NAS-Bench-201
  falls by 7 to 14 %.
- A small ridge makes the minimum unique; otherwise a constant could be added to all values of a choice.
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
    """Return the (choice, value) pair of each element of alpha, in the order of alpha."""
    return [(name, value) for name, values in space.choices.items() for value in values]


def error_and_latency(evaluated: pd.DataFrame, measure: str, latency: Sequence[float] | pd.Series) -> Numbers:
    """Return the losses of evaluated networks.

    Args:
        evaluated: n rows with the column `measure`.
        measure: accuracy_pct, which is negated, or cross_entropy.
        latency: (n,) latencies (ms), or another cost.

    Returns:
        (n, 2) error and latency, minimised.
    """
    error = -evaluated[measure] if measure == "accuracy_pct" else evaluated[measure]
    return np.column_stack([error, latency]).astype(np.float64)


def membership(space: Space, networks: Sequence[str]) -> Numbers:
    """Return the one-hot encoding of networks.

    Args:
        space: choices and their values.
        networks: n ids.

    Returns:
        (n, k) array of 0 and 1, where k is the number of values of all choices, in the order of `values_of`.
    """
    columns = {pair: column for column, pair in enumerate(values_of(space))}
    members = np.zeros((len(networks), len(columns)))
    for row, network in enumerate(networks):
        members[row, [columns[pair] for pair in space.parse(network).items()]] = 1
    return members


def best_networks(space: Space, alpha: Numbers, count: int) -> list[str]:
    """Return the networks of highest score, best first, without enumerating the space: scores add up over choices.

    Args:
        space: a space in which every configuration builds a different network.
        alpha: (k,) parameters, in the order of `values_of`.
        count: maximum number of networks.
    """
    scored = dict(zip(values_of(space), alpha.tolist(), strict=True))
    best: list[tuple[float, tuple[int | str, ...]]] = [(0.0, ())]
    for name, values in space.choices.items():
        extended = ((score + scored[name, value], (*chosen, value)) for score, chosen in best for value in values)
        best = heapq.nlargest(count, extended, key=itemgetter(0))
    return [space.build(dict(zip(space.choices, chosen, strict=True))) for _, chosen in best]


def rank_loss(alpha: Numbers, members: Numbers, ranks: NDArray[np.int64]) -> tuple[float, Numbers]:
    """Compute the loss of equation 2: pairwise hinge, plus listwise cross-entropy, plus the ridge.

    Args:
        alpha: (k,) parameters.
        members: (n, k) array from `membership`.
        ranks: (n,) Pareto ranks, 0 for the front.

    Returns:
        The loss, and its (k,) gradient with respect to alpha.
    """
    scores = members @ alpha
    better = ranks[:, None] < ranks[None, :]
    pairs = max(int(better.sum()), 1)
    shortfall = MARGIN - (scores[:, None] - scores[None, :])
    violated = better & (shortfall > 0)
    hinge = float(shortfall[violated].sum()) / pairs
    gradient = (violated.sum(0) - violated.sum(1)) / pairs  # with respect to the scores
    log_target, log_predicted = _log_softmax(-ranks / (ranks.std() or 1.0)), _log_softmax(scores)
    cross_entropy = -float(np.exp(log_target) @ log_predicted)
    gradient = gradient + np.exp(log_predicted) - np.exp(log_target)
    return hinge + cross_entropy + RIDGE * float(alpha @ alpha), members.T @ gradient + 2 * RIDGE * alpha


def _log_softmax(values: Numbers) -> Numbers:
    shifted = values - values.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()), dtype=np.float64)


def fit_alpha(members: Numbers, ranks: NDArray[np.int64], start: Numbers | None = None) -> Numbers:
    """Minimise `rank_loss`, which is convex.

    Args:
        members: (n, k) array from `membership`.
        ranks: (n,) Pareto ranks, 0 for the front.
        start: (k,) initial parameters; None: zeros.

    Returns:
        (k,) parameters alpha.
    """
    initial = np.zeros(members.shape[1]) if start is None else start
    return np.asarray(minimize(rank_loss, initial, args=(members, ranks), jac=True, method="L-BFGS-B").x)


@dataclass(frozen=True)
class Ranking:
    """A learned ranking.

    Attributes:
        alpha: (epochs, k) parameters after each epoch.
        sampled: (n,) rows of the evaluated networks, in order of evaluation.
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
    """Learn a ranking: in each epoch, sample networks without replacement, rank all so far, and fit alpha.

    Args:
        members: (n, k) array from `membership` for all networks of the space.
        evaluate: function from (m,) rows to their (m, objectives) losses, minimised.
        epochs: number of epochs.
        per_epoch: number of networks sampled per epoch.
        generator: random number generator of the samples.
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
    """Return the positions of networks in the ranking of a supernet: 0 for the best, equal for ties.

    Args:
        ranking: rows of RANKING of one supernet. Networks of later rankings come first; networks without a score come
            last within their ranking.
    """
    keys = -np.column_stack([ranking["ranking"], ranking["score"].fillna(-np.inf)])
    return np.unique(keys, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
