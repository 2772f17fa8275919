"""Augmentation: every orientation once, mirrored shifts, dropped bands, and nothing else."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from workflow_lib.data.bands import add_indices
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.training.augmentation import apply, draw
from workflow_lib.training.jittered_indices import JitteredIndices
from workflow_lib.training.mixup import Mixup
from workflow_lib.training.regularisation import balanced_weights
from workflow_lib.training.training_config import TrainingConfig

SIDE, BANDS = 6, 3
CHIPS = np.arange(8 * SIDE * SIDE * BANDS, dtype=np.float32).reshape(8, SIDE, SIDE, BANDS)


def config(**values: object) -> TrainingConfig:
    return TrainingConfig.model_validate(values)


def changed(training: TrainingConfig, seed: int = 0, chips: NDArray[np.float32] = CHIPS) -> NDArray[np.float32]:
    draws = draw(training, np.random.default_rng(seed), len(chips), chips.shape[1], chips.shape[3])
    tensors = {name: torch.from_numpy(numbers) for name, numbers in draws.items()}
    return apply(torch.from_numpy(chips), tensors, training.cutout_px).numpy()


def turned(chip: NDArray[np.float32]) -> dict[bytes, str]:
    """The eight orientations of a chip, by NumPy."""
    return {
        np.ascontiguousarray(np.rot90(side, turns)).tobytes(): f"{name}{turns}"
        for name, side in (("plain", chip), ("flipped", chip[::-1]))
        for turns in range(4)
    }


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"flips": True}, {"plain0", "plain2", "flipped0", "flipped2"}),
        ({"rotations": True}, {f"plain{turns}" for turns in range(4)}),
        ({"flips": True, "rotations": True}, {f"{name}{turns}" for name in ("plain", "flipped") for turns in range(4)}),
    ],
)
def test_orientations_are_those_of_numpy_and_equally_frequent(values: dict[str, object], allowed: set[str]) -> None:
    chips = np.repeat(CHIPS[:1], 4000, 0)
    names = turned(chips[0])
    found = Counter(names[chip.tobytes()] for chip in changed(config(**values), chips=chips))
    assert found.keys() == allowed
    assert all(abs(count / 4000 - 1 / len(allowed)) < 0.04 for count in found.values())


def test_a_shift_mirrors_the_edge() -> None:
    row = torch.arange(5.0).expand(5, 5).reshape(1, 5, 5, 1)
    for shift, expected in {2: [2, 1, 0, 1, 2], -2: [2, 3, 4, 3, 2], 0: [0, 1, 2, 3, 4], 4: [4, 3, 2, 1, 0]}.items():
        moved = apply(row, {"shifts": torch.tensor([[0, shift]])}, 0)
        assert moved[0, 0, :, 0].tolist() == expected
        moved = apply(row.transpose(1, 2), {"shifts": torch.tensor([[shift, 0]])}, 0)
        assert moved[0, :, 0, 0].tolist() == expected


def test_shifts_stay_within_their_limit_and_reach_it() -> None:
    draws = draw(config(shift_px=3), np.random.default_rng(0), 1000, SIDE, BANDS)["shifts"]
    assert (draws.min(), draws.max()) == (-3, 3)
    assert set(np.unique(draws)) == set(range(-3, 4))


def test_dropped_bands_are_zero_and_no_chip_loses_all() -> None:
    chips = np.ones((3000, 2, 2, BANDS), np.float32)
    kept = changed(config(band_dropout=0.6), chips=chips)[:, 0, 0]
    assert set(np.unique(kept)) == {0, 1}
    assert kept.any(1).all()
    # Each band is dropped with probability 0.6, but never all three: then all are kept.
    assert 1 - kept.mean() == pytest.approx(0.6 - 0.6**3, abs=0.03)


def test_jitter_changes_each_band_of_a_chip_by_one_gain_and_one_offset() -> None:
    chips = np.ones((3000, 2, 2, BANDS), np.float32)
    gains = changed(config(gain_jitter=0.2), chips=chips)
    assert (gains == gains[:, :1, :1]).all(), "the same for all pixels of a band"
    assert 0.8 <= gains.min() < 0.81 and 1.19 < gains.max() <= 1.2
    offsets = changed(config(offset_jitter=0.5), chips=0 * chips)
    assert -0.5 <= offsets.min() < -0.49 and 0.49 < offsets.max() <= 0.5
    both = changed(config(gain_jitter=0.2, offset_jitter=0.5), chips=chips)
    assert np.corrcoef(both[:, 0, 0, 0], both[:, 0, 0, 1])[0, 1] == pytest.approx(0, abs=0.06)


@pytest.fixture
def dataset() -> Dataset:
    """Eight chips of raw red, green, near infrared and their vegetation index."""
    raw = np.random.default_rng(0).uniform(20, 200, (8, SIDE, SIDE, 3)).astype(np.float32)
    pixels = add_indices(raw.reshape(8 * SIDE, SIDE, 3), ["red", "green", "nir"], ["red", "green", "nir", "ndvi"])
    pixels = pixels.reshape(8, SIDE, SIDE, 4)
    moments = np.stack([pixels.mean((1, 2)), pixels.var((1, 2))], -1).astype(np.float64)
    return Dataset(pixels, moments, pd.DataFrame(), ["red", "green", "nir", "ndvi"], ["a", "b"], "per_dataset")


def jittered(dataset: Dataset, channels: list[str], values: dict[str, object]) -> tuple[ChipView, NDArray[np.float32]]:
    """Jitter all chips; returns the view of the network and its changed channels in raw values."""
    rows, training = np.arange(8), config(**values)
    view = dataset.view(channels, rows)
    indices = JitteredIndices.find(dataset, channels, rows, view)
    assert indices
    extra = len(indices.view.channels) - len(channels)
    assert extra or indices.view is view, "chips on a GPU are not held twice"
    draws = draw(training, np.random.default_rng(0), 8, SIDE, len(channels), extra)
    tensors = {name: torch.from_numpy(numbers) for name, numbers in draws.items()}
    pixels = apply(torch.from_numpy(indices.view.batch(rows)), tensors, 0, indices).numpy()
    if scaling := view.scaling:
        pixels = pixels * scaling.deviation + scaling.mean
    return view, pixels


@pytest.mark.parametrize("normalisation", ["per_dataset", "none"])
def test_an_index_is_that_of_the_changed_bands(dataset: Dataset, normalisation: str) -> None:
    dataset = replace(dataset, normalisation=normalisation)
    _, raw = jittered(dataset, ["ndvi", "nir", "red"], {"gain_jitter": 0.3})
    ndvi, nir, red = np.moveaxis(raw, -1, 0)
    assert np.abs(nir - dataset.pixels[..., 2]).max() > 1, "bands are changed"
    nir, red = nir.clip(0), red.clip(0)
    np.testing.assert_allclose(ndvi, (nir - red) / (nir + red), atol=1e-4)


def test_an_index_changes_with_bands_that_the_network_does_not_see(dataset: Dataset) -> None:
    view, raw = jittered(dataset, ["green", "ndvi"], {"gain_jitter": 0.3, "band_dropout": 0.0})
    assert raw.shape[-1] == len(view.channels) == 2
    _, unchanged = jittered(dataset, ["green", "ndvi"], {})
    np.testing.assert_allclose(unchanged[..., 1], dataset.pixels[..., 3], atol=1e-4)
    assert np.abs(raw[..., 1] - unchanged[..., 1]).mean() > 0.01


@pytest.mark.parametrize("normalisation", ["per_dataset", "none"])
def test_an_index_stays_within_its_limits_and_keeps_its_value_where_it_is_not_defined(
    dataset: Dataset, normalisation: str
) -> None:
    dark = dataset.pixels.copy()
    dark[0, ..., :3], dark[0, ..., 3] = 0, 0.25  # 0/0
    moments = np.stack([dark.mean((1, 2)), dark.var((1, 2))], -1).astype(np.float64)
    dataset = replace(dataset, pixels=dark, moments=moments, normalisation=normalisation)
    for jitter in ({"gain_jitter": 0.2}, {"offset_jitter": 0.2}):
        _, raw = jittered(dataset, ["ndvi"], jitter)
        np.testing.assert_allclose(raw[0, ..., 0], 0.25, atol=1e-5)
    _, raw = jittered(dataset, ["ndvi"], {"offset_jitter": 150.0})
    assert np.abs(raw).max() <= 1 + 1e-6


def test_without_raw_values_an_index_is_changed_like_a_band(dataset: Dataset) -> None:
    normalised = replace(dataset, normalisation="per_chip_band")
    for chips, channels in ((normalised, ["ndvi", "nir", "red"]), (dataset, ["nir", "red"])):
        view = chips.view(channels, np.arange(8))
        assert JitteredIndices.find(chips, channels, np.arange(8), view) is None


def test_mixup_mixes_chips_and_classes_alike() -> None:
    mixup = Mixup(4, 1.0, torch.device("cpu"))
    mixup.begin(np.random.default_rng(0))
    shares = np.random.default_rng(0).beta(1.0, 1.0, 4)
    shares = np.maximum(shares, 1 - shares).astype(np.float32)
    images = torch.tensor([0.0, 1.0, 10.0]).reshape(3, 1, 1, 1)
    mixed = mixup.mix_images(images)[:, 0, 0, 0]
    expected = [0 * shares[0] + 10 * (1 - shares[0]), shares[1], 10 * shares[2] + 1 - shares[2]]
    assert mixed.tolist() == pytest.approx(expected)
    targets = mixup.mix_targets(torch.eye(3))
    assert targets[1].tolist() == pytest.approx([1 - shares[1], shares[1], 0])
    assert mixup.mix_images(images[:1]).item() == 0, "the last chip of the epoch is alone in its batch"


def test_without_changes_chips_are_as_they_are_and_nothing_is_drawn() -> None:
    generator = np.random.default_rng(3)
    assert draw(config(), generator, 8, SIDE, BANDS) == {}
    assert generator.integers(2**60) == np.random.default_rng(3).integers(2**60)
    assert (changed(config()) == CHIPS).all()


def test_the_same_seed_draws_the_same() -> None:
    training = config(flips=True, rotations=True, shift_px=2, band_dropout=0.3, cutout_px=2)
    assert (changed(training, 1) == changed(training, 1)).all()
    assert not (changed(training, 1) == changed(training, 2)).all()
    assert (np.array([1.0]) == CHIPS[0, 0, 0, 1]).all(), "the chips themselves are not changed"


def test_warm_up_rises_to_the_rate_from_which_the_schedule_falls() -> None:
    training = config(epochs=6, learning_rate=1.0, warmup_epochs=2, schedule="cosine")
    assert [round(training.rate(epoch), 3) for epoch in range(6)] == [0.333, 0.667, 1.0, 0.854, 0.5, 0.146]


def test_balanced_weights_give_each_class_the_same_share() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [3])
    weights = balanced_weights(labels, 5).numpy()
    assert weights.tolist() == pytest.approx([10 / 18, 10 / 9, 0, 10 / 3, 0])
    assert weights[labels].mean() == pytest.approx(1)
