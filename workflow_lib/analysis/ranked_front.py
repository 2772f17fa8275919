"""The table of the Pareto front, with all measures of the pareto package."""

import re
from typing import Any

import numpy as np
import pandas as pd

from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import epsilon_front, front_mask, hypervolume_share, pareto_ranks, to_losses
from workflow_lib.pareto.front_config import FrontConfig
from workflow_lib.pareto.front_uncertainty import front_frequency
from workflow_lib.pareto.recommend import recommend
from workflow_lib.spaces.networks import parse


def rank_candidates(candidates: pd.DataFrame, front: FrontConfig, seed: int) -> pd.DataFrame:
    """Rank the candidates; baselines keep their rows, but have no rank and dominate no candidate.

    Args:
        candidates: rows of CANDIDATES.
        front: objectives, tolerances and number of resamples.
        seed: seed of the resamples.

    Returns:
        Rows of FRONT, sorted by rank, then accuracy; baselines come last.

    Raises:
        UserError: if there are only baselines, or an objective is undefined for some candidate.
    """
    searched = candidates[~candidates["baseline"]].copy()
    baselines = candidates[candidates["baseline"]].copy()
    if searched.empty:
        raise UserError("there is no candidate besides the baseline", "candidates", "widen grid.space")
    losses = to_losses(searched, front.objectives)
    for objective, undefined in zip(front.objectives, np.isnan(losses).sum(0), strict=True):
        if undefined:
            raise UserError(f"{objective.name} is undefined for {undefined} candidates", "config: front.objectives")
    on_front = front_mask(losses)
    searched["rank"] = pareto_ranks(losses)
    searched["on_front"] = on_front
    searched["on_epsilon_front"] = epsilon_front(losses, [objective.tolerance for objective in front.objectives])
    searched["hypervolume_pct"] = hypervolume_share(losses, on_front)
    searched["front_frequency"] = front_frequency(searched, front.objectives, front.resamples, seed)
    searched["recommended"] = np.arange(len(searched)) == recommend(searched, front.objectives)
    outside = {
        "rank": None, "on_front": False, "on_epsilon_front": False,
        "hypervolume_pct": 0.0, "front_frequency": 0.0, "recommended": False,
    }  # fmt: skip
    table = pd.concat([searched, baselines.assign(**outside)], ignore_index=True)
    table["rank"] = table["rank"].astype("Int64")
    table = table.join(_choices(table["architecture"]))
    return table.sort_values(["rank", "accuracy_pct"], ascending=[True, False], na_position="last", ignore_index=True)


def _choices(architectures: pd.Series) -> pd.DataFrame:
    """Return a column for each choice of the networks, as text if a network lacks the choice."""
    rows = {text: parse(text).dimensions() for text in architectures.unique()}
    titles = dict.fromkeys(title for row in rows.values() for title in row)
    frame = pd.DataFrame(index=architectures.index)
    for title in titles:
        values = [rows[text].get(title) for text in architectures]
        same = len({type(value) for value in values}) == 1
        frame[title] = values if same else [None if value is None else str(value) for value in values]
    return frame.rename(columns=lambda title: "choice_" + re.sub("[^a-z0-9]+", "_", title.lower()).strip("_"))


def pick_candidate(ranked: pd.DataFrame, name: str) -> dict[str, Any]:
    """Find a candidate by name, or the recommended candidate.

    Args:
        ranked: rows of FRONT.
        name: a candidate's name, or `recommended`.

    Raises:
        UserError: if no candidate has that name.
    """
    chosen = ranked["recommended"] if name == "recommended" else ranked["candidate"] == name
    if chosen.any():
        return {str(column): value for column, value in ranked[chosen].iloc[0].items()}
    raise UserError("no such candidate", name, "see the column `candidate` of build_front/ranked.csv")
