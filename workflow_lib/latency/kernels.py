"""Split an ONNX graph into fused kernels with nn-Meter: the only module that imports nn_meter."""

import logging
import math
import os
import re
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx

from workflow_lib.core.errors import UserError
from workflow_lib.export.onnx_graph import load_without_weights, strip_weights
from workflow_lib.latency.features import inexpressible
from workflow_lib.latency.graph_checks import check_and_rewrite
from workflow_lib.latency.kernel import Kernel

FUSION_RULES = Path(__file__).with_name("fusion_rules.json")
"""Plain TFLite-like rules: convolution + batch norm + ReLU, addition + ReLU, fully connected + ReLU."""

# Moves no data, so TFLite and OpenVINO run nothing for it; nn-Meter has no predictor for it either.
_FREE_OPERATORS = frozenset({"reshape"})
# First operators of kernels that nn-Meter has a feature vector for. It tests by substring, and so takes
# "transpose" for "se", the squeeze-and-excitation block.
_WINDOW_OPERATORS = {"conv", "dwconv", "maxpool", "avgpool"}
_MAP_OPERATORS = {"add", "bn", "channelshuffle", "concat", "gap", "hswish", "relu", "se", "split"}
_PRICED_OPERATORS = _WINDOW_OPERATORS | _MAP_OPERATORS | {"fc"}
# One convolution takes in both of two norms that follow it, as it does one; predictors know one. Further along a
# name two norms belong to two convolutions side by side.
_TWO_NORMS = re.compile(r"^((?:dw)?conv-bn)-bn(?=-|$)")
# Topologies that are remembered; a search space has a handful, a space of cells thousands, of 100 kB each.
_MAX_TOPOLOGIES = 64
_HOW_TO_GO_ON = "replace them in the network, or predict its latency without nn-Meter (lookup table, measurement)"


def detect_kernels(model: onnx.ModelProto | Path, fusion_rules: Path) -> list[Kernel]:
    """Detect the fused kernels of a network as nn-Meter does.

    The graph must still hold its BatchNormalization nodes (exported in training mode, constants not folded),
    and its weights may be missing (`strip_weights`).

    Args:
        model: ONNX graph, or the file that holds one; not modified.
        fusion_rules: JSON file of nn-Meter fusion rules: which operators the device runs as one.

    Returns:
        Kernels in topological order. Reshapes are left out, they cost nothing.

    Raises:
        UserError: if a file cannot be read, nn-Meter is not installed, or the graph has operators or kernels
            that nn-Meter does not know, or shapes that cannot be inferred. They are named.

    Source: Zhang et al. 2021, nn-Meter (MobiSys), release 2.0; differs from it in: every node gets a unique
        name first (nn-Meter keys nodes by name, so unnamed nodes overwrite each other), weights are dropped
        before shape inference, and what it would skip without a word is an error.
    """
    if isinstance(model, Path):
        try:
            return detect_kernels(_load(model), fusion_rules)
        except UserError as error:
            raise UserError(error.what, error.where or model) from None
    nn_meter = _nn_meter()
    named = _with_unique_names(_with_constants_as_initializers(strip_weights(model)))
    if not named.graph.node:
        raise UserError("not a readable ONNX file (it holds no operators)")
    named = _with_unique_names(check_and_rewrite(named, nn_meter.known_operators, _HOW_TO_GO_ON))
    ir_graph = nn_meter.OnnxConverter(named).convert()
    _refuse_unknown_shapes(named, ir_graph)
    detector = _read_detector(fusion_rules)
    before = deepcopy(ir_graph)  # nn-Meter gives all inputs of an addition the shape of the first
    detector.load_graph(ir_graph)
    _refuse_lost_operators(ir_graph, detector.bbs)
    blocks = zip(detector.bbs, detector.get_kernels(), strict=True)
    return [
        _kernel(
            description,
            detector.model_graph.get_node_attr(block[0]),
            [before[part]["attr"] for name in block for part in name.split(";")],
            nn_meter,
        )
        for block, description in blocks
        if not set(description["op"].split("-")) <= _FREE_OPERATORS
    ]


def _load(path: Path) -> onnx.ModelProto:
    try:
        return load_without_weights(path)
    except Exception as error:  # protobuf's DecodeError has no public, stable home
        raise UserError(f"not a readable ONNX file ({error})", path, "export the network again") from error


@cache
def _nn_meter() -> SimpleNamespace:
    """Import nn-Meter without its side effects: it is an extra, takes a second, and logs to stdout."""
    try:
        with warnings.catch_warnings(), _temporary_home():
            warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
            from nn_meter.ir_converter.onnx_converter import OnnxConverter
            from nn_meter.kernel_detector.kernel_detector import KernelDetector
            from nn_meter.kernel_detector.utils.constants import OP_ALIAS
            from nn_meter.predictor.prediction import extract_feature
    except ImportError as error:
        raise UserError(
            f"kernel detection needs nn-Meter, and importing it failed ({error}); install nn-meter 2.0 and "
            "setuptools < 81 (it imports pkg_resources)"
        ) from error
    logger = logging.getLogger("nn-Meter")
    logger.setLevel(logging.CRITICAL)
    # It calls logging.info(), which installs a handler on the root logger of the whole process.
    extract_feature.logging = logger
    return SimpleNamespace(
        OnnxConverter=OnnxConverter,
        KernelDetector=KernelDetector,
        get_predict_features=extract_feature.get_predict_features,
        known_operators=frozenset(OP_ALIAS),
    )


@contextmanager
def _temporary_home() -> Iterator[None]:
    """nn-Meter writes a configuration into the home folder when it is imported; a job may have none."""
    before = os.environ.get("HOME")
    with tempfile.TemporaryDirectory(prefix="edgefront-home-") as home:
        os.environ["HOME"] = home
        try:
            yield
        finally:
            if before is None:
                del os.environ["HOME"]
            else:
                os.environ["HOME"] = before


def _read_detector(fusion_rules: Path) -> Any:
    try:
        return _detector(fusion_rules, fusion_rules.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"not a file of nn-Meter fusion rules ({error!r})", fusion_rules) from error


@cache
def _detector(fusion_rules: Path, content: bytes) -> Any:
    """nn-Meter's detector for one file of rules; the content is among the arguments so that a changed file is read."""
    detector = _nn_meter().KernelDetector(str(fusion_rules))
    detector.splitter = _RememberingSplitter(detector.splitter)
    return detector


class _RememberingSplitter:
    """nn-Meter's splitter, asked once per topology: its search for blocks is most of a detection.

    Which operators become one follows from their names, types and connections; sizes come in later.
    """

    def __init__(self, splitter: Any) -> None:
        self._splitter = splitter
        self._memory: dict[tuple[Any, ...], tuple[Any, Any, list[tuple[str, str, str]]]] = {}

    def split(self, graph: Any) -> Any:
        nodes = graph.get_graph()
        topology = tuple((name, node["attr"]["type"], *node["inbounds"]) for name, node in nodes.items())
        if topology in self._memory:
            blocks, self._fusion_graph, merged = self._memory[topology]
            graph.graph = {name: {"attr": nodes[root]["attr"] | {"type": kind}} for name, root, kind in merged}
            return blocks
        # Operators that it merges before fusion keep the attributes of their first.
        roots = {id(node["attr"]): name for name, node in nodes.items()}
        blocks = self._splitter.split(graph)
        merged = [(name, roots[id(node["attr"])], node["attr"]["type"]) for name, node in nodes.items()]
        self._fusion_graph = self._splitter._fusion_graph  # KernelDetector asks for it by this name
        if len(self._memory) >= _MAX_TOPOLOGIES:
            self._memory.clear()
        self._memory[topology] = blocks, self._fusion_graph, merged
        return blocks


def _with_constants_as_initializers(model: onnx.ModelProto) -> onnx.ModelProto:
    """nn-Meter knows no Constant operators, and exporters write the target of a Reshape as one."""
    for node in [node for node in model.graph.node if node.op_type == "Constant"]:
        value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if value is not None:
            model.graph.initializer.add().CopyFrom(value)
            model.graph.initializer[-1].name = node.output[0]
            model.graph.node.remove(node)
    return model


def _with_unique_names(model: onnx.ModelProto) -> onnx.ModelProto:
    for index, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{index}"
    return model


def _refuse_unknown_shapes(model: onnx.ModelProto, ir_graph: dict[str, Any]) -> None:
    """nn-Meter drops operators whose output has no shape, and takes a symbolic dimension for 0."""
    described = {name for name, node in ir_graph.items() if _has_sizes(node["attr"])}
    # Of several slices of one tensor nn-Meter keeps one, as a split: the others are not missing.
    incomplete = {
        node.op_type
        for node in model.graph.node
        if node.name not in described and (node.name in ir_graph or node.op_type != "Slice")
    }
    if incomplete:
        raise UserError(
            f"graph {model.graph.name!r}: no fixed shapes of two or more dimensions at operators "
            f"{', '.join(sorted(incomplete))}; export with a fixed input shape (no dynamic axes)"
        )


def _refuse_lost_operators(ir_graph: dict[str, Any], blocks: list[list[str]]) -> None:
    """nn-Meter removes operators that are connected to no other, even if they are the whole network."""
    # Operators that it merges before fusion get their joined names.
    kept = {name for block in blocks for merged in block for name in merged.split(";")}
    lost = sorted({name.rsplit("_", 1)[0] for name in ir_graph.keys() - kept})
    if lost:
        raise UserError(f"nn-Meter drops operators that are connected to no other, here {', '.join(lost)}; remove them")


def _has_sizes(attributes: dict[str, Any]) -> bool:
    shapes = attributes.get("input_shape", []) + attributes.get("output_shape", [])
    return bool(shapes) and all(size > 0 for shape in shapes for size in shape[1:])


def _kernel(
    description: dict[str, Any], head: dict[str, Any], operators: list[dict[str, Any]], nn_meter: SimpleNamespace
) -> Kernel:
    """Join nn-Meter's description of a kernel with the attributes of its operators, before and after fusion."""
    kernel_type = description["op"]
    features = nn_meter.get_predict_features([description])
    if head["type"] not in _PRICED_OPERATORS or not features:
        raise UserError(
            f"nn-Meter has no features for kernels of type {kernel_type!r} and would count them as 0 ms; "
            f"{_HOW_TO_GO_ON}"
        )
    inputs, output = head["input_shape"], head["output_shape"][0]
    in_channels = sum(shape[-1] for shape in inputs) if kernel_type.startswith("concat") else inputs[0][-1]
    window = head["attr"].get("ks", [1, 1])
    return Kernel(
        type=_TWO_NORMS.sub(r"\1", kernel_type),
        features=tuple(float(value) for value in features[0][kernel_type]),
        input_hw=_side(inputs[0][1:-1]),
        output_hw=_side(output[1:-1]),
        in_channels=in_channels,
        out_channels=output[-1],
        kernel_size=_side(window),
        stride=head["attr"].get("strides", [1])[0],
        multiply_adds=_multiply_adds(head["type"], inputs[0], output, window, head["attr"].get("group", 1)),
        inexpressible=inexpressible(head, operators),
    )


def _side(sizes: Iterable[int]) -> float:
    """Side of the square with the area of a height and a width; 1 for a vector, which has neither."""
    return math.sqrt(math.prod(sizes))


def _multiply_adds(
    operator: str, input_shape: list[int], output_shape: list[int], window: list[int], groups: int
) -> float:
    """Multiply-adds for one image (shapes are channels-last, the batch first)."""
    if operator not in {"conv", "dwconv", "fc"}:
        return 0.0
    return float(math.prod(output_shape[1:]) * math.prod(window) * input_shape[-1] / groups)
