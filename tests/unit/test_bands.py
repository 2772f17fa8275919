"""What happens to the pixels of one chip, against slow loops and scikit-learn."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler

from workflow_lib.data.bands import add_indices, fill_nodata, normalise, spectral_index

Array = NDArray[np.floating[Any]]

# Few different values, so that 0/0 is frequent.
PLANE = arrays(np.float32, (4, 5), elements=st.sampled_from([0.0, 1.0, 3.0, 250.0]))
CHIP = arrays(np.float32, (6, 5, 2), elements=st.integers(-50, 255).map(float))


def slow_index(first: Array, second: Array) -> Array:
    """The published rule, pixel by pixel."""
    height, width = first.shape
    ratio = np.full((height, width), np.nan)
    for row in range(height):
        for column in range(width):
            total = first[row, column] + second[row, column]
            if total != 0:
                ratio[row, column] = (first[row, column] - second[row, column]) / total
    index = ratio.copy()
    for row in range(height):
        for column in range(width):
            if np.isnan(ratio[row, column]):
                around = [
                    ratio[max(row - 1, 0), column],
                    ratio[min(row + 1, height - 1), column],
                    ratio[row, max(column - 1, 0)],
                    ratio[row, min(column + 1, width - 1)],
                ]
                index[row, column] = sum(value for value in around if np.isfinite(value)) / 4
    return index


@given(PLANE, PLANE)
def test_an_index_equals_the_slow_loop(first: Array, second: Array) -> None:
    np.testing.assert_allclose(spectral_index(first, second), slow_index(first, second), rtol=1e-6)


def test_zero_by_zero_is_a_quarter_of_the_finite_neighbours() -> None:
    first = np.array([[0, 3, 0], [1, 0, 3], [0, 0, 0]], dtype=np.float32)
    second = np.array([[0, 1, 0], [3, 0, 1], [0, 0, 0]], dtype=np.float32)
    index = spectral_index(first, second)
    assert index[1, 1] == (0.5 + 0.5 - 0.5 + 0) / 4
    assert index[0, 0] == (0.5 - 0.5) / 4, "outside the chip is the pixel itself, which is not finite"
    assert index[0, 2] == (0.5 + 0.5) / 4
    assert index[2, 2] == 0.5 / 4
    assert index[2, 1] == 0


def test_bytes_do_not_wrap_around() -> None:
    index = spectral_index(np.full((2, 2), 200, np.uint8), np.full((2, 2), 250, np.uint8))
    np.testing.assert_allclose(index, (200 - 250) / (200 + 250), rtol=1e-6)


@given(PLANE, PLANE)
def test_an_index_is_finite(first: Array, second: Array) -> None:
    assert np.isfinite(spectral_index(first, -second)).all()


def test_ndvi_and_ndwi_are_those_of_the_paper() -> None:
    red, green, nir = 50.0, 80.0, 120.0
    chip = np.broadcast_to(np.array([red, green, nir], dtype=np.float32), (3, 3, 3))
    planes = add_indices(chip, ["red", "green", "nir"], ["ndvi", "ndwi"])
    np.testing.assert_allclose(planes[0, 0], [(nir - red) / (nir + red), (green - nir) / (green + nir)], rtol=1e-6)


def test_bands_come_in_the_order_asked_for() -> None:
    chip = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    arranged = add_indices(chip, ["red", "green", "nir"], ["nir", "red"])
    np.testing.assert_array_equal(arranged, chip[..., [2, 0]])
    assert arranged.dtype == np.float32


@given(CHIP)
def test_per_column_is_scikit_learns_scaler_on_each_bands_image(chip: Array) -> None:
    expected = np.stack([MinMaxScaler().fit_transform(chip[..., band]) for band in range(chip.shape[-1])], axis=-1)
    np.testing.assert_allclose(normalise(chip, "per_column"), expected, atol=1e-6)


@given(CHIP)
def test_per_chip_band_is_the_scaler_on_each_bands_pixels(chip: Array) -> None:
    pixels = chip.reshape(-1, chip.shape[-1])
    expected = MinMaxScaler().fit_transform(pixels).reshape(chip.shape)
    np.testing.assert_allclose(normalise(chip, "per_chip_band"), expected, atol=1e-6)


@given(CHIP, st.sampled_from(["per_chip_band", "per_column"]))
def test_normalised_values_lie_between_0_and_1(chip: Array, how: str) -> None:
    scaled = normalise(chip, how)
    assert scaled.dtype == np.float32
    assert scaled.min() >= 0
    assert scaled.max() <= 1


@pytest.mark.parametrize("how", ["per_chip_band", "per_column"])
def test_a_constant_band_becomes_0_and_leaves_the_others_alone(how: str) -> None:
    chip = np.zeros((3, 4, 2), dtype=np.float32)
    chip[..., 0] = 7
    chip[..., 1] = [[0], [1], [2]]
    scaled = normalise(chip, how)
    assert (scaled[..., 0] == 0).all()
    assert (scaled[..., 1] == [[0], [0.5], [1]]).all()


def test_the_two_normalisations_differ_where_columns_do() -> None:
    chip = np.array([[0, 10], [5, 20]], dtype=np.float32)[..., None]
    np.testing.assert_array_equal(normalise(chip, "per_column")[..., 0], [[0, 0], [1, 1]])
    np.testing.assert_array_equal(normalise(chip, "per_chip_band")[..., 0], [[0, 0.5], [0.25, 1]])


@pytest.mark.parametrize("how", ["per_dataset", "none"])
def test_what_needs_other_chips_leaves_a_chip_as_it_is(how: str) -> None:
    chip = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    np.testing.assert_array_equal(normalise(chip, how), chip)


@given(CHIP, arrays(np.bool_, (6, 5, 2)))
def test_gaps_get_the_mean_of_their_band_and_nothing_else_changes(chip: Array, valid: NDArray[np.bool_]) -> None:
    valid[0, 0] = True
    before = chip.copy()
    filled = fill_nodata(chip, valid)
    np.testing.assert_array_equal(filled[valid], chip[valid])
    for band in range(2):
        gaps = filled[..., band][~valid[..., band]]
        np.testing.assert_allclose(gaps, chip[..., band][valid[..., band]].mean(dtype=np.float64), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(chip, before)
    assert filled.dtype == chip.dtype


@pytest.mark.parametrize("gap", [np.nan, np.inf, -9999.0])
def test_the_value_of_a_gap_does_not_matter(gap: float) -> None:
    chip = np.array([[1, 3], [gap, 8]], dtype=np.float32)[..., None]
    valid = np.array([[True, True], [False, True]])[..., None]
    np.testing.assert_array_equal(fill_nodata(chip, valid)[..., 0], [[1, 3], [4, 8]])
