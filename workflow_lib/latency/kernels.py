"""Detection of the fused kernels of an ONNX graph with nn-Meter; the only module that imports nn_meter."""

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
from workflow_lib.latency.features import inexpressible
from workflow_lib.latency.graph_checks import check_and_rewrite
from workflow_lib.latency.kernel import Kernel
from workflow_lib.models.onnx_graph import load_without_weights, strip_weights

# A reshape moves no data, so TFLite and OpenVINO do nothing for it, and nn-Meter has no predictor for it.
_FREE_OPERATORS = frozenset({"reshape"})
# First operators of kernels for which nn-Meter has a feature vector. They are listed here because nn-Meter tests for
# substrings, so it would take "transpose" for "se", the squeeze-and-excitation block.
_WINDOW_OPERATORS = {"conv", "dwconv", "maxpool", "avgpool"}
_MAP_OPERATORS = {"add", "bn", "channelshuffle", "concat", "gap", "hswish", "relu", "se", "split"}
_PRICED_OPERATORS = _WINDOW_OPERATORS | _MAP_OPERATORS | {"fc"}
# A convolution absorbs two following norms as it absorbs one, but predictors know only one. Elsewhere in a name, two
# norms belong to two parallel convolutions.
_TWO_NORMS = re.compile(r"^((?:dw)?conv-bn)-bn(?=-|$)")
# Number of cached topologies, at 100 kB each. A search space has a handful, a space of cells thousands.
_MAX_CACHED_TOPOLOGIES = 64
_ADVICE = "replace them in the network, or predict its latency without nn-Meter (lookup table, measurement)"


def detect_kernels(model: onnx.ModelProto | Path, fusion_rules: Path) -> list[Kernel]:
    """Detect the fused kernels of a network as nn-Meter does.

    The graph must contain its BatchNormalization nodes (exported in training mode, constants not folded). Its weights
    may be missing (`strip_weights`).

    Args:
        model: ONNX graph or file; not modified.
        fusion_rules: JSON file of nn-Meter fusion rules: which operators the device executes as one.

    Returns:
        Kernels in topological order, without reshapes, which cost nothing.

    Raises:
        UserError: if a file cannot be read, nn-Meter is not installed, the graph has operators or kernels that nn-Meter
            does not know, or shapes cannot be inferred. The message names them.

    Source: Zhang et al. 2021, nn-Meter (MobiSys), release 2.0; differs from it in: every node first gets a unique name
        (nn-Meter identifies nodes by name, so unnamed nodes overwrite each other), weights are dropped before shape
        inference, and whatever it would skip silently is an error.
    """
    if isinstance(model, Path):
        try:
            return detect_kernels(_load(model), fusion_rules)
        except UserError as error:
            raise UserError(error.what, error.where or model) from None
    nn_meter = _nn_meter()
    named = _with_unique_names(_with_constants_as_initializers(strip_weights(model)))
    if not named.graph.node:
        raise UserError("not a readable ONNX file (it contains no operators)")
    named = _with_unique_names(check_and_rewrite(named, nn_meter.known_operators, _ADVICE))
    ir_graph = nn_meter.OnnxConverter(named).convert()
    _refuse_unknown_shapes(named, ir_graph)
    detector = _read_detector(fusion_rules)
    before = deepcopy(ir_graph)  # nn-Meter overwrites the shapes of an addition's inputs with that of the first
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
    except Exception as error:  # protobuf's DecodeError has no stable public location
        raise UserError(f"not a readable ONNX file ({error})", path, "export the network again") from error


@cache
def _nn_meter() -> SimpleNamespace:
    """Import nn-Meter when it is first needed (it is optional, and takes a second), without its side effects."""
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
    # It calls logging.info(), which would install a handler on the root logger of the process.
    extract_feature.logging = logger
    return SimpleNamespace(
        OnnxConverter=OnnxConverter,
        KernelDetector=KernelDetector,
        get_predict_features=extract_feature.get_predict_features,
        known_operators=frozenset(OP_ALIAS),
    )


@contextmanager
def _temporary_home() -> Iterator[None]:
    """Provide a temporary home folder: nn-Meter writes a configuration into it on import, and a job may have none."""
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
        return cached_detector(fusion_rules, fusion_rules.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"not a file of nn-Meter fusion rules ({error!r})", fusion_rules) from error


@cache
def cached_detector(fusion_rules: Path, content: bytes) -> Any:
    """Return nn-Meter's detector for a file of rules; `content` is in the cache key, so a changed file is reread."""
    detector = _nn_meter().KernelDetector(str(fusion_rules))
    detector.splitter = _CachingSplitter(detector.splitter)
    return detector


class _CachingSplitter:
    """Caches the blocks that nn-Meter finds, by topology, because this search takes most of the time of a detection.

    The fusion of operators depends only on their names, types and connections; sizes are added later.
    """

    def __init__(self, splitter: Any) -> None:
        self._splitter = splitter
        self._cache: dict[tuple[Any, ...], tuple[Any, Any, list[tuple[str, str, str]]]] = {}

    def split(self, graph: Any) -> Any:
        nodes = graph.get_graph()
        topology = tuple((name, node["attr"]["type"], *node["inbounds"]) for name, node in nodes.items())
        if topology in self._cache:
            blocks, self._fusion_graph, merged = self._cache[topology]
            graph.graph = {name: {"attr": nodes[root]["attr"] | {"type": kind}} for name, root, kind in merged}
            return blocks
        # Operators that nn-Meter merges before fusion keep the attributes of the first one.
        roots = {id(node["attr"]): name for name, node in nodes.items()}
        blocks = self._splitter.split(graph)
        merged = [(name, roots[id(node["attr"])], node["attr"]["type"]) for name, node in nodes.items()]
        self._fusion_graph = self._splitter._fusion_graph  # KernelDetector reads this attribute
        if len(self._cache) >= _MAX_CACHED_TOPOLOGIES:
            self._cache.clear()
        self._cache[topology] = blocks, self._fusion_graph, merged
        return blocks


def _with_constants_as_initializers(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert Constant operators, which nn-Meter does not know, to initializers; exporters use them in a Reshape."""
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
    """Refuse unknown shapes: nn-Meter drops operators without an output shape, and reads a symbolic dimension as 0."""
    described = {name for name, node in ir_graph.items() if _has_sizes(node["attr"])}
    # nn-Meter merges several slices of one tensor into a split, so the other slices are not missing.
    incomplete = {
        node.op_type
        for node in model.graph.node
        if node.name not in described and (node.name in ir_graph or node.op_type != "Slice")
    }
    if incomplete:
        raise UserError(
            f"graph {model.graph.name!r}: operators without fixed shapes of two or more dimensions: "
            f"{', '.join(sorted(incomplete))}; export with a fixed input shape (no dynamic axes)"
        )


def _refuse_lost_operators(ir_graph: dict[str, Any], blocks: list[list[str]]) -> None:
    """Refuse unconnected operators: nn-Meter removes them, even if they are the whole network."""
    # Operators that nn-Meter merges before fusion are named by their joined names.
    kept = {name for block in blocks for merged in block for name in merged.split(";")}
    lost = sorted({name.rsplit("_", 1)[0] for name in ir_graph.keys() - kept})
    if lost:
        raise UserError(f"nn-Meter drops unconnected operators: {', '.join(lost)}; remove them")


def _has_sizes(attributes: dict[str, Any]) -> bool:
    shapes = attributes.get("input_shape", []) + attributes.get("output_shape", [])
    return bool(shapes) and all(size > 0 for shape in shapes for size in shape[1:])


def _kernel(
    description: dict[str, Any], head: dict[str, Any], operators: list[dict[str, Any]], nn_meter: SimpleNamespace
) -> Kernel:
    """Combine nn-Meter's description of a kernel with the attributes of its operators, before and after fusion."""
    kernel_type = description["op"]
    features = nn_meter.get_predict_features([description])
    if head["type"] not in _PRICED_OPERATORS or not features:
        raise UserError(
            f"nn-Meter has no features for kernels of type {kernel_type!r}, and would count them as 0 ms; {_ADVICE}"
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
    """Return the side of the square with the given height times width; 1 for a vector, which has neither."""
    return math.sqrt(math.prod(sizes))


def _multiply_adds(
    operator: str, input_shape: list[int], output_shape: list[int], window: list[int], groups: int
) -> float:
    """Count the multiply-adds for one image; shapes have the batch first and channels last."""
    if operator not in {"conv", "dwconv", "fc"}:
        return 0.0
    return float(math.prod(output_shape[1:]) * math.prod(window) * input_shape[-1] / groups)
