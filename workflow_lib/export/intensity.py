"""What each layer computes and moves: multiply-adds, bytes, and how many of the one come on one of the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workflow_lib.spaces.cross.folded_net import images_at_once


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer with what is fused into it: batch norm, activation.

    Attributes:
        name: of the module.
        kind: conv or linear.
        flops: two per multiply-add, for the whole batch.
        input_bytes, weight_bytes, output_bytes: read and written once each; a fused batch norm leaves a bias.
    """

    name: str
    kind: str
    flops: int
    input_bytes: int
    weight_bytes: int
    output_bytes: int

    @property
    def intensity(self) -> float:
        """Arithmetic intensity (FLOP per byte).

        Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, equation 2.
        """
        return self.flops / (self.input_bytes + self.weight_bytes + self.output_bytes)


def count_layers(network: nn.Module, channels: int, size_px: int, batch: int, number_bytes: int) -> list[Layer]:
    """Count the layers of a network that multiply; all others are fused, or move little.

    Args:
        network: its modules `Conv2d` and `Linear` are counted, in the order in which they run; not modified.
        channels, size_px: of one image.
        batch: images at once; a multiple of those that the network folds into one.
        number_bytes: of one number: 4 for float32, 2 for bf16.

    Raises:
        ValueError: if the batch cannot be folded.
    """
    # What each layer sees of as many images as the network folds into one tells what it sees of a batch.
    once = images_at_once(network)
    if batch % once:
        raise ValueError(f"a batch of {batch} images cannot be folded by {once}")
    times, found = batch // once, []

    def record(name: str, layer: nn.Module, inputs: Tensor, output: Tensor) -> None:
        weight: Any = layer.weight
        weights = weight.numel() + weight.shape[0]  # of a bias there is one, from batch norm if not its own
        found.append(
            Layer(
                name,
                "conv" if isinstance(layer, nn.Conv2d) else "linear",
                2 * output.numel() * weight[0].numel() * times,
                inputs.numel() * number_bytes * times,
                weights * number_bytes,
                output.numel() * number_bytes * times,
            )
        )

    layers = [(name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output, name=name: record(name, layer, inputs[0], output))
        for name, layer in layers
    ]
    training = network.training
    parameter = next(network.parameters())
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(once, channels, size_px, size_px, device=parameter.device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return found


def whole_intensity(layers: list[Layer]) -> float:
    """Arithmetic intensity of all layers together (FLOP per byte): all they compute over all they move."""
    moved = sum(layer.input_bytes + layer.weight_bytes + layer.output_bytes for layer in layers)
    return sum(layer.flops for layer in layers) / moved


def bound_by_memory(layers: list[Layer], compute_to_bandwidth: float) -> list[bool]:
    """Which layers a device moves the data of more slowly than it computes.

    Args:
        layers: of a network.
        compute_to_bandwidth: FLOP that the device can do while it moves one byte.
    """
    return [bool(layer.intensity < compute_to_bandwidth) for layer in layers]


def largest_batch(layers: list[Layer], limit_bytes: float, multiple: int = 1) -> int:
    """The largest power of two of images (times `multiple`) that an inference has room for.

    While a layer runs, its input, its output and one tensor for the addition behind it are alive.

    Args:
        layers: counted for `multiple` images.
        limit_bytes: what may be used.
        multiple: images that the network folds into one.

    Raises:
        ValueError: if not even one has.
    """
    weights = sum(layer.weight_bytes for layer in layers)
    alive = max(layer.input_bytes + 2 * layer.output_bytes for layer in layers)
    times = (limit_bytes - weights) / alive
    if times < 1:
        raise ValueError(
            f"{limit_bytes / 1e6:.0f} MB are too few: weights and one image take {(weights + alive) / 1e6:.0f}"
        )
    return multiple * int(2 ** np.floor(np.log2(times)))
