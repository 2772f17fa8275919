"""The models of a table, scored relative to each other."""

import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from workflow_lib.core.errors import UserError
from workflow_lib.pareto.efficiency_config import EfficiencyConfig
from workflow_lib.pareto.envelopment import MAX_SPAN, Comparison, compare_with_references, level, relative_efficiency
from workflow_lib.pareto.envelopment import super_efficiency as score_beyond
from workflow_lib.pareto.stochastic import (
    efficiency_samples,
    share_outside,
    stochastic_dominance,
    transitive_reduction,
)

Numbers = NDArray[np.float64]
_NEGLIGIBLE = 1e-4  # share of a reference in a mix
_HIGHEST = {"pct": 100.0, "auc": 1.0}
"""End of a column's name -> the largest value that it can have."""


@dataclass(frozen=True)
class ScoredModels:
    """What is known of the models' relative efficiency.

    Args:
        scores: rows of EFFICIENCY, best first.
        samples: rows of EFFICIENCY_SAMPLES: of the models with the highest median.
        dominance: rows of DOMINANCE among these.
    """

    scores: pd.DataFrame
    samples: pd.DataFrame
    dominance: pd.DataFrame


def score_models(table: pd.DataFrame, name: str, efficiency: EfficiencyConfig, seed: int) -> ScoredModels:
    """Score every model of a table against all of them.

    Args:
        table: one row per model.
        name: the column with the models' names.
        efficiency: inputs, outputs, their deviations, and how they are compared.
        seed: of the samples.

    Raises:
        UserError: if a column is missing, or a value is not what an input or an output can be.
    """
    names = _names(table, name)
    inputs = _values(table, efficiency.inputs, names, positive=True)
    outputs = _values(table, efficiency.outputs, names, positive=False)
    _check_outputs(outputs, efficiency.outputs, names)
    beyond = score_beyond(inputs, outputs, efficiency.returns)
    rank = _rank(beyond)
    scores = pd.DataFrame(
        {
            "model": names,
            "efficiency_pct": 100 * np.minimum(beyond, 1.0),
            "efficiency_rank": rank,
            "super_efficiency_pct": np.where(np.isinf(beyond), np.nan, 100 * beyond),
            "constant_returns_pct": 100 * relative_efficiency(inputs, outputs, "constant"),
        }
    )
    scores = scores.join(_with_training(table, names, efficiency, inputs, outputs))
    comparison = compare_with_references(inputs, outputs, efficiency.returns)
    scores = scores.join(_beside_mix(comparison, names, efficiency, inputs, outputs))
    sampled, cut = _sample(table, names, efficiency, inputs, outputs, seed)
    for column, quantile in (("low_pct", 0.05), ("median_pct", 0.5), ("high_pct", 0.95)):
        scores[column] = 100 * np.quantile(sampled, quantile, axis=0)
    scores["cut_pct"] = 100 * cut
    shown = np.lexsort((rank, -level(np.median(sampled, axis=0))))[: efficiency.shown_models]
    arrows = transitive_reduction(stochastic_dominance(sampled[:, shown], efficiency.confidence))
    larger, smaller = np.nonzero(arrows)
    return ScoredModels(
        scores.sort_values(["efficiency_rank", "model"], ignore_index=True),
        pd.DataFrame({"model": names[shown], "efficiencies_pct": list(100 * sampled[:, shown].T)}),
        pd.DataFrame({"larger": names[shown][larger], "smaller": names[shown][smaller]}),
    )


def describe(scores: pd.DataFrame, count: int) -> str:
    """Say in words, as Markdown, how the most efficient models compare with the others.

    Args:
        scores: rows of EFFICIENCY, best first.
        count: how many models are told of.
    """
    columns = [str(column).removeprefix("own_") for column in scores.columns if str(column).startswith("own_")]
    lines = [f"# The {min(count, len(scores))} most efficient of {len(scores):,} models", ""]
    for row in scores.head(count).to_dict("records"):
        lines.append(f"{row['efficiency_rank']}. **{row['model']}**: {_in_words(row)}.")
        lines.append("   " + ", ".join(f"{column} {row['own_' + column]:,.6g}" for column in columns))
    return "\n".join(lines) + "\n"


def _in_words(row: Mapping[Hashable, Any]) -> str:
    sampled = f"{row['median_pct']:.1f} % in the median of the samples ({row['low_pct']:.1f} to {row['high_pct']:.1f})"
    if row["strong"]:
        beyond = row["super_efficiency_pct"]
        lead = "no mix of others gives as much" if pd.isna(beyond) else f"still so at {beyond:.1f} % of its costs"
        return f"efficient, {lead}; {sampled}"
    parts = zip(row["references"], row["weights"], strict=True)
    mixed = " and ".join(f"{100 * weight:.0f} % {reference}" for reference, weight in parts)
    slacks = {str(key): value for key, value in row.items() if str(key).startswith("slack_")}
    further = [
        f"{value:,.4g} of {key.removeprefix('slack_')}"
        for key, value in slacks.items()
        if value > _NEGLIGIBLE * row["own_" + key.removeprefix("slack_")]
    ]
    beside = f", which is better by {' and '.join(further)} beside" if further else ""
    return f"as good as {mixed}, at {row['efficiency_pct']:.1f} % of its costs{beside}; {sampled}"


def _names(table: pd.DataFrame, name: str) -> NDArray[np.object_]:
    """The models' names as text; whole numbers of a Parquet column without decimals."""
    if name not in table:
        raise UserError(f"there is no column {name}", "table", f"its columns are {', '.join(map(str, table.columns))}")
    if table.empty:
        raise UserError("has no rows", "table")
    column = table[name]
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    names = np.array(["" if pd.isna(value) else str(value) for value in column], dtype=object)
    if nameless := [row for row, text in enumerate(names, start=1) if not text.strip()]:
        raise UserError(f"row {nameless[0]} has no name in column {name}", "table")
    if len(set(names)) < len(names):
        twice = next(text for row, text in enumerate(names) if text in names[:row])
        raise UserError(f"column {name} names {twice} twice", "table", "choose a column that tells models apart")
    return names


def _values(table: pd.DataFrame, columns: Sequence[str], names: NDArray[np.object_], positive: bool) -> Numbers:
    """Columns of a table as an array: finite, not negative, and if so wanted positive."""
    values = []
    for column in columns:
        if column not in table:
            raise UserError(f"there is no column {column}", "table", f"its columns are {', '.join(map(str, table))}")
        found = table[column].astype(object).where(~_is_flag(table[column]))
        numbers = pd.to_numeric(found, errors="coerce").to_numpy(dtype=np.float64)
        highest = _highest(column)
        bad = ~np.isfinite(numbers) | (numbers <= 0 if positive else numbers < 0) | (numbers > highest)
        if bad.any():
            wanted = "positive numbers" if positive else "numbers from 0 on"
            limit = f" up to {highest:g}" if np.isfinite(highest) else ""
            raise UserError(
                f"column {column} needs {wanted}{limit}, and is {table[column][bad].iloc[0]} for {names[bad][0]}"
                f" (and wrong for {bad.sum() - 1} more)",
                "table",
            )
        above = numbers[numbers > 0]
        if len(above) and above.max() > MAX_SPAN * above.min():
            raise UserError(
                f"column {column} goes from {above.min():g} to {above.max():g}, more than {MAX_SPAN:.0e} times apart",
                "table",
                "leave out the models that cannot be compared with the others",
            )
        values.append(numbers)
    return np.column_stack(values)


def _is_flag(column: pd.Series) -> pd.Series:
    """Which values are true or false: no numbers, though Python counts with them."""
    return column.map(lambda value: isinstance(value, bool | np.bool_)).astype(bool)


def _highest(column: str) -> float:
    """The largest value that a column can have, by the end of its name."""
    return _HIGHEST.get(column.lower().rpartition("_")[2], np.inf)


def _check_outputs(outputs: Numbers, columns: Sequence[str], names: NDArray[np.object_]) -> None:
    """Each model and each output needs a value above 0: a mix of models could not be compared with it."""
    if (idle := outputs.max(0) <= 0).any():
        raise UserError(f"column {columns[int(idle.argmax())]} is 0 for every model", "table", "leave it out")
    if (useless := outputs.max(1) <= 0).any():
        raise UserError(f"{names[useless][0]} is 0 in {' and '.join(columns)}", "table", "leave this model out")


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
    """Number the models from the highest score on; equal ones share the smaller number."""
    ranks: NDArray[np.int64] = rankdata(-level(beyond), method="min").astype(np.int64)
    return ranks


def _with_training(
    table: pd.DataFrame, names: NDArray[np.object_], efficiency: EfficiencyConfig, inputs: Numbers, outputs: Numbers
) -> pd.DataFrame:
    """Scores and ranks with the costs of training among the inputs; missing where none are named."""
    if not efficiency.training_inputs:
        return pd.DataFrame({"training_efficiency_pct": [None] * len(table), "training_rank": None})
    costs = np.column_stack([inputs, _values(table, efficiency.training_inputs, names, positive=True)])
    beyond = score_beyond(costs, outputs, efficiency.returns)
    return pd.DataFrame({"training_efficiency_pct": 100 * np.minimum(beyond, 1), "training_rank": _rank(beyond)})


def _beside_mix(
    comparison: Comparison, names: NDArray[np.object_], efficiency: EfficiencyConfig, inputs: Numbers, outputs: Numbers
) -> pd.DataFrame:
    """Who is in each model's mix, and what the mix has of everything."""
    used = comparison.weights > _NEGLIGIBLE
    references = names[comparison.references]
    frame = pd.DataFrame(
        {
            "strong": comparison.strong,
            "references": [list(references[row]) for row in used],
            "weights": [list(weights[row]) for weights, row in zip(comparison.weights, used, strict=True)],
        }
    )
    own = np.column_stack([inputs, outputs])
    mixed = comparison.weights @ own[comparison.references]
    slacks = np.column_stack([comparison.input_slacks, comparison.output_slacks])
    for place, column in enumerate([*efficiency.inputs, *efficiency.outputs]):
        frame[f"own_{column}"], frame[f"target_{column}"] = own[:, place], mixed[:, place]
        frame[f"slack_{column}"] = slacks[:, place]
    return frame


def _sample(
    table: pd.DataFrame,
    names: NDArray[np.object_],
    efficiency: EfficiencyConfig,
    inputs: Numbers,
    outputs: Numbers,
    seed: int,
) -> tuple[Numbers, Numbers]:
    """Efficiencies, (samples, models), and the largest share of a model's distributions that no value can have."""
    noise_in = _deviations(table, efficiency.inputs, names, efficiency.deviations)
    noise_out = _deviations(table, efficiency.outputs, names, efficiency.deviations)
    highest = np.array([_highest(column) for column in efficiency.outputs])
    cut = [share_outside(inputs, noise_in, 0, np.inf)]
    cut += [share_outside(outputs[:, [place]], noise_out[:, [place]], 0, high) for place, high in enumerate(highest)]
    sampled = efficiency_samples(
        (inputs, noise_in),
        (outputs, noise_out),
        highest,
        efficiency.returns,
        efficiency.samples,
        seed,
        partial(_say, efficiency.samples),
    )
    return sampled, np.column_stack(cut).max(1)


def _say(wanted: int, done: int) -> None:
    if done % 100 == 0:
        print(f"score_efficiency: {done} of {wanted} samples", file=sys.stderr, flush=True)
