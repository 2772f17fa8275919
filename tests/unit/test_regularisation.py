"""Drop path and the auxiliary head: there while a network of cells trains, and gone afterwards."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from workflow_lib.data.dataset import ChipView
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.darts.darts_cell import Cell as DartsCell
from workflow_lib.spaces.darts.darts_cell import CellNetwork
from workflow_lib.spaces.darts.darts_module import DartsNet
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.nasbench201.nasbench201_module import CellNet
from workflow_lib.training import checkpoint
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.feed import ResidentChips
from workflow_lib.training.loop import ChipStore, Task, Training, train, train_together
from workflow_lib.training.regularisation import DropPath, Learner
from workflow_lib.training.training_config import TrainingConfig

SIDE, CHIPS = 24, 12
ALL_SKIP = DartsCell.parse("skip.0.skip.1-skip.0.skip.1-skip.0.skip.1-skip.0.skip.1")
SEPARABLE = DartsCell.parse("sep3.0.max.1-sep3.0.skip.1-skip.0.dil3.2-avg.1.sep5.4")
NETWORKS = {
    "nasbench201": "cell-conv3-pool.skip-conv1.conv3.pool-w4-n1-s1",
    "darts": str(CellNetwork(SEPARABLE, SEPARABLE, Skeleton(4, 1, 1))),
}
LABELS = np.arange(CHIPS) % 2


def network(kind: str) -> nn.Module:
    torch.manual_seed(3)
    return to_module(NETWORKS[kind], 2, 2)


def images() -> Tensor:
    return torch.rand(CHIPS, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def task(kind: str, kept: Checkpoint | None = None, seed: int = 0) -> Task:
    pixels = np.random.default_rng(0).random((CHIPS, SIDE, SIDE, 2), dtype=np.float32)
    view = ChipView(pixels, [0, 1])
    return Task(lambda: to_module(NETWORKS[kind], 2, 2), view, np.arange(CHIPS), LABELS, 4, seed, kept)


def config(**values: float) -> TrainingConfig:
    return TrainingConfig.model_validate({"epochs": 3, "device": "cpu", **values})


def same(one: Training, other: Training) -> bool:
    pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    return one.loss == other.loss and all(torch.equal(*pair) for pair in pairs)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_dropped_path_brings_nothing_for_that_chip_and_the_others_count_more(kind: str) -> None:
    net = network(kind)
    seen: list[tuple[str, Tensor]] = []
    paths = {name: part for name, part in net.named_modules() if name.rsplit(".", 1)[-1].startswith("edge_")}
    before: dict[str, Tensor] = {}
    for name, path in paths.items():
        path.register_forward_hook(lambda _m, _i, output, name=name: before.__setitem__(name, output))
    drop = DropPath(net, CHIPS, rate=0.5)
    for name, path in paths.items():
        path.register_forward_hook(lambda _m, _i, output, name=name: seen.append((name, output)))
    drop.begin(np.random.default_rng(0), progress=1.0)
    drop.advance(CHIPS)
    net(images())
    assert {name for name, _ in seen} == set(paths)
    shares = []
    for name, output in seen:
        if isinstance(paths[name], nn.Identity):
            assert torch.equal(output, before[name])
            continue
        kept = (output != 0).flatten(1).any(1)
        assert torch.equal(output[kept], 2 * before[name][kept])
        assert (output[~kept] == 0).all()
        shares.append(float(kept.float().mean()))
    assert 0.3 < np.mean(shares) < 0.7


def test_the_rate_rises_from_nothing_to_its_end() -> None:
    drop = DropPath(network("nasbench201"), 2000, rate=0.4)
    shares = []
    for progress in (0.0, 0.5, 1.0):
        drop.begin(np.random.default_rng(1), progress)
        shares.append(float((drop.weights == 0).float().mean()))
        assert float(drop.weights.mean()) == pytest.approx(1, abs=0.05)
    assert shares == pytest.approx([0, 0.2, 0.4], abs=0.02)


def test_a_cell_of_skip_connections_has_no_path_to_drop_but_those_that_halve() -> None:
    net = to_module(str(CellNetwork(ALL_SKIP, ALL_SKIP, Skeleton(4, 1, 1))), 2, 2)
    DropPath(net, CHIPS, 0.5)
    hooked = [part for part in net.modules() if part._forward_hooks]
    assert len(hooked) == 2 * 8, "two reduction cells, eight edges each, of their inputs"


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_second_head_adds_its_weighed_loss_and_sees_the_last_stage(kind: str) -> None:
    targets = torch.from_numpy(LABELS)
    net = network(kind).train()
    learner = Learner(net, config(auxiliary_weight=0.4, label_smoothing=0.1), LABELS)
    loss, total = learner.losses(images(), targets)
    assert torch.equal(loss, cross_entropy(net(images()), targets, label_smoothing=0.1))
    other = float((total - loss).detach()) / 0.4
    assert 0.3 < other < 3, "near the logarithm of two"
    assert len(list(learner.trained.parameters())) > len(list(net.parameters()))
    total.backward()
    assert all(parameter.grad is not None for parameter in learner.trained[1].parameters())


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("cells", [1, 2])
def test_the_second_head_stands_where_the_last_stage_begins(kind: str, cells: int) -> None:
    net = to_module(NETWORKS[kind].replace("-n1-", f"-n{cells}-"), 2, 2)
    assert isinstance(net, CellNet | DartsNet)
    Learner(net, config(auxiliary_weight=0.4), LABELS)
    (hooked,) = (place for place, block in enumerate(net.blocks) if block._forward_hooks)
    widths: list[int] = []
    for block in net.blocks:
        block.register_forward_hook(lambda _block, _inputs, output: widths.append(output.shape[1]))
    net(images())
    assert hooked == widths.index(net.fc.in_features)


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_training_from_resident_chips_drops_the_same_paths(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(drop_path=0.3, auxiliary_weight=0.4)
    alone = train(task(kind), settings)
    cpu = torch.device("cpu")
    monkeypatch.setattr(ChipStore, "chips", lambda self, view: ResidentChips(view, cpu, torch.float32))
    assert same(train(task(kind), settings), alone)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@pytest.mark.parametrize("kind", NETWORKS)
def test_on_a_gpu_replayed_steps_drop_the_same_paths(kind: str) -> None:
    helped = {"drop_path": 0.3, "auxiliary_weight": 0.4}
    replayed = train(task(kind), TrainingConfig.model_validate({"epochs": 3, "device": "cuda", **helped}))
    np.testing.assert_allclose(replayed.loss, train(task(kind), config(**helped)).loss, rtol=0.05)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("extra", [{"drop_path": 0.3}, {"auxiliary_weight": 0.4}])
def test_what_is_left_is_the_network_alone(kind: str, extra: dict[str, float]) -> None:
    plain, helped = train(task(kind), config()), train(task(kind), config(**extra))
    assert set(helped.network.state_dict()) == set(plain.network.state_dict())
    assert not any(part._forward_hooks for part in helped.network.modules())
    assert not same(plain, helped)
    with torch.inference_mode():
        first, second = (helped.network.eval()(images()) for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("kind", NETWORKS)
def test_networks_side_by_side_are_as_alone(kind: str) -> None:
    settings = config(drop_path=0.3, auxiliary_weight=0.4)
    alone = [train(task(kind, seed=seed), settings) for seed in range(2)]
    together = train_together([task(kind, seed=seed) for seed in range(2)], settings)
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


def test_a_killed_training_goes_on_with_its_second_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL_S", 0.0)
    helped = {"drop_path": 0.3, "auxiliary_weight": 0.4}
    whole = train(task("darts"), config(**helped))
    with pytest.raises(KeyboardInterrupt):
        train(task("darts", _Killed(tmp_path / "0.parquet", [], [])), config(**helped))
    assert same(whole, train(task("darts", Checkpoint(tmp_path / "0.parquet", [], [])), config(**helped)))


class _Killed(Checkpoint):
    """Ends the training that saves it."""

    def save(self, state: dict[str, Any]) -> None:
        super().save(state)
        raise KeyboardInterrupt


def test_networks_without_cells_are_trained_as_without() -> None:
    def plain() -> nn.Module:
        return nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))

    pixels = np.random.default_rng(0).random((CHIPS, SIDE, SIDE, 2), dtype=np.float32)
    tasks = [Task(plain, ChipView(pixels, [0, 1]), np.arange(CHIPS), LABELS, 4, 0) for _ in range(2)]
    assert same(train(tasks[0], config()), train(tasks[1], config(drop_path=0.3, auxiliary_weight=0.4)))
