"""One network's view of the chips: its channels in order, scaled by what it may learn from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import save_array
from workflow_lib.data.chip_tables import CHIPS
from workflow_lib.data.dataset import Dataset, DatasetArguments

BANDS = ["dem", "red", "nir"]
CHIP_COUNT, SIDE = 8, 6


def moments_of(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.stack([pixels.mean((1, 2), dtype=np.float64), pixels.var((1, 2), dtype=np.float64)], axis=-1)


def dataset(normalisation: str = "per_dataset", pixels: NDArray[np.float32] | None = None) -> Dataset:
    if pixels is None:
        scale = np.array([100.0, 10.0, 1.0])
        noise = np.random.default_rng(0).normal(size=(CHIP_COUNT, SIDE, SIDE, 3))
        level = np.arange(CHIP_COUNT).reshape(-1, 1, 1, 1)
        pixels = ((noise + level + 3) * scale).astype(np.float32)
    chips = pd.DataFrame({"chip": range(CHIP_COUNT), "region": ["A", "B"] * 4, "class": ["T", "F", "F", "T"] * 2})
    return Dataset(pixels, moments_of(pixels), chips, BANDS, ["F", "T"], normalisation)


TRAINING, VALIDATION = np.array([0, 2, 3, 5, 6]), np.array([1, 4, 7])


def test_training_chips_get_mean_0_and_deviation_1() -> None:
    pixels = dataset().view(["red", "nir"], TRAINING).batch(TRAINING)
    np.testing.assert_allclose(pixels.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(pixels.std((0, 1, 2)), 1, rtol=1e-5)


def test_nothing_of_a_validation_chip_is_in_the_statistics() -> None:
    whole = dataset()
    before = whole.view(BANDS, TRAINING)
    changed = whole.pixels.copy()
    changed[VALIDATION] = 1e6
    after = dataset(pixels=changed).view(BANDS, TRAINING)
    assert before.scaling is not None
    assert after.scaling is not None
    np.testing.assert_array_equal(after.scaling.mean, before.scaling.mean)
    np.testing.assert_array_equal(after.scaling.deviation, before.scaling.deviation)
    np.testing.assert_array_equal(after.batch(TRAINING), before.batch(TRAINING))


def test_a_training_chip_does_change_the_statistics() -> None:
    changed = dataset().pixels.copy()
    changed[TRAINING[0]] += 50
    before, after = dataset().view(BANDS, TRAINING).scaling, dataset(pixels=changed).view(BANDS, TRAINING).scaling
    assert before is not None
    assert after is not None
    assert (after.mean != before.mean).all()


def test_validation_chips_are_scaled_by_the_training_chips() -> None:
    whole = dataset()
    training = whole.pixels[TRAINING].astype(np.float64)
    expected = (whole.pixels[VALIDATION] - training.mean((0, 1, 2))) / training.std((0, 1, 2))
    np.testing.assert_allclose(whole.view(BANDS, TRAINING).batch(VALIDATION), expected, rtol=1e-4, atol=1e-5)


def test_a_constant_channel_becomes_0() -> None:
    pixels = dataset().pixels.copy()
    pixels[..., 1] = 7
    view = dataset(pixels=pixels).view(["red"], TRAINING)
    assert (view.batch(VALIDATION) == 0).all()


@pytest.mark.parametrize("channels", [["nir", "dem"], ["dem", "nir"], ["red"], ["nir", "red", "dem"]])
@pytest.mark.parametrize("normalisation", ["none", "per_dataset"])
def test_channels_come_in_the_order_asked_for(channels: list[str], normalisation: str) -> None:
    whole = dataset(normalisation)
    pixels = whole.view(channels, TRAINING).batch(VALIDATION)
    everything = whole.view(BANDS, TRAINING).batch(VALIDATION)
    assert pixels.shape == (len(VALIDATION), SIDE, SIDE, len(channels))
    np.testing.assert_array_equal(pixels, everything[..., [BANDS.index(channel) for channel in channels]])


@pytest.mark.parametrize("normalisation", ["none", "per_chip_band", "per_column"])
def test_what_is_normalised_already_is_left_alone(normalisation: str) -> None:
    whole = dataset(normalisation)
    np.testing.assert_array_equal(whole.view(BANDS, TRAINING).batch(VALIDATION), whole.pixels[VALIDATION])


@pytest.mark.parametrize("normalisation", ["none", "per_dataset"])
def test_a_batch_is_a_contiguous_float32_copy_in_the_order_of_its_rows(normalisation: str) -> None:
    whole = dataset(normalisation)
    before = whole.pixels.copy()
    pixels = whole.view(["nir", "red"], TRAINING).batch(np.array([4, 1]))
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels[::-1], whole.view(["nir", "red"], TRAINING).batch(np.array([1, 4])))
    pixels[:] = 0
    np.testing.assert_array_equal(whole.pixels, before)


def test_labels_are_positions_among_the_classes() -> None:
    assert dataset().labels.tolist() == [1, 0, 0, 1, 1, 0, 0, 1]


# Opening what an import has left


def arguments(folder: Path, chips: int = CHIP_COUNT, bands: int = 3, moments: int = CHIP_COUNT) -> DatasetArguments:
    save_array(folder / "chips.npy", np.zeros((chips, SIDE, SIDE, bands), np.float32))
    save_array(folder / "moments.npy", np.zeros((moments, bands, 2)))
    place = {"x": 0.0, "y": 0.0, "left": 0.0, "bottom": 0.0, "right": 1.0, "top": 1.0, "crs": ""}
    CHIPS.write(dataset().chips.assign(file="a.tif", **place), folder / "chips.parquet")
    return DatasetArguments(
        array=folder / "chips.npy",
        moments=folder / "moments.npy",
        chips=folder / "chips.parquet",
        bands=BANDS,
        classes=["F", "T"],
        normalisation="none",
    )


def test_an_import_is_opened_without_reading_its_pixels(tmp_path: Path) -> None:
    opened = Dataset.open(arguments(tmp_path))
    assert isinstance(opened.pixels, np.memmap)
    assert opened.regions.tolist() == ["A", "B"] * 4
    with pytest.raises(ValueError, match="read-only"):
        opened.pixels[0] = 1


@pytest.mark.parametrize("sizes", [{"chips": 7}, {"moments": 7}, {"bands": 2}])
def test_files_that_do_not_belong_together_are_refused(sizes: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"chips\.npy.* does not match 8 chips"):
        Dataset.open(arguments(tmp_path, **sizes))


def test_rows_are_those_of_one_role_in_one_fold() -> None:
    folds = pd.DataFrame(
        {
            "chip": [0, 1, 2] * 2,
            "fold": [0] * 3 + [1] * 3,
            "role": ["training", "validation", "training"] + ["buffer"] * 3,
        }
    )
    assert dataset().rows(folds, 0, "training").tolist() == [0, 2]
    with pytest.raises(UserError, match="fold 1 has no training chip"):
        dataset().rows(folds, 1, "training")


def test_folds_of_other_chips_are_refused() -> None:
    folds = pd.DataFrame({"chip": [0, CHIP_COUNT], "fold": 0, "role": "training"})
    with pytest.raises(UserError, match="names chip 8, but there are only 8"):
        dataset().rows(folds, 0, "training")


def test_an_unknown_channel_is_refused() -> None:
    with pytest.raises(UserError, match="unknown bands: swir; known bands are dem, red, nir"):
        dataset().view(["red", "swir"], TRAINING)


@pytest.mark.parametrize("name", ["chips.npy", "moments.npy"])
@pytest.mark.parametrize("damage", [b"", b"no array at all"])
def test_a_damaged_array_is_refused(name: str, damage: bytes, tmp_path: Path) -> None:
    told = arguments(tmp_path)
    (tmp_path / name).write_bytes(damage)
    with pytest.raises(UserError, match="damaged"):
        Dataset.open(told)


def test_a_class_that_is_not_the_configurations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has classes \['T'\], which are not among \['F', 'X'\]"):
        Dataset.open(arguments(tmp_path).model_copy(update={"classes": ["F", "X"]}))
