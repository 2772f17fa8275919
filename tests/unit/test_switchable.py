"""Networks of one supernet that run in turns."""

import pytest
import torch

from workflow_lib.models.shared_weights import make_supernet
from workflow_lib.models.switchable import Switchable, Turn, batch_norm_statistics
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton

SMALL = {
    "kernel_size": [3, 5], "stride": [2], "padding": [1], "pool_choice": [0], "kernel_size_pool": [3],
    "stride_pool": [2], "initial_output_feature": [32, 48],
}  # fmt: skip
NETWORKS = ["k3-s2-p1-pool3s2-w32", "k5-s2-p1-pool3s2-w48"]


def test_it_gives_what_the_networks_give_alone_without_copying_weights() -> None:
    torch.manual_seed(0)
    supernet = make_supernet("cross", SMALL, Skeleton(), 2, 3)
    alone = {}
    for place, name in enumerate(NETWORKS):
        network = supernet.extract(name)
        with torch.no_grad():
            for _ in range(2 + place):
                network(torch.rand(4, 2, 40, 40) * (1 + place))  # statistics of its own
        alone[name] = network.eval()
    runtime = Switchable(supernet, {name: batch_norm_statistics(network) for name, network in alone.items()})
    images = torch.rand(3, 2, 40, 40)
    for name in (*NETWORKS, NETWORKS[0]):
        runtime.switch(name)
        with torch.no_grad():
            assert torch.allclose(runtime(images), alone[name](images), atol=1e-6)
    assert runtime.networks == NETWORKS
    with torch.no_grad():
        for tensor in supernet.parameters():
            tensor.zero_()
        assert torch.equal(runtime(images), torch.zeros(3, 3)), "the weights are the supernet's"


def test_unknown_networks_are_refused() -> None:
    supernet = make_supernet("cross", SMALL, Skeleton(), 2, 3)
    runtime = Switchable(supernet, {NETWORKS[0]: batch_norm_statistics(supernet.extract(NETWORKS[0]))})
    with pytest.raises(KeyError):
        runtime.switch(NETWORKS[1])
    with pytest.raises(ValueError, match="at least one"):
        Switchable(supernet, {})


def test_a_schedule_says_whose_turn_it_is() -> None:
    supernet = make_supernet("cross", SMALL, Skeleton(), 2, 3)
    statistics = {name: batch_norm_statistics(supernet.extract(name)) for name in NETWORKS}
    runtime = Switchable(supernet, statistics, [Turn(NETWORKS[1], 0.0, 100.0), Turn(NETWORKS[0], 8.0, 40.0)])
    first, last = NETWORKS[1], NETWORKS[0]
    for charge_pct, hours, network in ((100, 0, first), (40.1, 7.9, first), (40, 8, last), (0, 99, last)):
        runtime.switch_by_charge(charge_pct)
        assert runtime.running == network
        runtime.switch(NETWORKS[1])
        runtime.switch_by_clock(hours)
        assert runtime.running == network
    runtime.switch_by_charge(101)  # a gauge that is off a little
    assert runtime.running == NETWORKS[1]
    with pytest.raises(ValueError, match="no schedule"):
        Switchable(supernet, statistics).switch_by_clock(1)
