"""Strided 1x1 convolutions with few channels, whose gradients oneDNN computes wrongly, or crashes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from workflow_lib.models.strided_convolutions import guard_strided_convolutions

# In a process of its own, because a crash would end the tests.
TRAINING = """
import torch
from torch import nn
from workflow_lib.models.strided_convolutions import guard_strided_convolutions
guard_strided_convolutions()
torch.manual_seed(0)
for inputs in range(1, 17):
    layer = nn.Conv2d(inputs, 8, 1, 2, padding="valid" if inputs == 5 else 0).to(memory_format=torch.channels_last)
    for _ in range(40):
        images = torch.randn(16, inputs, 24, 24).contiguous(memory_format=torch.channels_last)
        layer.zero_grad()
        layer(images).pow(2).sum().backward()
        others = [torch.randn(size) for size in (7, 33, 100, 1000)]
    exact = nn.Conv2d(inputs, 8, 1, 2).double()
    exact.load_state_dict({name: tensor.double() for name, tensor in layer.state_dict().items()})
    exact(images.double().contiguous()).pow(2).sum().backward()
    assert torch.allclose(layer.weight.grad.double(), exact.weight.grad, rtol=1e-4), inputs
    assert torch.allclose(layer.bias.grad.double(), exact.bias.grad, rtol=1e-4), inputs
print("exact")
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_gradients_are_exact_and_nothing_crashes(threads: str) -> None:
    code = f"import torch; torch.set_num_threads({threads})\n{TRAINING}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.stdout == "exact\n", result.stderr[-500:]


@pytest.mark.parametrize(
    "layer",
    [nn.Conv2d(4, 8, 1, 2), nn.Conv2d(4, 8, 1, (2, 3), bias=False), nn.Conv2d(6, 4, 1, 2, groups=2),
     nn.Conv2d(4, 8, 3, 2, 1), nn.Conv2d(32, 8, 1, 2), nn.Conv2d(4, 8, 1, 2, padding=1), nn.Conv2d(4, 8, 1),
     nn.Conv2d(4, 8, 1, 2, padding="valid")],
)  # fmt: skip
def test_outputs_do_not_change(layer: nn.Conv2d) -> None:
    guard_strided_convolutions()
    images = torch.randn(2, layer.in_channels, 13, 14)
    trained = layer(images)
    with torch.no_grad():
        plain = nn.functional.conv2d(
            images, layer.weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups
        )
    assert torch.allclose(trained, plain, atol=1e-6)


def test_exported_files_do_not_change(tmp_path: Path) -> None:
    code = """
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.models.modules import to_module
from workflow_lib.models.strided_convolutions import guard_strided_convolutions
from pathlib import Path
networks = [to_module(name, 3, 2) for name in ("compact-basic-w4-n2x1-k3s2-nopool", "k3-s2-p1-pool3s2-w32")]
for name in ("before", "after"):
    for number, network in enumerate(networks):
        export_deployed(network, 3, 48, Path(f"{name}{number}.onnx"))
    guard_strided_convolutions()
"""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    for number in range(2):
        assert (tmp_path / f"before{number}.onnx").read_bytes() == (tmp_path / f"after{number}.onnx").read_bytes()
