"""What must hold of an ONNX graph before nn-Meter reads it: it believes everything, and fails in many ways."""

import onnx
from onnx import TensorProto, helper

from workflow_lib.core.errors import UserError

_OWN_DOMAINS = {"", "ai.onnx"}
_WINDOWS = {"Conv", "MaxPool", "AveragePool", "GlobalAveragePool"}
_MAP_RANK, _VECTOR_RANK = 4, 2


def check_and_rewrite(model: onnx.ModelProto, known: frozenset[str], how_to_go_on: str) -> onnx.ModelProto:
    """Check a graph without weights, and spell valid operators in the one way that nn-Meter understands.

    Args:
        model: changed in place; weights that are gone still have their shapes.
        known: operators that nn-Meter knows.
        how_to_go_on: advice for graphs with others.

    Returns:
        The model.

    Raises:
        UserError: if the graph is not valid, has operators or types that nobody prices, or takes several images.
    """
    _refuse_names_that_are_no_text(model)
    _refuse_foreign_operators(model, known, how_to_go_on)
    _fix_batch(model)
    shapes = _shapes(_with_inferred_shapes(model))
    _refuse_other_types(model)
    for node in model.graph.node:
        _check_ranks(node, shapes)
        if node.op_type == "Conv":
            _check_convolution(node, shapes)
    _join_dense_layers(model, shapes)
    return model


def _refuse_names_that_are_no_text(model: onnx.ModelProto) -> None:
    """Protobuf gives bytes where a name is no UTF-8, and everything else takes names for text."""
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


def _refuse_foreign_operators(model: onnx.ModelProto, known: frozenset[str], how_to_go_on: str) -> None:
    if foreign := sorted({f"{node.domain}.{node.op_type}" for node in model.graph.node} - _plain_names(model)):
        raise _refusal(model, f"nobody knows what the operators {', '.join(foreign)} do; {how_to_go_on}")
    if unknown := sorted({node.op_type for node in model.graph.node} - known):
        raise _refusal(model, f"nn-Meter does not know the operators {', '.join(unknown)}; {how_to_go_on}")
    if model.functions:
        raise _refusal(model, "it defines functions of its own; export it without them")


def _plain_names(model: onnx.ModelProto) -> set[str]:
    return {f"{node.domain}.{node.op_type}" for node in model.graph.node if node.domain in _OWN_DOMAINS}


def _fix_batch(model: onnx.ModelProto) -> None:
    """A latency is one image's: a symbolic batch becomes 1, and another number is refused."""
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        sizes = value.type.tensor_type.shape.dim
        if value.name in weights or len(sizes) < _VECTOR_RANK:
            continue
        if sizes[0].HasField("dim_value") and sizes[0].dim_value != 1:
            raise _refusal(
                model, f"input {value.name} takes {sizes[0].dim_value} images at once, and 1 is needed; export it so"
            )
        sizes[0].dim_value = 1


def _with_inferred_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Run ONNX's own checker and its strict shape inference; cycles, undefined inputs and the like end here."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    # Weights without their values are not valid: they are declared as inputs instead.
    declared = {value.name for value in copy.graph.input}
    stripped = [tensor for tensor in copy.graph.initializer if not _has_values(tensor)]
    for tensor in stripped:
        copy.graph.initializer.remove(tensor)
        if tensor.name not in declared:
            copy.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    for output in copy.graph.output:
        output.type.tensor_type.shape.SetInParent()  # graphs by hand often leave it out, and inference finds it
    try:
        onnx.checker.check_model(copy)
        return onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except Exception as error:  # the checker's and the inference's exceptions have no common base
        reason = " ".join(str(error).split())
        raise _refusal(model, f"not a valid ONNX graph ({reason:.300})") from None


def _has_values(tensor: TensorProto) -> bool:
    fields = ("raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
    return 0 in tensor.dims or any(len(getattr(tensor, field)) > 0 for field in fields)


def _shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Fixed shapes by the name of the tensor, of a model whose shapes were inferred."""
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
            raise _refusal(model, f"input {value.name} holds {name}, and predictors know float32 only; export it so")


def _check_ranks(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> None:
    """Maps have four dimensions and vectors two: nobody prices sequences and volumes."""
    rank = len(shapes.get(node.input[0], ())) if node.input else 0
    if not rank or rank == _MAP_RANK or (rank == _VECTOR_RANK and node.op_type not in _WINDOWS):
        return
    if node.op_type in _WINDOWS:
        kind = {3: "one-dimensional", 5: "three-dimensional"}.get(rank, f"{rank}-dimensional")
        raise UserError(f"operator {node.name}: {kind} {node.op_type} has no predictor")
    if node.op_type in ("MatMul", "Gemm", "Relu", "Add"):
        raise UserError(f"operator {node.name}: {node.op_type} of {rank}-dimensional tensors has no predictor")


def _check_convolution(node: onnx.NodeProto, shapes: dict[str, list[int]]) -> None:
    """Check what the checker does not see, and say what nn-Meter wants to read."""
    weights, image = shapes.get(node.input[1]), shapes.get(node.input[0])
    attributes = {attribute.name: attribute for attribute in node.attribute}
    groups = attributes["group"].i if "group" in attributes else 1
    if weights:
        window = weights[2:]
        if "kernel_shape" not in attributes:
            node.attribute.append(helper.make_attribute("kernel_shape", window))
        elif list(attributes["kernel_shape"].ints) != window:
            raise UserError(f"operator {node.name}: kernel_shape is not the shape of its weights, {window}")
        outputs, inputs = weights[0], weights[1] * groups
        if groups < 1 or outputs % groups or (image and image[1] != inputs):
            channels = image[1] if image else "?"
            raise UserError(
                f"operator {node.name}: {groups} groups do not divide {channels} channels into {outputs}, with weights "
                f"{weights}"
            )
    if groups == 1 and "group" in attributes:
        # nn-Meter compares the groups with the channels, and would take a convolution of one band for a depthwise one.
        node.attribute.remove(attributes["group"])


def _join_dense_layers(model: onnx.ModelProto, shapes: dict[str, list[int]]) -> None:
    """MatMul with weights, and the Add of a bias behind it, are a dense layer: Gemm."""
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
            raise UserError(f"operator {node.name}: MatMul is priced as a dense layer of one vector only")
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
