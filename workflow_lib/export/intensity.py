"""Operations and memory traffic of each layer, and their ratio: the arithmetic intensity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workflow_lib.spaces.cross.folded_net import folded_images


@dataclass(frozen=True)
class Layer:
    """A convolution or linear layer with the batch norm and activation fused into it.

    Attributes:
        name: name of the module.
        kind: conv or linear.
        flops: operations for the whole batch, two per multiply-add.
        input_bytes, weight_bytes, output_bytes: memory traffic; each is read or written once. The weights include one
            bias per output channel, which a fused batch norm leaves behind.
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
    """Count the operations and memory traffic of a network's convolutions and linear layers.

    All other layers are fused into these, or move few bytes.

    Args:
        network: the network; its `Conv2d` and `Linear` modules are counted in execution order. Not modified.
        channels: channels of one image.
        size_px: height and width of one image.
        batch: images per inference; a multiple of the number of images that the network folds into one.
        number_bytes: bytes per number: 4 for float32, 2 for bf16.

    Returns:
        One entry per execution of a layer.

    Raises:
        ValueError: if the batch is not a multiple of the number of folded images.
    """
    # Run the smallest possible batch and scale the counts; they grow linearly with the batch.
    multiple = folded_images(network)
    if batch % multiple:
        raise ValueError(f"a batch of {batch} images is not a multiple of {multiple}, as this network needs")
    scale, found = batch // multiple, []

    def record(name: str, layer: nn.Module, inputs: Tensor, output: Tensor) -> None:
        weight: Any = layer.weight
        weights = weight.numel() + weight.shape[0]  # one bias per output: the layer's, or a folded batch norm's
        found.append(
            Layer(
                name,
                "conv" if isinstance(layer, nn.Conv2d) else "linear",
                2 * output.numel() * weight[0].numel() * scale,
                inputs.numel() * number_bytes * scale,
                weights * number_bytes,
                output.numel() * number_bytes * scale,
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
            network.eval()(torch.zeros(multiple, channels, size_px, size_px, device=parameter.device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return found


def whole_intensity(layers: list[Layer]) -> float:
    """Compute the arithmetic intensity of a whole network: total operations per byte of total memory traffic.

    >>> whole_intensity([Layer("a", "conv", 600, 100, 100, 100), Layer("b", "linear", 300, 50, 40, 10)])
    2.25
    """
    traffic_bytes = sum(layer.input_bytes + layer.weight_bytes + layer.output_bytes for layer in layers)
    return sum(layer.flops for layer in layers) / traffic_bytes


def bound_by_memory(layers: list[Layer], compute_to_bandwidth: float) -> list[bool]:
    """Tell which layers are memory-bound on a device: they wait for memory longer than they compute.

    Args:
        layers: layers of a network.
        compute_to_bandwidth: operations that the device performs in the time it moves one byte (FLOP per byte).

    Returns:
        One value per layer.

    >>> bound_by_memory([Layer("a", "conv", 600, 100, 100, 100), Layer("b", "linear", 300, 50, 40, 10)], 2.5)
    [True, False]
    """
    return [bool(layer.intensity < compute_to_bandwidth) for layer in layers]


def largest_batch(layers: list[Layer], limit_bytes: float, multiple: int = 1) -> int:
    """Find the largest batch that fits into memory: a power of two, times `multiple`.

    While a layer runs, memory holds its input, its output and one tensor for a following addition.

    Args:
        layers: layers of the network, counted for `multiple` images.
        limit_bytes: memory available to the inference.
        multiple: number of images that the network folds into one.

    Returns:
        Number of images.

    Raises:
        ValueError: if the smallest batch does not fit.

    >>> largest_batch([Layer("a", "conv", 600, 100, 100, 100)], limit_bytes=2000)
    4
    """
    weights = sum(layer.weight_bytes for layer in layers)
    peak_bytes = max(layer.input_bytes + 2 * layer.output_bytes for layer in layers)
    times = (limit_bytes - weights) / peak_bytes
    if times < 1:
        needed_mb = (weights + peak_bytes) / 1e6
        raise ValueError(
            f"{limit_bytes / 1e6:.0f} MB are too few: weights and the smallest batch need {needed_mb:.0f} MB"
        )
    return multiple * int(2 ** np.floor(np.log2(times)))
