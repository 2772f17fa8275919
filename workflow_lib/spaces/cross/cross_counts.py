"""Costs of networks of the CROSS space, computed without torch; planning uses them."""

from dataclasses import replace
from math import isqrt

from workflow_lib.spaces.cross.cross_architecture import Architecture
from workflow_lib.spaces.network_counts import Costs


def costs(architecture: Architecture, channels: int, classes: int, size_px: int) -> Costs:
    """Count what a network of `spaces.cross.cross_module` costs for one chip; tests compare with torch's counters.

    Args:
        architecture: the network.
        channels: bands of the chips.
        classes: number of classes.
        size_px: side of the chips (pixels).
    """
    fold = architecture.fold
    if fold > 1:
        unfolded = replace(architecture, fold=1, width=architecture.width * isqrt(fold))
        counted = costs(unfolded, channels * fold, classes * fold, size_px)
        return Costs(counted.multiply_adds // fold, counted.activations // fold, counted.parameters)
    width, kernel = architecture.width, architecture.kernel_size
    stem_px = _output_px(size_px, kernel, architecture.stride, architecture.padding)
    stem_weights = kernel**2 * channels * width
    multiply_adds = stem_weights * stem_px**2
    activations = 3 * width * stem_px**2
    parameters = stem_weights + 2 * width
    side_px = stem_px
    if architecture.pool:
        side_px = _output_px(stem_px, *architecture.pool, padding=1)
        activations += width * side_px**2
    for stage in range(4):
        inputs, outputs = width * 2 ** max(stage - 1, 0), width * 2**stage
        if stage:
            side_px = _output_px(side_px, kernel=3, stride=2, padding=1)
        # Two blocks of two convolutions; from the second stage on, also a 1 x 1 shortcut.
        weights = 9 * outputs * (inputs + 3 * outputs) + (inputs * outputs if stage else 0)
        multiply_adds += weights * side_px**2
        activations += (12 if stage else 10) * outputs * side_px**2
        parameters += weights + (5 if stage else 4) * 2 * outputs
    features = 8 * width
    return Costs(
        multiply_adds + features * classes, activations + features + classes, parameters + (features + 1) * classes
    )


def _output_px(side_px: int, kernel: int, stride: int, padding: int) -> int:
    return (side_px + 2 * padding - kernel) // stride + 1
