"""A torch module from an ONNX file computes and costs what the network that was exported does."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.models.counting import count_activation_bytes, count_multiply_adds, count_parameters
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.trained_model.onnx_module import OnnxModule

NETWORKS = [
    "k3-s2-p1-pool3s2-w32",
    "k5-s1-p2-nopool-w32",
    "compact-inv4-w8-n3x1-k3s2-nopool-se",
    "compact-sep-w8-n3x2-k3s2-pool",
    "published-mobilenetv2-0.35",
    "published-mobilenetv3-small",
    "published-shufflenetv2-0.5",
    "published-efficientnet-lite0",
    "cell-conv3-skip.pool-conv1.conv3.skip-w8-n1-s2",
]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_it_computes_and_costs_the_same(architecture: str, tmp_path: Path) -> None:
    network = to_module(architecture, 4, 3).eval()
    export_deployed(network, 4, 48, tmp_path / "a.onnx")
    module = OnnxModule(tmp_path / "a.onnx").eval()
    images = torch.rand(3, 4, 48, 48)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    name = session.get_inputs()[0].name
    expected = np.concatenate([session.run(None, {name: image[None]})[0] for image in images.numpy()])
    with torch.inference_mode():
        assert module(images).numpy() == pytest.approx(expected, abs=1e-4)
    assert count_multiply_adds(module, 4, 48) == count_multiply_adds(network, 4, 48)
    # Folded batch norms leave a bias where they had a scale and a shift.
    assert 0.9 * count_parameters(network) < count_parameters(module) <= count_parameters(network)
    assert count_activation_bytes(module, 4, 48) <= count_activation_bytes(network, 4, 48)


def test_batch_norms_that_are_kept_are_layers(tmp_path: Path) -> None:
    network = to_module(NETWORKS[0], 4, 3)
    with torch.no_grad():
        network(torch.rand(8, 4, 48, 48))
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.0  # this export runs the network in training mode, which would move its statistics
    export_for_detection(network, 4, 48, tmp_path / "a.onnx")
    module = OnnxModule(tmp_path / "a.onnx").eval()
    images = torch.rand(2, 4, 48, 48)
    with torch.inference_mode():
        assert module(images).numpy() == pytest.approx(network.eval()(images).numpy(), abs=1e-4)
    assert count_parameters(module) == count_parameters(network)


def test_it_can_be_exported_again(tmp_path: Path) -> None:
    network = to_module(NETWORKS[2], 4, 3).eval()
    export_deployed(network, 4, 48, tmp_path / "a.onnx")
    export_deployed(OnnxModule(tmp_path / "a.onnx"), 4, 48, tmp_path / "b.onnx")
    images = np.random.default_rng(0).random((1, 4, 48, 48), dtype=np.float32)
    one, other = (
        session.run(None, {session.get_inputs()[0].name: images})[0]
        for session in (onnxruntime.InferenceSession(tmp_path / name) for name in ("a.onnx", "b.onnx"))
    )
    assert one == pytest.approx(other, abs=1e-5)
    sizes = [(tmp_path / name).stat().st_size for name in ("a.onnx", "b.onnx")]
    assert sizes[1] == pytest.approx(sizes[0], abs=4000), "only names differ"


def test_probabilities_become_their_logarithms(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Conv2d(4, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1)).eval()
    export_deployed(network, 4, 16, tmp_path / "a.onnx")
    images = torch.rand(2, 4, 16, 16)
    with torch.inference_mode():
        assert OnnxModule(tmp_path / "a.onnx")(images).exp().numpy() == pytest.approx(network(images).numpy(), abs=1e-6)


UNEVEN = {"kernel_shape": [2, 2], "pads": [0, 0, 1, 1]}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (helper.make_node("Erf", ["x"], ["y"]), "has operators that are not supported: Erf"),
        (helper.make_node("MaxPool", ["x"], ["y"], **UNEVEN), "its node MaxPool .*is not supported .padding that"),
        (helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 2]), "MaxPool .*dilations"),
        (helper.make_node("Flatten", ["x"], ["y"], axis=2), "its node Flatten .*is not supported .axis"),
        (helper.make_node("Sigmoid", ["x"], ["y"]), "its output is a Sigmoid"),
        (helper.make_node("Constant", [], ["y"], value_float=1.0), "its node Constant .*is not supported .value_float"),
    ],
)
def test_other_files_are_refused_in_one_line(node: onnx.NodeProto, message: str, tmp_path: Path) -> None:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, 8, 8]) for name in "xy"]
    onnx.save(helper.make_model(helper.make_graph([node], "g", value[:1], value[1:])), tmp_path / "a.onnx")
    with pytest.raises(UserError, match=message):
        OnnxModule(tmp_path / "a.onnx")


def test_a_softmax_before_the_output_is_refused(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Softmax(1), nn.Linear(4 * 8 * 8, 2)).eval()
    export_deployed(network, 4, 8, tmp_path / "a.onnx")
    with pytest.raises(UserError, match=r"its node Softmax .*is not supported .it is not the output"):
        OnnxModule(tmp_path / "a.onnx")


def test_images_of_another_size_than_the_file_names_are_refused(tmp_path: Path) -> None:
    export_deployed(to_module(NETWORKS[0], 4, 3).eval(), 4, 48, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"it takes images of \[48, 48\] pixels"):
        OnnxModule(tmp_path / "a.onnx").eval()(torch.zeros(2, 4, 64, 64))


def test_what_is_no_onnx_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        OnnxModule(tmp_path / "a.onnx")
    for content in (b"", b"not an ONNX file", bytes(range(256))):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(UserError, match="is not a valid ONNX file") as caught:
            OnnxModule(tmp_path / "a.onnx")
        assert "\n" not in str(caught.value)
