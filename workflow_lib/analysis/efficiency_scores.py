"""Relative efficiency scores of the models in a table."""

import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from workflow_lib.analysis.model_columns import model_names, numbers_of
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.efficiency_config import EfficiencyConfig
from workflow_lib.pareto.envelope import Orientation
from workflow_lib.pareto.envelopment import (
    EFFICIENT,
    MAX_SPAN,
    Comparison,
    compare_with_references,
    merge_ties,
    scale_efficiency,
)
from workflow_lib.pareto.envelopment import super_efficiency as score_beyond
from workflow_lib.pareto.stochastic import (
    efficiency_samples,
    stochastic_dominance,
    transitive_reduction,
    truncated_share,
)

Numbers = NDArray[np.float64]
_MAX_SPAN = MAX_SPAN / 10  # samples of the values may spread further
_NEGLIGIBLE = 1e-4  # share of a reference in a mix
_HIGHEST = {"pct": 100.0, "auc": 1.0}
"""Suffix of a column name -> maximum possible value."""


@dataclass(frozen=True)
class ScoredModels:
    """The relative efficiency of models.

    Args:
        scores: rows of EFFICIENCY, best first.
        samples: rows of EFFICIENCY_SAMPLES of the models with the highest median.
        dominance: rows of DOMINANCE among these models.
    """

    scores: pd.DataFrame
    samples: pd.DataFrame
    dominance: pd.DataFrame


def score_models(table: pd.DataFrame, name: str, efficiency: EfficiencyConfig, seed: int) -> ScoredModels:
    """Score every model of a table relative to all models of the table.

    Args:
        table: one row per model.
        name: column with the names of the models.
        efficiency: inputs, outputs, their standard deviations, and how models are compared.
        seed: seed of the samples.

    Raises:
        UserError: if a column is missing, or a value is invalid for an input or an output.
    """
    names = model_names(table, name)
    inputs = _values(table, efficiency.inputs, names, positive=True)
    outputs = _values(table, efficiency.outputs, names, positive=False)
    _check_outputs(outputs, efficiency.outputs, names)
    settings = efficiency.returns, efficiency.orientation
    beyond = score_beyond(inputs, outputs, *settings)
    rank = _rank(beyond)
    constant, scale, kinds = scale_efficiency(inputs, outputs, efficiency.orientation)
    scores = pd.DataFrame(
        {
            "model": names,
            "efficiency_pct": 100 * np.minimum(beyond, 1.0),
            "efficiency_rank": rank,
            "super_efficiency_pct": np.where(np.isinf(beyond), np.nan, 100 * beyond),
            "constant_returns_pct": 100 * constant,
            "scale_efficiency_pct": 100 * scale,
            "returns_to_scale": kinds,
        }
    )
    scores = scores.join(_with_training(table, names, efficiency, inputs, outputs))
    comparison = compare_with_references(inputs, outputs, *settings)
    scores = scores.join(_reference_mixes(comparison, names, efficiency, inputs, outputs))
    sampled, cut = _sample(table, names, efficiency, inputs, outputs, seed)
    for column, quantile in (("low_pct", 0.05), ("median_pct", 0.5), ("high_pct", 0.95)):
        scores[column] = 100 * np.quantile(sampled, quantile, axis=0)
    scores["cut_pct"] = 100 * cut
    shown = np.lexsort((rank, -merge_ties(np.median(sampled, axis=0))))[: efficiency.shown_models]
    arrows = transitive_reduction(stochastic_dominance(sampled[:, shown], efficiency.confidence))
    larger, smaller = np.nonzero(arrows)
    return ScoredModels(
        scores.sort_values(["efficiency_rank", "model"], ignore_index=True),
        pd.DataFrame({"model": names[shown], "efficiencies_pct": list(100 * sampled[:, shown].T)}),
        pd.DataFrame({"larger": names[shown][larger], "smaller": names[shown][smaller]}),
    )


def describe(scores: pd.DataFrame, count: int, orientation: Orientation) -> str:
    """Describe in Markdown how the most efficient models compare with the others.

    Args:
        scores: rows of EFFICIENCY, best first.
        count: number of models to describe.
        orientation: what was compared, inputs or outputs.
    """
    columns = [str(column).removeprefix("own_") for column in scores.columns if str(column).startswith("own_")]
    lines = [f"# The {min(count, len(scores))} most efficient of {len(scores):,} models", ""]
    for row in scores.head(count).to_dict("records"):
        lines.append(f"{row['efficiency_rank']}. **{row['model']}**: {_in_words(row, orientation)}.")
        lines.append("   " + ", ".join(f"{column} {row['own_' + column]:,.6g}" for column in columns))
    return "\n".join(lines) + "\n"


def _in_words(row: Mapping[Hashable, Any], orientation: Orientation) -> str:
    sampled = f"median over the samples {row['median_pct']:.1f} % ({row['low_pct']:.1f} to {row['high_pct']:.1f})"
    if row["strong"]:
        return f"efficient, {_lead(row['super_efficiency_pct'], orientation)}; {sampled}"
    parts = zip(row["references"], row["weights"], strict=True)
    mix = " and ".join(f"{100 * weight:.0f} % {reference}" for reference, weight in parts)
    slacks = {str(key): value for key, value in row.items() if str(key).startswith("slack_")}
    improvements = [
        f"{value:,.4g} of {key.removeprefix('slack_')}"
        for key, value in slacks.items()
        if value > _NEGLIGIBLE * row["own_" + key.removeprefix("slack_")]
    ]
    addition = f", and the mix is also better by {' and '.join(improvements)}" if improvements else ""
    if orientation == "input":
        return f"as good as {mix}, at {row['efficiency_pct']:.1f} % of its costs{addition}; {sampled}"
    return f"{row['efficiency_pct']:.1f} % as good as {mix}, at its costs{addition}; {sampled}"


def _lead(beyond: float, orientation: Orientation) -> str:
    """Say how far an efficient model is ahead of the others."""
    if orientation == "input":
        return "and no mix of others gives as much" if pd.isna(beyond) else f"even at {beyond:.1f} % of its costs"
    least = 100 * 100 / beyond
    return "and no mix of others costs as little" if pd.isna(beyond) else f"even at {least:.1f} % of its benefits"


def best_by_construction(scores: pd.DataFrame, efficiency: EfficiencyConfig) -> pd.DataFrame:
    """Select the models that variable returns call efficient only because no model has more of an output.

    No mix reaches the highest value of an output without the model that has it, whatever that model costs.

    Args:
        scores: rows of EFFICIENCY.
        efficiency: how the models were scored.

    Returns:
        Rows of `scores` that are efficient with variable returns, and not with constant returns; none, if the models
        were scored with constant returns.
    """
    highest = pd.concat([scores[f"own_{name}"] == scores[f"own_{name}"].max() for name in efficiency.outputs], axis=1)
    lucky = (scores["efficiency_pct"] >= 100 * EFFICIENT) & (scores["constant_returns_pct"] < 100 * EFFICIENT)
    chosen: pd.DataFrame = scores[highest.any(axis=1) & lucky & (efficiency.returns == "variable")]
    return chosen


def _values(table: pd.DataFrame, columns: Sequence[str], names: NDArray[np.object_], positive: bool) -> Numbers:
    """Return columns of a table as an array of finite values that are not negative, or positive if requested."""
    values = []
    for column in columns:
        numbers = numbers_of(table, column)
        highest = _highest(column)
        bad = ~np.isfinite(numbers) | (numbers <= 0 if positive else numbers < 0) | (numbers > highest)
        if bad.any():
            required = "positive numbers" if positive else "numbers of at least 0"
            limit = f" and at most {highest:g}" if np.isfinite(highest) else ""
            raise UserError(
                f"column {column} needs {required}{limit}, but is {table[column][bad].iloc[0]} for {names[bad][0]}"
                f" (and invalid for {bad.sum() - 1} more)",
                "table",
            )
        above = numbers[numbers > 0]
        if len(above) and above.max() > _MAX_SPAN * above.min():
            raise UserError(
                f"column {column} ranges from {above.min():g} to {above.max():g}, by a factor above {_MAX_SPAN:,.0f}",
                "table",
                "remove the models that cannot be compared with the others",
            )
        values.append(numbers)
    return np.column_stack(values)


def _highest(column: str) -> float:
    """Return the maximum possible value of a column, according to the suffix of its name."""
    return _HIGHEST.get(column.lower().rpartition("_")[2], np.inf)


def _check_outputs(outputs: Numbers, columns: Sequence[str], names: NDArray[np.object_]) -> None:
    """Require a value above 0 of each model and each output; otherwise no mix of models can be compared with it."""
    if (all_zero := outputs.max(0) <= 0).any():
        raise UserError(f"column {columns[int(all_zero.argmax())]} is 0 for every model", "table", "remove it")
    if (useless := outputs.max(1) <= 0).any():
        raise UserError(f"{names[useless][0]} is 0 in {' and '.join(columns)}", "table", "remove this model")


def _deviations(
    table: pd.DataFrame, columns: Sequence[str], names: NDArray[np.object_], known: Mapping[str, str]
) -> Numbers:
    return np.column_stack(
        [
            _values(table, [known[column]], names, positive=False)[:, 0] if column in known else np.zeros(len(table))
            for column in columns
        ]
    )


def _rank(beyond: Numbers) -> NDArray[np.int64]:
    """Rank the models from the highest score, starting at 1; tied models share the smaller rank."""
    ranks: NDArray[np.int64] = rankdata(-merge_ties(beyond), method="min").astype(np.int64)
    return ranks


def _with_training(
    table: pd.DataFrame, names: NDArray[np.object_], efficiency: EfficiencyConfig, inputs: Numbers, outputs: Numbers
) -> pd.DataFrame:
    """Return scores and ranks with the training costs among the inputs; missing if no such costs are named."""
    if not efficiency.training_inputs:
        return pd.DataFrame({"training_efficiency_pct": [None] * len(table), "training_rank": None})
    costs = np.column_stack([inputs, _values(table, efficiency.training_inputs, names, positive=True)])
    beyond = score_beyond(costs, outputs, efficiency.returns, efficiency.orientation)
    return pd.DataFrame({"training_efficiency_pct": 100 * np.minimum(beyond, 1), "training_rank": _rank(beyond)})


def _reference_mixes(
    comparison: Comparison, names: NDArray[np.object_], efficiency: EfficiencyConfig, inputs: Numbers, outputs: Numbers
) -> pd.DataFrame:
    """Return the members of each model's reference mix, and the mix's inputs and outputs."""
    used = comparison.weights > _NEGLIGIBLE
    references = names[comparison.references]
    frame = pd.DataFrame(
        {
            "strong": comparison.strong,
            "references": [list(references[row]) for row in used],
            "weights": [list(weights[row]) for weights, row in zip(comparison.weights, used, strict=True)],
        }
    )
    values = np.column_stack([inputs, outputs])
    mixed = comparison.weights @ values[comparison.references]
    slacks = np.column_stack([comparison.input_slacks, comparison.output_slacks])
    for index, column in enumerate([*efficiency.inputs, *efficiency.outputs]):
        frame[f"own_{column}"], frame[f"target_{column}"] = values[:, index], mixed[:, index]
        frame[f"slack_{column}"] = slacks[:, index]
    return frame


def _sample(
    table: pd.DataFrame,
    names: NDArray[np.object_],
    efficiency: EfficiencyConfig,
    inputs: Numbers,
    outputs: Numbers,
    seed: int,
) -> tuple[Numbers, Numbers]:
    """Return (samples, models) efficiencies, and per model the largest share of a distribution at impossible values."""
    noise_in = _deviations(table, efficiency.inputs, names, efficiency.deviations)
    noise_out = _deviations(table, efficiency.outputs, names, efficiency.deviations)
    highest = np.array([_highest(column) for column in efficiency.outputs])
    cut = [truncated_share(inputs, noise_in, 0, np.inf)]
    cut += [truncated_share(outputs[:, [index]], noise_out[:, [index]], 0, high) for index, high in enumerate(highest)]
    sampled = efficiency_samples(
        (inputs, noise_in),
        (outputs, noise_out),
        highest,
        efficiency.returns,
        efficiency.orientation,
        efficiency.samples,
        seed,
        partial(_print_progress, efficiency.samples),
    )
    return sampled, np.column_stack(cut).max(1)


def _print_progress(total: int, done: int) -> None:
    if done % 100 == 0:
        print(f"efficiency: {done} of {total} samples", file=sys.stderr, flush=True)
