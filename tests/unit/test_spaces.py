"""What every search space does: ids read back, and neighbours differ in one choice."""

import pytest

from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.mobilenet import mobilenet_chain as mobilenet
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.space import Space

SPACES = {
    "cross": cross.space(),
    "a part of cross": cross.space({**cross.CHOICES, "stride": [2], "pool_choice": [0], "kernel_size_pool": [3]}),
    "nasbench201": nasbench201.space(),
    "networks of nasbench201": nasbench201.network_space(Skeleton(8, 1, 2)),
    "networks of darts": darts.network_space(Skeleton(8, 1, 2)),
    "mobilenet": mobilenet.space(),
}


def some(space: Space, count: int = 50) -> list[str]:
    import numpy as np

    generator = np.random.default_rng(0)
    return [space.build(space.sample(generator)) for _ in range(count)]


@pytest.mark.parametrize("name", SPACES)
class TestSpace:
    def test_an_id_reads_back_to_a_configuration_of_the_space(self, name: str) -> None:
        space = SPACES[name]
        for network in some(space):
            configuration = space.parse(network)
            assert space.build(configuration) == network
            assert list(configuration) == list(space.choices)
            assert all(configuration[choice] in values for choice, values in space.choices.items())

    def test_ids_are_safe_in_file_names(self, name: str) -> None:
        assert all(letter.isalnum() or letter in "-." for network in some(SPACES[name]) for letter in network)

    def test_neighbours_are_mutual_and_others(self, name: str) -> None:
        space = SPACES[name]
        for network in some(space, 5):
            neighbours = space.neighbours(network)
            assert neighbours
            assert network not in neighbours
            assert len(set(neighbours)) == len(neighbours)
            # Where networks have several configurations, the way back may lead through another one of them.
            if name != "cross":
                assert all(network in space.neighbours(other) for other in neighbours[:10])


def test_a_cell_has_24_neighbours() -> None:
    assert len(SPACES["nasbench201"].neighbours("conv3-none.skip-conv1.conv3.pool")) == 24


def test_the_mobilenet_chain_has_21_blocks_of_which_15_may_be_skipped() -> None:
    choices = SPACES["mobilenet"].choices
    assert len(choices) == 21
    assert sum("skip" in values for values in choices.values()) == 15
    assert {len(values) for values in choices.values()} == {6, 7}
