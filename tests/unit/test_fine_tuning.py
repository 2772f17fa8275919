"""Fine-tuning with the rounding of int8: what it recovers, what it leaves alone, and which chips decide on it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from examples import config
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import ConfigError
from workflow_lib.data.dataset import ChipView
from workflow_lib.export.fine_tuning import fine_tune
from workflow_lib.field.converted_network import accuracy_pct, write_converted
from workflow_lib.field.int8_network import network_for_int8

TRAINING, VALIDATION = np.arange(640), np.arange(640, 1000)
SIDE = 16


def chips() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Noise, whose mean in the first band is a little higher for one class."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 1000)
    pixels = random.standard_normal((1000, SIDE, SIDE, 2)).astype(np.float32)
    pixels[..., 0] += 0.2 * labels[:, None, None]
    return pixels, labels


PIXELS, LABELS = chips()
VIEW = ChipView(PIXELS, [0, 1])


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """A trained network that int8 represents badly: large weights of a channel that is always 0 coarsen the others."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(2, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2),
    )  # fmt: skip
    norm, following = made[1], made[3]
    with torch.no_grad():
        norm.weight[7], norm.bias[7] = 0.01, -50.0
    optimiser = torch.optim.Adam(made.parameters(), 5e-3)
    images = torch.from_numpy(np.moveaxis(PIXELS, -1, 1).copy())
    for epoch in range(6):
        for rows in np.random.default_rng(epoch).permutation(TRAINING).reshape(-1, 16):
            loss = cross_entropy(made(images[rows]), torch.from_numpy(LABELS[rows]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        following.weight[:, 7] = 25.0
    return made.eval()


def accuracies(folder: Path, network: nn.Module, limit: float | None) -> dict[str, float]:
    conversion = ConversionConfig(calibration_chips=32, fine_tuning_loss_pct=limit)
    files = write_converted(network, VIEW, TRAINING, LABELS, ["fp32", "int8"], conversion, 1, folder)
    return {name: accuracy_pct(file, VIEW, VALIDATION, LABELS) for name, file in files.items()}


def test_it_recovers_what_int8_loses(tmp_path: Path, network: nn.Module, capsys: pytest.CaptureFixture[str]) -> None:
    without = accuracies(tmp_path / "without", network, None)
    assert without["fp32"] > 85 and without["int8"] < without["fp32"] - 10
    with_it = accuracies(tmp_path / "with", network, 2.0)
    assert with_it["fp32"] == without["fp32"]
    assert with_it["int8"] > without["int8"] + 8
    assert "after fine-tuning" in capsys.readouterr().err


def test_a_small_loss_changes_nothing(tmp_path: Path, network: nn.Module) -> None:
    accuracies(tmp_path / "never", network, None)
    accuracies(tmp_path / "rarely", network, 100.0)
    assert (tmp_path / "never" / "model_int8.onnx").read_bytes() == (
        tmp_path / "rarely" / "model_int8.onnx"
    ).read_bytes()


def test_it_is_reproducible_and_leaves_the_network_and_its_layers_as_they_were(network: nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    calibration = np.ascontiguousarray(np.moveaxis(PIXELS[:32], -1, 1))
    first, second = (fine_tune(network, VIEW, TRAINING, LABELS, calibration, 3) for _ in range(2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert first.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, second.state_dict()[name]) for name, tensor in first.state_dict().items())
    assert not torch.equal(first.state_dict()["0.weight"], before["0.weight"])
    statistics = [name for name in before if "running" in name]
    assert statistics and all(torch.equal(first.state_dict()[name], before[name]) for name in statistics)


def test_only_training_chips_decide_and_no_worse_network_is_used(network: nn.Module) -> None:
    asked: list[set[int]] = []

    def accuracy(candidate: nn.Module, precision: str, rows: NDArray[np.int64]) -> float:
        asked.append(set(rows.tolist()))
        return 100.0 if precision == "fp32" else 50.0

    calibration = np.ascontiguousarray(np.moveaxis(PIXELS[:4], -1, 1))
    conversion = ConversionConfig(fine_tuning_loss_pct=1)
    chosen = network_for_int8(network, VIEW, TRAINING[:48], LABELS, calibration, conversion, 0, accuracy)
    assert chosen is network
    assert len(asked) == 3 and all(rows <= set(range(48)) and len(rows) == 10 for rows in asked)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"grid.fine_tuning_loss_pct": 1}, "grid.fine_tuning_loss_pct is for int8"),
        (
            {"precisions": {"formats": ["fp16"], "fine_tuning_loss_pct": 1}},
            "precisions.fine_tuning_loss_pct is for int8",
        ),
        ({"litert": {"precisions": ["fp32"], "fine_tuning_loss_pct": 1}}, "litert.fine_tuning_loss_pct is for int8"),
        (
            {"litert": {"fine_tuning_loss_pct": 1}, "training.class_weights": "balanced"},
            "the training balances classes",
        ),
        (
            {"litert": {"fine_tuning_loss_pct": 1}, "grid.recipes": {"a": {}, "b": {"sampling": "balanced"}}},
            "the training balances classes",
        ),
    ],
)
def test_it_is_refused_where_it_would_do_nothing_or_something_else(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config({"keep_weights": True} | changes)
