"""Gradient descent takes torch's steps, and the moving average of the weights is what it says."""

import copy

import pytest
import torch
from torch import nn

from workflow_lib.training.adam import Adam
from workflow_lib.training.optimizers import make_optimizer
from workflow_lib.training.sgd import Sgd
from workflow_lib.training.training_config import TrainingConfig
from workflow_lib.training.weight_average import WeightAverage


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_its_steps_are_those_of_torch(momentum: float, decay: float) -> None:
    torch.manual_seed(7)
    ours = nn.Sequential(nn.Conv2d(5, 8, 3), nn.BatchNorm2d(8)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    theirs = copy.deepcopy(ours)
    decayed = [weights for weights in theirs.parameters() if weights.dim() > 1]
    others = [weights for weights in theirs.parameters() if weights.dim() == 1]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    sgd = Sgd(ours, 0.1, decay, momentum)
    plain = torch.optim.SGD(groups, lr=0.1, momentum=momentum, nesterov=momentum > 0)
    for rate in (0.1, 0.1, 0.05):
        sgd.set_rate(rate)
        for group in plain.param_groups:
            group["lr"] = rate
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        sgd.step()
        plain.step()
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)


def test_the_config_chooses_the_optimizer() -> None:
    network = nn.Linear(2, 2)
    assert isinstance(make_optimizer(network, TrainingConfig()), Adam)
    assert isinstance(make_optimizer(network, TrainingConfig(optimizer="sgd")), Sgd)


def test_the_average_of_weights_by_hand() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, 0.5)
    for value in (1.0, 4.0):
        nn.init.constant_(network.weight, value)
        average.update()
    average.apply()
    # Weights 1/4 and 1/2, divided by their sum.
    assert network.weight.item() == pytest.approx((0.25 * 1 + 0.5 * 4) / 0.75)


def test_the_average_covers_running_statistics_but_no_counters() -> None:
    norm = nn.BatchNorm2d(2)
    average = WeightAverage(norm, 0.9)
    norm(torch.randn(4, 2, 3, 3))
    expected = norm.running_mean.clone() if norm.running_mean is not None else None
    average.update()
    average.apply()
    assert expected is not None and norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, expected)
    assert norm.num_batches_tracked == 1
