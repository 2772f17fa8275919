"""Networks of DARTS cells: ids, counts, modules, export."""

import itertools
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from workflow_lib.core.errors import ConfigError
from workflow_lib.devices.calibrated.calibration import fit
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.latency import lookup
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.operation_prices import price_cells
from workflow_lib.models import counting as costs
from workflow_lib.models import modules as models
from workflow_lib.search import derive_darts
from workflow_lib.search.derive_darts import derive
from workflow_lib.search.mixed_cells import SpeedUps, to_mixed
from workflow_lib.spaces import networks
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.darts import darts_counts as darts_costs
from workflow_lib.spaces.darts.darts_cell import CHOSEN, EDGE_NAMES, EDGES, INPUTS, NODES, OPERATIONS, CellNetwork
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton

SKELETON = Skeleton(4, 1, 1)
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
        assert networks.parse(text).choices == network == CellNetwork.of(network.chosen, skeleton)
        assert re.fullmatch(networks.pattern_in_jobs(), text)
        assert len(text) < 200, "a file's name"
        module = models.to_module(text, 5, 3)
        planned = networks.parse(text).costs(5, 3, size_px)
        assert planned.parameters == costs.count_parameters(module)
        assert planned.multiply_adds == costs.count_multiply_adds(module, 5, size_px)
        assert 4 * planned.activations == costs.count_activation_bytes(module, 5, size_px)


def test_the_published_cell_is_as_large_as_published_but_for_its_halvings() -> None:
    normal, reduction = (darts.Cell(_sorted(text)) for text in DARTS_V2)
    network = CellNetwork(normal, reduction, Skeleton(width=36, cells=6))
    # 3.3 M with the auxiliary head left out (Liu, Simonyan and Yang 2019, table 1); halving is as large here.
    assert networks.parse(str(network)).costs(3, 10, 32).parameters == pytest.approx(3.3e6, rel=0.03)


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


def test_a_mixture_that_is_certain_is_the_cells_own_network() -> None:
    network = draw(np.random.default_rng(5), SKELETON)
    net = to_mixed("darts", 2, 2, SKELETON, SpeedUps()).eval()
    with torch.no_grad():
        net.alpha.zero_()
        net.alpha[:, OPERATIONS.index("none")] = 60
        for edge, operation in network.chosen:
            net.alpha[edge, operation] = 120
    own = models.to_module(str(network), 2, 2).eval()
    taken = {name: tensor for name, tensor in net.network.state_dict().items() if name in own.state_dict()}
    assert set(taken) == set(own.state_dict())
    own.load_state_dict(taken)
    images = torch.rand(3, 2, 33, 33)
    with torch.inference_mode():
        torch.testing.assert_close(net(images), own(images))


@pytest.mark.parametrize(
    "speed_ups",
    [SpeedUps(mix_first_cells_only=True), SpeedUps(shared_operations=True, bottleneck=2), SpeedUps(partial=2)],
)
def test_speed_ups_train(speed_ups: SpeedUps) -> None:
    torch.manual_seed(0)
    net = to_mixed("darts", 2, 2, SKELETON, speed_ups)
    whole = sum(parameter.numel() for parameter in to_mixed("darts", 2, 2, SKELETON, SpeedUps()).parameters())
    net(torch.rand(4, 2, 40, 40)).square().mean().backward()
    assert net.alpha.grad is not None
    assert (net.alpha.grad.abs().sum(1) > 0).sum() == len(EDGE_NAMES), "all edges of both cells"
    smaller = sum(parameter.numel() for parameter in net.parameters())
    assert smaller == whole if speed_ups.mix_first_cells_only else smaller < whole / 2


def score_of(network: CellNetwork, probabilities: NDArray[np.float64]) -> float:
    return float(sum(np.log(probabilities[edge, operation]) for edge, operation in network.chosen))


def most_probable(probabilities: NDArray[np.float64], costs: CellCosts, least: float, most: float) -> float:
    """The slow oracle: of everything that nodes can cost together, the most probable way to it."""
    best = {costs.fixed: 0.0}
    for kind in range(2):
        for head in range(INPUTS, INPUTS + NODES):
            edges = [kind * len(EDGES) + place for place, (_, own) in enumerate(EDGES) if own == head]
            node: dict[float, float] = {}
            for pair in itertools.combinations(edges, CHOSEN):
                for names in itertools.product(range(1, len(OPERATIONS)), repeat=CHOSEN):
                    ways = list(zip(pair, names, strict=True))
                    cost = sum(costs.prices[edge][name] for edge, name in ways)
                    score = float(sum(np.log(probabilities[edge, name]) for edge, name in ways))
                    node[cost] = max(node.get(cost, -np.inf), score)
            together: dict[float, float] = {}
            for (cost, score), (more, added) in itertools.product(best.items(), node.items()):
                together[cost + more] = max(together.get(cost + more, -np.inf), score + added)
            best = together
    return max((score for cost, score in best.items() if least <= cost <= most), default=-np.inf)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 2.0])
def test_the_derived_cells_are_the_most_probable_within_the_budget(share: float) -> None:
    costs = darts_costs.count_parameters(SKELETON, 3, 2)
    probabilities = np.random.default_rng(7).dirichlet(np.ones(len(OPERATIONS)), size=len(EDGE_NAMES))
    plain = derive(probabilities, costs, SKELETON)
    assert plain is not None
    for node in range(8):  # as DARTS derives: the two edges whose best operation is most probable
        own = [edge for edge in range(28) if (edge // 14, EDGES[edge % 14][1]) == (node // 4, 2 + node % 4)]
        best = sorted(own, key=lambda edge: -probabilities[edge, 1:].max())[:CHOSEN]
        assert {(edge, 1 + int(probabilities[edge, 1:].argmax())) for edge in best} <= set(plain.chosen)
    budget = costs.fixed + share * (costs.total(plain) - costs.fixed)
    found = derive(probabilities, costs, SKELETON, budget)
    assert found is not None
    assert costs.total(found) <= budget
    assert score_of(found, probabilities) == pytest.approx(most_probable(probabilities, costs, 0, budget), abs=1e-6)
    least = 0.98 * min(budget, costs.total(plain))
    large = derive(probabilities, costs, SKELETON, budget, least)
    assert large is not None
    assert least <= costs.total(large) <= budget
    assert score_of(large, probabilities) == pytest.approx(most_probable(probabilities, costs, least, budget), abs=1e-6)


def test_a_budget_that_no_network_keeps_gives_none() -> None:
    costs = darts_costs.count_parameters(SKELETON, 3, 2)
    assert derive(np.full((28, 8), 1 / 8), costs, SKELETON, costs.fixed - 1) is None
    cheapest = derive(np.full((28, 8), 1 / 8), costs, SKELETON, costs.fixed, least=2 * costs.fixed)
    assert cheapest is not None
    assert costs.total(cheapest) == costs.fixed, "no network is as large: then what there is"
    assert derive_darts.draw(costs, SKELETON, costs.fixed - 1, 0, 1, np.random.default_rng(0)) == []


def test_networks_are_drawn_within_the_budget_all_different() -> None:
    costs = darts_costs.count_parameters(SKELETON, 3, 2)
    budget = 1.5 * costs.fixed
    for least in (0, 1.4 * costs.fixed, 2 * budget):
        drawn = derive_darts.draw(costs, SKELETON, budget, least, 5, np.random.default_rng(0))
        assert len(set(drawn)) == 5
        floor = least if least < budget else 0  # no network is as dear as the last one
        assert all(floor <= costs.total(network) <= budget for network in drawn)


def test_cells_are_priced_as_they_are_counted_and_predicted(tmp_path: Path) -> None:
    assert price_cells("darts", SKELETON, 3, 2, 33, lookup.parameters) == darts_costs.count_parameters(SKELETON, 3, 2)
    work = price_cells("darts", SKELETON, 3, 2, 33, lookup.multiply_adds)
    assert work == darts_costs.count_multiply_adds(SKELETON, 3, 2, 33)
    predictor, skeleton = fit("cortexA76cpu_tflite21"), Skeleton(8, 1, 2)
    costs = price_cells("darts", skeleton, 3, 2, 48, lookup.predicted(predictor, strict=False))
    network = draw(np.random.default_rng(0), skeleton)
    export_for_detection(models.to_module(str(network), 3, 2), 3, 48, tmp_path / "network.onnx")
    whole = float(predictor.predict(detect_kernels(tmp_path / "network.onnx", FUSION_RULES)).sum())
    assert costs.total(network) == pytest.approx(whole, rel=0.15)
