"""Compact networks: ids, exact counts, published sizes of the measured ones, and what devices can price."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_lib.core.errors import ConfigError
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.models import counting
from workflow_lib.spaces.compact import SPACE, CompactConfig, space
from workflow_lib.spaces.compact.compact_network import BLOCKS, CompactNetwork
from workflow_lib.spaces.networks import parse

NETWORKS = st.builds(
    CompactNetwork,
    block=st.sampled_from(BLOCKS),
    width=st.integers(4, 12),
    stages=st.integers(2, 4),
    blocks=st.integers(1, 2),
    kernel=st.sampled_from([3, 5, 7]),
    stride=st.integers(1, 2),
    pool=st.booleans(),
    squeeze=st.booleans(),
)


@given(NETWORKS)
def test_an_id_is_read_as_the_network_that_it_spells(network: CompactNetwork) -> None:
    assert CompactNetwork.parse(str(network)) == network
    assert parse(str(network)).space is SPACE


@settings(max_examples=15, deadline=None)
@given(NETWORKS, st.integers(40, 101), st.integers(3, 7), st.integers(2, 5))
def test_costs_are_counted_without_the_module(
    network: CompactNetwork, size_px: int, channels: int, classes: int
) -> None:
    module = SPACE.build(network, channels, classes)
    counted = SPACE.count(network, channels, classes, size_px)
    assert counted.parameters == counting.count_parameters(module)
    assert counted.multiply_adds == counting.count_multiply_adds(module, channels, size_px)
    assert 4 * counted.activations == counting.count_activation_bytes(module, channels, size_px)


@pytest.mark.parametrize(("name", "parameters"), [("w8-n3", 19_834), ("w16-n3", 77_810), ("w16-n4", 308_082)])
def test_residual_networks_have_the_sizes_of_those_that_were_measured(name: str, parameters: int) -> None:
    network = CompactNetwork.parse(f"compact-basic-{name}x1-k3s1-pool")
    assert SPACE.count(network, 5, 2, 48).parameters == parameters


def test_the_space_holds_each_network_once_and_its_configurations_build_them() -> None:
    chosen = {"stages": [2, 3, 4], "blocks": [1, 2], "pool": [0, 1], "squeeze": [0, 1]}
    whole = space(CompactConfig.model_validate({"block": list(BLOCKS), "width": [4, 64], **chosen}))
    names = whole.networks()
    assert len(names) == whole.size == len(set(names)) == 4 * 2 * 3 * 2 * 2 * 2
    assert all(whole.build(whole.parse(name)) == name for name in names)
    sizes = [SPACE.count(SPACE.parse(name), 5, 2, 48).parameters for name in names]
    assert min(sizes) < 5_000 / 4 and max(sizes) > 11e6, "from below 5 kB to the size of ResNet-18"


@pytest.mark.parametrize("text", ["compact-basic-w016-n3x1-k3s1-pool", "compact-x-w8-n3x1-k3s1-pool", "compact-"])
def test_a_text_that_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not the id of a compact network"):
        SPACE.parse(text)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("squeeze", ["", "-se"])
def test_onnx_runtime_gives_the_same_outputs(block: str, squeeze: str, tmp_path: Path) -> None:
    network = SPACE.parse(f"compact-{block}-w4-n3x2-k5s2-pool{squeeze}")
    module = SPACE.build(network, 3, 2).eval()
    images = torch.rand(1, 3, 48, 48)
    expected = module(images).detach().numpy()
    export_deployed(module, 3, 48, tmp_path / "m.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("squeeze", ["", "-se"])
def test_nn_meter_splits_it_into_kernels_that_it_knows(block: str, squeeze: str, tmp_path: Path) -> None:
    module = SPACE.build(SPACE.parse(f"compact-{block}-w4-n3x2-k5s2-pool{squeeze}"), 3, 2)
    export_for_detection(module, 3, 48, tmp_path / "m.onnx")
    types = {kernel.type for kernel in detect_kernels(tmp_path / "m.onnx", FUSION_RULES)}
    convolutions = {f"{kind}{end}" for kind in ("conv", "dwconv") for end in ("", "-bn", "-relu", "-bn-relu")}
    assert types - {"se"} <= convolutions | {"add", "add-relu", "fc", "gap", "maxpool"}
    assert ("se" in types) == bool(squeeze)
