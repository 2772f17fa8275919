"""Export of one network: its ONNX files and its costs, in each precision."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import onnx
import torch

from workflow_lib.core.candidate import Precision
from workflow_lib.core.files import atomic_path
from workflow_lib.costs import all_costs
from workflow_lib.export.onnx_files import export_deployed, export_for_detection, make_tensors_distinct, perturb_tensors
from workflow_lib.export.onnx_precision import to_precision
from workflow_lib.models.cost_declaration import ExportedNetwork
from workflow_lib.models.modules import to_module
from workflow_lib.models.onnx_graph import load_without_weights, seal_graph

_RANDOM_CHIPS: Final = 2


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
    return _costs(ExportedNetwork(network, inputs, classes, size_px, deployed, paper, detection))


def convert_network(
    architecture: str, inputs: int, classes: int, size_px: int, precision: Precision, output: Path, paper: Path,
    detection: Path,
) -> dict[str, float]:  # fmt: skip
    """Write an untrained network in another precision, and compute the costs of that file.

    Neither size nor latency depends on the values of the weights, as long as they differ from each other.

    Args:
        architecture: id of the architecture.
        inputs: number of input channels.
        classes: number of outputs.
        size_px: input height and width.
        precision: fp16 or int8.
        output: ONNX file to write.
        paper, detection: files from `export_network`.

    Returns:
        The columns of NETWORKS except its key.
    """
    torch.manual_seed(0)
    network = perturb_tensors(to_module(architecture, inputs, classes, size_px))
    chips = np.random.default_rng(0).standard_normal((_RANDOM_CHIPS, inputs, size_px, size_px), dtype=np.float32)
    with TemporaryDirectory() as scratch:
        plain = Path(scratch, "fp32.onnx")
        export_deployed(network, inputs, size_px, plain)
        to_precision(plain, precision, chips, output)
    return _costs(ExportedNetwork(network, inputs, classes, size_px, output, paper, detection, precision))


def _costs(exported: ExportedNetwork) -> dict[str, float]:
    return {name: cost.compute(exported) for name, cost in all_costs().items()}
