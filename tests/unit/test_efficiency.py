"""Relative efficiency: published examples, an independent solver, and what must hold for any data."""

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from workflow_lib.pareto.envelopment import (
    Returns,
    compare_with_references,
    merge_ties,
    relative_efficiency,
    super_efficiency,
)

A_X = [(5, 13), (16, 12), (16, 26), (17, 15), (18, 14), (23, 6), (25, 10), (27, 22), (37, 14), (42, 25), (5, 17)]
A_Y = [12, 14, 25, 26, 8, 9, 27, 30, 31, 26, 12]
A_CCR = [1, 0.6222896791, 0.8198562444, 1, 0.3103709311, 0.5555555556, 1, 0.7576690896, 0.8201058201, 0.4905660377, 1]
A_BCC = [1, 0.8699861687, 1, 1, 0.7116402116, 1, 1, 1, 1, 0.4931209269, 1]
B_X, B_Y = [(2, 5), (2, 4), (6, 6), (3, 2), (6, 2)], [1, 2, 3, 1, 2]
B_CCR = [0.5, 1, 0.83333333, 0.71428571, 1]
C_X, C_Y = [(2,), (4,), (3,), (5,), (6,)], [1, 2, 3, 4, 5]
EXAMPLES = [
    pytest.param(A_X, A_Y, "constant", A_CCR, id="DataEnvelopmentAnalysis.jl, CCR"),
    pytest.param(A_X, A_Y, "variable", A_BCC, id="DataEnvelopmentAnalysis.jl, BCC"),
    pytest.param(B_X, B_Y, "constant", B_CCR, id="pyDEA, CCR"),
    pytest.param(B_X, B_Y, "variable", [1] * 5, id="pyDEA, BCC"),
    pytest.param(C_X, C_Y, "variable", [1, 0.625, 1, 0.9, 1], id="one input, BCC"),
]


def arrays(inputs: object, outputs: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(inputs, dtype=float), np.array(outputs, dtype=float).reshape(len(np.array(inputs)), -1)


def oracle(
    inputs: NDArray[np.float64], outputs: NDArray[np.float64], returns: Returns, without_self: bool
) -> list[float]:
    """Every programme as it is written, with all units as references, by scipy."""
    scores = []
    for unit in range(len(inputs)):
        others = [row for row in range(len(inputs)) if row != unit or not without_self]
        more_in = np.column_stack([-inputs[unit], inputs[others].T])
        more_out = np.column_stack([np.zeros(outputs.shape[1]), -outputs[others].T])
        convexity = {"A_eq": [[0] + [1] * len(others)], "b_eq": [1]} if returns == "variable" else {}
        found = linprog(
            [1] + [0] * len(others), np.vstack([more_in, more_out]),
            np.concatenate([np.zeros(inputs.shape[1]), -outputs[unit]]), **convexity,
        )  # fmt: skip
        scores.append(found.fun if found.success else np.inf)
    return scores


def some(seed: int, units: int, inputs: int, outputs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    return random.lognormal(size=(units, inputs)), random.uniform(50, 99, size=(units, outputs))


@pytest.mark.parametrize(("inputs", "outputs", "returns", "expected"), EXAMPLES)
def test_published_examples(inputs: object, outputs: object, returns: Returns, expected: list[float]) -> None:
    np.testing.assert_allclose(relative_efficiency(*arrays(inputs, outputs), returns), expected, atol=1e-6)


def test_a_unit_that_is_only_weakly_efficient_is_told_by_its_slack() -> None:
    for returns in ("variable", "constant"):
        found = compare_with_references(*arrays(A_X, A_Y), returns)
        assert found.scores[10] == pytest.approx(1)
        np.testing.assert_allclose(found.input_slacks[10], [0, 4], atol=1e-6)
        assert not found.strong[10]
        assert found.strong[0]


@pytest.mark.parametrize("returns", ["variable", "constant"])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (3, 1), (2, 2), (5, 1)])
def test_scores_are_an_independent_solver_s(inputs: int, outputs: int, returns: Returns) -> None:
    values = some(inputs, 60, inputs, outputs)
    np.testing.assert_allclose(relative_efficiency(*values, returns), oracle(*values, returns, False), atol=1e-7)


@pytest.mark.parametrize("returns", ["variable", "constant"])
@pytest.mark.parametrize("inputs", [1, 3])
def test_super_efficiency_is_an_independent_solver_s(inputs: int, returns: Returns) -> None:
    values = some(7, 40, inputs, 1)
    expected = np.array(oracle(*values, returns, True))
    plain = relative_efficiency(*values, returns)
    found = super_efficiency(*values, returns)
    np.testing.assert_allclose(found, np.where(plain >= 1 - 1e-6, expected, plain), atol=1e-6)
    assert np.isinf(found).any() == (returns == "variable")


@pytest.mark.parametrize("returns", ["variable", "constant"])
def test_the_mix_gives_at_least_the_outputs_for_the_scored_inputs(returns: Returns) -> None:
    inputs, outputs = some(3, 50, 3, 2)
    found = compare_with_references(inputs, outputs, returns)
    mixed_in, mixed_out = found.weights @ inputs[found.references], found.weights @ outputs[found.references]
    np.testing.assert_allclose(mixed_in + found.input_slacks, found.scores[:, None] * inputs, rtol=1e-6)
    np.testing.assert_allclose(mixed_out - found.output_slacks, outputs, rtol=1e-6)
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
    """HiGHS drops what is a billionth of a column's largest value: scores would be 1, 0, 0."""
    outputs = np.ones((3, 1))
    with pytest.raises(ValueError, match="span a ratio of more than"):
        relative_efficiency(np.array([[1e10], [1.0], [2.0]]), outputs, "variable")
    scores = relative_efficiency(np.array([[1e7], [1.0], [2.0]]), outputs, "variable")
    assert scores.tolist() == pytest.approx([1e-7, 1, 0.5])
