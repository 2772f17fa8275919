"""One fused kernel: the unit in which devices run a network and predictors price it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kernel:
    """A group of operators that a device runs as one, named and described as nn-Meter does.

    Sizes are those of the kernel's first operator. Non-square maps and windows are given as the side of the
    square of the same area, so that areas, and with them work and traffic, stay exact.

    Attributes:
        type: nn-Meter's name, its operators joined by dashes, e.g. "conv-bn-relu".
        features: nn-Meter's feature vector of that type, in its own order and units.
        input_hw: side of the input map, pixels; 1 for vectors.
        output_hw: side of the output map, pixels; 1 for vectors.
        in_channels: channels of all inputs of a concat together, of the first input of all others.
        out_channels: channels of the output.
        kernel_size: side of the convolution or pooling window, pixels; 1 where there is none.
        stride: of that window, pixels.
        multiply_adds: of convolutions and fully connected layers (one image), counted once per pair; else 0.
        inexpressible: what the features do not say, such as "groups 4": see `latency.features`.
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
