"""Training of shared weights: fairness, one update per step, and judging networks by them."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.data.dataset import ChipView
from workflow_lib.models.shared_weights import Supernet
from workflow_lib.search.ranked_supernet import train_first
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201 import nasbench201_module as cells
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.networks import parse
from workflow_lib.spaces.space import Space
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.supernet_paths import fair_paths, uniform_path
from workflow_lib.training.supernet_training import (
    SupernetTask,
    SupernetTrainer,
    evaluate_with_shared_weights,
    extract_network,
    recompute_norms,
    train_supernet,
)
from workflow_lib.training.training_config import TrainingConfig

SIDE = 16


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()


def striped(count: int = 48) -> SupernetTask:
    """Two classes that differ in the direction of their stripes alone."""
    labels = np.arange(count) % 2
    stripes = np.where(np.arange(SIDE) % 2, 1.0, -1.0)
    pixels = np.random.default_rng(0).normal(scale=0.3, size=(count, SIDE, SIDE, 2))
    pixels[labels == 0] += stripes[:, None, None]
    pixels[labels == 1] += stripes[None, :, None]
    return SupernetTask(ChipView(pixels.astype(np.float32), [0, 1]), np.arange(count), labels, 8, seed=3)


def supernet() -> Supernet:
    torch.manual_seed(0)
    skeleton = Skeleton(width=4, cells=1)
    return Supernet(nasbench201.space(), lambda name: cells.to_module(name, 2, 2, skeleton))


def training(epochs: int = 2) -> TrainingConfig:
    return TrainingConfig(epochs=epochs, learning_rate=0.01, device="cpu")


@pytest.mark.parametrize(
    "space", [cross.space(), nasbench201.space(), mobilenet.space()], ids=["cross", "cells", "chain"]
)
def test_each_value_of_a_choice_is_trained_equally_often_in_every_step(space: Space) -> None:
    steps = fair_paths(space)(np.random.default_rng(0))
    dealt: dict[str, Counter[int | str]] = {name: Counter() for name in space.choices}
    size = max(map(len, space.choices.values()))
    for _ in range(7):
        paths = next(steps)
        assert len(paths) == size
        configurations = [space.parse(path) for path in paths]
        for name, values in space.choices.items():
            if name in ("kernel_size_pool", "stride_pool"):  # a network without a pool has none
                continue
            counts = Counter(configuration[name] for configuration in configurations)
            if size % len(values) == 0:
                assert counts == dict.fromkeys(values, size // len(values))
            dealt[name] += counts
            assert max(dealt[name].values()) - min(dealt[name][value] for value in values) <= 1
    assert next(steps) != next(steps)


def test_fair_steps_of_cells_are_five_networks_with_each_operation_once_per_edge() -> None:
    paths = next(fair_paths(nasbench201.space())(np.random.default_rng(0)))
    assert len(paths) == 5
    edges = zip(*(nasbench201.Cell.parse(path).operations for path in paths), strict=True)
    assert all(sorted(edge) == sorted(nasbench201.OPERATIONS) for edge in edges)


def test_the_sandwich_is_the_largest_and_the_smallest_connected_network() -> None:
    def work(name: str) -> int:
        return parse(name).costs(2, 2, 40).multiply_adds

    grid = StoredSupernet.fresh("cross", cross.space().choices, Skeleton(), 2, 2, 0)
    works = list(map(work, grid.supernet.space.networks()))
    assert tuple(map(work, grid.extremes(40))) == (max(works), min(works))
    largest, smallest = cell_supernet("nasbench201").extremes(40)
    assert largest == "cell-conv3-conv3.conv3-conv3.conv3.conv3-w4-n1-s1"
    assert "conv" not in smallest
    darts = cell_supernet("darts")
    largest, smallest = darts.extremes(40)
    drawn = [darts.supernet.space.draw(np.random.default_rng(seed)) for seed in range(50)]
    assert all(work(smallest) <= work(name) <= work(largest) for name in drawn)


def cell_supernet(space: str) -> StoredSupernet:
    return StoredSupernet.fresh(space, {}, Skeleton(4, 1, 1), 2, 2, 0)


def test_each_step_trains_the_sandwich_first_and_random_paths_train_as_many_networks() -> None:
    net, task = supernet(), striped(24)
    extremes = ("conv3-conv3.conv3-conv3.conv3.conv3", "skip-none.none-none.none.skip")
    paths = next(fair_paths(net.space, extremes)(np.random.default_rng(0)))
    assert tuple(paths[:2]) == extremes and len(paths) == 7
    trainers = [SupernetTrainer(supernet(), task, training(1)) for _ in range(2)]
    train_first(trainers[0], "fair", 1, extremes=extremes)
    train_first(trainers[1], "uniform", 1, extremes=extremes)
    assert trainers[0].network_steps == trainers[1].network_steps == 7 * 3


def test_with_distillation_the_others_learn_the_probabilities_of_the_largest() -> None:
    large, small = "conv3-conv3.skip-skip.conv1.conv3", "conv1-skip.conv3-conv3.skip.pool"
    task, expected = striped(8), supernet()
    trained = supernet()
    train_supernet(SupernetTrainer(trained, task, training(1)), 1, lambda _: repeat([large, small]), teacher=large)
    optimizer = torch.optim.Adam(expected.train().parameters(), lr=0.01)
    images = torch.from_numpy(task.view.batch(task.rows)).permute(0, 3, 1, 2)
    logits = expected(images, large)
    nn.functional.cross_entropy(logits, torch.from_numpy(task.labels)).backward()
    log_taught = nn.functional.log_softmax(expected(images, small), 1)
    (-(logits.detach().softmax(1) * log_taught).sum(1).mean()).backward()
    optimizer.step()
    for one, other in zip(trained.parameters(), expected.parameters(), strict=True):
        tiny = other.grad is None or other.grad.abs().max() < 1e-5
        assert tiny or torch.allclose(one, other, atol=2e-3)


def test_a_step_sums_the_gradients_of_its_networks_and_changes_weights_once() -> None:
    networks = ["conv3-conv3.skip-skip.conv1.conv3", "conv1-skip.conv3-conv3.skip.pool"]
    task = striped(8)
    trained, expected = supernet(), supernet()
    train_supernet(SupernetTrainer(trained, task, training(1)), 1, lambda _: repeat(networks))
    expected.train()
    optimizer = torch.optim.Adam(expected.parameters(), lr=0.01)
    images = torch.from_numpy(task.view.batch(task.rows)).permute(0, 3, 1, 2)
    targets = torch.from_numpy(task.labels)
    sum(nn.functional.cross_entropy(expected(images, network), targets) for network in networks).backward()
    optimizer.step()
    for one, other in zip(trained.parameters(), expected.parameters(), strict=True):
        # The order of chips within the batch only moves the last bits; where a gradient is all rounding, Adam's first
        # step is as long as any.
        tiny = other.grad is None or other.grad.abs().max() < 1e-5
        assert tiny or torch.allclose(one, other, atol=2e-3)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_momentum_and_a_schedule_are_those_of_torch(momentum: float) -> None:
    task, network = striped(16), "conv3-conv3.skip-skip.conv1.conv3"
    settings = TrainingConfig(
        epochs=9, learning_rate=0.05, device="cpu", optimizer="sgd", momentum=momentum, schedule="cosine"
    )
    trained, expected = supernet(), supernet()
    trainer = SupernetTrainer(trained, task, settings)
    seen: list[float] = []

    def paths(_: np.random.Generator) -> Iterator[list[str]]:
        while True:
            seen.append(trainer.learning_rate)
            yield [network]

    train_supernet(trainer, 4, paths)
    assert seen[::2] == pytest.approx([0.05 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4)])
    plain = SupernetTrainer(expected, task, settings.model_copy(update={"momentum": 0.9 - momentum}))
    train_supernet(plain, 4, lambda _: repeat([network]))
    assert trainer.losses != plain.losses, "the momentum has an effect"


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second, third = supernet(), supernet(), supernet()
    task = striped(24)
    trainers = [SupernetTrainer(net, task, training(1)) for net in (first, second, third)]
    for trainer in trainers[:2]:
        train_supernet(trainer, 1, fair_paths(first.space))
    assert trainers[0].losses == trainers[1].losses
    assert trainers[0].network_steps == 5 * 3
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True))
    train_supernet(trainers[2], 1, uniform_path(third.space))
    assert trainers[2].network_steps == 3


def test_a_killed_training_goes_on_with_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoint, "due", True)
    task = striped(24)
    whole, killed, resumed = supernet(), supernet(), supernet()
    train_supernet(SupernetTrainer(whole, task, training(1)), 3, uniform_path(whole.space))
    checkpoint = Checkpoint(tmp_path / "supernet.pt", [], "the same")
    train_supernet(SupernetTrainer(killed, task, training(1)), 2, uniform_path(killed.space), checkpoint=checkpoint)
    trainer = SupernetTrainer(resumed, task, training(1))
    train_supernet(trainer, 3, uniform_path(resumed.space), checkpoint=checkpoint)
    assert trainer.network_steps == 9
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_it_learns_and_networks_are_judged_by_what_they_can_do() -> None:
    net, task = supernet(), striped()
    trainer = SupernetTrainer(net, task, training(1))
    train_supernet(trainer, 6, fair_paths(net.space))
    assert trainer.losses[-1] < trainer.losses[0]
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    able, unable = "conv3-conv3.conv3-skip.conv3.conv3", "none-none.none-none.none.none"
    (good, sure), (bad, unsure) = evaluate_with_shared_weights(net, [able, unable], task, task.rows, task.labels)
    assert good > 90
    assert good >= bad
    assert sure < unsure
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items()), (
        "judging changes nothing"
    )


def test_norms_are_renewed_to_the_chips_means() -> None:
    task = striped(16)
    network = nn.Sequential(nn.BatchNorm2d(2))
    network[0].running_mean += 5
    recompute_norms(network, task.view, task.rows, 8)
    pixels = task.view.batch(task.rows)
    assert network[0].running_mean.numpy() == pytest.approx(pixels.mean((0, 1, 2)), abs=1e-5)
    assert not network.training


def test_norms_see_all_classes_though_chips_lie_in_their_order() -> None:
    count = 400
    labels = np.sort(np.arange(count) % 2)
    pixels = np.broadcast_to(labels[:, None, None, None], (count, SIDE, SIDE, 2)).astype(np.float32)
    task = SupernetTask(ChipView(pixels, [0, 1]), np.arange(count), labels, 8, seed=3)
    skeleton = Skeleton(width=4, cells=1)
    net = Supernet(nasbench201.space(), lambda name: cells.to_module(name, 2, 2, skeleton))
    network = extract_network(net, "conv3-conv3.conv3-skip.conv3.conv3", task)
    # The mean of the first convolution's output over the chips is linear in the share of chips of class 1.
    first = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    conv = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        of_ones = conv(torch.ones(1, 2, SIDE, SIDE)).mean((0, 2, 3))
    assert first.running_mean is not None
    share = (first.running_mean / of_ones).numpy()
    assert share == pytest.approx(share[0], rel=1e-3)
    assert 0.25 < share[0] < 0.75


def test_too_few_chips_are_refused() -> None:
    task = striped(1)
    with pytest.raises(UserError, match="1 training chips; at least 2 are needed"):
        SupernetTrainer(supernet(), task, training(1))
