"""The linear programmes of data envelopment analysis: units against mixes of reference units."""

from typing import Any, Literal

import highspy
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Returns = Literal["variable", "constant", "nonincreasing"]
"""Weights of a mix: their sum is 1; any; or at most 1."""
Orientation = Literal["input", "output"]
"""What is scaled: the inputs of a unit, at its outputs; or its outputs, at its inputs."""

_DUAL, _PRIMAL = 1, 4  # strategies of HiGHS; it begins with the first one
_ROUNDING = 1e-9  # of values that are at most 1
_LOOSER = (1 + 1e-7, 1 + 1e-6, 1 + 1e-5)
"""Factors of a score at which a mix is looked for if there is none at the score itself."""


class Envelope:
    """Linear programmes of any units against the same references.

    A programme has a factor, which scales the unit, and a weight for each reference. Its rows are the inputs, the
    outputs, and possibly the sum of the weights. Only the column of the factor and the limits of the rows differ
    between units, so each solve starts from the previous basis.

    Args:
        inputs: (n, m) inputs of the units, each column at most 1.
        outputs: (n, s) outputs of the units, each column at most 1.
        references: (r,) rows of the units that may be mixed.
        returns: limit of the sum of the weights.
        orientation: what the factor scales.
    """

    def __init__(
        self,
        inputs: Numbers,
        outputs: Numbers,
        references: NDArray[np.int64],
        returns: Returns,
        orientation: Orientation,
    ) -> None:
        counts = inputs.shape[1], outputs.shape[1], int(returns != "constant")
        self._scales_inputs, self._counts = orientation == "input", counts
        # Rows are inputs, outputs and the sum of the weights.
        ones = np.ones((counts[2], len(references)))
        self._mixed = np.concatenate([inputs[references].T, outputs[references].T, ones])
        self._has_lower = np.repeat([False, True, returns == "variable"], counts)
        self._has_upper = np.repeat([True, False, True], counts)
        # The cost vector of phase 2, which minimises the mix's inputs and maximises its outputs.
        self._gain = inputs[references].sum(1) - outputs[references].sum(1)
        self._solver = highspy.Highs()
        for option, value in (("output_flag", False), ("presolve", "off"), ("solver", "simplex"), ("threads", 1)):
            self._solver.setOptionValue(option, value)
        self._solver.passModel(self._programme())

    def _programme(self) -> Any:
        """Build the programme: column 0 is the factor, the others are the weights of the references."""
        rows, references = self._mixed.shape
        matrix = np.column_stack([-np.repeat([1.0, 1.0, 0.0], self._counts) * self._scaled, self._mixed])
        programme = highspy.HighsLp()
        programme.num_row_, programme.num_col_ = rows, references + 1
        programme.col_cost_ = np.eye(1, references + 1)[0] * (1 if self._scales_inputs else -1)
        programme.col_lower_, programme.col_upper_ = np.zeros(references + 1), np.full(references + 1, np.inf)
        programme.row_lower_ = np.where(self._has_lower, 1.0, -np.inf)
        programme.row_upper_ = np.where(self._has_upper, 1.0, np.inf)
        programme.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        programme.a_matrix_.start_ = rows * np.arange(references + 2)
        programme.a_matrix_.index_ = np.tile(np.arange(rows), references + 1)
        programme.a_matrix_.value_ = matrix.T.ravel()
        return programme

    @property
    def _scaled(self) -> NDArray[np.bool_]:
        """(rows,) mask of the rows whose values the factor scales."""
        return np.repeat([self._scales_inputs, not self._scales_inputs, False], self._counts)

    def scores(self, inputs: Numbers, outputs: Numbers) -> Numbers:
        """Score units, each of which a mix of references matches.

        An optimal basis is optimal for all units for which its solution has no negative weight and keeps all limits.
        All units are tested for this after each solve, so that few programmes are solved.

        Args:
            inputs: (n, m) inputs of the units, in an order in which neighbours are similar.
            outputs: (n, s) their outputs.

        Returns:
            (n,) efficiencies.
        """
        values = np.concatenate([inputs, outputs, np.ones((len(inputs), self._counts[2]))], axis=1)
        found, left = np.empty(len(inputs)), np.arange(len(inputs))
        while len(left):
            found[left[0]] = self.score(inputs[left[0]], outputs[left[0]])
            first, left = left[0], left[1:]
            scores = self._scores_of_basis(values[first], values[left])
            known = ~np.isnan(scores)
            found[left[known]], left = scores[known], left[~known]
        return found

    def score(self, inputs: Numbers, outputs: Numbers) -> float:
        """Return the efficiency of a unit; infinite if no mix matches it."""
        self._solve(inputs, outputs)
        if self._solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return float(np.inf)
        self._check_optimal()
        factor = abs(float(self._solver.getInfo().objective_function_value))
        if self._scales_inputs:
            return factor
        return 1 / factor if factor > 0 else float(np.inf)

    def mix(self, inputs: Numbers, outputs: Numbers, score: float) -> Numbers:
        """Return the weights that reach an efficiency with the largest sum of slacks."""
        solver, columns = self._solver, self._mixed.shape[1] + 1
        solver.changeColsCost(columns, np.arange(columns), np.concatenate([[0.0], self._gain]))
        for share in (1.0, *_LOOSER):  # the score is only known to the solver's tolerance
            solver.changeColBounds(0, *((0.0, score * share) if self._scales_inputs else (1 / (score * share), np.inf)))
            self._solve(inputs, outputs)
            if solver.getModelStatus() == highspy.HighsModelStatus.kOptimal:
                break
        self._check_optimal()
        return np.array(solver.getSolution().col_value[1:])

    def _scores_of_basis(self, solved: Numbers, values: Numbers) -> Numbers:
        """Score units by the basis of the last solve.

        Args:
            solved: (rows,) values of the unit that was solved.
            values: (k, rows) values of other units.

        Returns:
            (k,) efficiencies; NaN where the basis is not optimal.
        """
        scores = np.full(len(values), np.nan)
        basic = np.asarray(self._solver.getBasicVariables()[1])
        tight = np.ones(len(self._mixed), dtype=bool)  # rows at one of their limits
        tight[-1 - basic[basic < 0]] = False
        mixed = self._mixed[:, basic[basic > 0] - 1]
        if not (basic == 0).any() or mixed.shape[1] != tight.sum() - 1:
            return scores
        scaled = self._scaled
        try:
            inverse = np.linalg.inv(np.column_stack([-(solved * scaled)[tight], mixed[tight]]))
        except np.linalg.LinAlgError:
            return scores
        # Of each row, the mix's value minus `factor` times the unit's scaled value is compared with the limit.
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = -(values[:, tight & ~scaled] @ inverse[0, ~scaled[tight]])
            factor /= values[:, tight & scaled] @ inverse[0, scaled[tight]]
            needed = values * np.where(scaled, factor[:, None], 1.0)
            weights = needed[:, tight] @ inverse[1:].T
            possible = np.flatnonzero((weights.min(1) >= -_ROUNDING) & (factor > 0) & np.isfinite(factor))
        excess = weights[possible] @ mixed.T - needed[possible]
        above, below = excess > _ROUNDING, excess < -_ROUNDING
        kept = possible[~((above & self._has_upper) | (below & self._has_lower)).any(1)]
        scores[kept] = factor[kept] if self._scales_inputs else 1 / factor[kept]
        return scores

    def _solve(self, inputs: Numbers, outputs: Numbers) -> None:
        solver, first = self._solver, 0 if self._scales_inputs else len(inputs)
        for row, value in enumerate(inputs if self._scales_inputs else outputs, start=first):
            solver.changeCoeff(row, 0, -value)
        limits = np.where(self._scaled, 0.0, np.concatenate([inputs, outputs, np.ones(self._counts[2])]))
        for row, limit in enumerate(limits):
            solver.changeRowBounds(
                row, limit if self._has_lower[row] else -np.inf, limit if self._has_upper[row] else np.inf
            )
        solver.run()
        if solver.getModelStatus() not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kInfeasible):
            # A programme at the limit of what is feasible, which the dual simplex does not decide.
            solver.clearSolver()
            solver.setOptionValue("simplex_strategy", _PRIMAL)
            solver.run()
            solver.setOptionValue("simplex_strategy", _DUAL)

    def _check_optimal(self) -> None:
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"HiGHS ended with {status}")
