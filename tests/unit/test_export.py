"""ONNX files and costs: what is deployed computes the same, and every number is what it says."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from examples import SMALL, UNPOOLED
from torch import nn

from workflow_lib.data.dataset import ChipView
from workflow_lib.export.network import export_network
from workflow_lib.export.onnx_files import export_deployed, export_for_detection, make_tensors_distinct
from workflow_lib.models.counting import count_activation_bytes, count_multiply_adds, count_parameters
from workflow_lib.spaces.cross.cross_architecture import Architecture
from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.loop import Task, train
from workflow_lib.training.training_config import TrainingConfig

CHIP_PX = 100


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()


def with_weights_like_trained_ones(network: nn.Module) -> nn.Module:
    """Batch norms with statistics of their own, so that folding them wrongly shows."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight.data, 0.5, 1.5),
                (module.bias.data, -0.3, 0.3),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
            ):
                assert tensor is not None
                tensor.uniform_(low, high, generator=generator)
    return network


def run(file: Path, inputs: torch.Tensor) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    outputs: np.ndarray = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})[0]
    return outputs


@pytest.mark.parametrize(("architecture", "channels"), [(SMALL, 5), ("k5-s1-p3-nopool-w32", 7)])
def test_the_deployed_file_computes_what_the_network_computes(architecture: str, channels: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = with_weights_like_trained_ones(to_module(architecture, channels, 2)).train()
    export_deployed(network, channels, CHIP_PX, tmp_path / "deployed.onnx")
    assert network.training, "the network is not modified"
    inputs = torch.rand(1, channels, CHIP_PX, CHIP_PX)
    with torch.no_grad():
        expected = network.eval()(inputs).numpy()
    np.testing.assert_allclose(run(tmp_path / "deployed.onnx", inputs), expected, rtol=1e-4, atol=1e-4)


def test_the_deployed_file_is_one_file_for_one_chip_without_batch_norms(tmp_path: Path) -> None:
    export_deployed(to_module(SMALL, 5, 3), 5, CHIP_PX, tmp_path / "deployed.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["deployed.onnx"]
    model = onnx.load(tmp_path / "deployed.onnx")
    onnx.checker.check_model(model)
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    shape = [dimension.dim_value for dimension in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [1, 5, CHIP_PX, CHIP_PX]
    assert [dimension.dim_value for dimension in model.graph.output[0].type.tensor_type.shape.dim] == [1, 3]


def test_the_file_for_detection_keeps_every_batch_norm(tmp_path: Path) -> None:
    network = to_module(SMALL, 5, 2)
    export_for_detection(network, 5, CHIP_PX, tmp_path / "detection.onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "detection.onnx").graph.node]
    assert operators.count("BatchNormalization") == operators.count("Conv") == 20


@pytest.mark.parametrize("architecture", [SMALL, UNPOOLED])
def test_memory_is_the_size_of_a_really_trained_networks_file_to_the_byte(architecture: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).normal(size=(8, 40, 40, 5)).astype(np.float32)
    rows = np.arange(8)
    training = TrainingConfig(epochs=2, device="cpu")
    trained = train(
        Task(lambda: to_module(architecture, 5, 2), ChipView(pixels, range(5)), rows, rows % 2, 4, 0), training
    )
    export_deployed(trained.network, 5, CHIP_PX, tmp_path / "trained.onnx")
    export_deployed(make_tensors_distinct(to_module(architecture, 5, 2)), 5, CHIP_PX, tmp_path / "distinct.onnx")
    export_deployed(to_module(architecture, 5, 2), 5, CHIP_PX, tmp_path / "fresh.onnx")
    size = {file.stem: file.stat().st_size for file in tmp_path.iterdir()}
    assert size["distinct"] == size["trained"]
    assert 7_000 < size["trained"] - size["fresh"] < 15_000


def test_a_network_is_exported_with_all_its_costs(tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.onnx" for name in ("deployed", "paper", "detection")}
    costs = export_network(SMALL, 5, 2, CHIP_PX, **files)
    parameters = sum(parameter.numel() for parameter in to_module(SMALL, 5, 2).parameters())
    assert costs["paper_memory_bytes"] == files["paper"].stat().st_size == 11_175_404
    assert costs["memory_bytes"] == files["deployed"].stat().st_size > costs["paper_memory_bytes"]
    assert costs["parameters"] == parameters
    assert costs["weights_bytes"] == 4 * parameters
    assert costs["multiply_adds"] == multiply_adds_by_hand(SMALL, 5, 2)
    assert costs["activation_bytes"] > 0
    assert files["detection"].stat().st_size < 50_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["deployed.onnx", "detection.onnx", "paper.onnx"]


def multiply_adds_by_hand(text: str, channels: int, classes: int) -> int:
    """Output pixels x outputs x window x inputs, layer by layer."""
    architecture = Architecture.parse(text)
    window, width = architecture.kernel_size, architecture.width
    side = (CHIP_PX + 2 * architecture.padding - window) // architecture.stride + 1
    total = side**2 * width * window**2 * channels
    if architecture.pool:
        side = (side + 2 - architecture.pool[0]) // architecture.pool[1] + 1
    total += 4 * side**2 * width * 9 * width
    inputs = width
    for outputs in (2 * width, 4 * width, 8 * width):
        side = (side + 2 - 3) // 2 + 1
        total += side**2 * outputs * inputs  # the shortcut's 1 x 1
        total += side**2 * outputs * 9 * (inputs + 3 * outputs)
        inputs = outputs
    return total + inputs * classes


@pytest.mark.parametrize("text", [SMALL, UNPOOLED, "k5-s1-p2-pool2s2-w48", "k7-s2-p3-pool3s2-w64"])
def test_multiply_adds_are_those_of_the_formula(text: str) -> None:
    assert count_multiply_adds(to_module(text, 7, 2), 7, CHIP_PX) == multiply_adds_by_hand(text, 7, 2)


def test_multiply_adds_of_the_published_resnet18() -> None:
    """1.81 G multiply-adds for 224 x 224 images, three bands and 1,000 classes."""
    counted = count_multiply_adds(to_module("k7-s2-p3-pool3s2-w64", 3, 1000), 3, 224)
    assert counted == pytest.approx(1.81e9, rel=0.005)


def test_only_trainable_parameters_count() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    assert count_parameters(network) == 3 * 4 + 4 + 2 * 4
    network[0].bias.requires_grad_(False)
    assert count_parameters(network) == 3 * 4 + 2 * 4


LAYERS = [
    (nn.Conv2d(3, 8, 3, padding=1), 8 * 10 * 10),
    (nn.BatchNorm2d(8), 8 * 10 * 10),
    (nn.ReLU(inplace=True), 8 * 10 * 10),
    (nn.MaxPool2d(2), 8 * 5 * 5),
    (nn.AdaptiveAvgPool2d(1), 8),
    (nn.Flatten(), 8),
    (nn.Linear(8, 2), 2),
]


def test_activation_bytes_by_hand() -> None:
    network = nn.Sequential(*(layer for layer, _ in LAYERS))
    assert count_activation_bytes(network, 3, 10) == 4 * sum(elements for _, elements in LAYERS)


def test_a_nested_layer_counts_once() -> None:
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Sequential(nn.BatchNorm2d(8))))
    assert count_activation_bytes(network, 3, 10) == 4 * 2 * 800


def test_a_placeholder_writes_nothing() -> None:
    """The space's networks without pooling hold an `nn.Identity` in its place, which no device runs."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Identity())
    assert count_activation_bytes(network, 3, 10) == 4 * 800


def test_counting_leaves_no_hooks_behind() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3))
    count_activation_bytes(network, 3, 10)
    assert not network[0]._forward_hooks
