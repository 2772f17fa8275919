"""The cells of NAS-Bench-201: ids, the benchmark's spelling, and their published work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.nasbench201.nasbench201_cell import OPERATIONS, Cell, multiply_adds, space

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


def test_there_are_15625_cells() -> None:
    assert len(set(space().networks())) == 15_625


@given(st.tuples(*[st.sampled_from(list(OPERATIONS))] * 6))
def test_an_id_reads_back_and_is_safe_in_file_names(operations: tuple[str, ...]) -> None:
    text = str(Cell(operations))
    assert Cell.parse(text) == Cell(operations)
    assert all(letter.isalnum() or letter in "-." for letter in text)


def test_the_benchmark_s_spelling() -> None:
    assert str(Cell.from_benchmark(BEST)) == "conv3-conv3.conv3-skip.conv3.conv3"


@pytest.mark.parametrize("text", ["", "conv3", "conv3-conv3.conv3-skip.conv3", "conv5-none.none-none.none.none"])
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a NAS-Bench-201 cell"):
        Cell.parse(text)
    with pytest.raises(ConfigError, match="not a NAS-Bench-201 cell"):
        Cell.from_benchmark(text)


def test_multiply_adds_are_the_benchmark_s() -> None:
    """184.73 M for the best cell, 220.12 M for six convolutions of 3 x 3, 7.78 M for none (NATS-Bench's flops)."""
    assert multiply_adds(Cell.from_benchmark(BEST)) / 1e6 == pytest.approx(184.73, abs=0.01)
    assert multiply_adds(Cell(("conv3",) * 6)) / 1e6 == pytest.approx(220.12, abs=0.01)
    assert multiply_adds(Cell(("none",) * 6)) / 1e6 == pytest.approx(7.78, abs=0.01)
