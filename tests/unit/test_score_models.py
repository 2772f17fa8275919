"""Scores of a table's models: what each is measured against, in numbers and words."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from workflow_lib.analysis.efficiency_scores import best_by_construction, describe, score_models
from workflow_lib.analysis.efficiency_tables import DOMINANCE, EFFICIENCY, EFFICIENCY_SAMPLES
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.efficiency_config import EfficiencyConfig

MODELS = pd.DataFrame(
    {
        "candidate": ["small", "large", "between", "wasteful", "heavy"],
        "latency_mean_ms": [2.0, 8.0, 10.0, 4.0, 2.0],
        "memory_bytes": [10.0, 40.0, 50.0, 20.0, 15.0],
        "accuracy_pct": [80.0, 90.0, 85.0, 80.0, 80.0],
        "accuracy_error_pct": [0.1, 0.1, 0.1, 0.1, 0.1],
        "training_s": [100.0, 10.0, 10.0, 10.0, 10.0],
    }
)


def config(**values: Any) -> EfficiencyConfig:
    return EfficiencyConfig.model_validate({"samples": 200, **values})


def test_each_model_is_measured_against_the_mix_that_it_names(tmp_path: Any) -> None:
    scored = score_models(MODELS, "candidate", config(), seed=1)
    row = scored.scores.set_index("model").loc["between"]
    assert row["efficiency_pct"] == pytest.approx(50)
    assert dict(zip(row["references"], row["weights"], strict=True)) == pytest.approx({"small": 0.5, "large": 0.5})
    assert (row["own_latency_mean_ms"], row["target_latency_mean_ms"]) == (10, pytest.approx(5))
    EFFICIENCY.write(scored.scores, tmp_path / "scores.parquet")
    EFFICIENCY.write(scored.scores, tmp_path / "scores.csv")
    EFFICIENCY_SAMPLES.write(scored.samples, tmp_path / "samples.parquet")
    DOMINANCE.write(scored.dominance, tmp_path / "dominance.parquet")


def test_the_weakly_efficient_is_told_from_the_strongly_efficient() -> None:
    scores = score_models(MODELS, "candidate", config(), seed=1).scores.set_index("model")
    assert scores["strong"].to_dict() == {
        "small": True, "large": True, "between": False, "wasteful": False, "heavy": False,
    }  # fmt: skip
    assert scores.loc["heavy", "efficiency_pct"] == pytest.approx(100)
    assert scores.loc["heavy", "slack_memory_bytes"] == pytest.approx(5)


def test_ranks_begin_with_those_that_nobody_matches() -> None:
    scores = score_models(MODELS, "candidate", config(), seed=1).scores
    assert scores["model"].tolist() == ["large", "small", "heavy", "between", "wasteful"]
    assert pd.isna(scores["super_efficiency_pct"].iloc[0])
    assert scores["efficiency_rank"].tolist() == [1, 2, 3, 4, 4]


def test_the_costs_of_training_move_the_ranking() -> None:
    scores = score_models(MODELS, "candidate", config(), seed=1).scores.set_index("model")
    assert scores.loc["wasteful", "training_efficiency_pct"] > scores.loc["wasteful", "efficiency_pct"]
    without = score_models(MODELS, "candidate", config(training_inputs=[]), seed=1).scores
    assert without["training_rank"].isna().all()


def test_samples_are_of_those_with_the_highest_median_and_arrows_are_among_them() -> None:
    noisy = MODELS.assign(accuracy_error_pct=3.0)
    scored = score_models(noisy, "candidate", config(shown_models=3), seed=1)
    medians = scored.scores.set_index("model")["median_pct"]
    shown = scored.samples["model"].tolist()
    assert shown == medians[shown].sort_values(ascending=False).index.tolist()
    assert medians[shown].min() >= medians.drop(shown).max()
    assert set(scored.dominance["larger"]) | set(scored.dominance["smaller"]) <= set(shown)
    assert [len(values) for values in scored.samples["efficiencies_pct"]] == [200] * 3


def test_without_deviations_every_sample_is_the_score() -> None:
    scored = score_models(MODELS, "candidate", config(deviations={}), seed=1)
    scores = scored.scores.set_index("model")
    np.testing.assert_allclose(scores["low_pct"], scores["efficiency_pct"])
    np.testing.assert_allclose(scores["high_pct"], scores["efficiency_pct"])
    assert (scores["cut_pct"] == 0).all()


def test_what_is_cut_off_is_said() -> None:
    sure = MODELS.assign(accuracy_pct=[99.0] * 5, accuracy_error_pct=[1.0] * 5)
    assert score_models(sure, "candidate", config(), 1).scores["cut_pct"].iloc[0] == pytest.approx(15.87, abs=0.01)


def test_words_name_mix_share_and_slack() -> None:
    text = describe(score_models(MODELS, "candidate", config(), seed=1).scores, 4, "input")
    assert "# The 4 most efficient of 5 models" in text
    assert "1. **large**: efficient, and no mix of others gives as much" in text
    assert (
        "3. **heavy**: as good as 100 % small, at 100.0 % of its costs, and the mix is also better by 5 of memory_bytes"
        in text
    )
    assert (
        "4. **between**: as good as 50 % large and 50 % small, at 50.0 %" in text or "50 % small and 50 % large" in text
    )


def test_words_of_output_orientation_name_the_share_of_the_benefits() -> None:
    scored = score_models(MODELS, "candidate", config(orientation="output"), seed=1)
    row = scored.scores.set_index("model").loc["between"]
    assert row["efficiency_pct"] == pytest.approx(100 * 85 / 90) and row["target_accuracy_pct"] == pytest.approx(90)
    text = describe(scored.scores, 5, "output")
    assert "**small**: efficient, and no mix of others costs as little" in text
    assert "**large**: efficient, even at 93.1 % of its benefits" in text  # 25 % small and 75 % between: 83.75 of 90
    assert "**between**: 94.4 % as good as 100 % large, at its costs" in text


def test_the_most_accurate_is_named_if_only_variable_returns_call_it_efficient() -> None:
    """`large` has 90 for 8 ms, `small` 80 for 2 ms: with constant returns, 2.25 ms would do."""
    scores = score_models(MODELS, "candidate", config(), seed=1).scores
    named = best_by_construction(scores, config())
    assert named["model"].tolist() == ["large"]
    assert named["constant_returns_pct"].tolist() == pytest.approx([100 * 2.25 / 8])
    assert named["scale_efficiency_pct"].tolist() == pytest.approx([100 * 2.25 / 8])
    assert named["returns_to_scale"].tolist() == ["decreasing"]
    assert best_by_construction(scores, config(returns="constant")).empty


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (MODELS.drop(columns="memory_bytes"), "there is no column memory_bytes"),
        (MODELS.rename(columns={"candidate": "name"}), "there is no column candidate"),
        (MODELS.assign(latency_mean_ms=[2, 8, 0, 4, 2]), "needs positive numbers, but is 0 for between"),
        (MODELS.assign(latency_mean_ms=[2, 8, None, None, 2]), r"is nan for between \(and invalid for 1 more\)"),
        (MODELS.assign(memory_bytes=["a", "2", "3", "4", "5"]), "is a for small"),
        (
            MODELS.assign(accuracy_pct=[80, 90, -1, 80, 80]),
            "needs numbers of at least 0 and at most 100, but is -1 for between",
        ),
        (MODELS.assign(candidate=["a", "a", "b", "c", "d"]), "names a twice"),
        (MODELS.iloc[:0], "has no rows"),
    ],
)
def test_what_cannot_be_scored_is_the_users_error(table: pd.DataFrame, message: str) -> None:
    with pytest.raises(UserError, match=message):
        score_models(table, "candidate", config(), seed=1)
