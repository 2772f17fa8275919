"""The only module that writes ONNX files."""

import copy
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.onnx import TrainingMode

from workflow_lib.core.files import atomic_path
from workflow_lib.spaces.cross.folded_net import images_at_once

DETECTION_OPSET = 13
"""The newest opset that nn-Meter's operators are written for."""


def export_deployed(network: nn.Module, channels: int, size_px: int, path: Path) -> None:
    """Write a network for inference: one chip (or fold of chips) at a time, batch norm folded into the convolutions.

    The exporter is TorchScript's, with its default names and opset: they decide the bytes of CROSS's memory column.

    Args:
        network: the network; not modified.
        channels: input channels.
        size_px: input height and width.
        path: the file to write, atomically; input (1, channels, size_px, size_px) float32, output (1, classes) logits.
    """
    _export(network, channels, size_px, path)


def export_for_detection(network: nn.Module, channels: int, size_px: int, path: Path) -> None:
    """Write a network as nn-Meter's kernel detection wants it: batch norm kept as nodes.

    Args: as `export_deployed`.
    """
    _export(
        network, channels, size_px, path,
        training=TrainingMode.TRAINING, opset_version=DETECTION_OPSET,
    )  # fmt: skip


def _export(network: nn.Module, channels: int, size_px: int, path: Path, **options: Any) -> None:
    portable = copy.deepcopy(network).float().cpu()
    portable = portable.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]  # missing in its stubs
    example = torch.zeros(images_at_once(network), channels, size_px, size_px)
    with atomic_path(path) as temporary, warnings.catch_warnings():
        # It warns of its age and, per batch norm, of counters; its successor writes a second file and splits pooling.
        warnings.simplefilter("ignore")
        torch.onnx.export(portable, (example,), str(temporary), dynamo=False, **options)


def make_tensors_distinct(network: nn.Module) -> nn.Module:
    """Give every weight and statistic a value of its own, as training does, so that none is stored once for two.

    Args:
        network: modified in place.

    Returns:
        The same network.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5, generator=generator)
    return network
