"""Costs of networks of DARTS cells as sums over edges, computed without torch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.darts.darts_cell import EDGES, INPUTS, KINDS, NODES, OPERATIONS
from workflow_lib.spaces.layer_counts import Layer, convolution, head, norm, parameterless, stem
from workflow_lib.spaces.nasbench201.nasbench201_cell import STAGES, Skeleton, halved, stem_px

STEM = 3
"""Ratio of the stem's width to that of the first cells, as in the paper."""


@dataclass(frozen=True)
class Place:
    """The position of a cell in its network.

    Attributes:
        reduction: whether the cell halves the side.
        after_reduction: whether the preceding cell does, so that the first input has twice the side of the second.
        width: channels of each node.
        before, last: channels of the two inputs: the outputs of the cell before the preceding one, and of the preceding
            one.
        before_px, side_px: sides of these inputs (pixels).
    """

    reduction: bool
    after_reduction: bool
    width: int
    before: int
    last: int
    before_px: int
    side_px: int

    @property
    def after_px(self) -> int:
        """Side of the cell's output (pixels)."""
        return halved(self.side_px) if self.reduction else self.side_px


def places(skeleton: Skeleton, first_px: int) -> Iterator[Place]:
    """Iterate over the cells of a network in order: three stages of normal cells, with a reduction cell between stages.

    Args:
        skeleton: skeleton of the network.
        first_px: side of the stem's output (pixels).
    """
    before = last = STEM * skeleton.width
    before_px = side_px = first_px
    after_reduction = False
    for stage in range(STAGES):
        width = skeleton.width * 2**stage
        for reduction in [*([True] if stage else []), *[False] * skeleton.cells]:
            place = Place(reduction, after_reduction, width, before, last, before_px, side_px)
            yield place
            before, last = last, NODES * width
            before_px, side_px, after_reduction = side_px, place.after_px, reduction


def _adapt(inputs: int, outputs: int, before_px: int, side_px: int, halve: bool) -> list[Layer]:
    """Layers that adapt a map to a cell's channels and side: ReLU, pooling if `halve`, 1 x 1 convolution, norm."""
    pool = [parameterless(inputs, side_px)] if halve else []
    return [
        parameterless(inputs, before_px),
        *pool,
        convolution(inputs * outputs, outputs, side_px),
        norm(outputs, side_px),
    ]


def _separable(channels: int, kernel: int, before_px: int, side_px: int) -> list[Layer]:
    depthwise, pointwise = (convolution(weights, channels, side_px) for weights in (channels * kernel**2, channels**2))
    return [parameterless(channels, before_px), depthwise, pointwise, norm(channels, side_px)]


def _operation(name: str, channels: int, before_px: int, side_px: int, halve: bool) -> list[Layer]:
    kernel = int(name[-1]) if name[-1].isdigit() else 0
    match name[:3]:
        case "sep":
            first = _separable(channels, kernel, before_px, side_px)
            return first + _separable(channels, kernel, side_px, side_px)
        case "dil":
            return _separable(channels, kernel, before_px, side_px)
        case "max" | "avg":
            return [parameterless(channels, side_px)]
    return _adapt(channels, channels, before_px, side_px, halve) if name == "skip" and halve else []


def _count(skeleton: Skeleton, channels: int, classes: int, size_px: int, cost: Callable[[Layer], int]) -> CellCosts:
    fixed = stem(skeleton, channels, STEM * skeleton.width, size_px)
    prices = [[0] * len(OPERATIONS) for _ in range(len(KINDS) * len(EDGES))]
    features = 0
    for place in places(skeleton, stem_px(skeleton, size_px)):
        fixed += _adapt(place.before, place.width, place.before_px, place.side_px, place.after_reduction)
        fixed += _adapt(place.last, place.width, place.side_px, place.side_px, False)
        features = NODES * place.width
        for edge, (tail, _) in enumerate(EDGES):
            halve = place.reduction and tail < INPUTS
            before_px = place.side_px if halve else place.after_px
            for number, name in enumerate(OPERATIONS):
                layers = _operation(name, place.width, before_px, place.after_px, halve)
                prices[place.reduction * len(EDGES) + edge][number] += sum(map(cost, layers))
    fixed += head(features, classes)
    return CellCosts(sum(map(cost, fixed)), tuple(map(tuple, prices)))


def count_parameters(skeleton: Skeleton, channels: int, classes: int) -> CellCosts:
    """Count trainable parameters.

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
    """Count output values of all layers for one image; sums and concatenations are not counted.

    Args:
        skeleton: skeleton of the networks.
        channels: bands of the input images.
        classes: number of classes.
        size_px: side of the input images (pixels).
    """
    return _count(skeleton, channels, classes, size_px, lambda layer: layer.outputs)
