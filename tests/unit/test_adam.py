"""Our Adam takes torch's plain Adam's steps."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.training.adam import Adam


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_its_steps_are_those_of_plain_adam(dtype: torch.dtype) -> None:
    torch.manual_seed(7)
    ours = to_module("k3-s2-p1-pool3s2-w32", 5, 2).to(dtype).to(memory_format=torch.channels_last)
    theirs = copy.deepcopy(ours)
    adam, plain = Adam(ours, 0.01), torch.optim.Adam(theirs.parameters(), lr=0.01, fused=False, foreach=False)
    for _ in range(3):
        images = torch.randn(4, 40, 40, 5, dtype=dtype).permute(0, 3, 1, 2)
        ours.zero_grad()
        cross_entropy(ours(images), torch.tensor([0, 1, 1, 0])).backward()
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert mine.grad is not None
            assert mine.grad.stride() == mine.stride()
            other.grad = mine.grad.clone()
        adam.step()
        plain.step()
        tolerance = 1e-6 if dtype == torch.float32 else 1e-12
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine, other, rtol=0, atol=tolerance)


def test_its_steps_are_torch_s_fused_ones_to_the_bit() -> None:
    torch.manual_seed(7)
    weights = torch.nn.Conv2d(5, 8, 3).to(memory_format=torch.channels_last)
    plain = [parameter.detach().clone() for parameter in weights.parameters()]
    adam, fused = Adam(weights, 0.01), torch.optim.Adam(plain, lr=0.01, fused=True)
    for rate in (0.01, 0.02, 0.005):
        adam.set_rate(rate)
        fused.param_groups[0]["lr"] = rate
        for mine, other in zip(weights.parameters(), plain, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        adam.step()
        fused.step()
        assert all(torch.equal(mine, other) for mine, other in zip(weights.parameters(), plain, strict=True))


def test_its_state_goes_on() -> None:
    torch.manual_seed(7)
    first = to_module("k3-s2-p1-pool3s2-w32", 5, 2).to(memory_format=torch.channels_last)
    images, classes = torch.randn(4, 40, 40, 5).permute(0, 3, 1, 2), torch.tensor([0, 1, 1, 0])

    def step(network: torch.nn.Module, adam: Adam) -> None:
        network.zero_grad()
        cross_entropy(network(images), classes).backward()
        adam.step()

    adam = Adam(first, 0.01)
    step(first, adam)
    second = copy.deepcopy(first)
    other = Adam(second, 0.01)
    other.load_state_dict(copy.deepcopy(adam.state_dict()))
    step(first, adam)
    step(second, other)
    for mine, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_weight_decay_takes_the_steps_of_torch_s_adamw_and_spares_biases_and_norms() -> None:
    torch.manual_seed(7)
    ours = torch.nn.Sequential(torch.nn.Conv2d(5, 8, 3), torch.nn.BatchNorm2d(8)).to(memory_format=torch.channels_last)
    theirs = copy.deepcopy(ours)
    groups = [
        {"params": [weights for weights in theirs.parameters() if weights.dim() > 1], "weight_decay": 0.1},
        {"params": [weights for weights in theirs.parameters() if weights.dim() == 1], "weight_decay": 0.0},
    ]
    adam, plain = Adam(ours, 0.01, weight_decay=0.1), torch.optim.AdamW(groups, lr=0.01, fused=False, foreach=False)
    for _ in range(3):
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        adam.step()
        plain.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-6)
