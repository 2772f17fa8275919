"""Quantization-aware fine-tuning: one more epoch in which weights and activations are rounded much as in an int8 file.

Inputs and weights of convolutions and fully connected layers are rounded, which covers most of what a file rounds.
Weights have 7 bits, as in this project's ONNX files; LiteRT's have 8.

Source: Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference,
section 3. Batch norm keeps its statistics. Weights are rounded per output channel, so that it makes no difference
whether batch norm is folded into them before or after.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrize

from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.models.strided_convolutions import guard_strided_convolutions

_MAX_WEIGHT: Final = 63
_MAX_ACTIVATION: Final = 255
_BATCH: Final = 16
_LEARNING_RATE: Final = 1e-3
_SMALLEST_RANGE: Final = 1e-6

_Range = tuple[float, float]


def fine_tune(
    network: nn.Module, view: ChipView, training: Rows, labels: Rows, calibration: NDArray[np.float32], seed: int
) -> nn.Module:
    """Train a network for one epoch with the rounding of int8.

    Args:
        network: trained network; not modified.
        view: the chips as the network receives them.
        training: (n,) rows of the training chips.
        labels: (chips,) class numbers of all chips.
        calibration: (m, channels, height, width) training chips, from which the ranges of activations are taken.
        seed: seed of the order of the chips.

    Returns:
        A float32 network that loses less when it is quantized.
    """
    guard_strided_convolutions()
    tuned = copy.deepcopy(network).float().cpu().eval()
    layers = [module for module in tuned.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    ranges = _input_ranges(tuned, layers, torch.from_numpy(calibration))
    order = np.random.default_rng(seed).permutation(training)
    with _rounded(layers, ranges):
        optimiser = torch.optim.Adam(tuned.parameters(), _LEARNING_RATE)
        for start in range(0, len(order), _BATCH):
            rows = np.sort(order[start : start + _BATCH])
            images = torch.from_numpy(np.ascontiguousarray(np.moveaxis(view.batch(rows), -1, 1)))
            loss = cross_entropy(tuned(images), torch.from_numpy(labels[rows]).long())
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # missing in its stubs
            optimiser.step()
    return tuned


def _input_ranges(network: nn.Module, layers: Sequence[nn.Module], images: Tensor) -> dict[nn.Module, _Range]:
    """Find the smallest and largest input of each layer, with 0 between them."""
    found: dict[nn.Module, _Range] = {}

    def observe(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        low, high = found.get(layer, (0.0, 0.0))
        found[layer] = min(low, float(inputs[0].min())), max(high, float(inputs[0].max()))

    hooks = [layer.register_forward_pre_hook(observe) for layer in layers]
    with torch.no_grad():
        for image in images:
            network(image[None])
    for hook in hooks:
        hook.remove()
    return found


@contextmanager
def _rounded(layers: Sequence[nn.Module], ranges: dict[nn.Module, _Range]) -> Iterator[None]:
    """Round inputs and weights of layers; afterwards the weights are those that were trained, not rounded."""
    hooks = []
    for layer in layers:
        if layer in ranges:
            parametrize.register_parametrization(layer, "weight", _RoundedWeights())
            hooks.append(layer.register_forward_pre_hook(_rounding(*ranges[layer])))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer in layers:
            if parametrize.is_parametrized(layer, "weight"):
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


def _rounding(low: float, high: float) -> Any:
    """Return a hook that rounds the input of a layer to 8 bits, between the ends of a range."""
    scale = max((high - low) / _MAX_ACTIVATION, _SMALLEST_RANGE)
    zero = min(_MAX_ACTIVATION, max(0, round(-low / scale)))

    def rounded(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (torch.fake_quantize_per_tensor_affine(inputs[0], scale, zero, 0, _MAX_ACTIVATION), *inputs[1:])

    return rounded


class _RoundedWeights(nn.Module):
    """Rounds weights to 7 bits per output channel; gradients pass as if they had not been rounded."""

    def forward(self, weights: Tensor) -> Tensor:
        largest = weights.detach().abs().flatten(1).amax(dim=1).clamp(min=_SMALLEST_RANGE)
        zeros = torch.zeros(len(largest), dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(
            weights, largest / _MAX_WEIGHT, zeros, 0, -_MAX_WEIGHT, _MAX_WEIGHT
        )
