"""ONNX graphs without their weights: what can be known of a network from its shapes alone."""

import hashlib
import math
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx

from workflow_lib.core.files import sha256
from workflow_lib.core.sealed import DamagedFileError

# Shape inference reads the values of small integer tensors (the target of Reshape, the widths of Pad), never
# those of weights.
_SMALL_TENSOR_ELEMENTS = 16
_SMALL_TENSOR_BYTES = 16 * 8

# Where an ONNX file holds weights: field numbers of onnx.proto, from ModelProto.graph over GraphProto.initializer to
# the values of a TensorProto (float, int32, int64, raw, double and uint64 data).
_WEIGHTS: Mapping[int, Any] = {7: {5: dict.fromkeys((4, 5, 7, 9, 10, 11), _SMALL_TENSOR_BYTES)}}
# An entry of ModelProto.metadata_props (14) with the key "edgefront-seal" and a value of 64 characters, which follow.
_SEAL_KEY = b"edgefront-seal"
_SEAL_ENTRY = bytes([14 << 3 | 2, 4 + len(_SEAL_KEY) + 64, 1 << 3 | 2, len(_SEAL_KEY)]) + _SEAL_KEY + b"\x12\x40"
_VARINT, _FIXED64, _MESSAGE, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types


def seal_graph(path: Path) -> None:
    """Append a digest of all that an ONNX file holds, as an entry of the model's metadata: it stays an ONNX file."""
    digest = sha256(path)
    with path.open("ab") as file:
        file.write(_SEAL_ENTRY + digest.encode())


def check_graph(path: Path) -> None:
    """Verify a file that `seal_graph` sealed; a user's own has no seal and passes.

    Raises:
        DamagedFileError: if it is not as it was written.
    """
    content = path.read_bytes()
    place = content.rfind(_SEAL_ENTRY)
    sealed = content[place + len(_SEAL_ENTRY) :] if place >= 0 else None
    if sealed is not None and sealed != hashlib.sha256(content[:place]).hexdigest().encode():
        raise DamagedFileError(path, "its content does not match its checksum")


def load_without_weights(path: Path) -> onnx.ModelProto:
    """Read an ONNX file and pass over its weights, which are nearly all of it: 1 ms instead of 20 for 20 MB.

    Args:
        path: the file.

    Returns:
        The graph, as `strip_weights` leaves it.

    Raises:
        ValueError: if it is no protobuf file.
        google.protobuf.message.DecodeError: if it is no ONNX file.

    Source: protobuf.dev, "Encoding".
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        without = _without_fields(content, 0, len(content), _WEIGHTS)
    return strip_weights(onnx.ModelProto.FromString(without))


def _without_fields(data: mmap.mmap, start: int, end: int, drop: Mapping[int, Any]) -> bytes:
    """Copy a message; `drop` has the most bytes of a field that are kept, or the same for the fields of a message."""
    parts = []
    for number, wire, first, value, after in _fields(data, start, end):
        rule = drop.get(number) if wire == _MESSAGE else None
        if isinstance(rule, Mapping):
            message = _without_fields(data, value, after, rule)
            parts += [_varint(number << 3 | _MESSAGE), _varint(len(message)), message]
        elif rule is None or after - value <= rule:
            parts.append(data[first:after])
    return b"".join(parts)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Number, wire type, first byte, first byte of the value, and end of each field of a message."""
    position = start
    while position < end:
        tag, value = _read_varint(data, position)
        wire = tag & 7
        if wire == _MESSAGE:
            length, value = _read_varint(data, value)
        elif wire == _VARINT:
            length = _read_varint(data, value)[1] - value
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {position}")
        if value + length > end:
            raise ValueError(f"the field at byte {position} goes on after its message")
        yield tag >> 3, wire, position, value, value + length
        position = value + length


def _read_varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    """A number of seven bits per byte, and where it ends."""
    number = 0
    for count in range(10):
        if position + count >= len(data):
            raise ValueError("it ends within a number")
        byte = data[position + count]
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, position + count + 1
    raise ValueError(f"no number at byte {position}")


def _varint(number: int) -> bytes:
    digits = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(digit | 0x80 for digit in digits[:-1]), digits[-1]])


def strip_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a graph without the values of its weights, which leaves some ten kilobytes.

    Names, types and dimensions stay, which is all that `detect_kernels` reads. The copy cannot be run.

    Args:
        model: ONNX graph; not modified.

    Returns:
        The graph, every initializer of more than 16 elements reduced to its dimensions.
    """
    # Built from parts: copying the whole first would copy the weights that are to be dropped.
    graph = onnx.GraphProto(
        name=model.graph.name,
        node=model.graph.node,
        input=model.graph.input,
        output=model.graph.output,
        value_info=model.graph.value_info,
        initializer=[_without_values(tensor) for tensor in model.graph.initializer],
    )
    return onnx.ModelProto(
        ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions, graph=graph
    )


def _without_values(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if math.prod(tensor.dims) <= _SMALL_TENSOR_ELEMENTS:
        return tensor
    return onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
