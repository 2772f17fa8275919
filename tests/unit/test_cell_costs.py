"""What cells cost, counted by hand-made sums and by torch."""

import re

import numpy as np
import pytest

from workflow_lib.core.errors import ConfigError
from workflow_lib.models import counting as costs
from workflow_lib.models import modules as models
from workflow_lib.spaces import networks
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, CellNetwork, Skeleton, multiply_adds, space
from workflow_lib.spaces.nasbench201.nasbench201_counts import count_multiply_adds, count_parameters
from workflow_lib.spaces.nasbench201.nasbench201_module import to_module


@pytest.mark.parametrize(
    ("skeleton", "channels", "size_px"),
    [(Skeleton(), 3, 32), (Skeleton(8, 1, 2), 5, 50), (Skeleton(4, 2, 1), 7, 41)],
)
def test_costs_are_those_that_torch_counts(skeleton: Skeleton, channels: int, size_px: int) -> None:
    parameters = count_parameters(skeleton, channels, 4)
    work = count_multiply_adds(skeleton, channels, 4, size_px)
    generator = np.random.default_rng(0)
    for _ in range(4):
        name = space().build(space().sample(generator))
        network = to_module(name, channels, 4, skeleton)
        assert parameters.total(Cell.parse(name)) == costs.count_parameters(network)
        assert work.total(Cell.parse(name)) == costs.count_multiply_adds(network, channels, size_px)


def test_ids_read_back_and_plan_what_torch_counts() -> None:
    generator = np.random.default_rng(1)
    drawn = [Cell.parse(space().build(space().sample(generator))) for _ in range(3)]
    sizes = ((Skeleton(), 32), (Skeleton(8, 1, 2), 51), (Skeleton(6, 2, 1), 40), (Skeleton(8, 1, 2), 48))
    for cell, (skeleton, size_px) in zip([*drawn, Cell(("skip",) * 6)], sizes, strict=True):
        network = CellNetwork(cell, skeleton)
        text = str(network)
        assert networks.parse(text).choices == CellNetwork.parse(text) == network
        assert re.fullmatch(networks.pattern_in_jobs(), text)
        module = models.to_module(text, 5, 2)
        planned = networks.parse(text).costs(5, 2, size_px)
        assert planned.parameters == costs.count_parameters(module)
        assert planned.multiply_adds == costs.count_multiply_adds(module, 5, size_px)
        assert 4 * planned.activations == costs.count_activation_bytes(module, 5, size_px)


@pytest.mark.parametrize("size_px", [64, 49])
def test_chains_of_blocks_cost_what_torch_counts(size_px: int) -> None:
    generator = np.random.default_rng(2)
    for _ in range(3):
        text = mobilenet.space().build(mobilenet.space().sample(generator))
        assert re.fullmatch(networks.pattern_in_jobs(), text)
        assert str(networks.parse(text)) == text
        module = models.to_module(text, 5, 2)
        planned = networks.parse(text).costs(5, 2, size_px)
        assert planned.parameters == costs.count_parameters(module)
        assert planned.multiply_adds == costs.count_multiply_adds(module, 5, size_px)
        assert 4 * planned.activations == costs.count_activation_bytes(module, 5, size_px)


@pytest.mark.parametrize("text", ["mobile-e3k3", "mobile-" + "-".join(["skip.e3k3.e3k3.e3k3"] * 5 + ["e3k3"])])
def test_what_is_no_chain_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected mobile-e3k3"):
        networks.parse(text)


@pytest.mark.parametrize("text", ["cell-conv3", "cell-conv3-none.skip-conv1.conv3.pool-w08-n1-s2", "cell-x-w8-n1-s2"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected something like cell-conv3-none"):
        networks.parse(text)


def test_the_benchmarks_own_networks_are_among_them() -> None:
    cell = Cell.parse("conv3-conv3.conv1-skip.conv3.conv3")
    assert count_parameters(Skeleton(), 3, 10).total(cell) == 1_073_466
    assert count_multiply_adds(Skeleton(), 3, 10, 32).total(cell) == multiply_adds(cell)
