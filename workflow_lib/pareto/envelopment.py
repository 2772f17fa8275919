"""Relative efficiency (data envelopment analysis): how far a model's costs could fall at equal benefits."""

from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask

Numbers = NDArray[np.float64]
Returns = Literal["variable", "constant"]

TOLERANCE = 1e-6
"""Scores that differ by no more than this count as equal: HiGHS solves the linear programmes to 1e-7."""

EFFICIENT = 1 - TOLERANCE
"""A unit whose score is at least this is efficient, and its score is set to 1."""

MAX_SPAN = 1e8
"""Maximum ratio of a column's largest value to its smallest positive one. Beyond it the solver drops the small
coefficients, and its scores would be wrong."""

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


def relative_efficiency(inputs: Numbers, outputs: Numbers, returns: Returns) -> Numbers:
    """Score each unit by the share of its inputs with which a mix of units gives at least the same outputs.

    Args:
        inputs: (n, m) costs of the units, positive, lower is better; not modified.
        outputs: (n, s) benefits of the units, not negative, at least one positive, higher is better; not modified.
        returns: variable (mixes are averages; BCC) or constant (mixes may be scaled by any factor; CCR).

    Returns:
        (n,) scores in (0, 1]; 1 is efficient, possibly only weakly (see `compare_with_references`).

    Raises:
        ValueError: if shapes disagree, a value is not finite, an input is not positive, an output is negative, a unit
            or a column of outputs is all 0, or the values of a column span a ratio of more than `MAX_SPAN`.

    >>> costs, benefits = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [2.0], [2.0]])
    >>> relative_efficiency(costs, benefits, "constant").round(6).tolist()
    [1.0, 1.0, 0.5]

    Source: Banker, Charnes and Cooper 1984, input-oriented envelopment form; Partovi Nia et al., Rethinking Pareto
        Frontier for Performance Evaluation of Deep Neural Networks, section 2.2, whose equation 1 intends this form.
        Dominated units are not used as references. This changes no score, because in any mix the unit that dominates
        another can replace it.
    """
    inputs, outputs = _scaled(inputs, outputs)
    envelope = _Envelope(inputs, outputs, _references(inputs, outputs), returns)
    scores = np.empty(len(inputs))
    for unit in _neighbour_order(inputs, outputs):
        scores[unit] = envelope.score(inputs[unit], outputs[unit])
    return np.where(scores >= EFFICIENT, 1.0, scores)


def super_efficiency(inputs: Numbers, outputs: Numbers, returns: Returns) -> Numbers:
    """Score each unit against all other units, without itself, to rank the efficient ones.

    Args:
        inputs: (n, m) costs, as in `relative_efficiency`.
        outputs: (n, s) benefits, as in `relative_efficiency`.
        returns: returns to scale, as in `relative_efficiency`.

    Returns:
        (n,) scores: the factor by which a unit's inputs could grow before a mix of the others matches it. Infinite if,
        with variable returns, no mix of the others reaches its outputs. Scores below 1 are those of
        `relative_efficiency`.

    Source: Andersen and Petersen 1993.
    """
    scores = relative_efficiency(inputs, outputs, returns)
    inputs, outputs = _scaled(inputs, outputs)
    for unit in np.flatnonzero(scores >= EFFICIENT):
        # The references must be recomputed: without this unit, one that only it dominates may become a reference.
        others = np.delete(np.arange(len(inputs)), unit)
        if len(others):
            references = others[_references(inputs[others], outputs[others])]
            score = _Envelope(inputs, outputs, references, returns).score(inputs[unit], outputs[unit])
            scores[unit] = max(score, 1.0)
        else:
            scores[unit] = np.inf
    return scores


def compare_with_references(inputs: Numbers, outputs: Numbers, returns: Returns) -> Comparison:
    """Find the reference mix of each unit, and the slacks: improvements that the score does not include.

    Args:
        inputs: (n, m) costs, as in `relative_efficiency`.
        outputs: (n, s) benefits, as in `relative_efficiency`.
        returns: returns to scale, as in `relative_efficiency`.

    Returns:
        Scores, references, weights and slacks of all units.

    Source: the second phase of Cooper, Seiford and Tone 2007, section 3.3: of all mixes that reach the score, the one
        with the largest sum of slacks. Here slacks are relative to each column's largest value, so that the result
        does not depend on the units of measurement.
    """
    scores = relative_efficiency(inputs, outputs, returns)
    (scaled_in, scaled_out), size_in, size_out = _scaled(inputs, outputs), inputs.max(0), outputs.max(0)
    references = _references(scaled_in, scaled_out)
    envelope = _Envelope(scaled_in, scaled_out, references, returns)
    weights = np.empty((len(inputs), len(references)))
    for unit in _neighbour_order(scaled_in, scaled_out):
        weights[unit] = envelope.mix(scaled_in[unit], scaled_out[unit], scores[unit])
    input_slacks = np.maximum(scores[:, None] * scaled_in - weights @ scaled_in[references], 0)
    output_slacks = np.maximum(weights @ scaled_out[references] - scaled_out, 0)
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


class _Envelope:
    """Linear programmes of all units against the same references.

    Only one column and the bounds of the outputs differ between units, so each solve starts from the previous basis.
    """

    def __init__(self, inputs: Numbers, outputs: Numbers, references: NDArray[np.int64], returns: Returns) -> None:
        self._inputs = inputs.shape[1]
        mixed = [inputs[references].T, outputs[references].T]
        if returns == "variable":
            mixed.append(np.ones((1, len(references))))
        matrix = np.concatenate(mixed)
        # The cost vector of phase 2, which minimises the mix's inputs and maximises its outputs.
        self._gain = matrix[: self._inputs].sum(0) - outputs[references].sum(1)
        self._columns = len(references)
        self._solver = highspy.Highs()
        for option, value in (("output_flag", False), ("presolve", "off"), ("solver", "simplex"), ("threads", 1)):
            self._solver.setOptionValue(option, value)
        self._solver.passModel(self._programme(matrix, outputs.shape[1]))

    def _programme(self, matrix: Numbers, outputs: int) -> Any:
        """Build the programme: column 0 is the score, the others are the weights of the references."""
        rows, references = matrix.shape
        convexity = rows - self._inputs - outputs
        programme = highspy.HighsLp()
        programme.num_row_, programme.num_col_ = rows, references + 1
        programme.col_cost_ = np.eye(1, references + 1)[0]
        programme.col_lower_, programme.col_upper_ = np.zeros(references + 1), np.full(references + 1, np.inf)
        unbounded, zero, one = np.full(self._inputs, -np.inf), np.zeros(self._inputs), np.ones(convexity)
        programme.row_lower_ = np.concatenate([unbounded, np.zeros(outputs), one])
        programme.row_upper_ = np.concatenate([zero, np.full(outputs, np.inf), one])
        programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        programme.a_matrix_.start_ = np.concatenate([[0], self._inputs + rows * np.arange(references + 1)])
        programme.a_matrix_.index_ = np.concatenate([np.arange(self._inputs), np.tile(np.arange(rows), references)])
        programme.a_matrix_.value_ = np.concatenate([-np.ones(self._inputs), matrix.T.ravel()])
        return programme

    def score(self, inputs: Numbers, outputs: Numbers) -> float:
        """Return the smallest share of a unit's inputs that suffices for its outputs; infinite if no mix does."""
        self._solve(inputs, outputs)
        if self._solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return float(np.inf)
        self._check_optimal()
        return float(self._solver.getInfo().objective_function_value)

    def mix(self, inputs: Numbers, outputs: Numbers, score: float) -> Numbers:
        """Return the weights that reach a score with the largest sum of slacks."""
        solver = self._solver
        solver.changeColBounds(0, 0.0, score)
        solver.changeColsCost(self._columns + 1, np.arange(self._columns + 1), np.concatenate([[0.0], self._gain]))
        self._solve(inputs, outputs)
        self._check_optimal()
        return np.array(solver.getSolution().col_value[1:])

    def _solve(self, inputs: Numbers, outputs: Numbers) -> None:
        for row, value in enumerate(inputs):
            self._solver.changeCoeff(row, 0, -value)
        for row, value in enumerate(outputs, start=self._inputs):
            self._solver.changeRowBounds(row, value, np.inf)
        self._solver.run()

    def _check_optimal(self) -> None:
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS ended with {status}")


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
