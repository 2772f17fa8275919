"""What the conversion to LiteRT and its quantization share: one-line errors, silence, and self-contained files."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from workflow_lib.core.errors import UserError
from workflow_lib.export.litert_writer import write_litert


@contextmanager
def one_line(action: str) -> Iterator[None]:
    """Turn the exceptions of converter and quantizer, which have no common base class, into one line."""
    try:
        yield
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        advice = "remove runtime: litert, the section litert, or this precision"
        raise UserError(f"LiteRT cannot {action} the network ({first})", "litert", advice) from None


def embed(model: bytes) -> bytes:
    """Move all weights into the flatbuffer, aligned, and shorten the names of tensors.

    The quantizer appends weights of 256 KiB or more behind the flatbuffer. LiteRT reads them there, but tflite-micro
    takes them for activations and computes wrong logits without an error. The converter names tensors after the paths
    of modules, which can take more bytes than the weights; the names of inputs and outputs in signatures are kept.
    """
    from ai_edge_litert import schema_py_generated as schema

    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    for buffer in parsed.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    for graph in parsed.subgraphs:
        for number, tensor in enumerate(graph.tensors):
            tensor.name = f"t{number}".encode()
    return write_litert(parsed)


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what the converter writes to standard output and standard error, also from C++."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with Path(os.devnull).open("wb") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, copied in zip((1, 2), saved, strict=True):
                os.dup2(copied, descriptor)
                os.close(copied)
