"""Strategies side by side: what counts as found, and that all get the same budget."""

import numpy as np
import pandas as pd
import pytest
from examples import config

from workflow_lib.analysis.comparison_config import ComparisonConfig
from workflow_lib.analysis.comparison_tables import COMPARISON
from workflow_lib.analysis.known_space import KnownSpace
from workflow_lib.analysis.strategy_comparison import STRATEGIES, compare_on_grid, score_search, search
from workflow_lib.core.candidate import NETWORK_KEYS
from workflow_lib.core.errors import ConfigError
from workflow_lib.pareto.dominance import front_mask
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.tables import comparison_table
from workflow_lib.search.proposers import FixedList
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.searched_candidates import candidate_space, split

RUN = config({"grid.space.kernel_size": [3], "grid.batch_sizes": [16]})
OBJECTIVES = [Objective(name="accuracy_pct", direction="max"), Objective(name="latency_mean_ms", direction="min")]


def trained_grid() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Candidates of a grid, and what their networks cost."""
    random = np.random.default_rng(0)
    names = candidate_space(RUN.grid).networks()
    table = split(names).assign(candidate=names, folds=5, training_s=36.0)
    costs = table[NETWORK_KEYS].drop_duplicates(ignore_index=True)
    work = random.integers(10**8, 10**9, len(costs))
    latency = work / 1e8 * random.uniform(0.5, 2, len(costs))
    costs = costs.assign(multiply_adds=work, parameters=work // 7, latency_mean_ms=latency)
    table = table.merge(costs, on=NETWORK_KEYS)
    return table.assign(
        accuracy_pct=60 + 10 * np.log10(table["multiply_adds"] / 1e8) + random.normal(0, 2, len(table))
    ), costs


@pytest.fixture(scope="module")
def comparison() -> pd.DataFrame:
    pytest.importorskip("nni", reason="the optional extra 'nni' is not installed")
    candidates, costs = trained_grid()
    chosen = ComparisonConfig(candidates=20, seeds=3)
    return compare_on_grid(candidates, costs, RUN.grid, SearchConfig(), chosen, OBJECTIVES, 7)


def test_all_strategies_get_the_same_budget(comparison: pd.DataFrame) -> None:
    COMPARISON.check(comparison, None)  # type: ignore[arg-type]
    ends = comparison.groupby(["strategy", "seed"], sort=False)["trained"].max()
    assert list(ends.index.unique("strategy")) == list(STRATEGIES)
    assert (ends.groupby("strategy").size().loc[["filter", "flops", "random", "tpe"]] == [1, 1, 3, 3]).all()
    budget = max(20, ends["filter", 0], ends["flops", 0])
    assert (ends[["random", "surrogate", "reinforce", "evolution", "tpe"]] == budget).all()
    assert not comparison.duplicated(["strategy", "seed", "candidate"]).any()


def test_the_surrogate_is_left_out_where_it_cannot_predict_an_objective() -> None:
    pytest.importorskip("nni", reason="the optional extra 'nni' is not installed")
    candidates, costs = trained_grid()
    objectives = [*OBJECTIVES, Objective(name="training_s", direction="min")]
    chosen = ComparisonConfig(candidates=4, seeds=2)
    found = compare_on_grid(candidates, costs, RUN.grid, SearchConfig(), chosen, objectives, 7)
    assert set(STRATEGIES) - set(found["strategy"]) == {"surrogate", "nsga2", "motpe", "pareto_local_search"}


def test_the_more_is_trained_the_more_is_found_and_paid(comparison: pd.DataFrame) -> None:
    for _, run in comparison.groupby(["strategy", "seed"]):
        for column in ("recall_pct", "hypervolume_pct", "training_hours"):
            assert (run[column].diff().dropna() >= 0).all()
        assert run["training_hours"].to_numpy() == pytest.approx(0.05 * run["trained"].to_numpy())


def test_the_table_has_means_over_searches(comparison: pd.DataFrame) -> None:
    table = comparison_table(comparison).set_index("strategy")
    assert table["searches"].tolist() == [1, 1, *[3] * (len(STRATEGIES) - 2)]
    assert np.isnan(table.loc["filter", "recall_pct_std"])
    ends = comparison[comparison["strategy"] == "tpe"].groupby("seed").last()
    assert table.loc["tpe", "hypervolume_pct"] == pytest.approx(ends["hypervolume_pct"].mean())
    assert table.loc["tpe", "hypervolume_pct_std"] == pytest.approx(ends["hypervolume_pct"].std())


LOSSES = np.array([[1.0, 3.0], [1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [3.0, 3.0]])
SPACE = KnownSpace(list("abcde"), LOSSES, dict.fromkeys("abcd", 1.0), np.ones(5))


def test_the_front_counts_points_and_the_hypervolume_what_they_dominate() -> None:
    table = score_search(SPACE, ["e", "a", "b", "c", "d"])
    assert table["recall_pct"].tolist() == pytest.approx([0, 100 / 3, 100 / 3, 200 / 3, 100])
    # Scaled corners are (0, 1), (0.5, 0.5) and (1, 0), the reference is (1.1, 1.1).
    whole = 1.1**2 - 0.5**2 - 2 * 0.5 * 0.5
    parts = [0.1 * 0.1, 1.1 * 0.1, 1.1 * 0.1, 0.6 * 0.6 + 0.5 * 0.1, whole]
    assert table["hypervolume_pct"].tolist() == pytest.approx([100 * part / whole for part in parts])
    assert front_mask(LOSSES).tolist() == [True, True, True, True, False]


def test_one_without_a_reward_spends_budget_and_finds_nothing() -> None:
    assert search(FixedList("eabcd"), SPACE.rewards, budget=3, round_size=2) == ["a", "b"]


def test_what_failed_is_found_by_nobody() -> None:
    candidates, costs = trained_grid()
    pytest.importorskip("nni", reason="the optional extra 'nni' is not installed")
    chosen = ComparisonConfig(candidates=5, seeds=2)
    whole = compare_on_grid(candidates, costs, RUN.grid, SearchConfig(), chosen, OBJECTIVES, 7)
    lost = whole.loc[whole["strategy"] == "filter", "candidate"].iloc[0]
    fewer = candidates[candidates["candidate"] != lost].reset_index(drop=True)
    table = compare_on_grid(fewer, costs, RUN.grid, SearchConfig(), chosen, OBJECTIVES, 7)
    assert lost not in set(table["candidate"])
    counts = [frame.loc[frame["strategy"] == "filter", "trained"].max() for frame in (whole, table)]
    assert counts[1] == counts[0] - 1


def test_a_comparison_needs_the_whole_grid() -> None:
    for other in ({"search.strategy": "random"}, {"racing": {}}):
        with pytest.raises(ConfigError, match="comparison needs the whole grid trained"):
            config({"comparison": {}, **other})
