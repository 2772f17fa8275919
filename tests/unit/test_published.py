"""Published networks: their published sizes, exact counts, and what reads their files."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from workflow_lib.core.errors import ConfigError
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.models import counting
from workflow_lib.spaces.networks import parse
from workflow_lib.spaces.published import SPACE

# Parameters with 1,000 classes and 3 channels. torchvision's documentation states the first three; timm's results for
# `mobilenetv2_035` and `efficientnet_lite0` state 1.68 and 4.65 million.
PARAMETERS = {
    "published-mobilenetv2-1.0": 3_504_872,
    "published-mobilenetv3-small": 2_542_856,
    "published-shufflenetv2-0.5": 1_366_792,
    "published-mobilenetv2-0.35": 1_677_128,
    "published-efficientnet-lite0": 4_652_008,
}
# Millions of multiply-adds for 224 pixels, as published (Sandler et al. 2018, Howard et al. 2019, Ma et al. 2018).
MULTIPLY_ADDS_M = {
    "published-mobilenetv2-1.0": 300,
    "published-mobilenetv2-0.35": 59,
    "published-mobilenetv3-small": 56,
    "published-shufflenetv2-0.5": 41,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_those_that_were_published(name: str) -> None:
    module = parse(name).build(3, 1000)
    assert counting.count_parameters(module) == PARAMETERS[name] == parse(name).costs(3, 1000, 224).parameters


@pytest.mark.parametrize("name", MULTIPLY_ADDS_M)
def test_multiply_adds_are_those_that_were_published(name: str) -> None:
    assert parse(name).costs(3, 1000, 224).multiply_adds / 1e6 == pytest.approx(MULTIPLY_ADDS_M[name], rel=0.02)


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize(("channels", "classes", "size_px"), [(5, 2, 48), (3, 4, 101)])
def test_costs_are_counted_without_the_module(name: str, channels: int, classes: int, size_px: int) -> None:
    module = parse(name).build(channels, classes)
    counted = parse(name).costs(channels, classes, size_px)
    assert counted.parameters == counting.count_parameters(module)
    assert counted.multiply_adds == counting.count_multiply_adds(module, channels, size_px)
    assert 4 * counted.activations == counting.count_activation_bytes(module, channels, size_px)


@pytest.mark.parametrize("name", PARAMETERS)
def test_its_files_are_read_by_onnx_runtime_and_nn_meter(name: str, tmp_path: Path) -> None:
    module = parse(name).build(5, 2).eval()
    images = torch.rand(1, 5, 48, 48)
    expected = module(images).detach().numpy()
    export_deployed(module, 5, 48, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    assert np.allclose(found, expected, atol=1e-4)
    export_for_detection(module, 5, 48, tmp_path / "d.onnx")
    kernels = {kernel.type for kernel in detect_kernels(tmp_path / "d.onnx", FUSION_RULES)}
    assert "fc" in kernels and kernels & {"conv-bn-relu", "conv-bn-hswish"}
    assert ("channelshuffle" in kernels) == ("shufflenet" in name)
    assert ("se" in kernels) == ("mobilenetv3" in name)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="published-mobilenetv3-small"):
        parse("published-mobilenetv9")
    assert SPACE.settings is None
