"""What networks of NAS-Bench-201 cells cost, edge by edge, without torch."""

from collections.abc import Callable, Mapping

from workflow_lib.core.spaces.cell_costs import CellCosts
from workflow_lib.core.spaces.nasbench201 import EDGES, KERNELS, NODES, OPERATIONS, STAGES, Skeleton, halved


def on_all_edges(fixed: float, operations: Mapping[str, float], sums: float = 0.0) -> CellCosts:
    """Costs of operations that are the same on all edges.

    Args:
        fixed: of stem, reductions and head.
        operations: name -> what it costs on one edge, in all cells of the network together.
        sums: what one sum of two maps costs, in all cells together; a node sums one time less than it has edges.
    """
    prices = tuple(operations[name] + (sums if name != "none" else 0) for name in OPERATIONS)
    return CellCosts(fixed - len(NODES) * sums, (prices,) * len(EDGES), sums, NODES)


def count_parameters(skeleton: Skeleton, channels: int, classes: int) -> CellCosts:
    """Trainable parameters: of convolutions without bias, batch norms and the linear layer.

    Args:
        skeleton: of the networks.
        channels, classes: of their images.
    """
    return _count(skeleton, channels, classes, lambda weights, outputs, _side_px: weights + 2 * outputs, bias=1)


def count_multiply_adds(skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
    """Multiply-adds for one image: of convolutions and the linear layer.

    Args:
        skeleton: of the networks.
        channels, classes, size_px: of their images.
    """
    return _count(skeleton, channels, classes, lambda weights, _outputs, side_px: weights * side_px**2, size_px)


def count_activations(skeleton: Skeleton, channels: int, classes: int, size_px: int) -> CellCosts:
    """Numbers that all layers put out for one image; the sums of edges are not counted.

    Args:
        skeleton: of the networks.
        channels, classes, size_px: of their images.
    """
    width, fixed, side_px = skeleton.width, 0, size_px
    for number in range(max(skeleton.stem_strides, 1)):
        fixed += width * side_px**2 if number else 0  # ReLU
        side_px = halved(side_px) if skeleton.stem_strides else side_px
        fixed += 2 * width * side_px**2
    operations = dict.fromkeys(OPERATIONS, 0)
    for stage in range(STAGES):
        wide = width * 2**stage
        if stage:
            before = wide // 2 * side_px**2
            side_px = halved(side_px)
            after = wide * side_px**2
            # Two times ReLU, convolution and norm; the shortcut's pooling has half as many channels as its convolution.
            fixed += before + 2 * after + 3 * after + after // 2 + after
        maps = skeleton.cells * wide * side_px**2
        for operation, layers in (("conv1", 3), ("conv3", 3), ("pool", 1)):
            operations[operation] += layers * maps
    features = width * 2 ** (STAGES - 1)
    return on_all_edges(fixed + 2 * features * side_px**2 + 2 * features + classes, operations)


Convolution = Callable[[int, int, int], int]
"""(weights, output channels, output side) -> cost."""


def _count(
    skeleton: Skeleton, channels: int, classes: int, convolution: Convolution, size_px: int = 1, bias: int = 0
) -> CellCosts:
    """Add up a network; a convolution comes with its batch norm, but for shortcuts, which have none."""
    width, fixed, side_px = skeleton.width, 0, size_px
    for number in range(max(skeleton.stem_strides, 1)):
        side_px = halved(side_px) if skeleton.stem_strides else side_px
        fixed += convolution(9 * (width if number else channels) * width, width, side_px)
    operations = dict.fromkeys(OPERATIONS, 0)
    for stage in range(STAGES):
        wide = width * 2**stage
        if stage:
            side_px, before = halved(side_px), wide // 2
            fixed += convolution(9 * before * wide, wide, side_px) + convolution(9 * wide * wide, wide, side_px)
            fixed += convolution(before * wide, 0, side_px)
        for operation, kernel in KERNELS.items():
            operations[operation] += skeleton.cells * convolution((kernel * wide) ** 2, wide, side_px)
    features = width * 2 ** (STAGES - 1)
    norm = convolution(0, features, 0)  # of the head, before pooling
    return on_all_edges(fixed + norm + (features + bias) * classes, operations)
