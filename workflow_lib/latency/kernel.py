"""A fused kernel: the unit in which devices execute a network and predictors price it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

FUSION_RULES: Final = Path(__file__).with_name("fusion_rules.json")
"""Plain rules, similar to TFLite's: convolution + batch norm + ReLU, addition + ReLU, fully connected + ReLU."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A group of operators that a device executes as one, named and described as in nn-Meter.

    Sizes refer to the kernel's first operator. Non-square maps and windows are stored as the side of the square of the
    same area, so that areas, work and traffic are exact.

    Attributes:
        type: nn-Meter's name: the operators joined by dashes, e.g. "conv-bn-relu".
        features: nn-Meter's feature vector for that type, in its order and units.
        input_hw: side of the input map, pixels; 1 for vectors.
        output_hw: side of the output map, pixels; 1 for vectors.
        in_channels: channels of the first input; of a concat, channels of all inputs together.
        out_channels: channels of the output.
        kernel_size: side of the convolution or pooling window, pixels; 1 if there is none.
        stride: stride of that window, pixels.
        multiply_adds: multiply-adds of convolutions and fully connected layers for one image, else 0; a multiplication
            and its addition count as one.
        inexpressible: properties that the features do not express, such as "groups 4"; see `latency.features`.
    """

    type: str
    features: tuple[float, ...]
    input_hw: float
    output_hw: float
    in_channels: int
    out_channels: int
    kernel_size: float
    stride: int
    multiply_adds: float
    inexpressible: tuple[str, ...] = ()
