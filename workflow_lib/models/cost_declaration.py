"""The declaration of a network's cost.

A new cost is one module in `workflow_lib/costs`, named after its column, with the unit as a suffix. It becomes a column
of the tables of networks and candidates, and may be an objective or an input of relative efficiency. Planning reads
every declaration, so declarations must import quickly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workflow_lib.core.candidate import TRAINED, Precision

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

LAST = 1000
"""The position of a cost that does not declare one."""


@dataclass(frozen=True)
class ExportedNetwork:
    """A network and the files that it was exported to.

    Attributes:
        module: the network, freshly initialised.
        channels: bands of its input images.
        classes: number of its outputs.
        size_px: side of its input images (pixels).
        deployed: ONNX file with distinct tensors, as after training.
        paper: ONNX file of the untrained network, as in the paper.
        detection: graph without weights, with batch norm as nodes.
        precision: numbers of the deployed file.
    """

    module: nn.Module
    channels: int
    classes: int
    size_px: int
    deployed: Path
    paper: Path
    detection: Path
    precision: Precision = TRAINED


@dataclass(frozen=True)
class ShownAs:
    """How values are shown: the unit, the factor from stored to shown values, and the number of decimals."""

    unit: str
    factor: float
    digits: int


@dataclass(frozen=True)
class CostDeclaration:
    """One cost; its column has the name of its module.

    Args:
        title: name for sentences and axes.
        short: short name.
        meaning: one-phrase description.
        compute: exported network -> its cost for one chip. It must import torch only inside the function.
        unit: unit of the stored values; "" for a count.
        kind: type of the stored values.
        low, high: inclusive bounds of the values.
        direction: "min" if lower values are better, "max" if higher values are.
        shown: how values are shown; None: in the stored unit.
        in_answer: whether the report's answer compares this cost with the baseline even if it is not an objective.
        position: sort key among the costs.
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
