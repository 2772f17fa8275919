"""Relative efficiency of models with noisy costs and accuracies: which models significantly outperform others."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from workflow_lib.pareto.envelope import Numbers, Orientation, Returns
from workflow_lib.pareto.envelopment import MAX_SPAN, TOLERANCE, relative_efficiency


def truncated_share(means: Numbers, deviations: Numbers, low: float, high: float) -> Numbers:
    """Compute the share of each normal distribution that lies outside the possible values.

    Args:
        means: array of any shape (...,).
        deviations: standard deviations, in the shape (...,) of `means`; 0 gives a share of 0.
        low: smallest possible value.
        high: largest possible value.

    Returns:
        (...,) shares in [0, 1].

    >>> truncated_share(np.array([0.0, 0.0]), np.array([1.0, 0.0]), 0.0, np.inf).tolist()
    [0.5, 0.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        below = ndtr((low - means) / deviations) + ndtr((means - high) / deviations)
    return np.where(deviations > 0, below, 0.0)


def draw_truncated(
    means: Numbers, deviations: Numbers, low: float, high: float, generator: np.random.Generator
) -> Numbers:
    """Draw once from normal distributions truncated to the possible values.

    A latency below 0 or an accuracy above 100 % cannot occur. Truncation renormalises the distribution, whereas
    clipping would accumulate draws at the limit.

    Args:
        means: array of any shape (...,).
        deviations: standard deviations, in the shape (...,) of `means`; where it is 0, the mean is returned.
        low: smallest possible value.
        high: largest possible value.
        generator: source of randomness.

    Returns:
        (...,) draws.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        first, last = ndtr((low - means) / deviations), ndtr((high - means) / deviations)
    chosen = first + generator.random(means.shape) * (last - first)
    certain = deviations <= 0
    # Rounding in the tail of a distribution must not give a value beyond the limits.
    drawn = means + deviations * ndtri(np.where(certain, 0.5, chosen))
    drawn = np.clip(drawn, np.nextafter(low, np.inf), high)
    return np.where(certain, means, drawn)


def efficiency_samples(
    inputs: tuple[Numbers, Numbers],
    outputs: tuple[Numbers, Numbers],
    highest_output: Numbers,
    returns: Returns,
    orientation: Orientation,
    samples: int,
    seed: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Numbers:
    """Sample the relative efficiency of every unit by parametric bootstrap.

    Each sample draws all values of all units and then scores all units against each other, because a unit's
    efficiency also depends on the values drawn for the others. Values are drawn independently.

    Args:
        inputs: means and standard deviations of the units' costs, (n, m) each; draws are truncated to positive values.
        outputs: means and standard deviations of their benefits, (n, s) each; truncated to 0 .. highest_output.
        highest_output: (s,) largest possible value of each output: 100 for percentages, infinite if unlimited.
        returns: returns to scale; see `relative_efficiency`.
        orientation: what is compared, inputs or outputs; see `relative_efficiency`.
        samples: number of samples, B.
        seed: seed of the draws.
        progress: called with the number of samples done so far.

    Returns:
        (samples, n) efficiencies in (0, 1].

    Source: Partovi Nia et al., Rethinking Pareto Frontier for Performance Evaluation of Deep Neural Networks,
        algorithm 1. As printed, the algorithm scores each unit as soon as it is drawn; here all are drawn first.
    """
    generator = np.random.default_rng(seed)
    found = np.empty((samples, len(inputs[0])))
    # Values closer to 0 could not be scored (see MAX_SPAN); drawing one is as unlikely as drawing a negative value.
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
        found[sample] = relative_efficiency(np.column_stack(costs), np.column_stack(gains), returns, orientation)
        progress(sample + 1)
    return found


def stochastic_dominance(samples: Numbers, confidence: float) -> NDArray[np.bool_]:
    """Test which units' efficiencies stochastically dominate which others, in the first order.

    A unit dominates another if its distribution function is significantly below the other's somewhere and
    significantly above it nowhere. Its mean must also be larger, so that the relation has no cycle. Efficiencies that
    differ by no more than the solver's tolerance count as equal.

    Args:
        samples: (B, n) efficiencies, higher is better.
        confidence: probability that no arrow is due to chance (Bonferroni correction over all ordered pairs).

    Returns:
        (n, n) mask: [dominating, dominated].

    Source: first-order stochastic dominance as in Partovi Nia et al., section 3, tested with the largest difference
        between two empirical distribution functions. Efficiencies within a sample depend on each other, so Smirnov's
        bound for independent samples does not hold: with two exchangeable units it errs in 11 % of tables instead of
        5 %. The bound used here holds under any dependence: by the inequality of Dvoretzky, Kiefer and Wolfowitz with
        Massart's constant, each function is within d / 2 of the true one, so P(D+ > d) <= 2 exp(-B d^2 / 2).
    """
    count, units = samples.shape
    pairs = max(units * (units - 1), 1)
    critical = np.sqrt(2 * np.log(2 * pairs / (1 - confidence)) / count)
    ordered = np.sort(samples, axis=0)
    # (n, n): the largest excess of the distribution function of [column] over that of [row], which occurs at a jump.
    lead = np.zeros((units, units))
    steps = np.arange(1, count + 1) / count
    for row in range(units):
        for column in range(units):
            row_function = np.searchsorted(ordered[:, row], ordered[:, column] + TOLERANCE, side="right") / count
            lead[row, column] = (steps - row_function).max(initial=0.0)
    means, deficit = samples.mean(0), lead.transpose()
    larger_mean = means[:, None] > means + TOLERANCE
    dominance: NDArray[np.bool_] = (lead >= critical) & (deficit < critical) & larger_mean
    return dominance


def transitive_closure(arrows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add an arrow from each unit to every unit that a path of arrows reaches.

    Args:
        arrows: (n, n) mask: [from, to]; not modified.

    Returns:
        (n, n) mask.
    """
    closure = arrows.copy()
    for middle in range(len(closure)):
        closure |= closure[:, [middle]] & closure[[middle]]
    return closure


def transitive_reduction(arrows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Remove every arrow that a longer path of arrows implies.

    Args:
        arrows: (n, n) mask: [from, to], without cycles; not modified.

    Returns:
        (n, n) mask.

    Source: Aho, Garey and Ullman 1972.

    >>> transitive_reduction(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)).astype(int).tolist()
    [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    """
    closure = transitive_closure(arrows)
    longer = (closure.astype(np.int64) @ closure.astype(np.int64)) > 0
    return closure & ~longer
