"""Costs of chains of MobileNetV2 blocks as sums over blocks, computed without torch."""

from collections.abc import Callable

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.layer_counts import Layer, convolution, head, norm, parameterless
from workflow_lib.spaces.mobilenet.mobilenet_chain import (
    BLOCKS,
    EXPANSIONS_AND_KERNELS,
    FIRST,
    LAST,
    SKIP,
    STAGES,
    STEM,
)
from workflow_lib.spaces.nasbench201.nasbench201_cell import halved


def count_parameters(channels: int, classes: int) -> CellCosts:
    """Count trainable parameters.

    Args:
        channels: bands of the input images.
        classes: number of classes.
    """
    return _count(channels, classes, 1, lambda layer: layer.parameters)


def count_multiply_adds(channels: int, classes: int, size_px: int) -> CellCosts:
    """Count multiply-adds of convolutions and the linear layer for one image.

    Args:
        channels: bands of the input images.
        classes: number of classes.
        size_px: side of the input images (pixels).
    """
    return _count(channels, classes, size_px, lambda layer: layer.multiply_adds)


def count_activations(channels: int, classes: int, size_px: int) -> CellCosts:
    """Count output values of all layers for one image; residual additions are not counted.

    Args:
        channels: bands of the input images.
        classes: number of classes.
        size_px: side of the input images (pixels).
    """
    return _count(channels, classes, size_px, lambda layer: layer.outputs)


def _count(channels: int, classes: int, size_px: int, cost: Callable[[Layer], int]) -> CellCosts:
    side_px = halved(size_px)
    fixed = [*_convolution_unit(9 * channels * STEM, STEM, side_px), *_block(STEM, FIRST, 1, 3, side_px, side_px)]
    prices, width = [], FIRST
    for stage in STAGES:
        for place in range(stage.blocks):
            after_px = halved(side_px) if stage.stride == 2 and not place else side_px
            layers = {
                name: _block(width, stage.width, expansion, kernel, side_px, after_px)
                for name, (expansion, kernel) in EXPANSIONS_AND_KERNELS.items()
            } | {SKIP: []}
            prices.append(tuple(sum(map(cost, layers[name])) for name in BLOCKS))
            width, side_px = stage.width, after_px
    fixed += [*_convolution_unit(width * LAST, LAST, side_px), *head(LAST, classes)]
    return CellCosts(sum(map(cost, fixed)), tuple(prices))


def _block(inputs: int, outputs: int, expansion: int, kernel: int, before_px: int, after_px: int) -> list[Layer]:
    inner = inputs * expansion
    widened = _convolution_unit(inputs * inner, inner, before_px) if expansion > 1 else []
    narrowed = [convolution(inner * outputs, outputs, after_px), norm(outputs, after_px)]
    return [*widened, *_convolution_unit(kernel**2 * inner, inner, after_px), *narrowed]


def _convolution_unit(weights: int, outputs: int, side_px: int) -> list[Layer]:
    """Layers of one unit: convolution, batch norm, ReLU."""
    return [convolution(weights, outputs, side_px), norm(outputs, side_px), parameterless(outputs, side_px)]
