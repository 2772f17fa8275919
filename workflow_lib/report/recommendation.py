"""States in sentences which model to deploy and how certain the recommendation is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.config import Config
from workflow_lib.core.candidate import TRAINED
from workflow_lib.costs import all_costs
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.pareto.front_config import SCORES
from workflow_lib.report import words
from workflow_lib.report.content import ReportContent
from workflow_lib.report.names import column_format
from workflow_lib.report.tables import baseline_rows, front_members
from workflow_lib.spaces.networks import parse
from workflow_lib.training.fold_summary import confidence_interval
from workflow_lib.training.score_tables import FOREST_RESULT

COSTS = ("latency_mean_ms", "latency_worst_ms", *(name for name, cost in all_costs().items() if cost.in_answer))
"""Costs that are compared with the baseline even if they are not objectives."""


NEARLY_EQUAL = 1.005
"""Ratio of two costs below which a report does not call one of them lower."""


@dataclass(frozen=True)
class Difference:
    """Mean difference of two candidates' accuracies over the same folds, with its 95 % interval (points)."""

    mean: float
    low: float
    high: float

    @classmethod
    def between(cls, candidate: pd.Series, other: Sequence[float]) -> "Difference":
        """Compare a candidate with another one, fold by fold, with the corrected resampled t interval.

        Args:
            candidate: row of the front table.
            other: accuracy of the other candidate on each of the same folds (percent).
        """
        differences = np.asarray(candidate["fold_accuracy_pct"], dtype=np.float64) - np.asarray(other, dtype=np.float64)
        return cls(float(differences.mean()), *confidence_interval(differences, candidate["validation_share"]))

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        return f"{self.mean:+.1f} points, 95 % interval {self.low:+.1f} to {self.high:+.1f}"


def recommended_row(ranked: pd.DataFrame) -> pd.Series:
    """Return the row of the recommended candidate.

    Raises:
        ValueError: if not exactly one is recommended.
    """
    rows = ranked[ranked["recommended"].astype(bool)]
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} candidates are recommended, expected one")
    return rows.iloc[0]


def reference_baseline(ranked: pd.DataFrame, candidate: pd.Series) -> pd.Series | None:
    """Find the baseline that differs from a candidate only in its architecture.

    Returns:
        The most accurate baseline with the same channels, batch size, recipe and precision; failing that, with the
        same channels; failing that, of all. None if there is no baseline.
    """
    baselines = baseline_rows(ranked).sort_values("accuracy_pct", ascending=False, kind="stable")
    same_channels = baselines["channels"] == candidate["channels"]
    setting = ["batch", "recipe", "precision"]
    same_setting = (baselines[setting] == candidate[setting]).all(axis=1)
    for rows in (
        baselines[same_channels & same_setting],
        baselines[same_channels],
        baselines,
    ):
        if len(rows):
            return rows.iloc[0]
    return None


def describe_network(architecture: str) -> str:
    """Describe an architecture in words."""
    return parse(architecture).describe()


def describe_candidate(candidate: pd.Series, config: Config) -> str:
    """Describe a candidate in words: network, input channels, batch size."""
    channels = config.grid.channel_sets.get(candidate["channels"], [])
    listed = f" ({', '.join(channels)})" if channels else ""
    recipe = f" with recipe {candidate['recipe']}" if candidate["recipe"] else ""
    precision = "" if candidate["precision"] == TRAINED else f" It is deployed as {candidate['precision']}."
    return (
        f"{describe_network(candidate['architecture'])}. It uses channel set "
        f"{candidate['channels']}{listed} and was trained in batches of {candidate['batch']} chips{recipe}.{precision}"
    )


def compare_with_baseline(ranked: pd.DataFrame, objectives: Sequence[str]) -> list[list[str]]:
    """Compare the recommended candidate with its baseline.

    Args:
        ranked: the front table.
        objectives: names of the objectives; the scores of `SCORES` and `COSTS` are always included.

    Returns:
        One row per measure: its title, the recommended candidate's value, and, if there is a baseline, the baseline's
        value and how the two compare.
    """
    candidate = recommended_row(ranked)
    baseline = reference_baseline(ranked, candidate)
    rows = []
    for name in dict.fromkeys([*SCORES, *objectives, *COSTS]):
        known = column_format(name)
        row = [known.title, _with_spread(candidate, name)]
        if baseline is not None:
            row += [_with_spread(baseline, name), _compare(candidate, baseline, name)]
        rows.append(row)
    return rows


def _with_spread(row: pd.Series, name: str) -> str:
    text = column_format(name).text(row[name])
    if name == "accuracy_pct" and pd.notna(row["accuracy_low_pct"]):
        return f"{text} (95 % interval {row['accuracy_low_pct']:.1f} to {row['accuracy_high_pct']:.1f})"
    if name == "latency_mean_ms":
        return f"{text} (std over devices {row['latency_device_std_ms']:.2f})"
    return text


def _compare(candidate: pd.Series, baseline: pd.Series, name: str) -> str:
    ours, theirs = candidate[name], baseline[name]
    if pd.isna(ours) or pd.isna(theirs):
        return ""
    if name == "accuracy_pct":
        return str(Difference.between(candidate, baseline["fold_accuracy_pct"]))
    if name in SCORES or name.startswith(("precision_", "recall_")):
        return f"{ours - theirs:+.1f} points" if name.endswith("_pct") else f"{ours - theirs:+.3f}"
    if ours == theirs:
        return "equal"
    if not ours or not theirs:
        return ""
    if max(ours / theirs, theirs / ours) < NEARLY_EQUAL:
        return "nearly equal"
    return f"{theirs / ours:.2f} times lower" if ours < theirs else f"{ours / theirs:.2f} times higher"


def headline(content: ReportContent) -> str:
    """Say in one sentence what to deploy: accuracy and costs, and how they compare with the baseline."""
    ranked = content[RANKED_RESULT]
    candidate = recommended_row(ranked)
    baseline = reference_baseline(ranked, candidate)
    values = " and ".join(_with_spread(candidate, name) for name in ("latency_mean_ms", "memory_bytes"))
    text = f"It classifies {_with_spread(candidate, 'accuracy_pct')} of the validation chips correctly with {values}"
    if baseline is None:
        return f"{text}."
    costs = [
        f"{title} is {_compare(candidate, baseline, name)}"
        for name, title in (("latency_mean_ms", "latency"), ("memory_bytes", "memory"))
    ]
    difference = Difference.between(candidate, baseline["fold_accuracy_pct"])
    accuracy = f"significantly {'more' if difference.mean > 0 else 'less'} accurate" if difference.clear else ""
    return (
        f"{text}. Compared with the baseline {baseline['candidate']}, it is "
        f"{accuracy or 'not significantly different in accuracy'} ({difference}). Its {costs[0]}, and its {costs[1]}."
    )


def verdict(content: ReportContent) -> list[str]:
    """Say how certain the recommendation is, given the baseline, the other front members and the prediction errors."""
    ranked, objectives = content[RANKED_RESULT], content.config.front.objectives
    candidate = recommended_row(ranked)
    others = front_members(ranked, objectives).iloc[1:]
    paired = words.terms(content.config).many
    sentences = [*_against_baseline(ranked, candidate), _against_front(candidate, others, paired)]
    if len(others):
        sentences += _against_predictors(content, candidate, others)
    sentences.append(
        f"The recommended model is on the front in {100 * candidate['front_frequency']:.0f} % of "
        f"{content.config.front.resamples:,} resamples of the {candidate['folds']} {words.terms(content.config).many}."
    )
    return sentences


def _against_baseline(ranked: pd.DataFrame, candidate: pd.Series) -> list[str]:
    baseline = reference_baseline(ranked, candidate)
    if baseline is None:
        return []
    difference = Difference.between(candidate, baseline["fold_accuracy_pct"])
    meaning = (
        f"It is significantly {'more' if difference.mean > 0 else 'less'} accurate than the baseline "
        f"{baseline['candidate']}"
        if difference.clear
        else f"Its accuracy does not differ significantly from that of the baseline {baseline['candidate']}"
    )
    return [f"{meaning}: the difference is {difference}."]


def _against_front(candidate: pd.Series, others: pd.DataFrame, paired: str) -> str:
    if others.empty:
        return "It is the only member of the front."
    differences = [Difference.between(candidate, other) for other in others["fold_accuracy_pct"]]
    better = sum(difference.low > 0 for difference in differences)
    worse = sum(difference.high < 0 for difference in differences)
    same = len(differences) - better - worse
    rule = f"paired over the {paired}, at the 95 % level, without correction for the number of comparisons"
    rest = f"significantly better than {better} and significantly worse than {worse}"
    if same:
        return (
            f"There is no significant winner in accuracy: {same} of the {len(differences)} other front "
            f"members do not differ significantly from it ({rule}). It is {rest}."
        )
    return f"In accuracy, it is {rest} of the other front members ({rule})."


def _against_predictors(content: ReportContent, candidate: pd.Series, others: pd.DataFrame) -> list[str]:
    error = content[LATENCIES_RESULT]["predictor_error_pct"].max()
    near = (others["latency_mean_ms"] / candidate["latency_mean_ms"] - 1).abs() <= error / 100
    if not near.any():
        return []
    return [
        f"Latencies are predicted. The largest median error of a predictor is {error:.1f} %, and "
        f"the latencies of {near.sum()} of the {len(others)} other front members differ from its latency by no more "
        "than that, so it is not certain which of them is faster."
    ]


def forest_verdict(content: ReportContent) -> str:
    """Say whether the recommended network beats the reference classifier, which sees no shapes."""
    candidate = recommended_row(content[RANKED_RESULT])
    forest = content[FOREST_RESULT][content[FOREST_RESULT]["channels"] == candidate["channels"]].sort_values("fold")
    if len(forest) != len(candidate["fold_accuracy_pct"]):
        return f"The reference classifier was not scored on every fold of channel set {candidate['channels']}."
    difference = Difference.between(candidate, forest["accuracy_pct"].to_list())
    if difference.low > 0:
        return f"On the same channels, the recommended network is significantly more accurate: {difference}."
    if difference.high < 0:
        return (
            "On the same channels, the reference classifier is significantly more accurate than the "
            f"recommended network: {difference}. Deploy the forest, or train the networks longer or on "
            "more chips."
        )
    return (
        "On the same channels, the reference classifier and the recommended network do not differ significantly in "
        f"accuracy: the network is at {difference}. This run does not show that a network is needed."
    )
