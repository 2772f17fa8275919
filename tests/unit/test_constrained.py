"""Searches under a budget: mixtures, costs, gradients, and what is derived from them."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.data.dataset import ChipView
from workflow_lib.search import constrained_search as constrained
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import CELL_COSTS
from workflow_lib.search.constrained_search import ConstrainedSearch, expected_cost
from workflow_lib.search.derivation import (
    LookupGraph,
    alpha_rows,
    build_lookup_graph,
    cost_rows,
    derive_networks,
    read_costs,
    spread_bounds,
)
from workflow_lib.search.derive_nasbench201 import connected_cells, derive, draw
from workflow_lib.search.mixed_cells import MixedNet, MixedNodes, SpeedUps, to_mixed
from workflow_lib.search.original_norms import Normalised, use_original_norms
from workflow_lib.search.search_task import SearchTask, split_in_halves
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.nasbench201.nasbench201_cell import EDGES, NODES, OPERATIONS, Cell, Skeleton
from workflow_lib.spaces.nasbench201.nasbench201_counts import count_multiply_adds, count_parameters, uniform_edge_costs
from workflow_lib.spaces.nasbench201.nasbench201_module import CellNet, to_module
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import use_one_thread

SKELETON = Skeleton(width=4, cells=1)
COSTS = count_parameters(SKELETON, 2, 2)
NAMES = list(OPERATIONS)
SIDE = 16
SPACE = CELL_SPACES["nasbench201"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()
    torch.manual_seed(0)


def task(count: int = 64) -> SearchTask:
    """Two classes that differ in the direction of their stripes alone."""
    labels = np.arange(count) % 2
    stripes = np.where(np.arange(SIDE) % 2, 1.0, -1.0)
    pixels = np.random.default_rng(0).normal(scale=0.3, size=(count, SIDE, SIDE, 2))
    pixels[labels == 0] += stripes[:, None, None]
    pixels[labels == 1] += stripes[None, :, None]
    rows = np.arange(count)
    return SearchTask(ChipView(pixels.astype(np.float32), [0, 1]), rows[::2][: count // 2], rows[1::2], labels, 0)


def settings(**values: float | None) -> CellSearchConfig:
    return CellSearchConfig.model_validate({"budgets": {"parameters": [1]}, **values})


def mixed(**speed_ups: bool | int) -> MixedNet:
    return to_mixed("nasbench201", 2, 2, SKELETON, SpeedUps(**speed_ups))  # type: ignore[arg-type]


def choose(net: MixedNet, cell: Cell, strength: float = 60.0) -> None:
    """Let alpha say one cell, nearly for certain."""
    with torch.no_grad():
        net.alpha.zero_()
        for edge, operation in enumerate(cell.operations):
            net.alpha[edge, NAMES.index(operation)] = strength


def test_a_mixture_that_is_certain_is_the_cell_s_own_network() -> None:
    cell = Cell.parse("conv3-conv1.skip-pool.none.conv3")
    net = mixed().eval()
    choose(net, cell)
    own = to_module(str(cell), 2, 2, SKELETON).eval()
    taken = {name: tensor for name, tensor in net.network.state_dict().items() if name in own.state_dict()}
    assert set(taken) == set(own.state_dict())
    own.load_state_dict(taken)
    images = torch.rand(3, 2, SIDE, SIDE)
    with torch.inference_mode():
        torch.testing.assert_close(net(images), own(images))


def test_an_edge_is_the_weighed_sum_of_its_operations() -> None:
    net = mixed().eval()
    nn.init.zeros_(net.alpha)
    net(torch.rand(1, 2, SIDE, SIDE))  # all weights are 1/5 now
    cell = next(module for module in net.modules() if isinstance(module, MixedNodes))
    x = torch.rand(2, 4, 8, 8)
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def edge(tail: int, head: int, value: torch.Tensor) -> torch.Tensor:
        one, three = (cell.get_submodule(f"edge_{tail}_{head}_{name}")(value) for name in ("conv1", "conv3"))
        return (value + one + three + pool(value)) / 5

    first = edge(0, 1, x)
    second = edge(0, 2, x) + edge(1, 2, first)
    with torch.no_grad():
        torch.testing.assert_close(cell(x), edge(0, 3, x) + edge(1, 3, first) + edge(2, 3, second))


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_speed_ups_leave_out_what_they_say() -> None:
    plain = mixed()
    shared = mixed(shared_operations=True)
    edges, tails = len(EDGES), len({tail for tail, _ in EDGES})
    fixed = CellNet(lambda _: nn.Identity(), 2, 2, SKELETON)
    assert (count(shared) - count(fixed) - 30) * edges == (count(plain) - count(fixed) - 30) * tails
    assert count(mixed(bottleneck=2)) < 0.7 * count(plain)

    fewer = mixed(partial=2)
    assert count(plain) - count(fixed) > 3 * (count(fewer) - count(fixed))

    derived = mixed(mix_first_cells_only=True)
    choose(derived, Cell.parse("skip-skip.skip-skip.skip.skip"))
    derived(torch.rand(2, 2, SIDE, SIDE)).sum().backward()
    first, *others = [module for module in derived.modules() if isinstance(module, MixedNodes)]
    assert all(parameter.grad is not None for parameter in first.parameters())
    assert all(parameter.grad is None for cell in others for parameter in cell.parameters())
    assert derived.alpha.grad is not None


def test_channels_that_pass_by_an_edge_stay_as_they_are() -> None:
    net = mixed(partial=2)
    choose(net, Cell(("none",) * 6))
    cell = next(module for module in net.modules() if isinstance(module, MixedNodes))
    x = torch.rand(2, 4, 8, 8)
    with torch.no_grad():
        net(torch.rand(2, 2, SIDE, SIDE))  # the cells now read this alpha
        first = MixedNodes.forward(cell, x)[0]
    assert (first[:, :2].abs() < 1e-6).all(), "what went through none"
    assert torch.equal(first[:, 2:], x[:, 1::2])


def test_derived_cells_let_alpha_learn_even_if_none_is_largest() -> None:
    net = mixed(mix_first_cells_only=True)
    choose(net, Cell(("none",) * 6), strength=2.0)
    net(torch.rand(2, 2, SIDE, SIDE)).square().mean().backward()
    assert net.alpha.grad is not None
    assert (net.alpha.grad.abs().sum(1) > 0).all()


def test_a_drawn_network_is_its_own_and_every_edge_learns() -> None:
    net = mixed()
    cell = Cell.parse("conv3-conv1.skip-pool.conv1.conv3")
    noise = torch.zeros_like(net.alpha)
    for edge, operation in enumerate(cell.operations):
        noise[edge, NAMES.index(operation)] = 3
    own = to_module(str(cell), 2, 2, SKELETON)
    own.load_state_dict({name: tensor for name, tensor in net.network.state_dict().items() if name in own.state_dict()})
    images = torch.rand(3, 2, SIDE, SIDE)
    drawn = net(images, noise)
    torch.testing.assert_close(drawn, own(images))
    drawn.square().sum().backward()
    assert net.alpha.grad is not None
    assert (net.alpha.grad.abs().sum(1) > 0).all()
    # One operation per edge has run, and the mixture comes back.
    trained = {name for name, values in net.network.named_parameters() if values.grad is not None}
    assert trained == {name for name, _ in own.named_parameters()}
    assert not torch.allclose(net(images), drawn)


def test_operations_are_drawn_as_likely_as_alpha_says() -> None:
    search = ConstrainedSearch(mixed(), task(), settings(sample_operations=True), COSTS, None)
    alpha = search.network.alpha.detach().copy_(torch.randn(len(EDGES), len(OPERATIONS)))
    noises = [search.noise() for _ in range(4000)]
    chosen = torch.stack([(alpha + noise).argmax(1) for noise in noises if noise is not None])
    shares = nn.functional.one_hot(chosen, len(OPERATIONS)).double().mean(0)
    torch.testing.assert_close(shares, torch.softmax(alpha, 1).double(), atol=0.04, rtol=0)


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_a_network_of_which_nothing_is_drawn_says_the_same_of_all_images(space: str) -> None:
    net = to_mixed(space, 2, 2, SKELETON, SpeedUps())
    noise = torch.zeros_like(net.alpha)
    noise[:, 0] = 10
    logits = net(torch.rand(3, 2, SIDE, SIDE), noise)
    assert (logits == logits[0]).all()


def test_a_search_goes_on_where_nothing_is_drawn() -> None:
    net = mixed()
    choose(net, Cell(("none",) * 6))
    before = net.alpha.detach().clone()
    search = ConstrainedSearch(
        net, task(), settings(sample_operations=True, epochs=1, batch=8, alpha_weight_decay=0), COSTS, None
    )
    assert len(search.run()) == 1
    torch.testing.assert_close(net.alpha.detach(), before)


def test_a_shared_operation_runs_once_per_node() -> None:
    runs = []
    for shared in (False, True):
        net = mixed(shared_operations=shared)
        counted: list[int] = []
        cell = next(module for module in net.modules() if isinstance(module, MixedNodes))
        for module in cell.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(lambda *_, found=counted: found.append(1))
        net(torch.rand(2, 2, SIDE, SIDE))
        runs.append(len(counted))
    assert runs == [2 * 6, 2 * 3]


def test_the_expected_cost_of_a_certain_cell_is_its_cost() -> None:
    cell = Cell.parse("conv3-conv1.skip-pool.none.conv3")
    probabilities = torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.float64)
    for edge, operation in enumerate(cell.operations):
        probabilities[edge, NAMES.index(operation)] = 1
    for costs in (COSTS, count_multiply_adds(SKELETON, 2, 2, 40)):
        assert float(expected_cost(probabilities, costs)) == costs.total(cell)
    uniform = torch.full_like(probabilities, 0.2)
    everyone = [COSTS.total(Cell(cell)) for cell in itertools.product(OPERATIONS, repeat=6)]
    assert float(expected_cost(uniform, COSTS)) == pytest.approx(np.mean(everyone))


def test_gradients_of_cost_and_lagrangian_agree_with_finite_differences() -> None:
    search = ConstrainedSearch(mixed().double().eval(), task(), settings(), COSTS, bound=5000.0)
    search.multiplier = 0.7
    alpha = torch.randn(len(EDGES), len(OPERATIONS), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: expected_cost(torch.softmax(values, 1), COSTS), (alpha,))
    images, targets = torch.rand(4, 2, SIDE, SIDE, dtype=torch.float64), torch.tensor([0, 1, 0, 1])

    def lagrangian(values: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            search.network.alpha.copy_(values)
        loss = nn.functional.cross_entropy(search.network(images), targets)
        return loss + search.multiplier * search.excess()

    search.network.zero_grad()
    lagrangian(alpha).backward()
    assert search.network.alpha.grad is not None
    numeric = torch.zeros_like(alpha)
    with torch.no_grad():
        for place in np.ndindex(*alpha.shape):
            step = torch.zeros_like(alpha)
            step[place] = 1e-5
            numeric[place] = (lagrangian(alpha + step) - lagrangian(alpha - step)) / 2e-5
    torch.testing.assert_close(search.network.alpha.grad, numeric, rtol=1e-4, atol=1e-8)


def test_the_gradient_through_a_step_of_the_weights_agrees_with_finite_differences(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Between the kinks of ReLU, in double precision.
    monkeypatch.setattr(constrained, "_DIFFERENCE", 1e-6)
    search = ConstrainedSearch(mixed().double(), task(), settings(learning_rate=0.5), COSTS, bound=None)
    network, weights = search.network, search.network.weights()
    batches = [(torch.rand(6, 2, SIDE, SIDE, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1, 0])) for _ in range(2)]
    judged, learned = batches
    before = [values.detach().clone() for values in weights]
    _, gradient = search.unrolled(judged, learned)
    assert all(torch.equal(values, old) for values, old in zip(weights, before, strict=True))

    def after_a_step(alpha: torch.Tensor) -> float:
        with torch.no_grad():
            network.alpha.copy_(alpha)
        slopes = torch.autograd.grad(
            nn.functional.cross_entropy(network(learned[0]), learned[1]), weights, allow_unused=True
        )
        with torch.no_grad():
            for values, slope in zip(weights, slopes, strict=True):
                values.sub_(0.5 * ((0 if slope is None else slope) + 3e-4 * values))
            loss = float(nn.functional.cross_entropy(network(judged[0]), judged[1]))
            for values, old in zip(weights, before, strict=True):
                values.copy_(old)
        return loss

    alpha, numeric = network.alpha.detach().clone(), torch.zeros_like(gradient)
    for place in np.ndindex(*alpha.shape):
        step = torch.zeros_like(alpha)
        step[place] = 1e-5
        numeric[place] = (after_a_step(alpha + step) - after_a_step(alpha - step)) / 2e-5
    first_order = torch.autograd.grad(nn.functional.cross_entropy(network(judged[0]), judged[1]), [network.alpha])[0]
    error = (gradient - numeric).norm()
    assert error < 1e-6 * numeric.norm()
    assert error < 0.1 * (first_order - numeric).norm()


def test_the_multiplier_rises_above_the_bound_falls_below_it_and_is_never_negative() -> None:
    smallest, largest = COSTS.fixed, COSTS.total(Cell(("conv3",) * 6))
    asked = settings(epochs=2, batch=8, multiplier_rate=0.5, alpha_learning_rate=0.1)
    tight, loose = (
        ConstrainedSearch(mixed(), task(), asked, COSTS, bound).run() for bound in (1.02 * smallest, 2 * largest)
    )
    assert tight["multiplier"].iloc[-1] > 0
    assert (loose["multiplier"] == 0).all()
    assert tight["cost"].iloc[-1] < loose["cost"].iloc[-1]
    assert (ConstrainedSearch(mixed(), task(), asked, COSTS, None).run()["multiplier"] == 0).all()


@pytest.mark.parametrize(
    ("skips", "most", "epochs"),
    [([4, 1, 2, 3, 3], 2, 3), ([4, 1, 2, 3, 3], None, 5), ([1, 2, 2, 2, 2], 2, 5), ([3, 3, 1, 1, 1], 2, 1)],
)
def test_a_search_that_collapses_ends_with_the_epoch_before(skips: list[int], most: int | None, epochs: int) -> None:
    class Foretold(ConstrainedSearch):
        def epoch(self) -> None:
            self.rows.append({"epoch": len(self.rows) + 1, "skips": skips[len(self.rows)]})
            self.paths.append(self.probabilities())

    search = Foretold(mixed(), task(), settings(epochs=5, max_skip_edges=most), COSTS, None)
    assert search.run()["skips"].tolist() == skips[:epochs]
    assert len(search.paths) == epochs


def test_the_same_seed_gives_the_same_search() -> None:
    histories = []
    for _ in range(2):
        torch.manual_seed(1)
        history = ConstrainedSearch(mixed(), task(), settings(epochs=2, batch=8), COSTS, 4000.0).run()
        histories.append(history.drop(columns="seconds"))
    assert histories[0].equals(histories[1])
    assert histories[0]["weight_loss"].iloc[-1] < histories[0]["weight_loss"].iloc[0]


@pytest.mark.parametrize("sampled", [False, True])
def test_a_killed_search_goes_on_to_the_same_result(
    sampled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Checkpoint, "due", True)

    def search(kind: type[ConstrainedSearch] = ConstrainedSearch) -> ConstrainedSearch:
        torch.manual_seed(1)
        return kind(mixed(), task(), settings(epochs=4, batch=8, sample_operations=sampled), COSTS, 4000.0)

    class Killed(ConstrainedSearch):
        def epoch(self) -> None:
            if len(self.rows) == 2:
                raise KeyboardInterrupt
            super().epoch()

    checkpoint = Checkpoint(tmp_path / "search.parquet", [], "the same")
    with pytest.raises(KeyboardInterrupt):
        search(Killed).run(checkpoint)
    whole, resumed = search(), search()
    histories = [whole.run(), resumed.run(checkpoint)]
    assert histories[0].drop(columns="seconds").equals(histories[1].drop(columns="seconds"))
    np.testing.assert_array_equal(whole.paths, resumed.paths)


def test_no_chip_trains_both_weights_and_alpha() -> None:
    labels, rows = np.arange(40) % 4 // 3, np.arange(4, 40)
    one, other = split_in_halves(rows, labels, seed=1)
    assert not set(one) & set(other)
    assert set(one) | set(other) == set(rows)
    assert abs(labels[one].sum() - labels[other].sum()) <= 1
    assert not np.array_equal(one, split_in_halves(rows, labels, seed=2)[0])


def derived(probabilities: NDArray[np.float64], costs: CellCosts, budget: float = np.inf) -> Cell:
    network = derive(probabilities, costs, SKELETON, budget)
    assert network is not None
    return network.cell


def without_dead_ends(operations: tuple[str, ...]) -> tuple[str, ...]:
    """Only what lies on one of the four ways from node 0 to node 3; empty if there is none."""
    ways = ([(0, 3)], [(0, 1), (1, 3)], [(0, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)])
    built = dict(zip(EDGES, operations, strict=True))
    used = {edge for way in ways if all(built[edge] != "none" for edge in way) for edge in way}
    return tuple(built[edge] if edge in used else "none" for edge in EDGES) if used else ()


def test_the_derived_cell_is_the_most_probable_within_the_budget() -> None:
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(5), size=6)
    budget = 0.5 * (COSTS.fixed + COSTS.total(Cell(("conv3",) * 6)))
    found = derived(probabilities, COSTS, budget)
    best, chosen = -np.inf, ""
    for operations in itertools.product(OPERATIONS, repeat=6):  # the slow oracle
        alive = without_dead_ends(operations)
        score = sum(np.log(probabilities[edge, NAMES.index(name)]) for edge, name in enumerate(operations))
        if alive and COSTS.total(Cell(alive)) <= budget and score > best:
            best, chosen = score, str(Cell(alive))
    assert str(found) == chosen
    assert COSTS.total(found) <= budget
    likely = tuple(NAMES[number] for number in probabilities.argmax(1))
    assert derived(probabilities, COSTS).operations == without_dead_ends(likely)


def test_the_derived_cell_uses_its_budget_where_one_does() -> None:
    likely = np.full((6, 5), 0.05)
    likely[:, NAMES.index("skip")] = 0.8
    budget = COSTS.total(Cell.parse("conv3-conv1.skip-skip.skip.skip"))
    assert derived(likely, COSTS, budget).operations == ("skip",) * 6
    network = derive(likely, COSTS, SKELETON, budget, 0.9 * budget)
    assert network is not None
    assert 0.9 * budget <= COSTS.total(network) <= budget
    assert derive(likely, COSTS, SKELETON, budget, 2 * budget) == derive(likely, COSTS, SKELETON, budget)


def test_none_is_derived_only_where_it_may_be_or_no_other_keeps_the_budget() -> None:
    likely = np.full((6, 5), 0.1)
    likely[:, NAMES.index("none")] = 0.5
    likely[:, NAMES.index("conv1")] = 0.2
    keys = {"channels": "5", "quantity": "parameters", "number": 0, "repeat": 0}
    alpha, searches = alpha_rows(SPACE, likely).assign(epoch=1, **keys), pd.DataFrame([keys | {"bound": 1, "epoch": 1}])

    def found(budget: float, allow_none: bool, costs: CellCosts) -> list[str]:
        asked = settings(width=4, stem_strides=0, allow_none=allow_none).model_copy(
            update={"budgets": {"parameters": [budget]}}
        )
        (text,) = derive_networks(searches, alpha, {"parameters": costs}, asked)["architecture"]
        return text.replace("cell-", "").split("-w")[0].replace("-", ".").split(".")

    assert "none" in found(1e6, True, COSTS)
    assert found(1e6, False, COSTS) == ["conv1"] * 6
    dear = CellCosts(COSTS.fixed, tuple((row[0], *(price + 100 for price in row[1:])) for row in COSTS.prices))
    assert "none" in found(COSTS.fixed + 300, False, dear)


def test_a_cell_that_leads_nowhere_is_not_derived() -> None:
    probabilities = np.full((6, 5), 1e-6)
    probabilities[:, NAMES.index("none")] = 1
    assert set(derived(probabilities, COSTS).operations) != {"none"}
    connected = {tuple(cell) for cell in connected_cells()[0]}
    none, skip = NAMES.index("none"), NAMES.index("skip")
    assert (none, none, none, skip, none, none) in connected
    assert (skip, none, none, none, none, skip) not in connected, "node 2 gets nothing"


def test_networks_are_drawn_within_the_budget_all_different() -> None:
    budget = 0.5 * (COSTS.fixed + COSTS.total(Cell(("conv3",) * 6)))
    drawn = [network.cell for network in draw(COSTS, SKELETON, budget, 0, 40, np.random.default_rng(0))]
    assert len(set(drawn)) == len(drawn) == 40
    assert all(COSTS.total(cell) <= budget and without_dead_ends(cell.operations) == cell.operations for cell in drawn)
    again = draw(COSTS, SKELETON, budget, 0, 40, np.random.default_rng(0))
    assert drawn == [network.cell for network in again]
    free = draw(COSTS, SKELETON, COSTS.fixed, 0, 10**6, np.random.default_rng(0))
    assert len(free) == len(set(free)) < 10**6, "all there are"
    large = draw(COSTS, SKELETON, budget, 0.9 * budget, 40, np.random.default_rng(0))
    assert all(0.9 * budget <= COSTS.total(network) <= budget for network in large)
    assert draw(COSTS, SKELETON, COSTS.fixed, budget, 5, np.random.default_rng(0)), "no network is so dear"


def test_a_budget_below_the_smallest_network_is_refused() -> None:
    alpha = alpha_rows(SPACE, np.full((6, 5), 0.2)).assign(
        channels="5", quantity="parameters", number=0, repeat=0, epoch=1
    )
    searches = pd.DataFrame(
        [{"channels": "5", "quantity": "parameters", "number": 0, "repeat": 0, "bound": 1e4, "epoch": 1}]
    )
    with pytest.raises(UserError, match="no network is within 1: the smallest expected cost is 4,722"):
        derive_networks(searches, alpha, {"parameters": COSTS}, settings())


def test_budgets_are_looked_up_between_searches() -> None:
    graph = LookupGraph([10, 20, 30, 40], [100, 300, 250, 500])
    assert graph.falls == [30]
    assert graph.bound(100) == 10
    assert graph.bound(200) == 15
    assert graph.bound(400) == 30
    assert graph.bound(501) == graph.bound(500) == 40
    with pytest.raises(UserError, match="a budget of 99 is below the sizes that the searches found, 100 to 500"):
        graph.bound(99)


def test_bounds_are_of_networks_as_searched_and_sizes_of_those_as_trained() -> None:
    asked = settings(bounds=2, width=4, stem_strides=0, trained_width=8, trained_cells=2)
    searched, trained = (count_parameters(skeleton, 2, 2) for skeleton in asked.skeletons.values())
    likely = np.full((6, 5), 0.1)
    likely[:, NAMES.index("conv1")] = 0.6
    alpha = pd.concat([alpha_rows(SPACE, likely).assign(number=number, epoch=1) for number in range(2)])
    graph = build_lookup_graph(alpha.assign(channels="5", quantity="parameters"), searched, trained, asked)
    cell = Cell(("conv1",) * 6)
    assert graph["bound"].tolist() == [searched.fixed, searched.total(Cell(("conv3",) * 6))]
    assert graph["size"].tolist() == [trained.total(cell)] * 2
    assert trained.total(cell) > 2 * searched.total(cell)


def test_nodes_sum_one_time_less_than_they_have_edges() -> None:
    free = dict.fromkeys(OPERATIONS, 0.0)
    costs = uniform_edge_costs(0.0, free, sums=1.0)
    whole = torch.zeros(len(EDGES), len(OPERATIONS), dtype=torch.float64)
    whole[:, NAMES.index("skip")] = 1
    assert costs.total(Cell(("skip",) * 6)) == float(expected_cost(whole, costs)) == 3
    even = torch.full_like(whole, 0.2)
    everyone = [costs.total(Cell(cell)) for cell in itertools.product(OPERATIONS, repeat=6)]
    assert float(expected_cost(even, costs)) == pytest.approx(np.mean(everyone))
    assert spread_bounds(costs, 2) == [0, 3]
    assert costs.total(Cell.parse("none-none.none-skip.none.none")) == 0
    assert costs.total(Cell.parse("skip-none.none-skip.skip.none")) == 1
    assert costs.total(derived(np.random.default_rng(1).dirichlet(np.ones(5), size=6), costs, budget=1)) <= 1


def test_prices_read_back(tmp_path: Path) -> None:
    costs = CellCosts(1.5, tuple(tuple(float(5 * edge + name) for name in range(5)) for edge in range(6)), 0.25, NODES)
    given = {"phone": costs, "parameters": COSTS}
    paths = [tmp_path / f"{quantity}.parquet" for quantity in given]
    for path, (quantity, own) in zip(paths, given.items(), strict=True):
        CELL_COSTS.write(cost_rows(SPACE, own).assign(channels="5", quantity=quantity, skeleton="trained"), path)
    assert read_costs(SPACE, paths) == read_costs(SPACE, paths[::-1]) == given


def test_costs_are_a_cells_own_even_if_it_is_fixed_alone() -> None:
    costs = uniform_edge_costs(7.0, {"none": 0, "skip": 0, "conv1": 2, "conv3": 5, "pool": 0})
    assert costs.total(Cell.parse("conv3-conv1.none-skip.pool.conv3")) == 7 + 5 + 2 + 5


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_original_norms_keep_operations_from_gaining_by_their_scale(space: str) -> None:
    net = to_mixed(space, 2, 2, SKELETON, SpeedUps())
    before = sum(parameter.numel() for parameter in net.weights())
    use_original_norms(net)
    nodes = [module for module in net.modules() if isinstance(module, MixedNodes)]
    searched = [part for each in nodes for _, operation in each.operations() for part in operation.modules()]
    norms = [part for part in searched if isinstance(part, nn.BatchNorm2d)]
    assert norms and all(norm.weight is None and norm.bias is None for norm in norms)
    assert any(isinstance(part, Normalised) for part in searched)
    after = sum(parameter.numel() for parameter in net.weights())
    assert before - after == sum(2 * norm.num_features for norm in norms)
    loss = net(torch.randn(4, 2, SIDE, SIDE)).square().sum()
    loss.backward()
    assert net.alpha.grad is not None and net.alpha.grad.abs().sum() > 0
    pooled = Normalised(nn.AvgPool2d(3, 1, 1))(torch.randn(8, 3, 9, 9) * 5 + 2)
    assert pooled.mean((0, 2, 3)).abs().max() < 1e-4
    assert (pooled.std((0, 2, 3)) - 1).abs().max() < 0.01


def test_the_temperature_falls_linearly_and_changes_the_gradient_but_not_the_sample() -> None:
    settings = CellSearchConfig(epochs=5, sample_operations=True, temperature=10, final_temperature=0.5, width=4)
    search = ConstrainedSearch(mixed(), task(), settings, COSTS, None)
    seen = []
    for _ in range(5):
        seen.append(search.temperature)
        search.rows.append({})
    assert seen == [10, 7.625, 5.25, 2.875, 0.5]
    net, noise = mixed(), torch.randn(6, 5)
    images, gradients, outputs = torch.randn(4, 2, SIDE, SIDE), [], []
    for temperature in (1.0, 5.0):
        net.alpha.grad = None
        torch.manual_seed(0)
        output = net(images, noise, temperature)
        output.square().sum().backward()
        outputs.append(output.detach())
        gradients.append(net.alpha.grad.clone())
    assert torch.allclose(outputs[0], outputs[1], atol=1e-5)
    assert not torch.allclose(gradients[0], gradients[1], rtol=0.05)


def test_a_temperature_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="need sample_operations"):
        CellSearchConfig(temperature=5)
