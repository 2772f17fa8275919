"""Supernets: networks share weights, and each can be cut out as if it had been alone."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from workflow_lib.models.modules import to_module
from workflow_lib.models.shared_weights import Supernet, covering, cross_name, make_supernet
from workflow_lib.spaces.cross import cross_architecture as cross_space
from workflow_lib.spaces.cross import cross_module as cross
from workflow_lib.spaces.darts import darts_cell as darts_space
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet_space
from workflow_lib.spaces.nasbench201 import nasbench201_cell as cells_space
from workflow_lib.spaces.nasbench201 import nasbench201_module as nasbench201
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.space import Space

CHANNELS, CLASSES, SIZE = 3, 2, 40
SMALL = Skeleton(width=4, cells=1)
Build = Callable[[str], nn.Module]


def cross_supernet() -> Supernet:
    return make_supernet("cross", cross_space.CHOICES, SMALL, CHANNELS, CLASSES)


SUPERNETS: dict[str, tuple[Space, Build, Callable[[], Supernet]]] = {
    "cross": (cross_space.space(), lambda name: cross.to_module(name, CHANNELS, CLASSES), cross_supernet),
    "cells": (
        cells_space.network_space(SMALL),
        lambda name: to_module(name, CHANNELS, CLASSES),
        lambda: make_supernet("nasbench201", {}, SMALL, CHANNELS, CLASSES),
    ),
    "darts": (
        darts_space.network_space(SMALL),
        lambda name: to_module(name, CHANNELS, CLASSES),
        lambda: make_supernet("darts", {}, SMALL, CHANNELS, CLASSES),
    ),
    "mobilenet": (
        mobilenet_space.space(),
        lambda name: to_module(name, CHANNELS, CLASSES),
        lambda: make_supernet("mobilenet", {}, SMALL, CHANNELS, CLASSES),
    ),
}


@pytest.fixture(params=SUPERNETS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def some(space: Space, count: int, seed: int = 0) -> list[str]:
    generator = np.random.default_rng(seed)
    return [space.build(space.sample(generator)) for _ in range(count)]


def images(count: int = 4) -> torch.Tensor:
    return torch.rand(count, CHANNELS, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def trained_a_little(supernet: Supernet, networks: list[str]) -> Supernet:
    """So that norms have statistics and weights are no first draws."""
    optimizer = torch.optim.SGD(supernet.parameters(), 0.01)
    supernet.train()
    for network in networks:
        optimizer.zero_grad()
        nn.functional.cross_entropy(supernet(images(), network), torch.tensor([0, 1, 0, 1])).backward()
        optimizer.step()
    return supernet


def test_a_network_that_is_cut_out_gives_the_same_outputs_also_as_onnx(kind: str, tmp_path: Path) -> None:
    space, _, make = SUPERNETS[kind]
    networks = some(space, 2)
    supernet = trained_a_little(make(), networks).eval()
    for network in networks:
        alone = supernet.extract(network)
        with torch.no_grad():
            wanted = supernet(images(), network)
            assert torch.allclose(alone(images()), wanted, atol=1e-5)
        path = tmp_path / "network.onnx"
        torch.onnx.export(alone, (images(1),), str(path), dynamo=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (logits,) = session.run(None, {session.get_inputs()[0].name: images(1).numpy()})
        assert logits == pytest.approx(wanted[:1].numpy(), abs=1e-4)


def test_it_is_trained_like_the_network_alone(kind: str) -> None:
    """Same losses, same gradients, same statistics of norms."""
    space, _, make = SUPERNETS[kind]
    (network,) = some(space, 1, seed=1)
    supernet = make().train()
    alone = supernet.extract(network).train()
    targets = torch.tensor([0, 1, 0, 1])
    losses = [nn.functional.cross_entropy(logits, targets) for logits in (supernet(images(), network), alone(images()))]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    for loss in losses:
        loss.backward()
    for name, parameter in alone.named_parameters():
        shared = getattr(supernet, supernet.tensor_name(network, name))
        if parameter.grad is None:  # what it computes reaches no output
            assert shared.grad is None
        else:
            part = shared.grad[tuple(slice(size) for size in parameter.shape)]
            assert torch.allclose(part, parameter.grad, atol=1e-6), name
    shared = supernet.tensors(network)
    assert all(torch.equal(shared[name], buffer) for name, buffer in alone.named_buffers())


def test_every_network_of_a_space_runs(kind: str) -> None:
    space, build, make = SUPERNETS[kind]
    supernet = make().eval()
    with torch.inference_mode():
        for network in [*some(space, 6, seed=2), *islice(covering(space), 7)]:
            assert supernet(images(1), network).shape == (1, CLASSES)
            assert {name: tensor.shape for name, tensor in supernet.tensors(network).items()} == {
                name: tensor.shape for name, tensor in build(network).state_dict().items()
            }


def test_a_darts_supernet_has_every_operation_of_every_edge_also_when_values_were_dropped() -> None:
    choices = darts_space.network_space(SMALL).choices
    few = {name: values[-2:] for name, values in choices.items()}
    for supernet in (SUPERNETS["darts"][2](), make_supernet("darts", few, SMALL, CHANNELS, CLASSES)):
        held = set(dict(supernet.named_parameters()))
        for network in some(supernet.space, 60, seed=3):
            names = (name for name, _ in supernet.extract(network).named_parameters())
            assert {supernet.tensor_name(network, name) for name in names} <= held
    assert sum(map(torch.numel, make_supernet("darts", few, SMALL, CHANNELS, CLASSES).parameters())) < sum(
        map(torch.numel, SUPERNETS["darts"][2]().parameters())
    )


def test_narrow_networks_are_the_leading_part_of_wide_ones() -> None:
    supernet = cross_supernet()
    narrow, wide = (supernet.tensors(f"k3-s2-p1-pool3s2-w{width}") for width in (32, 64))
    assert torch.equal(narrow["block3.0.weight"], wide["block3.0.weight"][:64, :32])
    assert narrow["block3.0.weight"].data_ptr() == wide["block3.0.weight"].data_ptr()
    other = supernet.tensors("k5-s1-p2-nopool-w64")
    assert other["block8.3.weight"].data_ptr() == wide["block8.3.weight"].data_ptr()
    assert other["conv1.weight"].data_ptr() != wide["conv1.weight"].data_ptr()
    assert narrow["block1.1.weight"].data_ptr() != wide["block1.1.weight"].data_ptr()


def test_a_supernet_is_smaller_than_its_networks_together() -> None:
    held = sum(parameter.numel() for parameter in cross_supernet().parameters())
    largest = sum(
        parameter.numel() for parameter in cross.to_module("k5-s1-p1-nopool-w64", CHANNELS, CLASSES).parameters()
    )
    assert largest < held < 1.01 * largest


def test_a_shrunk_supernet_holds_less_and_computes_the_same() -> None:
    supernet = trained_a_little(cross_supernet(), ["k3-s2-p1-pool3s2-w32"]).eval()
    choices = {**cross_space.CHOICES, "initial_output_feature": [32, 48], "kernel_size": [3], "stride_pool": [2]}
    smaller = supernet.subspace_supernet(cross_space.space(choices)).eval()
    assert "stride_pool" in smaller.space.parse("k3-s2-p1-nopool-w32")
    assert smaller.space.parse("k3-s2-p1-nopool-w32")["stride_pool"] == 2
    count = [sum(parameter.numel() for parameter in net.parameters()) for net in (smaller, supernet)]
    assert count[0] < 0.6 * count[1]
    with torch.inference_mode():
        for network in ("k3-s2-p1-pool3s2-w32", "k3-s1-p2-nopool-w48"):
            assert torch.equal(smaller(images(), network), supernet(images(), network))
    with pytest.raises(AttributeError):
        smaller(images(), "k5-s2-p1-pool3s2-w32")


def test_its_weights_are_saved_and_read_back_without_unpickling(tmp_path: Path) -> None:
    first, second = cross_supernet(), cross_supernet()
    torch.save(first.state_dict(), tmp_path / "supernet.pt")
    second.load_state_dict(torch.load(tmp_path / "supernet.pt", weights_only=True))
    assert all(torch.equal(one, other) for one, other in zip(first.parameters(), second.parameters(), strict=True))


def test_the_widest_value_comes_last_or_it_says_so() -> None:
    choices = {**cross_space.CHOICES, "initial_output_feature": [48, 64, 32]}
    badly = Supernet(cross_space.space(choices), lambda name: cross.to_module(name, CHANNELS, CLASSES), cross_name)
    with pytest.raises(ValueError, match="k3-s2-p1-pool3s2-w64 is wider than its supernet"):
        badly(images(2), "k3-s2-p1-pool3s2-w64")
    assert make_supernet("cross", choices, SMALL, CHANNELS, CLASSES)(images(2), "k3-s2-p1-pool3s2-w64").shape == (2, 2)


def test_the_cell_network_has_the_benchmark_s_parameters() -> None:
    """Cell 6111, the best on CIFAR-10, 1.073466 M; six times none, 0.073306 M (NATS-Bench's params)."""

    def count(cell: str) -> int:
        return sum(parameter.numel() for parameter in nasbench201.to_module(cell, 3, 10).parameters())

    assert count("conv3-conv3.conv1-skip.conv3.conv3") == 1_073_466
    assert count("none-none.none-none.none.none") == 73_306
