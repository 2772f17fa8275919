"""Rounds of a search: proposals follow from tables alone, and from nothing that is kept beside them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from examples import config, fold_scores

from workflow_lib.analysis.candidate_rows import check_proposed
from workflow_lib.config import Config
from workflow_lib.core.candidate import KEYS, NETWORK_KEYS, Candidate
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.pareto.dominance import front_mask, pareto_ranks
from workflow_lib.search.proposal_rounds import propose_round, rewards_of
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.searched_candidates import (
    SearchedCandidates,
    candidate_space,
    known_candidates,
    split,
    within_limits,
)
from workflow_lib.search.strategies.constrained import propose_derived
from workflow_lib.search.strategies.supernet import propose_ranked

RUN = config({"grid.space.kernel_size": [3], "grid.space.kernel_size_pool": [3]})
NAMES = candidate_space(RUN.grid).networks()
LEARN = ["reinforce", "evolution", "tpe", "surrogate", "nsga2", "motpe", "pareto_local_search"]
SETTINGS = pd.DataFrame({"batch": [8, 16], "recipe": "", "precision": "fp32"})


def costs(seed: int = 0) -> pd.DataFrame:
    networks = split(NAMES)[NETWORK_KEYS].drop_duplicates(ignore_index=True)
    random = np.random.default_rng(seed)
    work = random.integers(10**8, 10**9, len(networks))
    return networks.assign(
        multiply_adds=work,
        parameters=work // 7,
        memory_bytes=work // 2,
        latency_mean_ms=work / 1e8 * random.uniform(0.5, 2, len(networks)),
    )


def trained(proposals: pd.DataFrame) -> pd.DataFrame:
    """Scores that depend on the candidate alone."""
    parts = [
        fold_scores([80.0 + sum(map(ord, network)) % 13, 85.0], channels, batch, network)
        for channels, batch, network in proposals[KEYS[:3]].itertuples(index=False)
    ]
    return pd.concat(parts, ignore_index=True)


def search(strategy: str, **more: Any) -> SearchConfig:
    if strategy in ("evolution", "tpe"):
        pytest.importorskip("nni", reason="the optional extra 'nni' is not installed")
    return SearchConfig.model_validate({"strategy": strategy, "candidates": 10, "round_candidates": 4, **more})


def first_round(chosen: SearchConfig, table: pd.DataFrame | None = None) -> pd.DataFrame:
    return propose_round(chosen, searched(chosen, table), 3, 0, None, None, 2)


def searched(chosen: SearchConfig, table: pd.DataFrame | None = None) -> SearchedCandidates:
    space = candidate_space(RUN.grid)
    known = known_candidates(space, costs() if table is None else table)
    return SearchedCandidates(*within_limits(space, known, chosen.limits), RUN.front.objectives, chosen.budgets)


def all_rounds(chosen: SearchConfig, seed: int = 3) -> pd.DataFrame:
    proposals = None
    for number in range(chosen.rounds(2)):
        scores = None if proposals is None else trained(proposals)
        proposals = propose_round(chosen, searched(chosen), seed, number, proposals, scores, 2)
    assert proposals is not None
    return proposals


def test_candidates_are_channels_batch_sizes_and_networks() -> None:
    whole: Config = config()
    assert len(candidate_space(whole.grid).networks()) == whole.grid_size == 2 * 2 * 180
    table = split(["a_1_b16_k3-s2-p1-nopool-w32"])
    assert table.iloc[0].tolist() == ["a_1", 16, "k3-s2-p1-nopool-w32", "", "fp32"]


@pytest.mark.parametrize("names", [["plain"], ["plain", "long"]])
def test_recipes_are_one_more_choice_if_there_are_several(names: list[str]) -> None:
    whole: Config = config({"grid.recipes": {name: {"epochs": 9} for name in names}})
    space = candidate_space(whole.grid)
    assert ("recipe" in space.choices) == (len(names) > 1)
    found = space.networks()
    assert len(found) == whole.grid_size == len(names) * 2 * 2 * 180
    assert [space.build(space.parse(name)) for name in found] == found
    assert set(split(found)["recipe"]) == set(names)
    everything = {str(candidate) for candidate in whole.combinations(whole.architectures)}
    assert everything == set(found)


@pytest.mark.parametrize(
    ("recipes", "expected"),
    [
        ({"no_underscores": {}}, "use letters and digits only"),
        ({"a": {"epoch": 3}}, r"grid\.recipes\.a: .*epoch"),
        ({"a": {"epochs": 0}}, r"grid\.recipes\.a: .*greater than or equal to 1"),
        ({"a": {"patience": 3}}, r"grid\.recipes\.a\.patience needs chips"),
        ({"a": {"device": "cpu"}}, r"set training\.device"),
        ({}, r"grid\.recipes"),
    ],
)
def test_wrong_recipes_are_refused_in_one_line(recipes: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as caught:
        config({"grid.recipes": recipes})
    assert "\n" not in str(caught.value)


def test_candidates_of_every_space_are_built_from_its_own_choices() -> None:
    whole: Config = config({"grid.space": {"name": "compact", "block": ["basic", "sep"], "width": [8]}})
    space = candidate_space(whole.grid)
    names = space.networks()
    assert len(names) == whole.grid_size
    assert [space.build(space.parse(name)) for name in names] == names


@pytest.mark.parametrize("strategy", LEARN)
def test_rounds_add_up_to_the_budget(strategy: str) -> None:
    proposals = all_rounds(search(strategy))
    PROPOSALS.check(proposals.assign(search_s=0.0), None)  # type: ignore[arg-type]
    assert proposals["round"].tolist() == [0] * 4 + [1] * 4 + [2] * 2
    names = [
        f"{channels}_b{batch}_{network}" for channels, batch, network in proposals[KEYS[:3]].itertuples(index=False)
    ]
    assert set(names) <= set(NAMES)
    pd.testing.assert_frame_equal(all_rounds(search(strategy)), proposals)
    assert not all_rounds(search(strategy), seed=4).equals(proposals)


@pytest.mark.parametrize("strategy", [*LEARN, "random", "filter", "flops"])
def test_no_strategy_proposes_candidates_above_a_limit(strategy: str) -> None:
    known = known_candidates(candidate_space(RUN.grid), costs())
    limits = {name: float(known[name].quantile(0.7)) for name in ("latency_mean_ms", "memory_bytes")}
    within = known[(known[list(limits)] <= list(limits.values())).all(axis=1)]
    assert 10 < len(within) < len(known)
    proposals = all_rounds(search(strategy, limits=limits))
    assert len(proposals) == 10
    assert len(proposals.merge(within, on=KEYS)) == 10


def test_limits_that_no_candidate_keeps_are_refused() -> None:
    chosen = search("random", limits={"memory_bytes": 10})
    with pytest.raises(UserError, match="no candidate is within all limits; the lowest memory_bytes is"):
        first_round(chosen)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {"strategy": "grid", "limits": {"memory_bytes": 1}},
            "needs a strategy that chooses from the grid",
        ),
        ({"strategy": "random", "limits": {"accuracy_pct": 1}}, "accuracy_pct, which is not a cost known before"),
        ({"strategy": "random", "limits": {"training_s": 1}}, "training_s, which is not a cost known before"),
        ({"strategy": "random", "limits": {"memory": 1}}, "names memory, which is not a cost"),
    ],
)
def test_wrong_limits_are_refused(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        config({"search": values})


def test_a_surrogate_search_ends_when_nothing_more_is_expected() -> None:
    everything = all_rounds(search("surrogate", candidates=40))
    assert len(everything) == 40
    stopped = all_rounds(search("surrogate", candidates=40, surrogate={"min_gain_pct": 1}))
    assert 4 <= len(stopped) < 40
    pd.testing.assert_frame_equal(stopped, everything.head(len(stopped)), check_dtype=False)


@pytest.mark.parametrize("strategy", LEARN)
def test_a_larger_budget_continues_a_search(strategy: str) -> None:
    smaller, larger = (all_rounds(search(strategy, candidates=count)) for count in (12, 24))
    assert len(larger) == 24
    pd.testing.assert_frame_equal(smaller, larger.head(12))


def test_a_round_that_would_be_another_now_is_refused() -> None:
    first = first_round(search("reinforce"))
    changed = first.assign(architecture=first["architecture"].iloc[::-1].to_numpy())
    with pytest.raises(UserError, match="round 0 would propose other candidates now"):
        propose_round(search("reinforce"), searched(search("reinforce")), 3, 1, changed, trained(changed), 2)


def test_a_candidate_that_failed_is_told_to_nobody() -> None:
    proposals = first_round(search("reinforce"))
    scores = trained(proposals).drop(index=1)
    known = known_candidates(candidate_space(RUN.grid), costs())
    assert len(rewards_of(search("reinforce"), known, scores, 2)) == len(proposals) - 1
    again = propose_round(search("reinforce"), searched(search("reinforce")), 3, 1, proposals, scores, 2)
    assert len(again) == 8


def test_networks_derived_within_budgets_are_proposed_once_each_with_every_batch_size() -> None:
    derived = pd.DataFrame({"channels": ["5", "5", "7"], "architecture": ["a", "a", "a"], "budget": [1.0, 2.0, 1.0]})
    proposals = propose_derived(derived, SETTINGS)
    assert proposals[KEYS[:-1]].to_numpy().tolist() == [
        ["5", 8, "a", ""], ["5", 16, "a", ""], ["7", 8, "a", ""], ["7", 16, "a", ""]
    ]  # fmt: skip
    assert (proposals["round"] == 0).all()


def test_the_best_of_each_supernet_are_proposed_in_turns_those_of_later_rankings_first() -> None:
    rankings = pd.DataFrame(
        {"channels": list("555777"), "architecture": list("abcabc"), "ranking": [0, 1, 1, 0, 0, 0]}
        | {"score": [9.0, 1.0, 2.0, 3.0, None, 5.0]}
    )
    names = {"a": "k3-s2-p1-pool3s2-w32", "b": "k3-s2-p1-pool3s2-w48", "c": "k3-s2-p1-pool3s2-w64"}
    proposals = propose_ranked(rankings.assign(architecture=rankings["architecture"].map(names)), SETTINGS, 7)
    found = proposals.assign(architecture=proposals["architecture"].map({value: key for key, value in names.items()}))
    assert found[KEYS[:3]].to_numpy().tolist() == [
        ["5", 8, "c"], ["5", 16, "c"], ["7", 8, "c"], ["7", 16, "c"], ["5", 8, "b"], ["5", 16, "b"], ["7", 8, "a"]
    ]  # fmt: skip


def test_cells_are_proposed_once_without_what_leads_nowhere() -> None:
    cells = "conv3-none.none-skip.conv1.pool", "conv3-none.none-skip.conv1.none", "skip-skip.skip-skip.skip.skip"
    names = [f"cell-{cell}-w8-n1-s2" for cell in cells]  # no edge leads to the node that the first one pools
    rankings = pd.DataFrame({"channels": "5", "architecture": names, "ranking": 0, "score": [3.0, 2.0, 1.0]})
    assert propose_ranked(rankings, SETTINGS[:1], 5)["architecture"].tolist() == names[1:]


def test_the_reward_is_accuracy_at_the_target() -> None:
    known = known_candidates(candidate_space(RUN.grid), costs())
    one = known.iloc[[5]]
    target = float(one["latency_mean_ms"].iloc[0])
    chosen = search("reinforce", latency_target_ms=target, latency_weight=1)
    (reward,) = rewards_of(chosen, known, trained(one), 2).values()
    assert reward == pytest.approx(trained(one)["accuracy_pct"].mean())
    (half,) = rewards_of(search("tpe", latency_target_ms=target / 2, latency_weight=1), known, trained(one), 2).values()
    assert half == pytest.approx(reward / 2)


def test_random_takes_its_budget_in_one_round() -> None:
    proposals = all_rounds(search("random"))
    assert len(proposals) == 10
    assert (proposals["round"] == 0).all()


@pytest.mark.parametrize("strategy", ["filter", "flops"])
def test_a_filter_keeps_to_its_budget(strategy: str) -> None:
    known = known_candidates(candidate_space(RUN.grid), costs())
    latency, work = known["latency_mean_ms"].to_numpy(), known["multiply_adds"].to_numpy()
    losses = np.column_stack([latency, -work if strategy == "flops" else -work / latency])
    front = set(known.loc[front_mask(losses), KEYS].itertuples(index=False))
    proposals = all_rounds(search(strategy, candidates=len(front)))
    assert set(proposals[KEYS].itertuples(index=False)) == front
    assert set(proposals["batch"]) == {8, 16}, "cost the same, so both are on the front"
    for budget in (1, len(front) - 1, len(front) + 1):
        chosen = set(all_rounds(search(strategy, candidates=budget))[KEYS].itertuples(index=False))
        assert len(chosen) == budget
        assert chosen <= front or chosen >= front


def test_the_filter_takes_measured_utilization_where_there_is_one() -> None:
    random = np.random.default_rng(1)
    measured = costs().assign(images_per_s=lambda t: random.uniform(1, 9, len(t)), utilization_pct=50.0)
    proposals = first_round(search("filter", candidates=1), measured)
    best = measured.loc[measured["images_per_s"].idxmax()]
    assert set(proposals["architecture"]) == {best["architecture"]}


def test_scores_of_others_than_the_proposed_are_refused() -> None:
    proposals = all_rounds(search("random"))
    scores = trained(proposals)
    baseline = fold_scores([90.0], architecture=RUN.grid.baselines[0])
    check_proposed(pd.concat([scores, baseline]), proposals, RUN.grid.baselines, allow_missing=False)
    fewer = trained(proposals.iloc[2:])
    check_proposed(fewer, proposals, RUN.grid.baselines, allow_missing=True)
    for some, others in ((scores, proposals.iloc[2:]), (fewer, proposals)):
        with pytest.raises(UserError, match="trained: 2 differ; run again with python -m"):
            check_proposed(some, others, RUN.grid.baselines, allow_missing=False)
    with pytest.raises(UserError, match="trained: 2 differ"):
        check_proposed(scores, proposals.iloc[2:], RUN.grid.baselines, allow_missing=True)


def test_racing_is_for_the_grid() -> None:
    with pytest.raises(ConfigError, match=r"racing needs search\.strategy grid, which is random"):
        config({"search.strategy": "random", "racing": {}})


def test_successive_halving_keeps_the_best_by_pareto_rank_and_costs_what_it_may() -> None:
    chosen = search("halving", candidates=7)
    assert chosen.rounds(2) == 3
    first = first_round(chosen)
    assert len(first) == 27
    assert first["part"].eq(9).all()
    second = propose_round(chosen, searched(chosen), 3, 1, first, trained(first), 2)
    kept = second[second["round"] == 1]
    assert len(kept) == 9
    assert kept["part"].eq(3).all()
    table = known_candidates(candidate_space(RUN.grid), costs()).merge(first[KEYS], on=KEYS)
    accuracy = trained(first).groupby(KEYS)["accuracy_pct"].mean().rename("accuracy").reset_index()
    table = table.merge(accuracy, on=KEYS)
    ranks = pareto_ranks(np.column_stack([-table["accuracy"], table["latency_mean_ms"], table["memory_bytes"]]))
    worst = int(ranks[table["candidate"].isin(names_of(kept))].max())
    assert set(table["candidate"][ranks < worst]) <= set(names_of(kept)), "whole ranks come first"
    third = propose_round(chosen, searched(chosen), 3, 2, second, trained(kept), 2)
    assert third["part"].tolist() == [9] * 27 + [3] * 9 + [1] * 3
    effort = 27 / 9 + 9 * (1 / 3 - 1 / 9) + 3 * (1 - 1 / 3)
    assert effort == 7


def test_a_search_by_halving_ends_with_empty_rounds_once_all_candidates_were_started() -> None:
    few = {"candidates": 24, "round_candidates": 6, "surrogate": {"by_halving": True}}
    chosen, proposals = search("surrogate", **few), None
    tables: list[pd.DataFrame] = []
    for number in range(chosen.rounds(2)):
        scores = None
        if proposals is not None:
            scores = trained(proposals[proposals["part"] == chosen.part(number - 1)])
        own = searched(chosen, costs())
        names = own.known["candidate"].head(40)
        own = replace(own, known=own.known.head(40), space=replace(own.space, allowed=frozenset(names)))
        proposals = propose_round(chosen, own, 3, number, proposals, scores, 2, tables[:2])
        tables = [*([scores] if scores is not None else []), *tables]
    assert proposals is not None
    started = proposals[proposals["part"] == 9]
    assert len(started) == len(started.drop_duplicates(KEYS)) == 40
    assert proposals["round"].max() < chosen.rounds(2) - 1, "the last rounds propose nothing"


@pytest.mark.parametrize("by_folds", [False, True])
def test_a_search_stops_when_its_hours_are_spent_and_goes_on_with_more(by_folds: bool) -> None:
    values = {"candidates": 12, "folds_at_a_time": 1 if by_folds else None}
    chosen, longer = (search("surrogate", training_hours=hours, **values) for hours in (0.03, 9))

    def run(settings: SearchConfig) -> pd.DataFrame:
        proposals = None
        for number in range(settings.rounds(2)):
            scores = None if proposals is None else trained(proposals.drop_duplicates(KEYS))
            scores = None if scores is None else scores.assign(training_s=9.0)  # 18 s per candidate, of 108 s
            proposals = propose_round(settings, searched(settings), 3, number, proposals, scores, 2)
        assert proposals is not None
        return proposals

    stopped, whole = run(chosen), run(longer)
    last = chosen.rounds(2) - 1
    searching = stopped[stopped["round"] < last] if by_folds else stopped
    assert 6 <= len(searching.drop_duplicates(KEYS)) < len(whole.drop_duplicates(KEYS))
    assert searching["round"].max() < last - by_folds
    pd.testing.assert_frame_equal(searching, whole.head(len(searching)), check_dtype=False)
    assert by_folds == (last in set(stopped["round"])), "the best are still completed"


def test_a_rung_without_any_score_is_named() -> None:
    chosen = search("halving", candidates=7)
    first = first_round(chosen)
    with pytest.raises(UserError, match="no candidate of rung 1 has all its folds"):
        propose_round(chosen, searched(chosen), 3, 1, first, trained(first).head(0), 2)


def names_of(rows: pd.DataFrame) -> list[str]:
    return [str(Candidate(*key)) for key in rows[KEYS].itertuples(index=False)]


def test_few_folds_first_and_the_best_are_completed() -> None:
    chosen = search("surrogate", candidates=6, round_candidates=3, folds_at_a_time=1)
    assert chosen.rounds(2) == 5
    proposals = None
    for number in range(5):
        scores = None if proposals is None else trained(proposals.drop_duplicates(KEYS))
        proposals = propose_round(chosen, searched(chosen), 3, number, proposals, scores, 2)
    assert proposals is not None
    PROPOSALS.check(proposals.assign(search_s=0.0), None)  # type: ignore[arg-type]
    folds = proposals.groupby(KEYS)["folds"].max()
    searching = proposals[proposals["round"] < 4]
    assert searching.groupby(KEYS)["folds"].max().sum() <= 12
    assert folds.max() == 2
    assert (folds == 1).any()
