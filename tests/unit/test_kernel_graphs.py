"""Kernels as networks of their own: ONNX Runtime runs them, and they have the kernel's sizes."""

import onnxruntime
import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import empty_graph, kernel_name, to_onnx


def kernel(
    kernel_type: str,
    input_hw: float,
    output_hw: float,
    channels: tuple[int, int],
    kernel_size: float = 1,
    stride: int = 1,
) -> Kernel:
    return Kernel(kernel_type, (), input_hw, output_hw, *channels, kernel_size, stride, 0.0)


KERNELS = [
    kernel("conv-bn-relu", 100, 104, (5, 32), 3, 1),  # padding 3, as CROSS's stem may have
    kernel("conv-bn", 51, 26, (64, 128), 3, 2),
    kernel("conv", 26, 13, (8, 16), 1, 2),
    kernel("dwconv-bn-relu", 28, 14, (24, 24), 5, 2),
    kernel("maxpool", 100, 101, (32, 32), 2, 1),
    kernel("maxpool", 50, 26, (32, 32), 2, 2),
    kernel("avgpool", 16, 16, (8, 8), 3, 1),
    kernel("gap", 7, 1, (16, 16)),
    kernel("add", 13, 13, (8, 8)),
    kernel("add-relu", 13, 13, (8, 8)),
    kernel("relu", 13, 13, (8, 8)),
    kernel("fc", 1, 1, (512, 2)),
    kernel("fc-relu", 1, 1, (512, 10)),
]


@pytest.mark.parametrize("given", KERNELS, ids=kernel_name)
def test_a_kernel_runs_with_its_own_sizes(given: Kernel) -> None:
    session = onnxruntime.InferenceSession(to_onnx(given).SerializeToString())
    shapes = [tensor.shape for tensor in session.get_inputs()]
    vector = given.type.startswith("fc")
    side = round(given.input_hw)
    assert shapes == [[1, given.in_channels] if vector else [1, given.in_channels, side, side]] * (
        2 if given.type.startswith("add") else 1
    )
    side = round(given.output_hw)
    assert session.get_outputs()[0].shape == [1, given.out_channels] + ([] if vector else [side, side])


def test_names_tell_kernels_apart_and_can_be_files() -> None:
    names = [kernel_name(given) for given in KERNELS]
    assert len(set(names)) == len(KERNELS)
    assert not any(set(name) & set("/ {}*") for name in names)


def test_what_cannot_be_built_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="'se' cannot be measured separately"):
        to_onnx(kernel("se", 7, 7, (8, 8)))
    with pytest.raises(UserError, match="'conv-add' cannot be measured separately"):
        to_onnx(kernel("conv-add", 7, 7, (8, 8)))
    with pytest.raises(UserError, match="is not square"):
        to_onnx(kernel("conv", 7.5, 7.5, (8, 8)))


def test_the_empty_network_runs() -> None:
    assert onnxruntime.InferenceSession(empty_graph().SerializeToString()).get_outputs()[0].shape == [1]
