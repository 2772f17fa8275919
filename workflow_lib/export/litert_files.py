"""Conversion of torch networks to LiteRT files (formerly TensorFlow Lite)."""

import copy
import os
from typing import Any

import torch
from torch import Tensor, nn

from workflow_lib.core.errors import UserError
from workflow_lib.export.litert_tools import embed, one_line, quiet


def to_litert(network: nn.Module, channels: int, size_px: int) -> bytes:
    """Convert a network to a float32 LiteRT file.

    Args:
        network: the network, for images (n, channels, height, width); not modified.
        channels: number of input channels.
        size_px: input height and width.

    Returns:
        The content of the file. Its input is one image (1, height, width, channels), without a transpose in front; its
        output is (1, classes) logits.

    Raises:
        UserError: if the converter is not installed, or LiteRT cannot express the network.
    """
    os.environ["LITERT_TORCH_SHOW_PROGRESS"] = "n"  # the converter reads it at each use
    with quiet():
        converter = _converter()
        portable = _with_plain_pools(network).float().cpu().eval()
        channels_last = converter.to_channel_last_io(portable, args=[0]).eval()
        with torch.no_grad(), one_line("express"):
            example = torch.zeros(1, size_px, size_px, channels)
            return embed(bytes(converter.convert(channels_last, (example,)).model_content()))


def _converter() -> Any:
    try:
        import litert_torch
    except ImportError:
        raise UserError("the LiteRT converter is not installed here", "export_litert", "run: make litert") from None
    return litert_torch


class _StridedMean(nn.Module):
    """Average pooling without stride, of which every n-th value is kept."""

    def __init__(self, pool: nn.AvgPool2d) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(pool.kernel_size, 1, pool.padding, count_include_pad=False)
        self.stride = (pool.stride, pool.stride) if isinstance(pool.stride, int) else pool.stride

    def forward(self, images: Tensor) -> Tensor:
        strided: Tensor = self.pool(images)[:, :, :: self.stride[0], :: self.stride[1]]
        return strided


def _leaves_padding_out(pool: nn.AvgPool2d) -> bool:
    """Whether a pooling with stride leaves padding out of its means, in a way that `_StridedMean` reproduces."""
    plain = not pool.ceil_mode and pool.divisor_override is None
    return bool(pool.padding and pool.stride != 1 and not pool.count_include_pad and plain)


def _with_plain_pools(network: nn.Module) -> nn.Module:
    """Copy a network, and replace its strided average poolings that do not count padding by equal ones.

    LiteRT has no such pooling. The converter would write operators for it that neither the quantizer nor tflite-micro
    accepts.
    """
    copied = copy.deepcopy(network)
    for parent in list(copied.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.AvgPool2d) and _leaves_padding_out(child):
                setattr(parent, name, _StridedMean(child))
    return copied
