"""Separate kernels as LiteRT files: they compute what the ONNX files of the same kernels compute."""

import numpy as np
import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import to_onnx
from workflow_lib.latency.kernel_litert import empty_litert, to_litert_kernel
from workflow_lib.latency.litert_runtime import LiteRt
from workflow_lib.latency.runtimes import OnnxRuntime
from workflow_lib.latency.stopwatch import measure_network


def kernel(kind: str, hw: int, out_hw: int, inputs: int, outputs: int, size: int = 0, stride: int = 0) -> Kernel:
    return Kernel(kind, (), hw, out_hw, inputs, outputs, size, stride, 0.0)


KERNELS = [
    kernel("conv-bn-relu", 16, 16, 3, 8, 3, 1),
    kernel("conv-bn", 17, 9, 3, 8, 3, 2),
    kernel("conv-relu", 16, 8, 4, 5, 3, 2),
    kernel("conv", 16, 14, 4, 5, 3, 1),
    kernel("conv-bn-relu", 15, 15, 6, 2, 1, 1),
    kernel("dwconv-bn-relu", 16, 16, 6, 6, 5, 1),
    kernel("dwconv-bn", 16, 8, 6, 6, 3, 2),
    kernel("maxpool", 16, 8, 3, 3, 3, 2),
    kernel("maxpool", 16, 8, 3, 3, 2, 2),
    kernel("avgpool", 16, 8, 3, 3, 2, 2),
    kernel("gap", 9, 1, 7, 7),
    kernel("add", 12, 12, 4, 4),
    kernel("add-relu", 12, 12, 4, 4),
    kernel("relu", 12, 12, 4, 4),
    kernel("fc", 1, 1, 20, 5),
    kernel("fc-relu", 1, 1, 20, 5),
]


@pytest.mark.parametrize("one", KERNELS, ids=[f"{one.type} {one.input_hw}-{one.output_hw}" for one in KERNELS])
def test_both_runtimes_compute_the_same(one: Kernel) -> None:
    session = OnnxRuntime().session(to_onnx(one).SerializeToString())
    interpreter = LiteRt().interpreter(to_litert_kernel(one))
    generator = np.random.default_rng(3)
    images = [generator.standard_normal(tensor.shape, dtype=np.float32) for tensor in session.get_inputs()]
    expected = session.run(
        None, {tensor.name: image for tensor, image in zip(session.get_inputs(), images, strict=True)}
    )
    for tensor, image in zip(interpreter.get_input_details(), images, strict=True):
        interpreter.set_tensor(tensor["index"], np.moveaxis(image, 1, -1) if image.ndim == 4 else image)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    found = np.moveaxis(found, -1, 1) if found.ndim == 4 else found
    assert found.reshape(expected[0].shape) == pytest.approx(expected[0], abs=1e-4)


def test_a_kernel_costs_more_than_the_empty_network() -> None:
    empty = measure_network(empty_litert(), LiteRt())["latency_ms"]
    large = measure_network(to_litert_kernel(kernel("conv-bn-relu", 64, 64, 16, 16, 3, 1)), LiteRt())["latency_ms"]
    assert empty and large and large > 5 * empty > 0


def test_what_cannot_be_measured_alone_is_refused() -> None:
    with pytest.raises(UserError, match="kernels of type 'hswish' cannot be measured separately"):
        to_litert_kernel(kernel("hswish", 8, 8, 2, 2))
    with pytest.raises(UserError, match="not square"):
        to_litert_kernel(kernel("conv", 8, 7.5, 2, 2, 3, 1))  # type: ignore[arg-type]


def test_what_is_no_litert_file_is_one_line() -> None:
    with pytest.raises(UserError, match="LiteRT cannot load the network"):
        LiteRt().open(b"no network")
