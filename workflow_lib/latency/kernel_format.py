"""How separate kernels are written for a runtime, in a precision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.export.litert_quantizer import quantize_untrained
from workflow_lib.export.onnx_precision import convert_part
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import empty_graph, to_onnx
from workflow_lib.latency.kernel_litert import empty_litert, to_litert_kernel


@dataclass(frozen=True)
class KernelFormat:
    """How separate kernels are written.

    Attributes:
        suffix: end of the names of files.
        kernel: function from a kernel to the content of its file. Its inputs and outputs are as inside a network of the
            precision.
        empty: function that returns the content of a network that does nothing.
    """

    suffix: str
    kernel: Callable[[Kernel], bytes]
    empty: Callable[[], bytes]

    @classmethod
    def of(cls, runtime: str, precision: Precision) -> Self:
        """Return the format of a runtime (onnxruntime or litert) and a precision."""
        if runtime == "litert":
            return cls(".tflite", lambda kernel: _litert(kernel, precision), empty_litert)
        return cls(".onnx", lambda kernel: _onnx(kernel, precision), lambda: bytes(empty_graph().SerializeToString()))


def _litert(kernel: Kernel, precision: Precision) -> bytes:
    model = to_litert_kernel(kernel)
    return model if precision == "fp32" else quantize_untrained(model, precision)


def _onnx(kernel: Kernel, precision: Precision) -> bytes:
    model = to_onnx(kernel)
    return bytes((model if precision == TRAINED else convert_part(model, precision)).SerializeToString())
