"""Export of torch networks to ONNX files; the only module that calls the exporter."""

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.onnx import TrainingMode

from workflow_lib.core.files import atomic_path
from workflow_lib.spaces.cross.folded_net import folded_images

DETECTION_OPSET = 13
"""Newest opset that nn-Meter supports."""

_NOISE = 1e-4
"""Largest value added by `perturb_tensors`; positive, because variances must stay positive."""


def export_deployed(network: nn.Module, channels: int, size_px: int, path: Path) -> None:
    """Write a network for inference on one chip (or one stack of folded chips); batch norm is folded into convolutions.

    The TorchScript exporter is used with its default names and opset, because they determine the memory column of CROSS
    to the byte.

    Args:
        network: the network; not modified.
        channels: number of input channels.
        size_px: input height and width.
        path: the file to write, atomically; input (1, channels, size_px, size_px) float32, output (1, classes) logits.
            A network that folds images takes that number of images instead of 1.
    """
    _export(network, channels, size_px, path)


def export_for_detection(network: nn.Module, channels: int, size_px: int, path: Path) -> None:
    """Write a network for nn-Meter's kernel detection, which needs batch norm as separate nodes.

    Args:
        network: the network; not modified.
        channels: number of input channels.
        size_px: input height and width.
        path: the file to write, atomically.
    """
    _export(
        network, channels, size_px, path,
        training=TrainingMode.TRAINING, opset_version=DETECTION_OPSET,
    )  # fmt: skip


def _export(network: nn.Module, channels: int, size_px: int, path: Path, **options: Any) -> None:
    portable = copy.deepcopy(network).float().cpu()
    portable = portable.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]  # missing in its stubs
    example = torch.zeros(folded_images(network), channels, size_px, size_px)
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # The exporter warns that it is outdated, and about the counters of each batch norm. Its successor is not used:
        # it writes a second file and splits pooling.
        warnings.simplefilter("ignore")
        torch.onnx.export(portable, (example,), str(temporary), dynamo=False, **options)


def make_tensors_distinct(network: nn.Module) -> nn.Module:
    """Fill all weights and statistics with distinct values, as after training, so that the exporter merges none.

    Args:
        network: the network; modified in place.

    Returns:
        The same network.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in _numbers(network):
            tensor.uniform_(0.5, 1.5, generator=generator)
    return network


def perturb_tensors(network: nn.Module) -> nn.Module:
    """Add a little noise to all weights and statistics, so that no two are equal and activations stay in range.

    Args:
        network: a freshly initialised network; modified in place.

    Returns:
        The same network.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in _numbers(network):
            tensor += torch.empty_like(tensor).uniform_(0, _NOISE, generator=generator)
    return network


def _numbers(network: nn.Module) -> list[torch.Tensor]:
    """Return the weights and statistics of a network, without its counters."""
    return [tensor for tensor in (*network.parameters(), *network.buffers()) if tensor.is_floating_point()]
