"""All files and costs of one network."""

from pathlib import Path

import onnx
import torch

from workflow_lib.core.files import atomic_path
from workflow_lib.export.costs import BYTES_PER_FLOAT, count_activation_bytes, count_multiply_adds, count_parameters
from workflow_lib.export.graph import load_without_weights, seal_graph
from workflow_lib.export.onnx_files import export_deployed, export_for_detection, make_tensors_distinct
from workflow_lib.models.networks import to_module


def export_network(
    architecture: str, inputs: int, classes: int, size_px: int, deployed: Path, paper: Path, detection: Path
) -> dict[str, int]:
    """Write a network's ONNX files.

    Args:
        architecture: its id.
        inputs: input channels.
        classes: outputs.
        size_px: input height and width.
        deployed: file with distinct tensors, as training leaves them: the memory objective.
        paper: file of the untrained network: CROSS's memory column, smaller because equal tensors are stored once.
        detection: graph without weights, for kernel detection.

    Returns:
        The columns of NETWORKS except its key.
    """
    torch.manual_seed(0)
    network = to_module(architecture, inputs, classes)
    export_deployed(network, inputs, size_px, paper)
    export_for_detection(network, inputs, size_px, detection)
    with atomic_path(detection) as temporary:
        onnx.save(load_without_weights(detection), temporary)
        seal_graph(temporary)
    export_deployed(make_tensors_distinct(network), inputs, size_px, deployed)
    parameters = count_parameters(network)
    return {
        "memory_bytes": deployed.stat().st_size,
        "paper_memory_bytes": paper.stat().st_size,
        "weights_bytes": parameters * BYTES_PER_FLOAT,
        "parameters": parameters,
        "multiply_adds": count_multiply_adds(network, inputs, size_px),
        "activation_bytes": count_activation_bytes(network, inputs, size_px),
    }
