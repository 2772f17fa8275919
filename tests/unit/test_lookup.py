"""Lookup tables: a network costs the sum of its operations, each priced once per shape."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.devices.calibrated.calibration import fit
from workflow_lib.export.onnx_files import export_for_detection
from workflow_lib.latency import lookup
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.lookup import LookupTable, Operation, operations_of
from workflow_lib.latency.operation_prices import price_cells
from workflow_lib.latency.runtimes import OnnxRuntime
from workflow_lib.models.counting import count_multiply_adds, count_parameters
from workflow_lib.spaces.cross import cross_module as cross
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.mobilenet import mobilenet_counts as mobilenet_costs
from workflow_lib.spaces.mobilenet import mobilenet_module as chains
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201 import nasbench201_counts as nasbench201_costs
from workflow_lib.spaces.nasbench201 import nasbench201_module as cells
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, Skeleton

SKELETON = Skeleton(width=8, cells=1)
DEVICE = "cortexA76cpu_tflite21"
ONE_DEAD_NODE = "conv3-none.none-skip.conv1.none"


def cell_network(name: str) -> nn.Module:
    return cells.to_module(name, 3, 10, SKELETON)


def some(space: object, count: int) -> list[str]:
    generator = np.random.default_rng(0)
    return [space.build(space.sample(generator)) for _ in range(count)]  # type: ignore[attr-defined]


def test_operations_come_as_they_run_with_their_shapes() -> None:
    found = operations_of(cell_network("conv3-none.none-none.none.skip"), 3, 32)
    assert [(operation.channels, operation.side_px) for operation in found] == [
        (3, 32), (8, 32), (8, 32), (16, 16), (8, 32), (16, 16), (16, 16), (32, 8), (16, 16), (32, 8), (32, 8), (32, 0)
    ]  # fmt: skip
    assert "Conv2d(8, 8, kernel_size=(3, 3)" in found[1].spelling


@pytest.mark.parametrize("kind", ["cells", "chains", "cross"])
def test_counts_add_up_to_those_of_whole_networks(kind: str) -> None:
    names = {
        "cells": some(nasbench201.space(), 6),
        "chains": some(mobilenet.space(), 2),
        "cross": ["k3-s2-p1-pool3s2-w32", "k5-s2-p1-nopool-w48"],
    }[kind]
    make = {
        "cells": cell_network,
        "chains": lambda name: chains.to_module(name, 3, 10),
        "cross": lambda name: cross.to_module(name, 3, 10),
    }[kind]
    networks = [make(name) for name in names]
    operations = [operations_of(network, 3, 48) for network in networks]
    parameters, work = (
        LookupTable.fill([*chain(*operations)], price) for price in (lookup.parameters, lookup.multiply_adds)
    )
    for network, own in zip(networks, operations, strict=True):
        assert parameters.estimate(own) == count_parameters(network)
        assert work.estimate(own) == count_multiply_adds(network, 3, 48)


def test_a_table_from_a_predictor_orders_cells_as_the_predictor_does(tmp_path: Path) -> None:
    # Without edges that bring nothing: what then hangs in the air, nn-Meter cannot tell the shape of.
    names = [name.replace("none", "skip") for name in some(nasbench201.space(), 12)]
    networks = [cell_network(name) for name in names]
    operations = [operations_of(network, 3, 32) for network in networks]
    predictor = fit(DEVICE)
    table = LookupTable.fill([*chain(*operations)], lookup.predicted(predictor))
    truth = []
    for network in networks:
        export_for_detection(network, 3, 32, tmp_path / "network.onnx")
        truth.append(predictor.predict(detect_kernels(tmp_path / "network.onnx", FUSION_RULES)).sum())
    estimates = [table.estimate(own) for own in operations]
    assert kendalltau(estimates, truth).statistic > 0.8
    assert len(table.prices) < len([*chain(*operations)]) / 3


def test_this_machine_is_measured() -> None:
    cheap, dear = (nn.Conv2d(width, width, 3, padding=1).eval() for width in (4, 64))
    table = LookupTable.fill(
        [Operation(repr(module), module.in_channels, 32, module) for module in (cheap, dear)],
        lookup.measured(OnnxRuntime()),
    )
    first, second = table.prices.values()
    assert 0 < first < second


def test_what_is_missing_is_named() -> None:
    own = operations_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), 3, 16)
    with pytest.raises(UserError, match=r"no price for Sequential.*Conv2d\(3, 4, .* of 3 x 16 px, and 0 others"):
        LookupTable({}).estimate(own)


def test_the_network_is_left_as_it_was() -> None:
    network = cell_network("conv3-none.none-none.none.skip").train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    operations_of(network, 3, 32)
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize("device", [DEVICE, "adreno640gpu_tflite21"])
def test_cells_are_priced_with_the_sums_at_their_nodes(tmp_path: Path, device: str) -> None:
    predictor = fit(device)
    costs = price_cells("nasbench201", SKELETON, 3, 10, 32, lookup.predicted(predictor, strict=False))
    assert (costs.sums > 0) == (device == DEVICE), "nn-Meter has no price for a sum on Adreno"
    for name in [*(name.replace("none", "skip") for name in some(nasbench201.space(), 3)), ONE_DEAD_NODE]:
        export_for_detection(cell_network(name), 3, 32, tmp_path / "network.onnx")
        whole = float(predictor.predict(detect_kernels(tmp_path / "network.onnx", FUSION_RULES)).sum())
        assert costs.total(Cell.parse(name)) == pytest.approx(whole, rel=0.15)


def test_cells_are_counted_as_they_are_without_torch() -> None:
    counted = price_cells("nasbench201", SKELETON, 3, 10, 32, lookup.parameters)
    assert counted == nasbench201_costs.count_parameters(SKELETON, 3, 10)


def test_chains_are_counted_and_priced_block_by_block(tmp_path: Path) -> None:
    counted = price_cells("mobilenet", SKELETON, 3, 10, 32, lookup.parameters)
    assert counted == mobilenet_costs.count_parameters(3, 10)
    work = price_cells("mobilenet", SKELETON, 3, 10, 64, lookup.multiply_adds)
    assert work == mobilenet_costs.count_multiply_adds(3, 10, 64)

    predictor = fit(DEVICE)
    costs = price_cells("mobilenet", SKELETON, 3, 10, 64, lookup.predicted(predictor, strict=False))
    for name in some(mobilenet.space(), 2):
        export_for_detection(chains.to_module(name, 3, 10), 3, 64, tmp_path / "network.onnx")
        whole = float(predictor.predict(detect_kernels(tmp_path / "network.onnx", FUSION_RULES)).sum())
        assert costs.total(mobilenet.Chain.parse(name)) == pytest.approx(whole, rel=0.15)
