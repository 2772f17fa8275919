"""What the front needs of the search space: per choice and value, how often it is on the front, and what it adds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from scipy.stats import binomtest

from workflow_lib.analysis.choice_tables import CHOICES
from workflow_lib.core.candidate import TRAINED, Candidate
from workflow_lib.pareto.dominance import hypervolume_lost, to_losses
from workflow_lib.pareto.front_config import FrontConfig
from workflow_lib.pareto.front_uncertainty import resampled_fronts
from workflow_lib.spaces.grid_config import networks_of
from workflow_lib.spaces.networks import all_spaces, parse

Mask = NDArray[np.bool_]
NEEDED_PCT = 5.0
"""A value is needed if it is on the front in more than this share of the resamples (percent)."""

SPACE = "grid.space."
COLUMNS = {
    "grid.channel_sets": "channels",
    "grid.batch_sizes": "batch",
    "grid.recipes": "recipe",
    "grid.precisions": "precision",
}
"""Configuration key -> column of the candidates table, for the choices besides the network."""


def assess_choices(ranked: pd.DataFrame, space: Any, front: FrontConfig, seed: int) -> pd.DataFrame:
    """Tell for each value of each choice how often it is on the front, and what the front would lose without it.

    Choices of which only one value was tried are left out.

    Args:
        ranked: rows of FRONT.
        space: value of `grid.space`.
        front: the objectives, and the number of resamples.
        seed: seed of the resamples.

    Returns:
        Rows of CHOICES.

    Source: Li et al. 2023, which advise to confine the padding to 1, because the front needs no other.
    """
    candidates = ranked[~ranked["baseline"].astype(bool)].reset_index(drop=True)
    losses = to_losses(candidates, front.objectives)
    on_front = candidates["on_front"].to_numpy(dtype=bool)
    fronts = resampled_fronts(candidates, front.objectives, front.resamples, seed)
    rows = []
    for dimension, chosen in chosen_values(candidates, space).items():
        for value in sorted(chosen.dropna().unique(), key=lambda value: (isinstance(value, str), value)):
            mask = (chosen == value).to_numpy(dtype=bool)
            tried, members = int(mask.sum()), int(on_front[mask].sum())
            interval = binomtest(members, tried).proportion_ci(0.95, "wilson")
            resamples_pct = 100 * float(fronts[:, mask].any(1).mean())
            rows.append({
                "dimension": dimension,
                "value": str(value),
                "candidates": tried,
                "on_front": members,
                "front_pct": 100 * members / tried,
                "front_low_pct": 100 * max(interval.low, 0.0),
                "front_high_pct": 100 * min(interval.high, 1.0),
                "resamples_pct": resamples_pct,
                "hypervolume_lost_pct": hypervolume_lost(losses, mask),
                "trainings": _trainings_saved(candidates, mask),
                "needed": members > 0 or resamples_pct > NEEDED_PCT,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=[column.name for column in CHOICES.columns])


def chosen_values(candidates: pd.DataFrame, space: Any) -> dict[str, pd.Series]:
    """Return the value of each choice for each candidate; only of choices with several values.

    A choice counts for a network only if another value of it would give another network: without pooling, the kernel of
    the pooling does not. Networks of other spaces have no choices of this one.

    Args:
        candidates: rows with the columns KEYS.
        space: value of `grid.space`.

    Returns:
        Configuration key -> values; missing where the choice does not count.
    """
    networks = networks_of(space)

    def choices(network: str) -> Mapping[str, int | str]:
        if parse(network).space is not all_spaces()[space.name] or not networks.holds(network):
            return {}
        own = networks.parse(network)
        return {
            name: own[name]
            for name, values in networks.choices.items()
            if any(networks.build({**own, name: value}) != network for value in values)
        }

    of_network = {network: choices(network) for network in candidates["architecture"].unique()}
    found = {
        # Objects, because missing values would make floats of numbers.
        SPACE + name: pd.Series(
            [of_network[text].get(name) for text in candidates["architecture"]], candidates.index, dtype=object
        )
        for name in networks.choices
    }
    found |= {key: candidates[column] for key, column in COLUMNS.items()}
    return {key: values for key, values in found.items() if values.nunique() > 1}


def _trainings_saved(candidates: pd.DataFrame, removed: Mask) -> int:
    """Count the trainings that only removed candidates need; all precisions of a network share its trainings."""
    trained = candidates["candidate"].map(lambda name: str(Candidate.parse(name).as_trained))
    folds = candidates["fold_accuracy_pct"].map(len).groupby(trained).max()
    return int(folds.drop(trained[~removed].unique()).sum())


def suggest_grid(
    choices: pd.DataFrame,
    space: Any,
    channel_sets: Mapping[str, Sequence[str]],
    recipes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the part of the configuration that tries only what the front needs.

    Args:
        choices: rows of CHOICES.
        space: value of `grid.space`.
        channel_sets: value of `grid.channel_sets`.
        recipes: value of `grid.recipes`.

    Returns:
        Keys of the section `grid` of which several values were tried, and the whole space; without the space, if its
        values stand in a file of the user.
    """
    groups = choices.groupby("dimension", sort=False)
    kept = {key: rows.loc[rows["needed"], "value"].tolist() for key, rows in groups}
    listed = {name: list(values) for name, values in networks_of(space).choices.items()}
    reduced = {
        name: [value for value in values if str(value) in kept.get(SPACE + name, map(str, values))] or values[:1]
        for name, values in listed.items()
    }
    grid: dict[str, Any] = {}
    if "grid.channel_sets" in kept:
        grid["channel_sets"] = {name: list(channel_sets[name]) for name in kept["grid.channel_sets"]}
    if "grid.batch_sizes" in kept:
        grid["batch_sizes"] = [int(size) for size in kept["grid.batch_sizes"]]
    if "grid.recipes" in kept:
        grid["recipes"] = {name: dict((recipes or {})[name]) for name in kept["grid.recipes"]}
    if "grid.precisions" in kept:
        grid["precisions"] = [TRAINED, *(name for name in kept["grid.precisions"] if name != TRAINED)]
    if reduced.keys() <= type(space).model_fields.keys():
        grid["space"] = {"name": space.name} | reduced
    return grid


def suggestion_text(
    choices: pd.DataFrame,
    space: Any,
    channel_sets: Mapping[str, Sequence[str]],
    recipes: Mapping[str, Any] | None = None,
) -> str:
    """Return the grid of `suggest_grid` as YAML, with a comment if some values to drop stand in a file of the user."""
    grid = suggest_grid(choices, space, channel_sets, recipes)
    text: str = yaml.safe_dump({"grid": grid}, sort_keys=False, default_flow_style=None)
    elsewhere = "space" not in grid and (choices["dimension"].str.startswith(SPACE) & ~choices["needed"]).any()
    hint = "# The values of grid.space stand in a file of your own: remove them there.\n"
    return hint + text if elsewhere else text


def describe_choices(choices: pd.DataFrame) -> list[str]:
    """Say in sentences what all members of the front share, and which values can be dropped."""
    sentences = []
    if choices.empty:
        return ["Each choice has a single value in this run."]
    groups = [(str(key), rows) for key, rows in choices.groupby("dimension", sort=False)]
    members = {key: rows.loc[rows["on_front"] > 0, "value"].tolist() for key, rows in groups}
    shared = [f"{_word(key)} {values[0]}" for key, values in members.items() if len(values) == 1]
    if shared:
        sentences.append(f"All members of the front, as far as a choice applies to them, have {_join(shared)}.")
    # If no value is needed, the choice makes no difference to the front, and one value has to stay.
    idle = {key: rows.loc[~rows["needed"], "value"].tolist() for key, rows in groups if rows["needed"].any()}
    if TRAINED in idle.get("grid.precisions", []):
        idle["grid.precisions"].remove(TRAINED)  # the others are converted from it
    dropped = [f"{_word(key)} {_join(values)}" for key, values in idle.items() if values]
    if dropped:
        sentences.append(
            f"These values can be dropped: {'; '.join(dropped)}. None of them is on the front, nor in more than "
            f"{NEEDED_PCT:g} % of the resamples of the folds."
        )
    else:
        sentences.append("Each value of each choice is needed by the front.")
    return sentences


def _word(key: str) -> str:
    """The last part of a configuration key, as words."""
    return {"channel_sets": "channel set", "batch_sizes": "batch size"}.get(
        key.rpartition(".")[2], key.rpartition(".")[2].replace("_", " ")
    )


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
