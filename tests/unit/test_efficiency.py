"""Relative efficiency: published examples, an independent solver, and what must hold for any data."""

from pathlib import Path

import highspy
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from workflow_lib.pareto.envelope import Orientation, Returns
from workflow_lib.pareto.envelopment import (
    compare_with_references,
    merge_ties,
    relative_efficiency,
    scale_efficiency,
    super_efficiency,
)

A_X = [(5, 13), (16, 12), (16, 26), (17, 15), (18, 14), (23, 6), (25, 10), (27, 22), (37, 14), (42, 25), (5, 17)]
A_Y = [12, 14, 25, 26, 8, 9, 27, 30, 31, 26, 12]
A_CCR = [1, 0.6222896791, 0.8198562444, 1, 0.3103709311, 0.5555555556, 1, 0.7576690896, 0.8201058201, 0.4905660377, 1]
A_BCC = [1, 0.8699861687, 1, 1, 0.7116402116, 1, 1, 1, 1, 0.4931209269, 1]
B_X, B_Y = [(2, 5), (2, 4), (6, 6), (3, 2), (6, 2)], [1, 2, 3, 1, 2]
B_CCR = [0.5, 1, 0.83333333, 0.71428571, 1]
C_X, C_Y = [(2,), (4,), (3,), (5,), (6,)], [1, 2, 3, 4, 5]
# Cooper, Seiford and Tone 2007, the hospitals of chapter 1: doctors, nurses; outpatients, inpatients; scores.
HOSPITAL_X = [
    (20, 151), (19, 131), (25, 160), (27, 168), (22, 158), (55, 255), (33, 235), (31, 206), (30, 244), (50, 268),
    (53, 306), (38, 284),
]  # fmt: skip
HOSPITAL_Y = [
    (100, 90), (150, 50), (160, 55), (180, 72), (94, 66), (230, 90), (220, 88), (152, 80), (190, 100), (250, 100),
    (260, 147), (250, 120),
]  # fmt: skip
HOSPITAL_CCR = [1, 1, 0.883, 1, 0.763, 0.835, 0.902, 0.796, 0.960, 0.871, 0.955, 0.958]
HOSPITAL_BCC = [1, 1, 0.896, 1, 0.882, 0.939, 1, 0.799, 0.989, 1, 1, 1]
EXAMPLES = [
    pytest.param(A_X, A_Y, "constant", A_CCR, id="DataEnvelopmentAnalysis.jl, CCR"),
    pytest.param(A_X, A_Y, "variable", A_BCC, id="DataEnvelopmentAnalysis.jl, BCC"),
    pytest.param(B_X, B_Y, "constant", B_CCR, id="pyDEA, CCR"),
    pytest.param(B_X, B_Y, "variable", [1] * 5, id="pyDEA, BCC"),
    pytest.param(C_X, C_Y, "variable", [1, 0.625, 1, 0.9, 1], id="one input, BCC"),
]
# Factors by which outputs could grow: DataEnvelopmentAnalysis.jl compares both examples with packages of R.
A_OUT_CCR = [
    1, 1.606968641, 1.219726027, 1, 3.221951220, 1.8, 1, 1.319837398, 1.219354839, 2.038461538, 1,
]  # fmt: skip
A_OUT_BCC = [1, 1.507518797, 1, 1, 3.203947368, 1, 1, 1, 1, 1.192307692, 1]
D_X, D_Y = [1, 2, 3, 2, 4], [2, 3, 4, 1, 3]


def arrays(inputs: object, outputs: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(inputs, dtype=float), np.array(outputs, dtype=float).reshape(len(np.array(inputs)), -1)


def oracle(
    inputs: NDArray[np.float64],
    outputs: NDArray[np.float64],
    returns: Returns,
    without_self: bool,
    orientation: Orientation = "input",
) -> list[float]:
    """Every programme as it is written, with all units as references, by scipy."""
    scores = []
    for unit in range(len(inputs)):
        others = [row for row in range(len(inputs)) if row != unit or not without_self]
        x, y = inputs[unit], outputs[unit]
        of_inputs, of_outputs = (x, 0 * y) if orientation == "input" else (0 * x, -y)
        more_in = np.column_stack([-of_inputs, inputs[others].T])
        more_out = np.column_stack([-of_outputs, -outputs[others].T])
        limits = np.concatenate([0 * x, -y] if orientation == "input" else [x, 0 * y])
        weights = [[0] + [1] * len(others)]
        sums = {"A_eq": weights, "b_eq": [1]} if returns == "variable" else {}
        rows = np.vstack([more_in, more_out, *([weights] if returns == "nonincreasing" else [])])
        limits = np.append(limits, [1.0] * (returns == "nonincreasing"))
        found = linprog([1 if orientation == "input" else -1] + [0] * len(others), rows, limits, **sums)
        score = found.fun if orientation == "input" else -1 / found.fun if found.success else np.inf
        scores.append(score if found.success else np.inf)
    return scores


def some(seed: int, units: int, inputs: int, outputs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    return random.lognormal(size=(units, inputs)), random.uniform(50, 99, size=(units, outputs))


@pytest.mark.parametrize(("inputs", "outputs", "returns", "expected"), EXAMPLES)
def test_published_examples(inputs: object, outputs: object, returns: Returns, expected: list[float]) -> None:
    np.testing.assert_allclose(relative_efficiency(*arrays(inputs, outputs), returns), expected, atol=1e-6)


@pytest.mark.parametrize(("returns", "expected"), [("constant", HOSPITAL_CCR), ("variable", HOSPITAL_BCC)])
def test_the_hospitals_of_a_textbook(returns: Returns, expected: list[float]) -> None:
    found = relative_efficiency(*arrays(HOSPITAL_X, HOSPITAL_Y), returns)
    np.testing.assert_allclose(found, expected, atol=5.01e-4)  # published with three decimals


@pytest.mark.parametrize(
    ("inputs", "outputs", "returns", "expected"),
    [
        pytest.param(A_X, A_Y, "constant", A_OUT_CCR, id="DataEnvelopmentAnalysis.jl, CCR"),
        pytest.param(A_X, A_Y, "variable", A_OUT_BCC, id="DataEnvelopmentAnalysis.jl, BCC"),
        pytest.param(D_X, D_Y, "variable", [1, 1, 1, 3, 4 / 3], id="DataEnvelopmentAnalysis.jl, five units"),
    ],
)
def test_published_examples_of_output_orientation(
    inputs: object, outputs: object, returns: Returns, expected: list[float]
) -> None:
    values = arrays(np.array(inputs).reshape(len(expected), -1), outputs)
    np.testing.assert_allclose(1 / relative_efficiency(*values, returns, "output"), expected, atol=1e-6)


def test_the_70_school_sites_of_1981() -> None:
    """Charnes, Cooper and Rhodes 1981: packages of R find 19 efficient sites with constant returns."""
    table = pd.read_csv(Path(__file__).with_name("school_sites_1981.csv")).to_numpy()
    sites = table[:, :5], table[:, 5:]
    assert len(table) == 70
    for returns in ("constant", "variable", "nonincreasing"):
        for orientation in ("input", "output"):
            scores = relative_efficiency(*sites, returns, orientation)
            np.testing.assert_allclose(scores, oracle(*sites, returns, False, orientation), atol=1e-7)
            if returns == "constant":
                assert (scores == 1).sum() == 19


def test_returns_to_scale_are_those_of_a_drawing() -> None:
    """One input, one output: the line from 0 through (3, 6) is the front of constant returns."""
    inputs, outputs = arrays([[1], [3], [5], [4], [3]], [1, 6, 8, 6, 3])
    _, ratio, kinds = scale_efficiency(inputs, outputs)
    assert list(kinds) == ["increasing", "constant", "decreasing", "constant", "increasing"]
    # (3, 3): constant returns need 1.5; between (1, 1) and (3, 6), 1.8 suffices.
    np.testing.assert_allclose(ratio, [0.5, 1, 0.8, 1, 1.5 / 1.8], atol=1e-9)
    _, ratio, kinds = scale_efficiency(inputs, outputs, "output")
    assert list(kinds) == ["increasing", "constant", "decreasing", "decreasing", "constant"]
    np.testing.assert_allclose(ratio, [0.5, 1, 0.8, 7 / 8, 1], atol=1e-9)


def test_returns_to_scale_of_the_hospitals() -> None:
    """The sizes of the sums of weights with constant returns, which Cooper, Seiford and Tone use, tell the same."""
    values = arrays(HOSPITAL_X, HOSPITAL_Y)
    _, ratio, kinds = scale_efficiency(*values)
    np.testing.assert_allclose(ratio, np.array(HOSPITAL_CCR) / HOSPITAL_BCC, atol=2e-3)
    sums = compare_with_references(*values, "constant").weights.sum(1)
    expected = np.where(sums < 1 - 1e-6, "increasing", "decreasing").astype(object)
    expected[ratio >= 1 - 1e-6] = "constant"
    assert list(kinds) == list(expected)


def test_a_unit_that_is_only_weakly_efficient_is_told_by_its_slack() -> None:
    for returns in ("variable", "constant"):
        found = compare_with_references(*arrays(A_X, A_Y), returns)
        assert found.scores[10] == pytest.approx(1)
        np.testing.assert_allclose(found.input_slacks[10], [0, 4], atol=1e-6)
        assert not found.strong[10]
        assert found.strong[0]


@pytest.mark.parametrize("orientation", ["input", "output"])
@pytest.mark.parametrize("returns", ["variable", "constant", "nonincreasing"])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 1), (2, 2), (5, 1)])
def test_scores_are_an_independent_solver_s(
    inputs: int, outputs: int, returns: Returns, orientation: Orientation
) -> None:
    values = some(inputs, 60, inputs, outputs)
    found = relative_efficiency(*values, returns, orientation)
    np.testing.assert_allclose(found, oracle(*values, returns, False, orientation), atol=1e-7)


@pytest.mark.parametrize("orientation", ["input", "output"])
@pytest.mark.parametrize("returns", ["variable", "constant", "nonincreasing"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_ties_zeros_and_twins_are_scored_as_by_the_independent_solver(
    returns: Returns, orientation: Orientation, data: st.DataObject
) -> None:
    """Small whole numbers make degenerate programmes, whose bases are used for many units."""
    count = data.draw(st.integers(2, 14))
    row = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.integers(0, 3))
    rows = np.array(data.draw(st.lists(row, min_size=count, max_size=count)), dtype=float)
    rows[:, 2] += rows[:, 2:].max(1) == 0
    rows[0, 2:] += 1  # an output that no unit has cannot be scored
    values = rows[:, :2], rows[:, 2:]
    found = relative_efficiency(*values, returns, orientation)
    np.testing.assert_allclose(found, oracle(*values, returns, False, orientation), atol=1e-6)


@pytest.mark.parametrize("orientation", ["input", "output"])
@pytest.mark.parametrize("returns", ["variable", "constant"])
@pytest.mark.parametrize("inputs", [1, 3])
def test_super_efficiency_is_an_independent_solver_s(inputs: int, returns: Returns, orientation: Orientation) -> None:
    values = some(7, 40, inputs, 1)
    expected = np.array(oracle(*values, returns, True, orientation))
    plain = relative_efficiency(*values, returns, orientation)
    found = super_efficiency(*values, returns, orientation)
    np.testing.assert_allclose(found, np.where(plain >= 1 - 1e-6, expected, plain), atol=1e-6)
    assert np.isinf(found).any() == (returns == "variable")


@pytest.mark.parametrize("orientation", ["input", "output"])
@pytest.mark.parametrize("returns", ["variable", "constant"])
def test_the_mix_gives_at_least_the_outputs_for_the_scored_inputs(returns: Returns, orientation: Orientation) -> None:
    inputs, outputs = some(3, 50, 3, 2)
    found = compare_with_references(inputs, outputs, returns, orientation)
    mixed_in, mixed_out = found.weights @ inputs[found.references], found.weights @ outputs[found.references]
    shares = found.scores[:, None]
    allowed, needed = (shares * inputs, outputs) if orientation == "input" else (inputs, outputs / shares)
    np.testing.assert_allclose(mixed_in + found.input_slacks, allowed, rtol=1e-6)
    np.testing.assert_allclose(mixed_out - found.output_slacks, needed, rtol=1e-6)
    if returns == "variable":
        np.testing.assert_allclose(found.weights.sum(1), 1)
    assert (found.weights >= -1e-9).all()


def test_one_input_and_one_output_is_a_ratio() -> None:
    inputs, outputs = some(5, 200, 1, 1)
    ratio = (outputs / inputs)[:, 0]
    np.testing.assert_allclose(relative_efficiency(inputs, outputs, "constant"), ratio / ratio.max(), rtol=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 2), st.sampled_from(["variable", "constant"]))
def test_units_of_measurement_and_the_order_of_units_do_not_matter(
    seed: int, columns: int, outputs: int, returns: Returns
) -> None:
    random = np.random.default_rng(seed)
    values = some(seed, 25, columns, outputs)
    scores = relative_efficiency(*values, returns)
    order = random.permutation(25)
    again = relative_efficiency(
        (values[0] * random.uniform(1e-3, 1e6, columns))[order], values[1][order] * 0.01, returns
    )
    np.testing.assert_allclose(again, scores[order], rtol=1e-6)
    assert (scores <= 1).all()
    assert (scores > 0).all()
    constant = relative_efficiency(*values, "constant")
    assert (constant <= relative_efficiency(*values, "variable") + 1e-7).all()


def test_twins_are_equally_efficient_and_measure_each_other() -> None:
    inputs, outputs = arrays([(1, 2), (1, 2), (3, 3)], [5, 5, 5])
    assert relative_efficiency(inputs, outputs, "variable").tolist() == pytest.approx([1, 1, 2 / 3])
    assert super_efficiency(inputs, outputs, "variable").tolist() == pytest.approx([1, 1, 2 / 3])


def test_a_lone_unit_is_efficient_beyond_measure() -> None:
    inputs, outputs = arrays([(1.0,)], [2.0])
    assert relative_efficiency(inputs, outputs, "variable").tolist() == [1]
    assert super_efficiency(inputs, outputs, "variable").tolist() == [np.inf]


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([[1.0], [2.0]], [[1.0]], "equal numbers of rows"),
        (np.empty((0, 1)), np.empty((0, 1)), "equal numbers of rows"),
        ([[1.0], [np.nan]], [[1.0], [1.0]], "finite"),
        ([[1.0], [0.0]], [[1.0], [1.0]], "positive"),
        ([[1.0], [2.0]], [[1.0], [-1.0]], "negative"),
        ([[1.0], [2.0]], [[1.0], [0.0]], "every unit"),
    ],
)
def test_what_cannot_be_scored_is_refused(inputs: object, outputs: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        relative_efficiency(np.array(inputs, dtype=float), np.array(outputs, dtype=float), "variable")


def test_a_solver_that_gives_up_is_a_bug_and_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(highspy.Highs, "getModelStatus", lambda self: highspy.HighsModelStatus.kIterationLimit)
    with pytest.raises(RuntimeError, match="HiGHS ended"):
        relative_efficiency(*some(1, 5, 2, 1), "variable")


def test_twins_and_what_the_solver_cannot_tell_apart_are_level() -> None:
    values = np.array([1.0, 0.5 + 4e-7, 0.5, 0.5 + 8e-7, 0.9, np.inf, np.inf])
    assert merge_ties(values).tolist() == [1.0, 0.5, 0.5, 0.5, 0.9, np.inf, np.inf]
    random = np.random.default_rng(1)
    inputs, outputs = random.uniform(1, 2, (12, 2)), random.uniform(1, 2, (12, 1))
    scores = merge_ties(super_efficiency(np.repeat(inputs, 2, 0), np.repeat(outputs, 2, 0), "variable"))
    np.testing.assert_array_equal(scores[::2], scores[1::2])


def test_a_column_that_spans_too_much_is_refused() -> None:
    """What is below the solver's tolerance, relative to a column's largest value, would be scored 0."""
    outputs = np.ones((3, 1))
    with pytest.raises(ValueError, match="span a ratio of more than"):
        relative_efficiency(np.array([[1e10], [1.0], [2.0]]), outputs, "variable")
    scores = relative_efficiency(np.array([[1e5], [1.0], [2.0]]), outputs, "variable")
    assert scores.tolist() == pytest.approx([1e-5, 1, 0.5])


@pytest.mark.parametrize("orientation", ["input", "output"])
@pytest.mark.parametrize("returns", ["variable", "constant", "nonincreasing"])
def test_units_that_are_almost_equal_are_scored(returns: Returns, orientation: Orientation) -> None:
    """Their programmes are at the limit of what is feasible: the solver needs a second start, or a looser score."""
    for spread in (1e-2, 1e-3, 1e-4):
        for seed in range(12):
            random = np.random.default_rng(seed)
            values = 1 + spread * random.random((20, 2)), 1 + spread * random.random((20, 1 + seed % 2))
            beyond = super_efficiency(*values, returns, orientation)
            found = compare_with_references(*values, returns, orientation)
            np.testing.assert_allclose(np.minimum(beyond, 1), found.scores, atol=1e-6)
            assert found.scores.min() > 1 - 3 * spread and (found.weights.sum(1) > 0.9).all()
