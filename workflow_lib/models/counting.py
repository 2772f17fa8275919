"""What a network costs, counted."""

from typing import Any

import torch
import torch._dynamo  # the counter imports it, a second of every job, where a warm worker does not have it
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workflow_lib.spaces.cross.folded_net import images_at_once

BYTES_PER_FLOAT = 4


def count_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def count_multiply_adds(network: nn.Module, channels: int, size_px: int) -> int:
    """Multiply-adds of the convolutions and linear layers for one chip.

    Source: torch's counter, which counts two operations per multiply-add.
    """
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.eval()(_images(network, channels, size_px))
    return int(counter.get_total_flops()) // 2 // len(_images(network, channels, size_px))


def count_activation_bytes(network: nn.Module, channels: int, size_px: int) -> int:
    """Bytes of the outputs of all layers for one chip in float32; what an in-place layer writes counts too."""
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
    """Whether a module is one of torch's layers; a cell may have no children either, and adds up what it is given."""
    return not any(module.children()) and type(module).__module__.startswith("torch.nn.")


def _images(network: nn.Module, channels: int, size_px: int) -> torch.Tensor:
    """One chip, or as many as the network folds into one."""
    return torch.zeros(images_at_once(network), channels, size_px, size_px)
