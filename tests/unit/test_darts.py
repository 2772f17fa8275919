"""Networks of DARTS cells: ids, counts, modules, export."""

import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from workflow_lib.core.errors import ConfigError
from workflow_lib.core.spaces import darts, networks
from workflow_lib.core.spaces.darts import CHOSEN, EDGES, INPUTS, NODES, OPERATIONS, CellNetwork
from workflow_lib.core.spaces.nasbench201 import Skeleton
from workflow_lib.export import costs
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.latency.calibrated import fit
from workflow_lib.latency.kernels import FUSION_RULES, detect_kernels
from workflow_lib.models import networks as models

DARTS_V2 = (
    "sep3.0.sep3.1-sep3.0.sep3.1-sep3.1.skip.0-skip.0.dil3.2",
    "max.0.max.1-skip.2.max.1-max.0.skip.2-skip.2.max.1",
)


def draw(generator: np.random.Generator, skeleton: Skeleton) -> CellNetwork:
    chosen = []
    for kind in range(2):
        for head in range(INPUTS, INPUTS + NODES):
            for tail in generator.choice(head, CHOSEN, replace=False):
                edge = kind * len(EDGES) + EDGES.index((int(tail), head))
                chosen.append((edge, int(generator.integers(1, len(OPERATIONS)))))
    return CellNetwork.of(chosen, skeleton)


@pytest.mark.parametrize(
    ("skeleton", "size_px"), [(Skeleton(4, 1, 2), 50), (Skeleton(4, 2, 0), 33), (Skeleton(6, 1, 1), 41)]
)
def test_ids_read_back_and_plan_what_torch_counts(skeleton: Skeleton, size_px: int) -> None:
    generator = np.random.default_rng(1)
    for _ in range(3):
        network = draw(generator, skeleton)
        text = str(network)
        assert networks.parse(text) == network == CellNetwork.of(network.chosen, skeleton)
        assert re.fullmatch(networks.PATTERN, text)
        assert len(text) < 200, "a file's name"
        module = models.to_module(text, 5, 3)
        planned = networks.costs(text, 5, 3, size_px)
        assert planned.parameters == costs.count_parameters(module)
        assert planned.multiply_adds == costs.count_multiply_adds(module, 5, size_px)
        assert 4 * planned.activations == costs.count_activation_bytes(module, 5, size_px)


def test_the_published_cell_is_as_large_as_published_but_for_its_halvings() -> None:
    normal, reduction = (darts.Cell(_sorted(text)) for text in DARTS_V2)
    network = CellNetwork(normal, reduction, Skeleton(width=36, cells=6))
    # 3.3 M with the auxiliary head left out (Liu, Simonyan and Yang 2019, table 1); halving is as large here.
    assert networks.costs(str(network), 3, 10, 32).parameters == pytest.approx(3.3e6, rel=0.03)


def _sorted(text: str) -> tuple[tuple[str, int], ...]:
    """Two edges per node, by the node they come from."""
    steps = re.findall(r"(\w+)\.(\d)", text)
    pairs = [sorted(steps[place : place + 2], key=lambda step: step[1]) for place in range(0, len(steps), 2)]
    return tuple((operation, int(tail)) for pair in pairs for operation, tail in pair)


@pytest.mark.parametrize(
    "text",
    [
        "darts-sep3",
        "darts-sep3.0.sep3.1-sep3.0.sep3.1-sep3.0.skip.1-skip.0.dil3.2-w8-n1-s2",
        "darts-" + "-".join(["sep3.1.sep3.0"] * 8) + "-w8-n1-s2",
        "darts-" + "-".join(["sep3.0.sep3.4"] * 8) + "-w8-n1-s2",
        "darts-" + "-".join(["none.0.sep3.1"] * 8) + "-w8-n1-s2",
        "darts-" + "-".join(["sep3.0.sep3.1"] * 8) + "-w08-n1-s2",
    ],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"not a (network of DARTS cells|DARTS cell)"):
        networks.parse(text)


def test_networks_export_and_have_kernels_with_prices(tmp_path: Path) -> None:
    network = str(draw(np.random.default_rng(3), Skeleton(4, 1, 2)))
    module = models.to_module(network, 5, 2).eval()
    export_deployed(module, 5, 48, tmp_path / "deployed.onnx")
    images = torch.rand(1, 5, 48, 48)
    session = onnxruntime.InferenceSession(tmp_path / "deployed.onnx")
    name = session.get_inputs()[0].name
    with torch.inference_mode():
        np.testing.assert_allclose(session.run(None, {name: images.numpy()})[0], module(images).numpy(), atol=1e-5)
    export_for_detection(models.to_module(network, 5, 2), 5, 48, tmp_path / "network.onnx")
    kernels = detect_kernels(tmp_path / "network.onnx", FUSION_RULES)
    assert {"dwconv", "concat"} <= {kernel.type.split("-")[0] for kernel in kernels}
    assert fit("cortexA76cpu_tflite21").predict(kernels).sum() > 0
