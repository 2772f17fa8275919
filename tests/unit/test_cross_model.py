"""CrossNet: the exact files behind the paper's memory column, and every network of the space."""

import warnings
from pathlib import Path

import pytest
import torch

from workflow_lib.spaces.cross.cross_architecture import Architecture, architectures
from workflow_lib.spaces.cross.cross_module import CrossNet

BASELINE = Architecture.parse("k7-s2-p3-pool3s2-w64")


def onnx_bytes(network: torch.nn.Module, channels: int, file: Path) -> int:
    with warnings.catch_warnings():
        # dynamo=False is deprecated, and is what the published sizes were made with.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(network.eval(), (torch.randn(1, channels, 100, 100),), file, dynamo=False)
    return file.stat().st_size


@pytest.mark.parametrize(
    ("text", "channels", "expected"),
    [
        ("k3-s2-p1-pool3s2-w32", 5, 11_175_404),
        ("k3-s2-p1-nopool-w32", 5, 11_175_204),
        ("k3-s2-p1-pool3s2-w32", 7, 11_177_708),
        ("k3-s2-p1-nopool-w32", 7, 11_177_508),
        (str(BASELINE), 5, 44_708_867),
        (str(BASELINE), 7, 44_733_955),
        ("k5-s2-p1-nopool-w64", 7, 44_690_747),
    ],
)
def test_exported_size_is_the_paper_s_to_the_byte(text: str, channels: int, expected: int, tmp_path: Path) -> None:
    network = CrossNet(Architecture.parse(text), channels, classes=2)
    assert onnx_bytes(network, channels, tmp_path / "network.onnx") == expected


def expected_map(architecture: Architecture, side: int) -> int:
    """The side of the map that enters block1, by the formula for convolution and pooling."""
    side = (side + 2 * architecture.padding - architecture.kernel_size) // architecture.stride + 1
    if architecture.pool is None:
        return side
    kernel, stride = architecture.pool
    return (side + 2 * 1 - kernel) // stride + 1


def test_every_network_maps_the_paper_s_images_to_logits() -> None:
    sides: list[torch.Size] = []
    with torch.device("meta"):
        for architecture in architectures():
            network = CrossNet(architecture, 7, classes=3)
            network.block1.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[2:]))
            assert network(torch.empty(2, 7, 100, 100)).shape == (2, 3), str(architecture)
            assert sides[-1] == (expected_map(architecture, 100),) * 2, str(architecture)


def expected_parameters(architecture: Architecture, channels: int, classes: int) -> int:
    """Summed by hand: convolutions without bias, a weight and a bias for each normalised channel."""
    w = architecture.width
    total = architecture.kernel_size**2 * channels * w + 2 * w
    for inputs, outputs in ((w, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w)):
        total += 9 * inputs * outputs + 3 * 9 * outputs * outputs + 4 * 2 * outputs
        total += 0 if inputs == outputs else inputs * outputs + 2 * outputs
    return total + 8 * w * classes + classes


@pytest.mark.parametrize("channels", [5, 7])
def test_parameter_counts(channels: int) -> None:
    with torch.device("meta"):
        for architecture in (*architectures(), BASELINE):
            parameters = sum(p.numel() for p in CrossNet(architecture, channels, classes=2).parameters())
            assert parameters == expected_parameters(architecture, channels, classes=2), str(architecture)


def test_the_baseline_is_resnet18() -> None:
    # 11,689,512 is the published size of ResNet-18 for three bands and 1,000 classes.
    with torch.device("meta"):
        assert sum(p.numel() for p in CrossNet(BASELINE, 3, 1000).parameters()) == 11_689_512


def test_nothing_is_rectified_after_an_addition() -> None:
    network = CrossNet(Architecture.parse("k3-s2-p1-pool3s2-w32"), 5, classes=2).eval()
    pooled: list[torch.Tensor] = []
    network.adaptivepool.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0]))
    with torch.no_grad():
        network(torch.randn(1, 5, 100, 100, generator=torch.Generator().manual_seed(0)))
    assert pooled[0].min() < 0
