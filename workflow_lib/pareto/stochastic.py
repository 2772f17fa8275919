"""Relative efficiency of models with noisy costs and accuracies: which models significantly outperform others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from workflow_lib.pareto.envelopment import MAX_SPAN, TOLERANCE, Returns, relative_efficiency

Numbers = NDArray[np.float64]


def share_outside(means: Numbers, deviations: Numbers, low: float, high: float) -> Numbers:
    """How much of each normal distribution lies outside the values that exist: shares in [0, 1], as `means`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        below = ndtr((low - means) / deviations) + ndtr((means - high) / deviations)
    return np.where(deviations > 0, below, 0.0)


def draw_truncated(
    means: Numbers, deviations: Numbers, low: float, high: float, generator: np.random.Generator
) -> Numbers:
    """Draw once from normal distributions that are cut to the values that exist.

    A draw beyond them (a latency below 0, an accuracy above 100 %) is no measurement: the rest of the distribution
    takes its share, so that no value piles up at the limit.

    Args:
        means, deviations: arrays of one shape; without deviation the mean itself is drawn.
        low, high: limits of what exists.
        generator: of the randomness.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = ndtr((low - means) / deviations), ndtr((high - means) / deviations)
    chosen = first + generator.random(means.shape) * (last - first)
    certain = deviations <= 0
    # Rounding at the far end of a distribution must not leave it.
    drawn = means + deviations * ndtri(np.where(certain, 0.5, chosen))
    drawn = np.clip(drawn, np.nextafter(low, np.inf), high)
    return np.where(certain, means, drawn)


def efficiency_samples(
    inputs: tuple[Numbers, Numbers],
    outputs: tuple[Numbers, Numbers],
    highest_output: Numbers,
    returns: Returns,
    samples: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Numbers:
    """Sample the relative efficiency of every unit by parametric bootstrap.

    Each sample draws all values of all units and then scores all units against each other: a unit's efficiency depends
    on the others' luck, too. Values are drawn independently.

    Args:
        inputs: means and deviations of what units cost, (n, m) each; draws are cut to positive values.
        outputs: the same of what they give, (n, s) each; draws are cut to 0 .. highest_output.
        highest_output: (s,) largest value that each output can have, 100 for percentages; infinite for none.
        returns: variable or constant.
        samples: number of samples, B.
        seed: of the draws.
        progress: told how many samples are done.

    Returns:
        (samples, n) efficiencies in (0, 1].

    Source: Partovi Nia et al., Rethinking Pareto Frontier for Performance Evaluation of Deep Neural Networks,
        algorithm 1, which is printed as if each unit were scored as soon as it is drawn.
    """
    generator = np.random.default_rng(seed)
    found = np.empty((samples, len(inputs[0])))
    # Draws nearer to 0 could not be scored; they are as unlikely as draws below 0.
    least_cost, least_gain = (2 * means.max(0) / MAX_SPAN for means in (inputs[0], outputs[0]))
    for sample in range(samples):
        costs = [
            draw_truncated(inputs[0][:, column], inputs[1][:, column], least, np.inf, generator)
            for column, least in enumerate(least_cost)
        ]
        gains = [
            draw_truncated(outputs[0][:, column], outputs[1][:, column], least, highest, generator)
            for column, (least, highest) in enumerate(zip(least_gain, highest_output, strict=True))
        ]
        found[sample] = relative_efficiency(np.column_stack(costs), np.column_stack(gains), returns)
        progress(sample + 1)
    return found


def stochastic_dominance(samples: Numbers, confidence: float) -> NDArray[np.bool_]:
    """Decide whose efficiency is stochastically larger than whose, in the first order.

    One is larger than another if its distribution function lies significantly below the other's somewhere, and nowhere
    significantly above it; and if its mean is larger, so that the relation has no cycle. Efficiencies that differ by no
    more than the solver's tolerance are equal.

    Args:
        samples: (B, n) efficiencies.
        confidence: probability that no arrow at all is drawn by chance (Bonferroni over all ordered pairs).

    Returns:
        (n, n) mask: [larger, smaller].

    Source: first-order stochastic dominance as in Partovi Nia et al., section 3, by the largest difference of two
        empirical distribution functions. Efficiencies of one sample depend on each other, so the bound of Smirnov for
        independent samples does not hold: with two exchangeable units it errs in 11 % of tables instead of 5 %. This
        bound holds for any dependence: each function is within d / 2 of its true one by the inequality of Dvoretzky,
        Kiefer and Wolfowitz with Massart's constant, so P(D+ > d) <= 2 exp(-B d^2 / 2).
    """
    count, units = samples.shape
    pairs = max(units * (units - 1), 1)
    critical = np.sqrt(2 * np.log(2 * pairs / (1 - confidence)) / count)
    ordered = np.sort(samples, axis=0)
    # (n, n): the most by which the distribution function of [column] exceeds that of [row]; it does so at a jump.
    lead = np.zeros((units, units))
    steps = np.arange(1, count + 1) / count
    for row in range(units):
        for column in range(units):
            ours = np.searchsorted(ordered[:, row], ordered[:, column] + TOLERANCE, side="right") / count
            lead[row, column] = (steps - ours).max(initial=0.0)
    means, behind = samples.mean(0), lead.transpose()
    ahead = means[:, None] > means + TOLERANCE
    dominance: NDArray[np.bool_] = (lead >= critical) & (behind < critical) & ahead
    return dominance


def transitive_closure(arrows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add every arrow that a path of arrows stands for: (n, n)."""
    closure = arrows.copy()
    for middle in range(len(closure)):
        closure |= closure[:, [middle]] & closure[[middle]]
    return closure


def transitive_reduction(arrows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out every arrow that a longer path of arrows says already: (n, n), without cycles.

    Source: Aho, Garey and Ullman 1972.
    """
    closure = transitive_closure(arrows)
    longer = (closure.astype(np.int64) @ closure.astype(np.int64)) > 0
    return closure & ~longer
