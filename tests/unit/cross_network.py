"""Networks of the CROSS space for tests: their exported graphs, and their kernels worked out by hand."""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

import onnx

from workflow_lib.latency.kernel import Kernel

CHIP_HW = 100


@dataclass(frozen=True)
class Network:
    """A ResNet-18 variant; `pool` is (kernel size, stride), or None."""

    channels: int
    width: int
    kernel_size: int
    stride: int
    padding: int
    pool: tuple[int, int] | None


def whole_space() -> Iterator[Network]:
    """The 180 networks of the space, each with 5 and with 7 channels."""
    pools = [None, *product((2, 3), (1, 2))]
    for choice in product((5, 7), (32, 48, 64), (3, 5), (1, 2), (1, 2, 3), pools):
        yield Network(*choice)


def export(network: Network) -> onnx.ModelProto:
    """The graph with BatchNormalization kept, as the product exports it for detection."""
    import torch

    torch.manual_seed(0)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is deprecated and speaks of every batch norm
        torch.onnx.export(
            _module(network),
            (torch.zeros(1, network.channels, CHIP_HW, CHIP_HW),),
            file,
            dynamo=False,
            training=torch.onnx.TrainingMode.TRAINING,
            do_constant_folding=False,
            opset_version=13,
        )
    return onnx.load_from_string(file.getvalue())


def _module(network: Network):  # type: ignore[no-untyped-def]
    from torch import flatten, nn

    def convolution(inputs: int, outputs: int, size: int, stride: int, padding: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, size, stride, padding, bias=False), nn.BatchNorm2d(outputs)]

    def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
        first = convolution(inputs, outputs, 3, stride, 1)
        return nn.Sequential(*first, nn.ReLU(), *convolution(outputs, outputs, 3, 1, 1))

    class Residual(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            down = inputs != outputs
            self.body = block(inputs, outputs, 2 if down else 1)
            self.shortcut = nn.Sequential(*convolution(inputs, outputs, 1, 2, 0)) if down else nn.Identity()

        def forward(self, x):  # type: ignore[no-untyped-def]
            return self.shortcut(x) + self.body(x)

    class Head(nn.Module):
        def __init__(self, inputs: int) -> None:
            super().__init__()
            self.pool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(inputs, 2)

        def forward(self, x):  # type: ignore[no-untyped-def]
            return self.fc(flatten(self.pool(x), 1))

    width = network.width
    stem = convolution(network.channels, width, network.kernel_size, network.stride, network.padding)
    pool = [nn.MaxPool2d(*network.pool, padding=1)] if network.pool else []
    widths = [width, width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]
    blocks = [Residual(*pair) for pair in pairwise(widths)]
    return nn.Sequential(*stem, nn.ReLU(), *pool, *blocks, Head(8 * width))


def kernels(network: Network) -> list[Kernel]:
    """The kernels under TFLite-like fusion rules, in the order of the forward pass, without features."""
    width, hw = network.width, CHIP_HW
    window = (network.kernel_size, network.stride, network.padding)
    found = [_convolution("conv-bn-relu", hw, network.channels, width, *window)]
    hw = int(found[-1].output_hw)
    if network.pool:
        size, stride = network.pool
        pooled = (hw + 2 - size) // stride + 1
        found.append(Kernel("maxpool", (), hw, pooled, width, width, size, stride, 0))
        hw = pooled
    inputs = width
    for outputs in [width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]:
        stride = 1 if inputs == outputs else 2
        if stride == 2:
            found.append(_convolution("conv-bn", hw, inputs, outputs, 1, 2, 0))
        found.append(_convolution("conv-bn-relu", hw, inputs, outputs, 3, stride, 1))
        hw, inputs = int(found[-1].output_hw), outputs
        found.append(_convolution("conv-bn", hw, inputs, inputs, 3, 1, 1))
        found.append(Kernel("add", (), hw, hw, inputs, inputs, 1, 1, 0))
    found.append(Kernel("gap", (), hw, 1, inputs, inputs, 1, 1, 0))
    return [*found, Kernel("fc", (), 1, 1, inputs, 2, 1, 1, 2 * inputs)]


def _convolution(kernel_type: str, hw: int, inputs: int, outputs: int, size: int, stride: int, padding: int) -> Kernel:
    output_hw = (hw + 2 * padding - size) // stride + 1
    multiply_adds = output_hw**2 * outputs * size**2 * inputs
    return Kernel(kernel_type, (), hw, output_hw, inputs, outputs, size, stride, multiply_adds)
