"""Export of one network: its ONNX files and its costs."""

from pathlib import Path

import onnx
import torch

from workflow_lib.core.files import atomic_path
from workflow_lib.costs import all_costs
from workflow_lib.export.onnx_files import export_deployed, export_for_detection, make_tensors_distinct
from workflow_lib.export.onnx_graph import load_without_weights, seal_graph
from workflow_lib.models.cost_declaration import ExportedNetwork
from workflow_lib.models.modules import to_module


def export_network(
    architecture: str, inputs: int, classes: int, size_px: int, deployed: Path, paper: Path, detection: Path
) -> dict[str, float]:
    """Write a network's ONNX files and compute its costs.

    Args:
        architecture: id of the architecture.
        inputs: number of input channels.
        classes: number of outputs.
        size_px: input height and width.
        deployed: file to write with distinct tensors, as after training; its size is the memory objective.
        paper: file to write of the untrained network; its size is the memory column of CROSS. It is smaller, because
            equal tensors are stored once.
        detection: file to write with the graph without weights, for kernel detection.

    Returns:
        The columns of NETWORKS except its key.
    """
    torch.manual_seed(0)
    network = to_module(architecture, inputs, classes, size_px)
    export_deployed(network, inputs, size_px, paper)
    export_for_detection(network, inputs, size_px, detection)
    with atomic_path(detection) as temporary:
        onnx.save(load_without_weights(detection), temporary)
        seal_graph(temporary)
    export_deployed(make_tensors_distinct(network), inputs, size_px, deployed)
    exported = ExportedNetwork(network, inputs, classes, size_px, deployed, paper, detection)
    return {name: cost.compute(exported) for name, cost in all_costs().items()}
