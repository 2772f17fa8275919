"""A training that was killed ends as if it had not been."""

import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workflow_lib.data.dataset import ChipView
from workflow_lib.training import checkpoint as module
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.loop import Task, Training, train
from workflow_lib.training.training_config import TrainingConfig

ROWS = np.arange(30)
LABELS = ROWS % 2
VIEW = ChipView(np.random.default_rng(0).normal(size=(30, 8, 8, 2)).astype(np.float32), [0, 1])


@pytest.fixture(autouse=True)
def _every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    use_one_thread()
    monkeypatch.setattr(module, "INTERVAL_S", 0.0)


def network() -> nn.Module:
    layers = [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    return nn.Sequential(*layers)


def run(checkpoint: Checkpoint | None, epochs: int = 5, last_epoch: int | None = None, **recipe: Any) -> Training:
    training = TrainingConfig.model_validate({"epochs": epochs, "device": "cpu", **recipe})
    judged = (ROWS[:8], LABELS[:8])
    return train(Task(network, VIEW, ROWS[8:], LABELS[8:], 4, 3, checkpoint, judged, last_epoch), training)


def at(folder: Path, values: Sequence[object] = (), content: Sequence[Path] = ()) -> Checkpoint:
    return Checkpoint(folder / "0.parquet", content, values)


def kill_after(folder: Path, epochs: int) -> None:
    """Leave what a training that was killed after so many epochs leaves."""
    run(at(folder), epochs)


def test_going_on_gives_the_same_network_and_losses_to_the_bit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run(None)
    kill_after(tmp_path, 2)
    resumed = run(at(tmp_path))
    assert "resuming after epoch 2 of 5" in capsys.readouterr().err
    assert resumed.loss == whole.loss
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name


@pytest.mark.parametrize("average", [0.0, 0.8])
def test_early_stopping_resumes_to_the_bit(average: float, tmp_path: Path) -> None:
    recipe = {"epochs": 40, "learning_rate": 0.1, "patience": 3, "weight_average": average, "sampling": "balanced"}
    whole = run(None, **recipe)
    assert len(whole.loss) == whole.kept_epoch + 3 < 40
    run(at(tmp_path), last_epoch=whole.kept_epoch + 1, **recipe)
    resumed = run(at(tmp_path), **recipe)
    assert (resumed.loss, resumed.kept_epoch) == (whole.loss, whole.kept_epoch)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_an_augmented_training_resumes_to_the_bit(optimizer: str, tmp_path: Path) -> None:
    recipe = {
        "flips": True, "rotations": True, "shift_px": 2, "band_dropout": 0.2, "cutout_px": 2, "weight_decay": 0.05,
        "warmup_epochs": 1, "class_weights": "balanced", "gain_jitter": 0.1, "offset_jitter": 0.1, "mixup": 0.3,
        "weight_average": 0.9, "optimizer": optimizer, "learning_rate": 0.01,
    }  # fmt: skip
    whole = run(None, **recipe)
    run(at(tmp_path), 2, **recipe)
    resumed = run(at(tmp_path), **recipe)
    assert resumed.loss == whole.loss != run(None).loss
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name


def test_other_values_or_files_begin_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kill_after(tmp_path, 2)
    file = tmp_path / "folds"
    file.write_text("another")
    run(at(tmp_path, ["seed 4"]))
    run(at(tmp_path, content=[file]))
    assert "resuming" not in capsys.readouterr().err


def test_a_damaged_one_is_said_and_not_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kill_after(tmp_path, 2)
    (path,) = tmp_path.glob(".*.checkpoint")
    for content in (path.read_bytes()[:100], b"", b"cos\nsystem\n(S'touch /tmp/owned'\ntR."):
        path.write_bytes(content)
        assert at(tmp_path).load(torch.device("cpu")) is None
        assert f"{path}: damaged" in capsys.readouterr().err


def test_removal_takes_those_of_the_same_output_only(tmp_path: Path) -> None:
    for name in (".0.aaaa.checkpoint", ".0.bbbb.checkpoint", ".1.aaaa.checkpoint"):
        (tmp_path / name).touch()
    at(tmp_path).remove()
    assert [path.name for path in tmp_path.iterdir()] == [".1.aaaa.checkpoint"]


def test_short_trainings_write_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_S", 60.0)
    run(at(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_an_os_error_that_names_it(tmp_path: Path) -> None:
    """torch.save alone raises a RuntimeError, which would be shown as a bug."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as error:
            run(at(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.filename
    assert list(tmp_path.iterdir()) == []
