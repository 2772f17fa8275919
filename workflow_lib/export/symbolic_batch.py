"""Networks that were exported for one image, changed to take any number of images."""

from typing import Final

import numpy as np
import onnx
from onnx import numpy_helper

BATCH: Final = "batch"


def with_symbolic_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let a network take any number of images.

    The exporter writes the batch into the shapes of reshapes. There, 0 means the size that the input has.

    Args:
        model: a network for one image; not modified.

    Returns:
        The same network, whose first dimensions of input and output are symbolic.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    made_here = {node.output[0]: node.attribute[0].t for node in graph.node if node.op_type == "Constant"}
    for node in graph.node:
        shape = {**constants, **made_here}.get(node.input[1]) if node.op_type == "Reshape" else None
        if shape is not None:
            sizes = numpy_helper.to_array(shape).copy()
            if len(sizes) > 1 and sizes[0] == 1:
                sizes[0] = 0
                shape.CopyFrom(numpy_helper.from_array(np.asarray(sizes), shape.name))
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    del graph.value_info[:]
    return changed
