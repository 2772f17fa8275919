"""Separate kernels in each runtime and precision: they run, and exchange the numbers that they would in a network."""

from typing import Any

import numpy as np
import onnx
import pytest

from workflow_lib.core.candidate import Precision
from workflow_lib.export.litert_quantizer import quantize_untrained
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_format import KernelFormat
from workflow_lib.latency.kernel_litert import to_litert_kernel
from workflow_lib.latency.litert_runtime import LiteRt
from workflow_lib.latency.runtimes import OnnxRuntime, noise


def kernel(kind: str, side: int = 16, after: int = 16, size: int = 0, inputs: int = 24, outputs: int = 24) -> Kernel:
    stride = max(1, side // max(after, 1))
    return Kernel(kind, (), side, after, inputs, outputs, size, stride, 1.0)


KERNELS = [
    kernel("conv-bn-relu", 32, 16, 3, 24, 48),
    kernel("conv-bn", 16, 16, 1, 8, 3),
    kernel("dwconv-bn-relu", 32, 32, 3),
    kernel("maxpool", 32, 16, 2),
    kernel("avgpool", 32, 16, 2),
    kernel("gap", 16, 1),
    kernel("add-relu"),
    kernel("add"),
    kernel("fc", 1, 1, 0, 64, 10),
]
TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


@pytest.fixture(params=KERNELS, ids=lambda one: one.type)
def part(request: pytest.FixtureRequest) -> Kernel:
    one: Kernel = request.param
    return one


@pytest.mark.parametrize(("precision", "numbers"), [("fp32", "float32"), ("fp16", "float32"), ("int8", "uint8")])
def test_onnx_kernels_exchange_numbers_of_their_precision(part: Kernel, precision: Precision, numbers: str) -> None:
    model = KernelFormat.of("onnxruntime", precision).kernel(part)
    session = OnnxRuntime().session(model)
    assert {TYPES[tensor.type] for tensor in (*session.get_inputs(), *session.get_outputs())} == {numbers}
    assert len(session.get_inputs()) == 1 + part.type.startswith("add")
    OnnxRuntime().open(model)()


@pytest.mark.parametrize(("precision", "numbers"), [("fp32", np.float32), ("fp16", np.float32), ("int8", np.int8)])
def test_litert_kernels_exchange_numbers_of_their_precision(part: Kernel, precision: Precision, numbers: Any) -> None:
    pytest.importorskip("ai_edge_quantizer", reason="needs make litert")
    model = KernelFormat.of("litert", precision).kernel(part)
    interpreter = LiteRt().interpreter(model)
    ends = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {tensor["dtype"] for tensor in ends} == {numbers}
    LiteRt().open(model)()


def test_an_integer_kernel_computes_what_the_float_one_does() -> None:
    pytest.importorskip("ai_edge_quantizer", reason="needs make litert")
    model = to_litert_kernel(kernel("conv-bn-relu", 16, 16, 3, 8, 16))
    image = np.random.default_rng(1).standard_normal((16, 16, 8), dtype=np.float32).clip(-2, 2)
    exact = LiteRt().classify(LiteRt().interpreter(model), image)
    rounded = LiteRt().classify(LiteRt().interpreter(quantize_untrained(model, "int8")), image)
    assert np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()


def test_an_integer_convolution_is_one_operator_of_onnx_runtime() -> None:
    model = onnx.load_from_string(KernelFormat.of("onnxruntime", "int8").kernel(KERNELS[0]))
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node].count("QuantizeLinear") == 1


def test_noise_is_always_the_same_and_fits_its_type() -> None:
    assert noise([2, 3], np.uint8).dtype == np.uint8
    assert noise([2, 3], np.float32).tolist() == noise([2, 3], np.float32).tolist()
    assert noise([10_000], np.int8).min() >= 0
