"""Networks trained side by side are, to the bit, those trained alone; what a GPU is fed is what a CPU is fed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.data.dataset import ChipView, Scaling
from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.training import checkpoint as module
from workflow_lib.training.augmentation import draw
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute, use_one_thread
from workflow_lib.training.feed import DeviceFeed, HostFeed, ResidentChips
from workflow_lib.training.jittered_indices import JitteredIndices
from workflow_lib.training.loop import ChipStore, Task, Training, predict, train, train_together
from workflow_lib.training.training_config import TrainingConfig

CONFIG = TrainingConfig(epochs=3, device="cpu")
CPU = torch.device("cpu")
PIXELS = np.random.default_rng(0).normal(size=(30, 40, 40, 6)).astype(np.float32)
LABELS = np.arange(30) % 2
VIEW = ChipView(PIXELS, [4, 0, 1, 2, 3])


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()


def tasks(folder: Path | None = None) -> list[Task]:
    """Folds of different sizes: side by side, one of them ends its epochs first."""
    architectures = ["k3-s2-p1-pool3s2-w32", "k3-s2-p1-pool3s2-w32", "k5-s2-p1-nopool-w32"]
    made = []
    for fold, architecture in enumerate(architectures):
        rows = np.delete(np.arange(30), slice(8 * fold, 8 * fold + 6 + fold))
        checkpoint = Checkpoint(folder / f"{fold}.parquet", [], fold) if folder else None
        made.append(
            Task(lambda name=architecture: to_module(name, 5, 2), VIEW, rows, LABELS[rows], 4, 10 + fold, checkpoint)
        )
    return made


def assert_same(together: Training, alone: Training) -> None:
    assert together.loss == alone.loss
    for name, value in alone.network.state_dict().items():
        assert torch.equal(together.network.state_dict()[name], value), name


def test_together_is_alone_to_the_bit() -> None:
    for together, task in zip(train_together(tasks(), CONFIG), tasks(), strict=True):
        assert_same(together, train(task, CONFIG))


def test_those_that_were_killed_at_different_epochs_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_S", 0.0)
    whole = train_together(tasks(), CONFIG)
    train(tasks(tmp_path)[1], CONFIG.model_copy(update={"epochs": 2}))
    for resumed, other in zip(train_together(tasks(tmp_path), CONFIG), whole, strict=True):
        assert_same(resumed, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("augmented", [False, True])
def test_a_device_is_fed_what_the_host_is_fed(dtype: torch.dtype, augmented: bool) -> None:
    changes = {"flips": True, "rotations": True, "shift_px": 2, "band_dropout": 0.3, "cutout_px": 3}
    training = TrainingConfig.model_validate(changes if augmented else {})
    scaling = Scaling(np.arange(5, dtype=np.float32), np.arange(1, 6, dtype=np.float32))
    view, rows = ChipView(PIXELS, [4, 0, 1, 2, 3], scaling), np.array([3, 5, 8, 13, 21, 2, 29])
    host = HostFeed(view, rows, LABELS[rows], cutout_px=3)
    device = DeviceFeed(ResidentChips(view, CPU, dtype), rows, LABELS[rows], cutout_px=3)
    for seed in range(2):
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(rows))
        draws = draw(training, generator, len(rows), PIXELS.shape[1], 5)
        host.begin(order, draws)
        device.begin(order, draws)
        for size in (3, 3, 1):
            (ours, our_classes), (theirs, their_classes) = host.next(size), device.next(size)
            assert torch.equal(ours.to(dtype), theirs)
            assert theirs.is_contiguous(memory_format=torch.channels_last)
            assert torch.equal(our_classes, their_classes)


RECIPE = {
    "flips": True, "rotations": True, "shift_px": 2, "gain_jitter": 0.1, "offset_jitter": 0.1, "mixup": 0.2,
    "band_dropout": 0.1, "cutout_px": 3, "weight_average": 0.9,
}  # fmt: skip


INDICES = JitteredIndices(VIEW, 5, [(0, 1, 2), (4, 3, 2)])


@pytest.mark.parametrize(
    ("recipe", "indices"), [({}, None), (RECIPE, None), (RECIPE, INDICES), ({"optimizer": "sgd"}, None)]
)
def test_a_training_from_resident_chips_is_that_from_the_memory_map(
    recipe: dict[str, object], indices: JitteredIndices | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = CONFIG.model_copy(update=recipe)
    task = replace(tasks()[0], indices=indices)
    alone = train(task, training)
    monkeypatch.setattr(ChipStore, "chips", lambda self, view: ResidentChips(view, CPU, torch.float32))
    resident = train(task, training)
    assert_same(resident, alone)
    rows = np.arange(7)
    assert isinstance(resident.chips, ResidentChips)
    np.testing.assert_array_equal(predict(resident.network, resident.chips, rows), predict(alone.network, VIEW, rows))


def test_folds_share_resident_chips_unless_they_scale_them_by_themselves() -> None:
    held = ChipStore(Compute(torch.device("meta"), "float32"))
    scaling = Scaling(np.zeros(5, np.float32), np.ones(5, np.float32))
    assert held.chips(VIEW) is held.chips(ChipView(PIXELS, [4, 0, 1, 2, 3]))
    assert held.chips(VIEW) is not held.chips(ChipView(PIXELS, [0, 1, 2, 3, 4]))
    assert held.chips(VIEW) is not held.chips(ChipView(PIXELS, [4, 0, 1, 2, 3], scaling))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_on_a_gpu_replayed_steps_train_as_steps_on_the_cpu_do(precision: str) -> None:
    config = TrainingConfig.model_validate({"epochs": 3, "device": "cuda", "precision": precision})
    alone = [train(task, config) for task in tasks()]
    for together, other, task in zip(train_together(tasks(), config), alone, tasks(), strict=True):
        np.testing.assert_allclose(together.loss, other.loss, rtol=1e-3)
        np.testing.assert_allclose(together.loss[0], train(task, CONFIG).loss[0], rtol=0.05)


def test_a_bad_fold_ends_all_with_its_loss() -> None:
    bad = VIEW.chips.copy()
    bad[3] = np.nan
    task = Task(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(8000, 2)), ChipView(bad, range(5)), np.arange(9), LABELS[:9], 4, 0
    )
    with pytest.raises(UserError, match="the training loss is nan after epoch 1"):
        train_together([*tasks(), task], CONFIG)


def test_networks_that_do_not_fit_are_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(ChipStore, "chips", full)
    with pytest.raises(UserError, match="is too small to train 3 networks; lower jobs_per_gpu"):
        train_together(tasks(), CONFIG)
