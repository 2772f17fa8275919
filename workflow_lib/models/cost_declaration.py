"""How a cost of a network is declared; quick to import, because planning reads every declaration.

A new cost is one module in `workflow_lib/costs`, named after its column, whose suffix says the unit. It becomes a
column of the tables of networks and candidates, and may be an objective or an input of relative efficiency.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

LAST = 1000
"""The position of a cost that says nothing about its place."""


@dataclass(frozen=True)
class ExportedNetwork:
    """A network and the files that it was exported to.

    Attributes:
        module: the network, freshly initialised.
        channels: bands of its input images.
        classes: number of its outputs.
        size_px: height and width of its input images.
        deployed: its ONNX file with distinct tensors, as training leaves them.
        paper: its ONNX file without training.
        detection: its graph without weights, batch norm kept as nodes.
    """

    module: nn.Module
    channels: int
    classes: int
    size_px: int
    deployed: Path
    paper: Path
    detection: Path


@dataclass(frozen=True)
class ShownAs:
    """How values are shown: the unit, the factor from stored to shown values, and the decimals."""

    unit: str
    factor: float
    digits: int


@dataclass(frozen=True)
class CostDeclaration:
    """One cost; its column is called as its module.

    Args:
        title: its name in a sentence or on an axis.
        short: its name where there is little room.
        meaning: one phrase for people.
        compute: exported network -> its cost for one chip. Imports of torch belong inside.
        unit: of the stored values ("" for a count).
        kind: type of the stored values.
        low, high: bounds of the values, inclusive.
        direction: whether less ("min") or more ("max") is better.
        shown: how values are shown; None: as the unit says.
        in_answer: whether the report's answer compares it with the baseline whatever the objectives are.
        position: order among the costs.
    """

    title: str
    short: str
    meaning: str
    compute: Callable[[ExportedNetwork], float]
    unit: str = ""
    kind: Literal["integer", "number"] = "integer"
    low: float | None = None
    high: float | None = None
    direction: Literal["min", "max"] = "min"
    shown: ShownAs | None = None
    in_answer: bool = False
    position: int = LAST
