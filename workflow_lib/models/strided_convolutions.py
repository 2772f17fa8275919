"""A safe computation of strided 1x1 convolutions with few input channels, while networks are trained on a CPU.

oneDNN writes beyond its buffers when it computes the gradient of their weights, for images whose channels are stored
last (https://github.com/uxlfoundation/oneDNN/issues/6035, release 3.12, part of torch 2.13). Trainings then crash, or
their gradients are wrong. With AVX2 this concerns fewer than 8 input channels, and with AVX-512 fewer than 16.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

_SAFE_CHANNELS: Final = 16
_original: Final = nn.Conv2d._conv_forward


def guard_strided_convolutions() -> None:
    """Let all convolutions of this process take the pixels that they need first, where oneDNN would fail.

    A 1x1 convolution of every second pixel is one without stride of those pixels. All `nn.Conv2d` are guarded, also
    those of networks that a user declares; exported graphs do not change.
    """
    nn.Conv2d._conv_forward = _guarded  # type: ignore[assignment,method-assign]  # its stub says Any


def _guarded(layer: nn.Conv2d, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # A trace names tensors after variables and records the use of shapes; both would change exported files.
    concerned = (
        not torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]  # missing in its stubs
        and layer.stride != (1, 1)
        and layer.kernel_size == (1, 1)
        and layer.padding in ((0, 0), "valid")
        and weight.shape[1] < _SAFE_CHANNELS
        and weight.requires_grad
        and torch.is_grad_enabled()
        and not weight.is_cuda
    )
    if concerned:
        rows, columns = layer.stride
        return conv2d(input[:, :, ::rows, ::columns], weight, bias, groups=layer.groups)
    outputs: Tensor = _original(layer, input, weight, bias)
    return outputs
