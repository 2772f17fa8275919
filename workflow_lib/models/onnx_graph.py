"""ONNX graphs without weights: reading, stripping, and the checksum of such a file."""

import hashlib
import math
import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import onnx

from workflow_lib.core.files import sha256
from workflow_lib.core.sealed import DamagedFileError

# Shape inference reads the values of small integer tensors (the target of Reshape, the widths of Pad), but never
# the values of weights.
_SMALL_TENSOR_ELEMENTS = 16
_SMALL_TENSOR_BYTES = 16 * 8

# Where an ONNX file holds weights: field numbers of onnx.proto, from ModelProto.graph over GraphProto.initializer to
# the values of a TensorProto (float, int32, int64, raw, double and uint64 data).
_WEIGHTS: Mapping[int, Any] = {7: {5: dict.fromkeys((4, 5, 7, 9, 10, 11), _SMALL_TENSOR_BYTES)}}
# Start of an entry of ModelProto.metadata_props (14) with the key "edgefront-seal"; a value of 64 characters follows.
_SEAL_KEY = b"edgefront-seal"
_SEAL_ENTRY = bytes([14 << 3 | 2, 4 + len(_SEAL_KEY) + 64, 1 << 3 | 2, len(_SEAL_KEY)]) + _SEAL_KEY + b"\x12\x40"
_VARINT, _FIXED64, _MESSAGE, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types


def seal_graph(path: Path) -> None:
    """Append a checksum of an ONNX file to it, as an entry of the model's metadata; it stays a valid ONNX file."""
    digest = sha256(path)
    with path.open("ab") as file:
        file.write(_SEAL_ENTRY + digest.encode())


def check_graph(path: Path) -> None:
    """Verify the checksum that `seal_graph` appended; a file without one, such as a user's model, passes.

    Raises:
        DamagedFileError: if the content differs from what was written.
    """
    content = path.read_bytes()
    position = content.rfind(_SEAL_ENTRY)
    digest = content[position + len(_SEAL_ENTRY) :] if position >= 0 else None
    if digest is not None and digest != hashlib.sha256(content[:position]).hexdigest().encode():
        raise DamagedFileError(path, "its content does not match its checksum")


def load_without_weights(path: Path) -> onnx.ModelProto:
    """Read an ONNX file but skip its weights, which make up nearly all of it: 1 ms instead of 20 ms for 20 MB.

    Args:
        path: the file.

    Returns:
        The graph, as returned by `strip_weights`.

    Raises:
        ValueError: if it is not a protobuf file.
        google.protobuf.message.DecodeError: if it is not an ONNX file.

    Source: protobuf.dev, "Encoding".
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        without = _without_fields(content, 0, len(content), _WEIGHTS)
    return strip_weights(onnx.ModelProto.FromString(without))


def _without_fields(data: mmap.mmap, start: int, end: int, limits: Mapping[int, Any]) -> bytes:
    """Copy a message without its long fields.

    `limits` maps a field's number to the largest number of bytes that is kept, or to such a mapping for a submessage.
    """
    parts = []
    for number, wire, first, value, after in _fields(data, start, end):
        limit = limits.get(number) if wire == _MESSAGE else None
        if isinstance(limit, Mapping):
            message = _without_fields(data, value, after, limit)
            parts += [_varint(number << 3 | _MESSAGE), _varint(len(message)), message]
        elif limit is None or after - value <= limit:
            parts.append(data[first:after])
    return b"".join(parts)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Iterate over the fields of a message: number, wire type, start, start of the value, and end (byte positions)."""
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
            raise ValueError(f"unknown wire type {wire} at byte {position}")
        if value + length > end:
            raise ValueError(f"the field at byte {position} extends beyond its message")
        yield tag >> 3, wire, position, value, value + length
        position = value + length


def _read_varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    """Read a varint (seven bits per byte); return the number and the position after it."""
    number = 0
    for count in range(10):
        if position + count >= len(data):
            raise ValueError("the file ends within a number")
        byte = data[position + count]
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return number, position + count + 1
    raise ValueError(f"no number at byte {position}")


def _varint(number: int) -> bytes:
    digits = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(digit | 0x80 for digit in digits[:-1]), digits[-1]])


def strip_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a graph without the values of its weights, which leaves about ten kilobytes.

    Names, types and dimensions are kept, which is all that `detect_kernels` reads. The copy cannot be executed.

    Args:
        model: ONNX graph; not modified.

    Returns:
        The graph; initializers of more than 16 elements keep their dimensions only.
    """
    # Assembled field by field: copying the whole model would first copy the weights.
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
