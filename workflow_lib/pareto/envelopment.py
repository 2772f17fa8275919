"""Relative efficiency: how much of its costs a model would need if it were as good as the best of the others."""

from dataclasses import dataclass
from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray

from workflow_lib.pareto.dominance import front_mask

Numbers = NDArray[np.float64]
Returns = Literal["variable", "constant"]

TOLERANCE = 1e-6
"""Scores that differ by no more than this are equal: HiGHS solves the programmes to 1e-7."""

EFFICIENT = 1 - TOLERANCE
"""From this score on a unit is efficient, and its score is 1."""

MAX_SPAN = 1e8
"""How many times larger than its smallest positive value a column's largest one may be: the solver drops smaller
coefficients beside larger ones, and its scores would be wrong."""

_SLACK = 1e-6  # of a column's largest value


@dataclass(frozen=True)
class Comparison:
    """Each unit beside the mix of efficient units that it is measured against.

    Args:
        scores: (n,) relative efficiency in (0, 1].
        references: (r,) rows of the units that others are measured against.
        weights: (n, r) how much of each reference the mix holds.
        input_slacks: (n, m) what the mix saves of each input beyond the score, in the input's unit.
        output_slacks: (n, s) what the mix gives more of each output, in the output's unit.
        strong: (n,) whether a unit is efficient and has no slack: no other one, and no mix, is better in anything.
    """

    scores: Numbers
    references: NDArray[np.int64]
    weights: Numbers
    input_slacks: Numbers
    output_slacks: Numbers
    strong: NDArray[np.bool_]


def relative_efficiency(inputs: Numbers, outputs: Numbers, returns: Returns) -> Numbers:
    """Score each unit by the share of its inputs that a mix of units needs for at least its outputs.

    Args:
        inputs: (n, m) what units cost, positive; not modified.
        outputs: (n, s) what they give, not negative and more than 0 in one output.
        returns: variable (mixes are averages; BCC) or constant (mixes may be scaled at will; CCR).

    Returns:
        (n,) scores in (0, 1]; 1 is efficient, perhaps weakly (see `compare_with_references`).

    Raises:
        ValueError: if shapes disagree, a value is not finite, an input is not positive, an output is negative, a unit
            or a column of outputs is all 0, or the values of a column are more than `MAX_SPAN` times apart.

    Source: Banker, Charnes and Cooper 1984, input-oriented envelopment form; Partovi Nia et al., Rethinking Pareto
        Frontier for Performance Evaluation of Deep Neural Networks, section 2.2, whose equation 1 it is meant to be.
        Dominated units are no references, which changes no score: what dominates them can take their place in any mix.
    """
    inputs, outputs = _scaled(inputs, outputs)
    envelope = _Envelope(inputs, outputs, _references(inputs, outputs), returns)
    scores = np.empty(len(inputs))
    for unit in _neighbours(inputs, outputs):
        scores[unit] = envelope.score(inputs[unit], outputs[unit])
    return np.where(scores >= EFFICIENT, 1.0, scores)


def super_efficiency(inputs: Numbers, outputs: Numbers, returns: Returns) -> Numbers:
    """Score each unit against the others alone, to tell the efficient ones apart.

    Args:
        inputs, outputs, returns: as in `relative_efficiency`.

    Returns:
        (n,) scores: by what factor a unit may grow its inputs before others match it; infinite where, with variable
        returns, no mix of others gives as much. Below 1 they are those of `relative_efficiency`.

    Source: Andersen and Petersen 1993.
    """
    scores = relative_efficiency(inputs, outputs, returns)
    inputs, outputs = _scaled(inputs, outputs)
    for unit in np.flatnonzero(scores >= EFFICIENT):
        # Not the references of all: what this unit alone dominates may be one, when it is away.
        others = np.delete(np.arange(len(inputs)), unit)
        if len(others):
            references = others[_references(inputs[others], outputs[others])]
            score = _Envelope(inputs, outputs, references, returns).score(inputs[unit], outputs[unit])
            scores[unit] = max(score, 1.0)
        else:
            scores[unit] = np.inf
    return scores


def compare_with_references(inputs: Numbers, outputs: Numbers, returns: Returns) -> Comparison:
    """Say against whom each unit is measured, and what is still left to gain where the score says nothing of it.

    Args:
        inputs, outputs, returns: as in `relative_efficiency`.

    Source: the second phase of Cooper, Seiford and Tone 2007, section 3.3: of all mixes that reach the score, the one
        with the largest sum of slacks; here in units of each column's largest value, so that no unit of measurement
        decides.
    """
    scores = relative_efficiency(inputs, outputs, returns)
    (scaled_in, scaled_out), size_in, size_out = _scaled(inputs, outputs), inputs.max(0), outputs.max(0)
    references = _references(scaled_in, scaled_out)
    envelope = _Envelope(scaled_in, scaled_out, references, returns)
    weights = np.empty((len(inputs), len(references)))
    for unit in _neighbours(scaled_in, scaled_out):
        weights[unit] = envelope.mix(scaled_in[unit], scaled_out[unit], scores[unit])
    input_slacks = np.maximum(scores[:, None] * scaled_in - weights @ scaled_in[references], 0)
    output_slacks = np.maximum(weights @ scaled_out[references] - scaled_out, 0)
    slack = np.concatenate([input_slacks, output_slacks], axis=1)
    strong = (scores >= EFFICIENT) & (slack <= _SLACK).all(1)
    return Comparison(scores, references, weights, input_slacks * size_in, output_slacks * size_out, strong)


def level(values: Numbers) -> Numbers:
    """Make values equal that the solver cannot tell apart.

    Args:
        values: (n,) scores, perhaps infinite; not modified.

    Returns:
        (n,) each value replaced by the smallest one that a chain of steps of at most `TOLERANCE` joins it to.
    """
    order = np.argsort(values)
    ordered = values[order]
    with np.errstate(invalid="ignore"):  # the difference of two infinite scores
        starts = np.concatenate([[True], np.diff(ordered) > TOLERANCE])
    levelled = np.empty_like(values)
    levelled[order] = ordered[starts][np.cumsum(starts) - 1]
    return levelled


class _Envelope:
    """The linear programmes of all units against the same references.

    From one to the next only one column and the bounds of the outputs change, so each starts at the last one's basis.
    """

    def __init__(self, inputs: Numbers, outputs: Numbers, references: NDArray[np.int64], returns: Returns) -> None:
        self._inputs = inputs.shape[1]
        mixed = [inputs[references].T, outputs[references].T]
        if returns == "variable":
            mixed.append(np.ones((1, len(references))))
        matrix = np.concatenate(mixed)
        # In phase 2: the least of inputs, and the most of outputs.
        self._gain = matrix[: self._inputs].sum(0) - outputs[references].sum(1)
        self._columns = len(references)
        self._solver = highspy.Highs()
        for option, value in (("output_flag", False), ("presolve", "off"), ("solver", "simplex"), ("threads", 1)):
            self._solver.setOptionValue(option, value)
        self._solver.passModel(self._programme(matrix, outputs.shape[1]))

    def _programme(self, matrix: Numbers, outputs: int) -> Any:
        """Column 0 is the score, the others are the references' weights."""
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
        """The least share of a unit's inputs for its outputs; infinite if no mix gives them."""
        self._ask(inputs, outputs)
        if self._solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return float(np.inf)
        self._check()
        return float(self._solver.getInfo().objective_function_value)

    def mix(self, inputs: Numbers, outputs: Numbers, score: float) -> Numbers:
        """The weights, of all that reach a score, that leave most slack."""
        solver = self._solver
        solver.changeColBounds(0, 0.0, score)
        solver.changeColsCost(self._columns + 1, np.arange(self._columns + 1), np.concatenate([[0.0], self._gain]))
        self._ask(inputs, outputs)
        self._check()
        return np.array(solver.getSolution().col_value[1:])

    def _ask(self, inputs: Numbers, outputs: Numbers) -> None:
        for row, value in enumerate(inputs):
            self._solver.changeCoeff(row, 0, -value)
        for row, value in enumerate(outputs, start=self._inputs):
            self._solver.changeRowBounds(row, value, np.inf)
        self._solver.run()

    def _check(self) -> None:
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS ended with {status}")


def _references(inputs: Numbers, outputs: Numbers) -> NDArray[np.int64]:
    """Rows that nobody dominates, one of each kind."""
    values = np.concatenate([inputs, -outputs], axis=1)
    _, first = np.unique(values, axis=0, return_index=True)
    references: NDArray[np.int64] = np.sort(first)[front_mask(values[np.sort(first)])]
    return references


def _neighbours(inputs: Numbers, outputs: Numbers) -> NDArray[np.int64]:
    """An order in which neighbours have much the same references, so that few pivots lie between them."""
    return np.lexsort((inputs.sum(1), outputs[:, 0]))


def _scaled(inputs: Numbers, outputs: Numbers) -> tuple[Numbers, Numbers]:
    """Check the values, and make each column's largest one 1: scores do not change, and tolerances are relative."""
    if inputs.ndim != 2 or outputs.ndim != 2 or len(inputs) != len(outputs) or not inputs.size or not outputs.size:
        raise ValueError(f"inputs {inputs.shape} and outputs {outputs.shape} need as many rows, and a column each")
    if not (np.isfinite(inputs).all() and np.isfinite(outputs).all()):
        raise ValueError("inputs and outputs must be finite")
    if (inputs <= 0).any():
        raise ValueError("inputs must be positive")
    if (outputs < 0).any() or (outputs.max(1) <= 0).any() or (outputs.max(0) <= 0).any():
        raise ValueError("outputs must not be negative, and every unit and every output needs one above 0")
    for column in np.concatenate([inputs, outputs], axis=1).T:
        if column.max() > MAX_SPAN * column[column > 0].min():
            raise ValueError(f"the values of a column are more than {MAX_SPAN:.0e} times apart")
    return inputs / inputs.max(0), outputs / outputs.max(0)
