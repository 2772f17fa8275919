"""The rank-preserving supernet on chips that need convolutions: alpha finds them, and what they cost."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import kendalltau
from test_supernet_training import striped, supernet, training

from workflow_lib.models.shared_weights import Supernet, make_supernet
from workflow_lib.pareto.dominance import pareto_ranks
from workflow_lib.search.judged_networks import Judge, RankingProgress
from workflow_lib.search.ranked_supernet import (
    RankingSettings,
    best_path,
    best_values,
    rank_subnets,
    scores,
    second_paths,
    train_first,
)
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.search.supernet_pruning import prune, valuable_values
from workflow_lib.spaces.cross import CrossConfig
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.darts import darts_cell as darts
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.supernet_paths import networks_per_fair_step
from workflow_lib.training.supernet_training import SupernetTask, SupernetTrainer

SPACE = nasbench201.space()
SMALL = CrossConfig(
    kernel_size=[3, 5], stride=[2], padding=[1], pool_choice=[0], kernel_size_pool=[3], initial_output_feature=[32, 48]
)


def cross_supernet() -> Supernet:
    return make_supernet("cross", SMALL.choices, Skeleton(), 2, 2)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()


def work(cell: str) -> float:
    return float(nasbench201.multiply_adds(nasbench201.Cell.parse(cell)))


def test_all_values_that_tie_are_kept() -> None:
    alpha = np.zeros(30)
    assert all(list(values) == list(nasbench201.OPERATIONS) for values in best_values(SPACE, alpha).values())
    alpha[3] = 1  # the first edge's fourth value
    alpha[[5, 9]] = 2  # the second edge's first and last
    best = best_values(SPACE, alpha)
    assert best["edge_0_1"] == ["conv3"]
    assert best["edge_0_2"] == ["none", "pool"]
    paths = {network for _ in range(40) for network in next(best_path(SPACE, alpha)(np.random.default_rng(_)))}
    assert len(paths) > 20
    assert {nasbench201.Cell.parse(path).operations[0] for path in paths} == {"conv3"}
    assert {nasbench201.Cell.parse(path).operations[1] for path in paths} == {"none", "pool"}


def judge(task: SupernetTask, measure: Literal["accuracy_pct", "cross_entropy"] = "accuracy_pct") -> Judge:
    return Judge(task.rows, task.labels, measure, work)


def test_the_ranking_is_learned_beside_the_weights() -> None:
    net, task = supernet(), striped()
    train_first(SupernetTrainer(net, task, training(1)), "fair", 2)
    trainer, metric = SupernetTrainer(net, task, training(1)), judge(striped(32))
    table, learned = rank_subnets(trainer, metric, RankingSettings(3, "alpha", 12, evaluates_all=False))
    assert [len(alpha) for alpha in learned.alphas] == [30] * 3
    assert 30 < len(learned.evaluated) <= 36
    assert learned.evaluated["architecture"].is_unique
    assert trainer.network_steps == 3 * 6
    losses = metric.losses(learned.evaluated)
    names = learned.evaluated["architecture"].tolist()
    assert losses[:, 1].tolist() == [work(cell) for cell in names]
    assert kendalltau(scores(SPACE, learned.alphas[-1], names), -pareto_ranks(losses)).statistic > 0.3
    assert table["architecture"].tolist() == SPACE.networks()
    assert set(table["architecture"][table["accuracy_pct"].notna()]) == set(names)


def test_a_killed_ranking_goes_on_with_the_same_alpha(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Checkpoint, "due", True)
    task = striped(16)

    def rank(epochs: int, checkpoint: Checkpoint | None) -> RankingProgress:
        net = supernet()
        step = RankingSettings(epochs, "alpha", 4, evaluates_all=False)
        return rank_subnets(SupernetTrainer(net, task, training(1)), judge(task), step, checkpoint)[1]

    checkpoint = Checkpoint(tmp_path / "supernet.pt", [], "the same")
    rank(1, checkpoint)
    whole, resumed = rank(2, None), rank(2, checkpoint)
    assert np.array_equal(whole.alphas, resumed.alphas)
    assert whole.evaluated.to_dict("list") == resumed.evaluated.to_dict("list")


@pytest.mark.parametrize("epochs", [2, 3])
def test_variants_train_as_many_networks(epochs: int) -> None:
    """Fair steps take several networks each; in step 2 as many steps less, in step 1 random paths as many more."""
    task, space = striped(16), cross.space(SMALL.choices)
    assert networks_per_fair_step(space) == 2
    steps = {}
    for first, second in (("uniform", "uniform"), ("fair", "fair"), ("fair", "front"), ("fair", "alpha")):
        net = cross_supernet()
        trainers = [SupernetTrainer(net, task, training(1)) for _ in range(2)]
        train_first(trainers[0], first, 1)
        by_place = Judge(task.rows, task.labels, "cross_entropy", lambda _: 1.0)
        table, _ = rank_subnets(trainers[1], by_place, RankingSettings(epochs, second, 2, evaluates_all=True))
        assert table["score"].notna().all()
        assert table["cross_entropy"].notna().all()
        steps[first, second] = [trainer.network_steps for trainer in trainers]
    assert set(map(tuple, steps.values())) == {(2 * 2, epochs * 2)}


def test_after_a_pruning_it_goes_on_from_what_was_judged_before() -> None:
    net, task = cross_supernet(), striped(16)
    metric = Judge(task.rows, task.labels, "accuracy_pct", lambda name: 1.0 + ("w48" in name))
    names = net.space.networks()
    earlier = pd.DataFrame({"architecture": names, "accuracy_pct": [90.0 + ("k5" in name) for name in names]})
    learned = RankingProgress()
    learned.note(earlier.assign(cross_entropy=0.5))
    path = second_paths("alpha", net.space, metric, learned)
    drawn = {next(path(np.random.default_rng(seed)))[0] for seed in range(20)}
    assert drawn == {"k5-s2-p1-pool3s1-w32", "k5-s2-p1-pool3s2-w32"}, "accurate, of low cost; strides tie"
    trainer = SupernetTrainer(net, task, training(1))
    step = RankingSettings(1, "alpha", 1, evaluates_all=False)
    table, learned = rank_subnets(trainer, metric, step, earlier=names)
    assert sorted(learned.evaluated["architecture"]) == sorted(names)
    levels = learned.evaluated["mean_accuracy_pct"]
    assert levels.nunique() <= 2, "those evaluated before are evaluated again, together"
    assert table["accuracy_pct"].notna().all()


def test_a_network_counts_once_as_it_was_judged_last() -> None:
    learned = RankingProgress()
    for accuracy in (60.0, 50.0):
        learned.note(pd.DataFrame({"architecture": ["a", "b"], "accuracy_pct": [accuracy, 40.0]}))
    assert learned.evaluated["accuracy_pct"].tolist() == [50.0, 40.0]


def test_networks_of_different_epochs_are_compared_relative_to_their_epoch() -> None:
    """Simulated: shared weights that gain 20 points lower tau if raw accuracies of all epochs are ranked together."""
    random, metric = np.random.default_rng(0), Judge(np.arange(1), np.arange(1), "accuracy_pct", lambda _: 1.0)
    learned, truth = RankingProgress(), {}
    for epoch in range(8):
        names = [f"{epoch}_{number}" for number in range(16)]
        quality = random.normal(0, 3, 16)
        truth |= dict(zip(names, quality, strict=True))
        seen = 60 + 20 * epoch / 7 + quality + random.normal(0, 3, 16)
        learned.note(pd.DataFrame({"architecture": names, "accuracy_pct": seen, "cross_entropy": 1.0}))
    own = [truth[name] for name in learned.evaluated["architecture"]]
    relative = kendalltau(own, -metric.losses(learned.evaluated)[:, 0]).statistic
    raw = kendalltau(own, learned.evaluated["accuracy_pct"]).statistic
    assert relative > raw + 0.1
    assert relative > 0.42, "0.5 without any gain"


def test_without_alpha_the_score_is_the_pareto_rank_by_shared_weights() -> None:
    net, task = supernet(), striped(16)
    metric = judge(task)
    step = RankingSettings(1, "front", 6, evaluates_all=False)
    table, learned = rank_subnets(SupernetTrainer(net, task, training(1)), metric, step)
    known = table[table["score"].notna()].set_index("architecture")["score"]
    own = learned.evaluated
    assert known[own["architecture"]].tolist() == (-pareto_ranks(metric.losses(own))).tolist()
    front = own["architecture"][pareto_ranks(metric.losses(own)) == 0].tolist()
    draw = second_paths("front", SPACE, metric, learned)
    assert {next(draw(np.random.default_rng(seed)))[0] for seed in range(50)} == set(front)


def test_pruning_keeps_what_good_networks_use() -> None:
    """By hand: the first two ranks are c, a and b; two of them are kept: c and, beside it, a."""
    net = cross_supernet()
    a, b, c, d = "k3-s2-p1-pool3s2-w32", "k5-s2-p1-pool3s2-w32", "k3-s2-p1-pool3s1-w32", "k3-s2-p1-pool3s1-w48"
    losses = np.array([[1.0, 1.0], [3.0, 1.5], [0.0, 4.0], [5.0, 5.0]])
    smaller = prune(net, [a, b, c, d], losses, "networks", 2)
    assert smaller.space.choices["kernel_size"] == [3]
    assert smaller.space.choices["stride_pool"] == [1, 2]
    assert smaller.space.choices["initial_output_feature"] == [32]
    count = sum(tensor.numel() for tensor in net.parameters())
    assert sum(tensor.numel() for tensor in smaller.parameters()) < 0.5 * count
    images = torch.rand(2, 2, 32, 32)
    with torch.no_grad():
        assert torch.equal(net.eval()(images, a), smaller.eval()(images, a))


def test_pruning_by_values_keeps_those_that_add_most_to_the_hypervolume() -> None:
    """By hand: a and c are the front, b is dominated, and without a more is lost than without c."""
    net = cross_supernet()
    a, b, c = "k3-s2-p1-pool3s1-w32", "k5-s2-p1-pool3s1-w32", "k3-s2-p1-pool3s2-w48"
    losses = np.array([[0.0, 1.0], [0.5, 1.5], [1.0, 0.9]])
    kept = valuable_values(net.space, [a, b, c], losses)
    assert kept == {
        "kernel_size": [3], "stride": [2], "padding": [1], "pool_choice": [0], "kernel_size_pool": [3],
        "stride_pool": [1], "initial_output_feature": [32],
    }  # fmt: skip
    smaller = prune(net, [a, b, c], losses, "values", 1)
    assert smaller.space.networks() == [a]


def test_values_without_hypervolume_are_kept_by_the_mean_rank_of_their_networks() -> None:
    first, operations = next(iter(SPACE.choices.items()))
    plain = SPACE.parse(SPACE.networks()[0])
    cells = [SPACE.build({**plain, first: value}) for value in operations]
    losses = np.array([[4.0, 4.0], [0.0, 0.0], [2.0, 2.0], [1.0, 1.0], [3.0, 3.0]])
    assert valuable_values(SPACE, cells, losses)[first] == list(operations[1:4])


def test_of_a_space_too_large_to_count_the_best_by_alpha_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_lib.search.ranked_supernet.MAX_SCORED", 50)
    skeleton, task = Skeleton(2, 1, 1), striped(16)
    net = make_supernet("darts", {}, skeleton, 2, 2)
    by_place = Judge(task.rows, task.labels, "cross_entropy", lambda name: float(len(name)))
    table, learned = rank_subnets(
        SupernetTrainer(net, task, training(1)), by_place, RankingSettings(1, "alpha", 4, False)
    )
    assert 50 < len(table) <= 50 + 4
    assert (np.diff(table["score"].iloc[:50]) < 1e-9).all()
    assert set(learned.evaluated["architecture"]) <= set(table["architecture"])
    assert table["accuracy_pct"].notna().sum() == 4
    drawn = darts.network_space(skeleton)
    own = [drawn.build(drawn.sample(np.random.default_rng(seed))) for seed in range(20)]
    assert scores(net.space, learned.alphas[-1], own).max() <= table["score"].iloc[0]


def test_of_a_large_space_without_alpha_the_evaluated_networks_are_scored() -> None:
    net, task = make_supernet("darts", {}, Skeleton(2, 1, 1), 2, 2), striped(16)
    by_place = Judge(task.rows, task.labels, "cross_entropy", lambda name: float(len(name)))
    table, learned = rank_subnets(
        SupernetTrainer(net, task, training(1)), by_place, RankingSettings(1, "front", 4, False)
    )
    assert set(table["architecture"]) == set(learned.evaluated["architecture"])
    assert len(table) == 4
    assert table["score"].notna().all()


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_a_supernet_of_cells_is_pruned_and_read_as_it_was_written(space: str, tmp_path: Path) -> None:
    net = StoredSupernet.fresh(space, {}, Skeleton(2, 1, 1), 2, 3, seed=5)
    whole = net.supernet.space
    kept = [whole.build(whole.sample(np.random.default_rng(seed))) for seed in range(2)]
    pruned = net.pruned(kept, np.array([[0.0, 1.0], [1.0, 0.0]]), "networks", 2)
    pruned.save(tmp_path / "net.pt")
    read = StoredSupernet.load(tmp_path / "net.pt")
    assert read.supernet.space.choices == pruned.supernet.space.choices
    assert all(len(values) <= 2 for values in read.supernet.space.choices.values())
    images = torch.rand(2, 2, 24, 24)
    with torch.no_grad():
        for name in kept:
            assert torch.equal(net.supernet.eval()(images, name), read.supernet.eval()(images, name))


def test_a_supernet_is_read_as_it_was_written(tmp_path: Path) -> None:
    net = StoredSupernet.fresh("cross", SMALL.choices, Skeleton(), 2, 3, seed=5)
    again = StoredSupernet.fresh("cross", SMALL.choices, Skeleton(), 2, 3, seed=5)
    replace(net, network_steps=7, seconds=1.5).save(tmp_path / "net.pt")
    read = StoredSupernet.load(tmp_path / "net.pt")
    assert (read.channels, read.classes, read.network_steps, read.seconds) == (2, 3, 7, 1.5)
    for one, other, third in zip(*(x.supernet.parameters() for x in (net, read, again)), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, third)
