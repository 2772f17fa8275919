"""Costs of a torch module, counted by running it."""

from typing import Any

import torch
import torch._dynamo  # imported here so that it is preloaded in the worker; the counter's lazy import costs jobs 1 s
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workflow_lib.spaces.cross.folded_net import folded_images

BYTES_PER_FLOAT = 4


def count_parameters(network: nn.Module) -> int:
    """Count trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_multiply_adds(network: nn.Module, channels: int, size_px: int) -> int:
    """Count multiply-adds of the convolutions and linear layers for one chip.

    Args:
        network: the network; left in evaluation mode.
        channels: bands of the chip.
        size_px: side of the chip (pixels).

    Source: torch's FLOP counter, which counts two operations per multiply-add.
    """
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.eval()(_images(network, channels, size_px))
    return int(counter.get_total_flops()) // 2 // len(_images(network, channels, size_px))


def count_activation_bytes(network: nn.Module, channels: int, size_px: int) -> int:
    """Count bytes of the outputs of all layers for one chip in float32, including those of in-place layers.

    Args:
        network: the network; left in evaluation mode.
        channels: bands of the chip.
        size_px: side of the chip (pixels).
    """
    sizes: list[int] = []

    def record(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        sizes.append(output.numel() * BYTES_PER_FLOAT)

    layers = [module for module in network.modules() if is_layer(module) and not isinstance(module, nn.Identity)]
    hooks = [module.register_forward_hook(record) for module in layers]
    try:
        with torch.inference_mode():
            network.eval()(_images(network, channels, size_px))
    finally:
        for hook in hooks:
            hook.remove()
    return sum(sizes) // len(_images(network, channels, size_px))


def is_layer(module: nn.Module) -> bool:
    """Whether a module is one of torch's own layers; a cell without child modules is not."""
    return not any(module.children()) and type(module).__module__.startswith("torch.nn.")


def _images(network: nn.Module, channels: int, size_px: int) -> torch.Tensor:
    """Blank chips: one, or as many as the network folds into one."""
    return torch.zeros(folded_images(network), channels, size_px, size_px)
