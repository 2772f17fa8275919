"""Costs from an id alone are those that torch counts."""

import pytest

from workflow_lib.models.counting import BYTES_PER_FLOAT, count_activation_bytes, count_multiply_adds, count_parameters
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.cross.cross_counts import costs
from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.spaces.network_counts import Costs

FOLDED = [cross.Architecture.parse(f"{name}-f4") for name in ("k3-s2-p1-pool3s2-w32", "k5-s1-p2-nopool-w48")]
SPREAD = [*cross.architectures()[::13], cross.BASELINE, *FOLDED]


@pytest.mark.parametrize("architecture", SPREAD, ids=str)
def test_costs_are_torch_s(architecture: cross.Architecture) -> None:
    channels, classes, size_px = 5, 3, 57
    network = to_module(str(architecture), channels, classes)
    counted = Costs(
        count_multiply_adds(network, channels, size_px),
        count_activation_bytes(network, channels, size_px) // BYTES_PER_FLOAT,
        count_parameters(network),
    )
    assert costs(architecture, channels, classes, size_px) == counted
