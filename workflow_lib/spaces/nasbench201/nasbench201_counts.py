"""Costs of networks of NAS-Bench-201 cells as sums over edges, computed without torch."""

from collections.abc import Callable, Mapping

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.layer_counts import Layer, convolution, head, norm, parameterless, stem
from workflow_lib.spaces.nasbench201.nasbench201_cell import (
    EDGES,
    KERNELS,
    NODES,
    OPERATIONS,
    STAGES,
    Skeleton,
    halved,
    stem_px,
)


def uniform_edge_costs(fixed: float, operations: Mapping[str, float], sums: float = 0.0) -> CellCosts:
    """Build costs where each operation costs the same on every edge.

    Args:
        fixed: cost of stem, reductions and head.
        operations: operation -> its cost on one edge, summed over all cells of the network.
        sums: cost of adding two feature maps, summed over all cells; a node with k edges adds k - 1 times.
    """
    prices = tuple(operations[name] + (sums if name != "none" else 0) for name in OPERATIONS)
    return CellCosts(fixed - len(NODES) * sums, (prices,) * len(EDGES), sums, NODES)


def count_parameters(skeleton: Skeleton, channels: int, classes: int) -> CellCosts:
    """Count trainable parameters: convolutions without bias, batch norms and the linear layer.

    Args:
        skeleton: skeleton of the networks.
        channels: bands of the input images.
        classes: number of classes.
    """
    return _count(skeleton, channels, classes, 1, lambda layer: layer.parameters)


def count_multiply_adds(skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
    """Count multiply-adds of convolutions and the linear layer for one image.

    Args:
        skeleton: skeleton of the networks.
        channels: bands of the input images.
        classes: number of classes.
        size_px: side of the input images (pixels).
    """
    return _count(skeleton, channels, classes, size_px, lambda layer: layer.multiply_adds)


def count_activations(skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
    """Count output values of all layers for one image; sums of edges are not counted.

    Args:
        skeleton: skeleton of the networks.
        channels: bands of the input images.
        classes: number of classes.
        size_px: side of the input images (pixels).
    """
    return _count(skeleton, channels, classes, size_px, lambda layer: layer.outputs)


def _count(skeleton: Skeleton, channels: int, classes: int, size_px: int, cost: Callable[[Layer], int]) -> CellCosts:
    width, side_px = skeleton.width, stem_px(skeleton, size_px)
    fixed = stem(skeleton, channels, width, size_px)
    operations: dict[str, list[Layer]] = {name: [] for name in OPERATIONS}
    for stage in range(STAGES):
        stage_width = width * 2**stage
        if stage:
            fixed += _reduction(stage_width // 2, side_px)
            side_px = halved(side_px)
        for name, kernel in KERNELS.items():
            operations[name] += skeleton.cells * _activated_convolution(
                stage_width, (kernel * stage_width) ** 2, stage_width, side_px, side_px
            )
        operations["pool"] += skeleton.cells * [parameterless(stage_width, side_px)]
    features = width * 2 ** (STAGES - 1)
    fixed += [norm(features, side_px), parameterless(features, side_px), *head(features, classes)]
    return uniform_edge_costs(
        sum(map(cost, fixed)), {name: sum(map(cost, layers)) for name, layers in operations.items()}
    )


def _reduction(width: int, side_px: int) -> list[Layer]:
    """Layers of a residual block that halves the side and doubles the width; its shortcut pools and convolves."""
    doubled, after_px = 2 * width, halved(side_px)
    first = _activated_convolution(width, 9 * width * doubled, doubled, side_px, after_px)
    second = _activated_convolution(doubled, 9 * doubled * doubled, doubled, after_px, after_px)
    return [*first, *second, parameterless(width, after_px), convolution(width * doubled, doubled, after_px)]


def _activated_convolution(inputs: int, weights: int, outputs: int, before_px: int, side_px: int) -> list[Layer]:
    """Layers of one unit: ReLU, convolution, batch norm."""
    return [parameterless(inputs, before_px), convolution(weights, outputs, side_px), norm(outputs, side_px)]
