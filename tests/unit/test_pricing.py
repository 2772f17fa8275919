"""Kernels without a predictor: counted, named or filled, and never dropped without a word."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_packages import export, k8_cpu  # noqa: F401  # a fixture

from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import write_json
from workflow_lib.devices.calibrated import fallback_model, read_model
from workflow_lib.devices.package import PackageConfig, read
from workflow_lib.devices.package.described_model import describe
from workflow_lib.latency.forest_predictor import ForestPredictor
from workflow_lib.latency.forests import Forest
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.packages import import_package, read_package
from workflow_lib.latency.pricing import predict_network, price_kernels, require_coverage


def constant(value: float, features: int) -> Forest:
    leaf = np.zeros(1)
    return Forest(
        np.zeros(1, np.int32), np.zeros((1, 2), np.int32), np.zeros(1, np.int16), leaf, leaf + value, features
    )


ADD = Kernel("add", (50, 64, 64), 50, 50, 64, 64, 1, 1, 0)
CONVOLUTION = Kernel("conv-bn-relu", (50, 64, 64, 3, 1, 92.3, 0.037), 50, 50, 64, 64, 3, 1, 92_160_000)
FC = Kernel("fc", (512, 2, 0.001, 0.002), 1, 1, 512, 2, 1, 1, 1024)
NETWORK = [CONVOLUTION, ADD, CONVOLUTION, ADD, FC]
PREDICTOR = ForestPredictor("adreno640gpu_tflite21", "ms", {"conv-bn-relu": constant(2.0, 7)})


def table(kernels: list[Kernel]) -> pd.DataFrame:
    return pd.DataFrame({"kernel": number, **asdict(kernel)} for number, kernel in enumerate(kernels))


def test_uncovered_kernels_are_an_error_that_names_them() -> None:
    networks = {"a": NETWORK, "b": [CONVOLUTION, FC], "c": [CONVOLUTION]}
    with pytest.raises(UserError) as caught:
        require_coverage(networks, PREDICTOR)
    message = str(caught.value)
    assert (
        "no price for add (no forest: 2 kernels in 1 networks), fc (no forest: 2 kernels in 2 networks), "
        "out of 3 networks" in message
    )
    assert "\n" not in message
    require_coverage({"c": [CONVOLUTION]}, PREDICTOR)


def test_uncovered_kernels_are_reported() -> None:
    row = predict_network(table(NETWORK), PREDICTOR)
    assert row == {
        "latency_ms": 4.0,
        "predictor_error_pct": None,
        "kernels": 5,
        "covered_kernels": 2,
        "filled_kernels": 0,
        "covered_multiply_adds_pct": pytest.approx(100 * 184_320_000 / 184_321_024),
    }
    assert price_kernels([ADD], PREDICTOR).covered_multiply_adds_pct == 100


def test_uncovered_kernels_are_filled_and_it_is_said() -> None:
    """Additions on the Adreno are priced by their traffic; of its fully connected layers nothing is known."""
    prices = price_kernels(NETWORK, PREDICTOR, fallback_model("adreno640gpu_tflite21"))
    assert prices.breakdown()["source"].tolist() == ["predictor", "fallback", "predictor", "fallback", "none"]
    assert "total     " in describe(prices, PREDICTOR, each_kernel=False)
    assert describe(prices, PREDICTOR, each_kernel=True).count("fallback") == 3, "two kernels and the summary"
    assert prices.values[[0, 2]].tolist() == [2.0, 2.0]
    assert 0 < prices.values[1] == prices.values[3] < 2
    assert predict_network(table(NETWORK), PREDICTOR, fallback_model(PREDICTOR.device))["filled_kernels"] == 2


def test_a_device_without_a_calibrated_model_cannot_be_filled() -> None:
    with pytest.raises(UserError, match=r"uncovered: calibrated.*no published predictions.*choose error or report"):
        fallback_model("board")


def test_a_forest_that_is_removed_from_a_package(tmp_path: Path, shared: Path, k8_cpu: Path) -> None:  # noqa: F811
    pytest.importorskip("nn_meter")
    source = tmp_path / "source"
    shutil.copytree(k8_cpu, source)
    source.chmod(0o755)
    for file in source.iterdir():
        file.chmod(0o644)
    (source / "maxpool.pkl").unlink()
    meta = (source / "meta.yaml").read_text()
    (source / "meta.yaml").write_text(meta.replace(" maxpool,", ""))
    import_package(source, tmp_path / "package", "us")
    rules = shared / "data" / "nn_meter" / "fusion_rules_tflite.json"
    networks = {
        architecture: detect_kernels(export(tmp_path, architecture, 5), rules)
        for architecture in ("k3-s1-p1-nopool-w32", "k3-s1-p1-pool2s1-w32", "k5-s2-p3-pool3s2-w48")
    }
    with pytest.raises(
        UserError, match=r"k8_cpu has no price for maxpool \(no forest: 2 kernels in 2 networks\), out of 3 networks"
    ):
        require_coverage(networks, read_package(tmp_path / "package"))


def test_reading_by_kind(tmp_path: Path, k8_cpu: Path) -> None:  # noqa: F811
    import_package(k8_cpu, tmp_path / "package", "us")
    assert read(PackageConfig(), tmp_path / "package", "k8_cpu").device == "k8_cpu"
    with pytest.raises(UserError, match="is a predictor of k8_cpu, not of phone"):
        read(PackageConfig(), tmp_path / "package", "phone")
    with pytest.raises(UserError, match="predicts ms, not energy_mj"):
        read(PackageConfig(unit="mJ"), tmp_path / "package", "k8_cpu")
    write_json(tmp_path / "model.json", {"device": "x"})
    with pytest.raises(UserError, match="not a calibrated latency model"):
        read_model(tmp_path / "model.json")
    (tmp_path / "model.json").write_text(json.dumps({"device": "x"}))
    with pytest.raises(UserError, match="damaged: its content does not match its checksum"):
        read_model(tmp_path / "model.json")
