"""Validation of an ONNX graph before nn-Meter reads it, because nn-Meter checks nothing itself."""

import onnx
from onnx import TensorProto, helper

from workflow_lib.core.errors import UserError

_STANDARD_DOMAINS = {"", "ai.onnx"}
_WINDOW_OPERATORS = {"Conv", "MaxPool", "AveragePool", "GlobalAveragePool"}
_MAP_RANK, _VECTOR_RANK = 4, 2


def check_and_rewrite(model: onnx.ModelProto, known: frozenset[str], advice: str) -> onnx.ModelProto:
    """Validate a graph without weights, and rewrite its operators to the form that nn-Meter understands.

    Args:
        model: ONNX graph; modified in place. Removed weights must still have their shapes.
        known: operators that nn-Meter knows.
        advice: what to do about other operators, for messages.

    Returns:
        The same model.

    Raises:
        UserError: if the graph is not valid, has operators or types that no predictor covers, or takes a batch of
            several images.
    """
    _refuse_non_text_names(model)
    _refuse_unknown_operators(model, known, advice)
    _fix_batch(model)
    shapes = _shapes(_with_inferred_shapes(model))
    _refuse_other_types(model)
    for node in model.graph.node:
        _check_ranks(node, shapes)
        if node.op_type == "Conv":
            _check_convolution(node, shapes)
    _join_dense_layers(model, shapes)
    return model


def _refuse_non_text_names(model: onnx.ModelProto) -> None:
    """Refuse names that are not UTF-8: protobuf returns them as bytes, and all other code expects text."""
    graph = model.graph
    parts = [*graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info]
    names: list[str | bytes] = [graph.name, *(part.name for part in parts)]
    for node in graph.node:
        names += [
            node.op_type,
            node.domain,
            *node.input,
            *node.output,
            *(attribute.name for attribute in node.attribute),
        ]
    if odd := [name for name in names if not isinstance(name, str)]:
        raise UserError(f"not a valid ONNX graph: the name {odd[0]!r} is not text")


def _refuse_unknown_operators(model: onnx.ModelProto, known: frozenset[str], advice: str) -> None:
    if custom := sorted({f"{node.domain}.{node.op_type}" for node in model.graph.node} - _standard_operators(model)):
        raise _refusal(model, f"the operators {', '.join(custom)} are not standard ONNX; {advice}")
    if unknown := sorted({node.op_type for node in model.graph.node} - known):
        raise _refusal(model, f"nn-Meter does not know the operators {', '.join(unknown)}; {advice}")
    if model.functions:
        raise _refusal(model, "it defines its own functions; export it without them")


def _standard_operators(model: onnx.ModelProto) -> set[str]:
    return {f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain in _STANDARD_DOMAINS}


def _fix_batch(model: onnx.ModelProto) -> None:
    """Set a symbolic batch size to 1, and refuse any other: a latency is that of one image."""
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        sizes = value.type.tensor_type.shape.dim
        if value.name in weights or len(sizes) < _VECTOR_RANK:
            continue
        if sizes[0].HasField("dim_value") and sizes[0].dim_value != 1:
            raise _refusal(
                model, f"input {value.name} takes {sizes[0].dim_value} images at once; export it with a batch of 1"
            )
        sizes[0].dim_value = 1


def _with_inferred_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Run ONNX's checker and its strict shape inference, which reject cycles, undefined inputs, and similar errors."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    # The checker rejects initializers without values, so they are declared as inputs instead.
    declared = {value.name for value in copy.graph.input}
    stripped = [tensor for tensor in copy.graph.initializer if not _has_values(tensor)]
    for tensor in stripped:
        copy.graph.initializer.remove(tensor)
        if tensor.name not in declared:
            copy.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    for output in copy.graph.output:
        output.type.tensor_type.shape.SetInParent()  # hand-written graphs often omit it; inference fills it in
    try:
        onnx.checker.check_model(copy)
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except Exception as error:  # the exceptions of checker and inference have no common base
        reason = " ".join(str(error).split())
        raise _refusal(model, f"not a valid ONNX graph ({reason:.300})") from None


def _has_values(tensor: TensorProto) -> bool:
    fields = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
    return 0 in tensor.dims or any(len(getattr(tensor, field)) > 0 for field in fields)


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the fixed shapes by tensor name, for a model with inferred shapes."""
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        sizes = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(size.HasField("dim_value") for size in sizes):
            shapes.setdefault(value.name, [size.dim_value for size in sizes])
    return shapes


def _refuse_other_types(model: onnx.ModelProto) -> None:
    for value in model.graph.input:
        kind = value.type.tensor_type.elem_type
        if kind not in (TensorProto.FLOAT, TensorProto.INT64):
            name = TensorProto.DataType.Name(kind)
            raise _refusal(
                model, f"input {value.name} is {name}, but predictors support float32 only; export it as float32"
            )


def _check_ranks(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> None:
    """Refuse sequences and volumes, which no predictor covers: maps have four dimensions, vectors two."""
    rank = len(shapes.get(node.input[0], ())) if node.input else 0
    if not rank or rank == _MAP_RANK or (rank == _VECTOR_RANK and node.op_type not in _WINDOW_OPERATORS):
        return
    if node.op_type in _WINDOW_OPERATORS:
        kind = {3: "one-dimensional", 5: "three-dimensional"}.get(rank, f"{rank}-dimensional")
        raise UserError(f"operator {node.name}: {kind} {node.op_type} has no predictor")
    if node.op_type in ("MatMul", "Gemm", "Relu", "Add"):
        raise UserError(f"operator {node.name}: {node.op_type} of {rank}-dimensional tensors has no predictor")


def _check_convolution(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> None:
    """Check what ONNX's checker does not, and complete the attributes that nn-Meter reads."""
    weights, image = shapes.get(node.input[1]), shapes.get(node.input[0])
    attributes = {attribute.name: attribute for attribute in node.attribute}
    groups = attributes["group"].i if "group" in attributes else 1
    if weights:
        window = weights[2:]
        if "kernel_shape" not in attributes:
            node.attribute.append(helper.make_attribute("kernel_shape", window))
        elif list(attributes["kernel_shape"].ints) != window:
            raise UserError(f"operator {node.name}: kernel_shape differs from the shape of its weights, {window}")
        outputs, inputs = weights[0], weights[1] * groups
        if groups < 1 or outputs % groups or (image and image[1] != inputs):
            channels = image[1] if image else "?"
            raise UserError(
                f"operator {node.name}: {groups} groups do not divide {channels} channels into {outputs}, with weights "
                f"{weights}"
            )
    if groups == 1 and "group" in attributes:
        # nn-Meter compares groups with channels, and would treat a convolution of one band as depthwise.
        node.attribute.remove(attributes["group"])


def _join_dense_layers(model: onnx.ModelProto, shapes: dict[str, list[int]]) -> None:
    """Replace MatMul with weights, and a following Add of a bias, by a dense layer (Gemm)."""
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    outputs = {output.name for output in graph.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node in [node for node in graph.node if node.op_type == "MatMul"]:
        image, matrix = node.input
        if matrix not in weights or image in weights or len(shapes.get(image, ())) != _VECTOR_RANK:
            raise UserError(f"operator {node.name}: MatMul is supported only as a dense layer of one vector")
        inputs, result, followers = [image, matrix], node.output[0], readers.get(node.output[0], [])
        if result not in outputs and len(followers) == 1 and followers[0].op_type == "Add":
            (bias,) = [name for name in followers[0].input if name != result] or [""]
            width = shapes[matrix][1]
            if bias in weights and shapes[bias] in ([width], [1, width], [1]):
                inputs, result = [*inputs, bias], followers[0].output[0]
                graph.node.remove(followers[0])
        node.op_type = "Gemm"
        del node.input[:], node.output[:]
        node.input.extend(inputs)
        node.output.append(result)


def _refusal(model: onnx.ModelProto, reason: str) -> UserError:
    return UserError(f"graph {model.graph.name!r}: {reason}")
