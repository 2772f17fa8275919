"""Serialisation of LiteRT models: everything is inside the flatbuffer, with weights aligned for microcontrollers."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_IDENTIFIER: Final = b"TFL3"
# What the schema's `force_align` demands.
_ALIGNMENT_BYTES: Final = 16


def write_litert(model: Any) -> bytes:
    """Write a model to the content of a LiteRT file.

    Args:
        model: object of the schema (`schema_py_generated.ModelT`).
    """
    import flatbuffers

    class Aligned(flatbuffers.Builder):  # type: ignore[misc]
        """A builder that aligns vectors of bytes."""

        def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802 (name in the base class)
            if x.dtype == np.uint8:
                self.Prep(_ALIGNMENT_BYTES, x.nbytes)
            return int(super().CreateNumpyVector(x))

    builder = Aligned(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())
