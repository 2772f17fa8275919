"""Detection of kernels that nn-Meter's features cannot express.

A predictor is trained on features. Those of a convolution are the height of a square map, the channels, the side of a
square window, and the stride. Groups, non-square windows and maps, dilation, batches and similar properties are not
among them, so a grouped convolution would get the price of a plain one. This module detects such kernels; predictors
that use features only have no price for them.
"""

import math
from collections.abc import Sequence
from typing import Any

Attributes = dict[str, Any]

# Relative deviation of the output area from the one that the features imply (input side divided by stride). The
# paddings of 1 to 3 pixels in the CROSS paper change it by up to 21 % on chips of 40 pixels.
_OUTPUT_TOLERANCE = 0.25
_MAX_CONCAT_INPUTS = 4
_WINDOW_OPERATORS = {"conv", "dwconv", "maxpool", "avgpool"}


def inexpressible(head: Attributes, operators: Sequence[Attributes]) -> tuple[str, ...]:
    """List the properties of a fused kernel that its features do not express.

    Args:
        head: nn-Meter's attributes of the first operator: type, and attr with window, strides, dilations and group.
        operators: attributes of all operators, the head first, before nn-Meter converts them; their input_shape and
            output_shape (batch first, channels last) are still correct.

    Returns:
        Phrases whose first word is the kind: groups, window, stride, dilation, output, map, inputs, operand,
        broadcast, axis, rows ("rows 8": a batch of 8). Empty if the features describe the kernel fully.

    >>> head = {"type": "conv-relu", "attr": {"ks": [3, 3], "strides": [1, 1], "dilations": [2, 2], "group": 4}}
    >>> inexpressible(head, [{"input_shape": [[1, 8, 8, 16]], "output_shape": [[1, 8, 8, 16]]}])
    ('groups 4', 'dilation 2x2')
    """
    kind, attributes = head["type"].split("-")[0], head["attr"]
    inputs, outputs = operators[0]["input_shape"], operators[0]["output_shape"]
    found = _check_window(attributes, inputs[0], outputs[0]) if kind in _WINDOW_OPERATORS else []
    if kind in ("add", "concat"):
        found += _check_operands(kind, inputs, outputs[0])
    if kind == "gap" and outputs[0][-1] != inputs[0][-1]:
        found.append("axis of channels")
    if kind == "split" and sum(shape[-1] for shape in outputs) not in (inputs[0][-1], outputs[0][-1]):
        found.append("axis of rows")
    shapes = [shape for operator in operators for shape in (*operator["input_shape"], *operator["output_shape"])]
    if rows := max((shape[0] for shape in shapes), default=1) - 1:
        found.append(f"rows {rows + 1}")
    flat = [shape for shape in (*inputs, *outputs) if len(shape) == 4 and shape[1] != shape[2]]
    return (*found, *[f"map {_times(shape[1:3])}" for shape in flat[:1]])


def _check_window(attributes: Attributes, image: list[int], output: list[int]) -> list[str]:
    window = attributes["ks"]
    strides, dilations = (attributes.get(name, [1] * len(window)) for name in ("strides", "dilations"))
    found = []
    if (groups := attributes.get("group", 1)) not in (1, image[-1]):
        found.append(f"groups {groups}")
    if len(set(window)) > 1:
        found.append(f"window {_times(window)}")
    if len(set(strides)) > 1:
        found.append(f"stride {_times(strides)}")
    if max(dilations) > 1:
        found.append(f"dilation {_times(dilations)}")
    expected = math.prod(-(-side // stride) for side, stride in zip(image[1:3], strides, strict=False))
    if abs(math.prod(output[1:3]) / expected - 1) > _OUTPUT_TOLERANCE:
        found.append(f"output {_times(output[1:3])}")
    return found


def _check_operands(kind: str, inputs: list[list[int]], output: list[int]) -> list[str]:
    found = []
    if len(inputs) < 2:
        found.append("operand constant")
    if kind == "add" and any(shape != output for shape in inputs):
        found.append("broadcast of an operand")
    if kind == "concat" and len(inputs) > _MAX_CONCAT_INPUTS:
        found.append(f"inputs {len(inputs)}")
    if kind == "concat" and sum(shape[-1] for shape in inputs) != output[-1]:
        found.append("axis of rows or columns")
    return found


def _times(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))
