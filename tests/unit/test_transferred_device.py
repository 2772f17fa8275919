"""Predictions that are transferred from another device: what a few measurements correct, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from examples import config
from numpy.typing import NDArray

from workflow_lib.core.errors import ConfigError
from workflow_lib.core.sealed import DamagedFileError
from workflow_lib.devices.transferred.correction import (
    Correction,
    describe_network,
    error_over_sizes,
    fit_correction,
    left_out,
)
from workflow_lib.latency.kernel import Kernel

BASE = {"cortexA76cpu_tflite21": {}}


def networks(count: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of networks, and their latency on the other device, in ms."""
    random = np.random.default_rng(seed)
    kernels = random.integers(5, 30, count)
    works = random.uniform(1, 100, count)
    base = 0.05 * kernels + 0.1 * works
    features = [
        [np.log(ms), np.log(number), np.log(work), 0.0, 0.0]
        for ms, number, work in zip(base, kernels, works, strict=True)
    ]
    return np.array(features), base


def test_another_speed_is_learned_exactly() -> None:
    features, base = networks(12)
    correction = fit_correction(features, 3 * base)
    assert correction.predict(features) == pytest.approx(3 * base, rel=1e-6)
    unseen, unseen_base = networks(5, seed=1)
    assert correction.predict(unseen) == pytest.approx(3 * unseen_base, rel=1e-6)


def test_another_balance_is_learned_better_by_more_networks() -> None:
    features, _ = networks(80)
    other_ms = 0.2 * np.exp(features[:, 1]) + 0.03 * np.exp(features[:, 2])
    errors = error_over_sizes(features, other_ms, seed=0)
    assert errors["networks"].tolist() == [5, 10, 20, 50]
    assert errors["error_pct"].iloc[-1] < 0.6 * errors["error_pct"].iloc[0]
    assert errors["error_pct"].iloc[-1] < 5
    scale_only = 100 * np.abs(other_ms / np.exp(features[:, 0]) / np.median(other_ms / np.exp(features[:, 0])) - 1)
    assert np.median(scale_only) > 3 * errors["error_pct"].iloc[-1]
    assert errors["tau"].iloc[-1] > 0.9


def test_noise_is_not_learned() -> None:
    random = np.random.default_rng(0)
    features = random.standard_normal((20, 5))
    measured = np.exp(features[:, 0] + random.normal(0, 0.1, 20))
    unseen = random.standard_normal((500, 5))
    error = np.abs(np.log(fit_correction(features, measured).predict(unseen)) - unseen[:, 0])
    assert np.median(error) < 0.1


def test_networks_beyond_the_measured_ones_are_not_extrapolated() -> None:
    features, base = networks(30)
    other_ms = base**1.3
    correction = fit_correction(features, other_ms)
    huge = features.max(axis=0) + 5.0
    ratio = np.log(correction.predict(huge[None])[0]) - huge[0]
    inside = np.log(correction.predict(features)) - features[:, 0]
    assert ratio < inside.max() + 0.2


def test_each_network_is_predicted_without_itself() -> None:
    features, base = networks(12)
    measured = base.copy()
    measured[3] *= 4
    predicted = left_out(features, measured, seed=0)
    assert predicted[3] < 2 * base[3]
    assert left_out(features, measured, seed=0).tolist() == predicted.tolist()


def test_a_correction_reads_back(tmp_path: Path) -> None:
    features, base = networks(8)
    correction = fit_correction(features, base**1.2)
    correction.write(tmp_path / "c.json")
    again = Correction.read(tmp_path / "c.json")
    assert again.predict(features).tolist() == correction.predict(features).tolist()
    assert again.error_pct is None
    (tmp_path / "c.json").write_text('{"ratio": 1.0}')
    with pytest.raises(DamagedFileError):
        Correction.read(tmp_path / "c.json")


def test_a_network_without_weights_has_features() -> None:
    pool = Kernel("maxpool", (), 8, 4, 3, 3, 2, 2, 0.0)
    assert np.isfinite(describe_network(1.0, [pool])).all()


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ({"base": "nothing"}, "which is no device of this run"),
        ({"base": "moved"}, "of kind transferred: name a device of another kind"),
        ({"base": "here"}, "of kind measured: name a device of another kind"),
        ({"base": "meter"}, "predicts an energy"),
        ({"base": "cortexA76cpu_tflite21", "sample_networks": 4}, "greater than or equal to 5"),
        ({"base": "cortexA76cpu_tflite21", "measurements": "a.csv", "remote": {"host": "pi"}}, "remove one"),
        ({"base": "cortexA76cpu_tflite21", "remote": {"by": "ssh"}}, "moved.remote.host is missing"),
        ({"base": "cortexA76cpu_tflite21", "remote": {"by": "adb"}}, "benchmark_model runs LiteRT"),
    ],
)
def test_bad_settings_are_named(device: dict[str, object], message: str) -> None:
    others = {"here": {"kind": "measured"}, "meter": {"kind": "package", "package": "m", "unit": "mJ"}}
    with pytest.raises(ConfigError, match=message):
        config({"devices": BASE | others | {"moved": {"kind": "transferred"} | device}})


def test_it_knows_float32_only() -> None:
    moved = {"kind": "transferred", "base": "b"}
    with pytest.raises(ConfigError, match="fp32 only"):
        config(
            {
                "devices": {"b": {"kind": "built"}, "moved": moved},
                "grid.precisions": ["fp32", "int8"],
                "keep_weights": True,
            }
        )
