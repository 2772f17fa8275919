"""How supernets' rankings are compared with the truth."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workflow_lib.analysis.comparison_tables import DIFFICULTY, RANKING_QUALITY, RANKS
from workflow_lib.analysis.ranking_quality import (
    best_by_rank,
    compare_supernets,
    difficulty,
    first_places,
    floors,
    ranking_quality,
    strict_tau_b,
    true_losses,
)
from workflow_lib.core.errors import UserError
from workflow_lib.search.rank_preservation import places
from workflow_lib.spaces.cross import cross_architecture as cross

NAMES = ["a", "b", "c", "d"]
LATENCY = pd.Series([1.0, 2.0, 3.0, 4.0], index=pd.Index(NAMES, name="architecture"))


def trained(noise: float = 0.0, folds: int = 4) -> pd.DataFrame:
    """Accuracies 70, 80, 60, 90 (Pareto ranks 0, 0, 1, 0), the folds to both sides of them."""
    rows = [
        {"channels": "x", "batch": 8, "architecture": name, "recipe": "", "precision": "fp32", "fold": fold}
        | {"accuracy_pct": mean + (noise if fold % 2 else -noise), "cross_entropy": 1 - mean / 100, "training_s": 36.0}
        for name, mean in zip(NAMES, (70.0, 80.0, 60.0, 90.0), strict=True)
        for fold in range(folds)
    ]
    return pd.DataFrame(rows)


def ranking(scores: list[float | None], last: list[int] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "channels": "x", "variant": "full", "number": 0, "architecture": NAMES, "ranking": last or [0] * 4,
            "score": scores, "accuracy_pct": [50.0, 60.0, None, 55.0], "cross_entropy": [0.5, 0.4, None, 0.45],
            "cost": LATENCY.to_numpy(), "network_steps": 10, "seconds": 1800.0,
        }
    )  # fmt: skip


def test_places_put_later_rankings_first_and_missing_scores_last() -> None:
    assert places(ranking([3.0, 1.0, 3.0, 2.0])).tolist() == [0, 2, 0, 1]
    assert places(ranking([0.0, 9.0, 1.0, None], [1, 0, 1, 0])).tolist() == [1, 2, 0, 3]


def test_true_losses_are_means_over_folds() -> None:
    assert true_losses(trained(5), LATENCY, "accuracy_pct").tolist() == [[-70, 1], [-80, 2], [-60, 3], [-90, 4]]
    assert true_losses(trained(5), LATENCY, "accuracy_pct", [1])[0, 0] == -75
    assert true_losses(trained(), LATENCY, "cross_entropy")[:, 0] == pytest.approx([0.3, 0.2, 0.4, 0.1])


NETWORKS = pd.DataFrame(
    {"channels": "x", "architecture": NAMES, "precision": "fp32", "parameters": [1, 2, 3, 4], "multiply_adds": 1}
)


def sizes(parameters: Sequence[float]) -> pd.DataFrame:
    """Numbers of parameters of CROSS networks."""
    names = cross.space().networks()[: len(parameters)]
    return pd.DataFrame({"parameters": parameters, "multiply_adds": 10**6}, index=names)


def test_floors_by_hand() -> None:
    losses = np.array([[30.0, 1], [20, 2], [40, 3], [10, 4]])  # Pareto ranks 0, 0, 1, 0
    found = floors(losses, sizes([1, 2, 3, 4]))
    assert found["cost_tau_b"] == pytest.approx((2 - 1) / (6 * 3) ** 0.5)
    assert found["parameters_tau_b"] == 0, "the larger the dearer, so all tie"
    assert np.isnan(found["surrogate_tau_b"]), "a model of four networks has nothing to predict"
    assert floors(losses, sizes([3, 4, 2, 5]))["parameters_tau_b"] == pytest.approx(1)
    many = np.column_stack([np.random.default_rng(0).random(60), np.arange(60.0)])
    assert 0.2 < floors(many, sizes([1] * 60))["random_tau_b"] < 0.8, "far above 0, without any knowledge"


def test_a_model_that_knows_a_quarter_of_the_networks_is_a_high_floor() -> None:
    random, table = np.random.default_rng(1), sizes(np.arange(1.0, 61.0).tolist())
    cost = random.permutation(60) + 1.0
    error = 40 - 6 * np.log(table["parameters"].to_numpy()) + random.normal(0, 0.3, 60)
    found = floors(np.column_stack([error, cost]), table)
    assert found["surrogate_tau_b"] > 0.8 > found["random_tau_b"]


def test_difficulty_by_hand() -> None:
    found = difficulty(trained(3), LATENCY, "accuracy_pct")
    assert found["network_std"] == pytest.approx(np.std([70, 80, 60, 90], ddof=1))
    assert found["seed_std"] == pytest.approx(np.std([-3, 3, -3, 3], ddof=1))
    assert found["ceiling_tau_b"] == pytest.approx(1)
    assert found["strict_tau_b"] == pytest.approx(0.5**0.5)  # ranks 0, 0, 1, 0
    assert found["hours"] == pytest.approx(16 * 36 / 3600)
    assert (found["networks"], found["seeds"]) == (4, 4)


def test_quality_by_hand() -> None:
    losses = true_losses(trained(), LATENCY, "accuracy_pct")
    perfect = ranking_quality(ranking([1.0, 1.0, 0.0, 1.0]), losses, "accuracy_pct")
    assert perfect["tau_b"] == pytest.approx(1)
    assert perfect["hypervolume_pct"] == pytest.approx(100)
    assert perfect["recall_pct"] == 100
    assert perfect["hours"] == 0.5
    # Shared accuracies of a, b, d are 50, 60, 55, true ones 70, 80, 90: one of three pairs disagrees.
    assert perfect["error_tau_b"] == pytest.approx(1 / 3)
    turned = ranking_quality(ranking([0.0, 0.0, 1.0, 0.0]), losses, "accuracy_pct")
    assert turned["tau_b"] == pytest.approx(-1)
    # All scores equal: it tells nothing apart.
    assert ranking_quality(ranking([1.0] * 4), losses, "accuracy_pct")["tau_b"] == 0


def test_the_best_ranks_are_whole_ones() -> None:
    ranks = np.array([0, 0, 1, 2, 2, 2, 3])
    assert best_by_rank(ranks).tolist() == [0, 1, 2, 3, 4, 5]  # five are reached in rank 2
    assert best_by_rank(np.array([0] * 6 + [1, 2])).tolist() == list(range(7))  # two ranks at least
    assert best_by_rank(np.zeros(4, dtype=np.int64)).tolist() == [0, 1, 2, 3]


def test_an_order_without_ties_cannot_reach_one_where_ranks_tie() -> None:
    # Three of the six pairs tie: the most is sqrt(3 / 6).
    assert strict_tau_b(np.array([1, 0, 0, 0])) == pytest.approx(0.5**0.5)
    assert strict_tau_b(np.array([2, 0, 1])) == pytest.approx(1)


def test_the_first_few_of_networks_that_tie_are_no_matter_of_their_names() -> None:
    tops = first_places(np.array([1] + [0] * 8 + [2]))
    counts = np.bincount(np.concatenate(tops), minlength=10) / len(tops)
    assert counts[[0, 9]].tolist() == [0, 0]
    assert counts[1:9] == pytest.approx(np.full(8, 5 / 8), abs=0.12)
    assert {tuple(sorted(top)) for top in first_places(np.arange(7))} == {(0, 1, 2, 3, 4)}


def test_networks_that_failed_on_a_fold_are_left_out() -> None:
    scores = trained(2)
    scores = scores[(scores["architecture"] != "b") | (scores["fold"] > 0)]
    quality, hard, ranks = compare_supernets(scores, ranking([1.0, 1.0, 0.0, 1.0]), NETWORKS, "accuracy_pct", 8)
    assert hard["networks"].tolist() == [3]
    assert ranks["architecture"].tolist() == ["a", "c", "d"]
    assert quality["tau_b"].tolist() == [pytest.approx(1)]
    scores = scores[(scores["architecture"] == "a") | (scores["fold"] > 0)]
    with pytest.raises(UserError, match="only 1 networks of channels x"):
        compare_supernets(scores, ranking([1.0, 1.0, 0.0, 1.0]), NETWORKS, "accuracy_pct", 8)


def test_tables_are_as_declared() -> None:
    second = ranking([0.0, 2.0, 1.0, 3.0]).assign(number=1)
    rankings = pd.concat([ranking([1.0, 1.0, 0.0, 1.0]), second])
    scores = pd.concat([trained(2), trained(2).assign(batch=16, accuracy_pct=0.0)])
    quality, hard, ranks = compare_supernets(scores, rankings, NETWORKS, "accuracy_pct", 8)
    for table, frame in ((RANKING_QUALITY, quality), (DIFFICULTY, hard), (RANKS, ranks)):
        table.check(frame, Path(table.name))
    assert quality["number"].tolist() == [0, 1]
    assert ranks[ranks["number"] == 0]["true_rank"].tolist() == [0, 0, 1, 0]
