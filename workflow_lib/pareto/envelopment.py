"""Relative efficiency (data envelopment analysis): how far costs could fall, or benefits rise, at equal others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask
from workflow_lib.pareto.envelope import Envelope, Numbers, Orientation, Returns

TOLERANCE = 1e-6
"""Scores that differ by no more than this count as equal: HiGHS solves the linear programmes to 1e-7."""

EFFICIENT = 1 - TOLERANCE
"""A unit whose score is at least this is efficient, and its score is set to 1."""

MAX_SPAN = 1e6
"""Maximum ratio of a column's largest value to its smallest positive one. Beyond it the small values are below the
solver's tolerance, and scores would be wrong; at 1e5 their relative error is below 1e-8."""

_MAX_SLACK = 1e-6  # relative to a column's largest value


@dataclass(frozen=True)
class Comparison:
    """Comparison of each unit with the mix of efficient units that it is measured against.

    Args:
        scores: (n,) relative efficiencies in (0, 1].
        references: (r,) rows of the reference units.
        weights: (n, r) weight of each reference in the unit's mix.
        input_slacks: (n, m) further reduction of each input in the mix, beyond the score, in the input's unit.
        output_slacks: (n, s) surplus of each output in the mix, in the output's unit.
        strong: (n,) whether a unit is strongly efficient, that is, efficient without slack: no other unit and no mix
            is better in any input or output.
    """

    scores: Numbers
    references: NDArray[np.int64]
    weights: Numbers
    input_slacks: Numbers
    output_slacks: Numbers
    strong: NDArray[np.bool_]


def relative_efficiency(
    inputs: Numbers, outputs: Numbers, returns: Returns, orientation: Orientation = "input"
) -> Numbers:
    """Score each unit against the best mix of units.

    Input orientation: the share of its inputs with which a mix gives at least the same outputs. Output orientation:
    the share that its outputs are of those which a mix gives with at most the same inputs.

    Args:
        inputs: (n, m) costs of the units, positive, lower is better; not modified.
        outputs: (n, s) benefits of the units, not negative, at least one positive, higher is better; not modified.
        returns: variable (mixes are averages; BCC), constant (mixes may be scaled by any factor; CCR) or nonincreasing
            (by factors up to 1).
        orientation: what is compared, inputs or outputs; with constant returns the scores are the same.

    Returns:
        (n,) scores in (0, 1]; 1 is efficient, possibly only weakly (see `compare_with_references`).

    Raises:
        ValueError: if shapes disagree, a value is not finite, an input is not positive, an output is negative, a unit
            or a column of outputs is all 0, or the values of a column span a ratio of more than `MAX_SPAN`.

    >>> costs, benefits = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [2.0]])
    >>> relative_efficiency(costs, benefits, "constant").round(6).tolist()
    [1.0, 1.0, 0.5]

    Source: Banker, Charnes and Cooper 1984, envelopment form; Partovi Nia et al., Rethinking Pareto
        Frontier for Performance Evaluation of Deep Neural Networks, section 2.2, whose equation 1 intends this form.
        Dominated units are not used as references. This changes no score, because in any mix the unit that dominates
        another can replace it.
    """
    inputs, outputs = _scaled(inputs, outputs)
    envelope = Envelope(inputs, outputs, _references(inputs, outputs), returns, orientation)
    order = _neighbour_order(inputs, outputs)
    scores = np.empty(len(inputs))
    scores[order] = envelope.scores(inputs[order], outputs[order])
    return np.where(scores >= EFFICIENT, 1.0, scores)


def super_efficiency(
    inputs: Numbers, outputs: Numbers, returns: Returns, orientation: Orientation = "input"
) -> Numbers:
    """Score each unit against all other units, without itself, to rank the efficient ones.

    Args:
        inputs: (n, m) costs, as in `relative_efficiency`.
        outputs: (n, s) benefits, as in `relative_efficiency`.
        returns: returns to scale, as in `relative_efficiency`.
        orientation: as in `relative_efficiency`.

    Returns:
        (n,) scores: the factor by which a unit's inputs could grow, or its outputs could be divided, before a mix of
        the others matches it. Infinite if, with variable returns, no mix of the others reaches its outputs, or manages
        with its inputs. Scores below 1 are those of `relative_efficiency`.

    Source: Andersen and Petersen 1993.
    """
    scores = relative_efficiency(inputs, outputs, returns, orientation)
    inputs, outputs = _scaled(inputs, outputs)
    for unit in np.flatnonzero(scores >= EFFICIENT):
        # The references must be recomputed: without this unit, one that only it dominates may become a reference.
        others = np.delete(np.arange(len(inputs)), unit)
        if len(others):
            references = others[_references(inputs[others], outputs[others])]
            envelope = Envelope(inputs, outputs, references, returns, orientation)
            score = envelope.score(inputs[unit], outputs[unit])
            scores[unit] = max(score, 1.0)
        else:
            scores[unit] = np.inf
    return scores


def scale_efficiency(
    inputs: Numbers, outputs: Numbers, orientation: Orientation = "input"
) -> tuple[Numbers, Numbers, NDArray[np.object_]]:
    """Tell how much of a unit's inefficiency is due to its size, and whether it is too small or too large.

    Args:
        inputs: (n, m) costs, as in `relative_efficiency`.
        outputs: (n, s) benefits, as in `relative_efficiency`.
        orientation: as in `relative_efficiency`.

    Returns:
        (n,) efficiencies with constant returns; their (n,) ratios to those with variable returns, in (0, 1]; and (n,)
        returns to scale: increasing (the unit is too small), constant, or decreasing (it is too large).

    Source: Cooper, Seiford and Tone 2007, sections 4.5 and 5.5; Faere, Grosskopf and Lovell 1985 for the test by
        non-increasing returns.
    """
    constant, variable, nonincreasing = (
        relative_efficiency(inputs, outputs, returns, orientation)
        for returns in ("constant", "variable", "nonincreasing")
    )
    ratio = np.minimum(constant / variable, 1.0)
    kinds = np.where(nonincreasing - constant <= TOLERANCE, "increasing", "decreasing").astype(object)
    kinds[ratio >= EFFICIENT] = "constant"
    return constant, ratio, kinds


def compare_with_references(
    inputs: Numbers, outputs: Numbers, returns: Returns, orientation: Orientation = "input"
) -> Comparison:
    """Find the reference mix of each unit, and the slacks: improvements that the score does not include.

    Args:
        inputs: (n, m) costs, as in `relative_efficiency`.
        outputs: (n, s) benefits, as in `relative_efficiency`.
        returns: returns to scale, as in `relative_efficiency`.
        orientation: as in `relative_efficiency`.

    Returns:
        Scores, references, weights and slacks of all units.

    Source: the second phase of Cooper, Seiford and Tone 2007, section 3.3: of all mixes that reach the score, the one
        with the largest sum of slacks. Here slacks are relative to each column's largest value, so that the result
        does not depend on the units of measurement.
    """
    scores = relative_efficiency(inputs, outputs, returns, orientation)
    (scaled_in, scaled_out), size_in, size_out = _scaled(inputs, outputs), inputs.max(0), outputs.max(0)
    references = _references(scaled_in, scaled_out)
    envelope = Envelope(scaled_in, scaled_out, references, returns, orientation)
    weights = np.empty((len(inputs), len(references)))
    for unit in _neighbour_order(scaled_in, scaled_out):
        weights[unit] = envelope.mix(scaled_in[unit], scaled_out[unit], scores[unit])
    shares = scores[:, None]
    if orientation == "input":
        allowed, needed = shares * scaled_in, scaled_out
    else:
        allowed, needed = scaled_in, scaled_out / shares
    input_slacks = np.maximum(allowed - weights @ scaled_in[references], 0)
    output_slacks = np.maximum(weights @ scaled_out[references] - needed, 0)
    slack = np.concatenate([input_slacks, output_slacks], axis=1)
    strong = (scores >= EFFICIENT) & (slack <= _MAX_SLACK).all(1)
    return Comparison(scores, references, weights, input_slacks * size_in, output_slacks * size_out, strong)


def merge_ties(values: Numbers) -> Numbers:
    """Make scores equal that differ by less than the solver's tolerance.

    Args:
        values: (n,) scores, possibly infinite; not modified.

    Returns:
        (n,) scores, each replaced by the smallest one that it is linked to by steps of at most `TOLERANCE`.
    """
    order = np.argsort(values)
    ordered = values[order]
    with np.errstate(invalid="ignore"):  # the difference of two infinite scores
        starts = np.concatenate([[True], np.diff(ordered) > TOLERANCE])
    levelled = np.empty_like(values)
    levelled[order] = ordered[starts][np.cumsum(starts) - 1]
    return levelled


def _references(inputs: Numbers, outputs: Numbers) -> NDArray[np.int64]:
    """Return the non-dominated rows, without duplicates."""
    values = np.concatenate([inputs, -outputs], axis=1)
    _, first = np.unique(values, axis=0, return_index=True)
    references: NDArray[np.int64] = np.sort(first)[front_mask(values[np.sort(first)])]
    return references


def _neighbour_order(inputs: Numbers, outputs: Numbers) -> NDArray[np.int64]:
    """Order the units so that successive ones have similar references, which saves the solver pivots."""
    return np.lexsort((inputs.sum(1), outputs[:, 0]))


def _scaled(inputs: Numbers, outputs: Numbers) -> tuple[Numbers, Numbers]:
    """Check the values and divide each column by its maximum: scores stay the same, and tolerances are relative."""
    if inputs.ndim != 2 or outputs.ndim != 2 or len(inputs) != len(outputs) or not inputs.size or not outputs.size:
        raise ValueError(
            f"inputs {inputs.shape} and outputs {outputs.shape} need equal numbers of rows, and at least one column"
        )
    if not (np.isfinite(inputs).all() and np.isfinite(outputs).all()):
        raise ValueError("inputs and outputs must be finite")
    if (inputs <= 0).any():
        raise ValueError("inputs must be positive")
    if (outputs < 0).any() or (outputs.max(1) <= 0).any() or (outputs.max(0) <= 0).any():
        raise ValueError("outputs must not be negative, and every unit and every output needs a value above 0")
    for column in np.concatenate([inputs, outputs], axis=1).T:
        if column.max() > MAX_SPAN * column[column > 0].min():
            raise ValueError(f"the values of a column span a ratio of more than {MAX_SPAN:.0e}")
    return inputs / inputs.max(0), outputs / outputs.max(0)
