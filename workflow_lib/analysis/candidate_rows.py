"""The table of candidates: what was trained, exported and predicted, one row per candidate."""

from collections.abc import Sequence

import pandas as pd

from workflow_lib.core.candidate import KEYS, NETWORK_KEYS, TRAINED, Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.costs import all_costs
from workflow_lib.search.network_costs import network_costs
from workflow_lib.spaces.space import Space
from workflow_lib.training.fold_summary import summarise_folds


def build_candidates(
    scores: pd.DataFrame,
    networks: pd.DataFrame,
    latencies: pd.DataFrame,
    classes: Sequence[str],
    baselines: Sequence[str],
    folds: int,
    same_split: bool = False,
) -> pd.DataFrame:
    """Join the scores, costs and latencies of each candidate.

    Args:
        scores: table FOLD_SCORES.
        networks: table NETWORKS.
        latencies: table LATENCIES.
        classes: class names, in the order of the recalls in `scores`.
        baselines: architecture ids of the baselines.
        folds: number of folds; a candidate that lacks a fold is excluded, because its mean would cover other chips.
        same_split: whether all folds have the same chips and differ only in their seeds.

    Returns:
        Rows of CANDIDATES, sorted by channels, batch and architecture.

    Raises:
        UserError: if no candidate has all its folds, or a trained network lacks its costs or a device's latency.
    """
    fold_counts = scores.groupby(KEYS)["fold"].transform("count")
    complete = scores[fold_counts == folds]
    if complete["architecture"].isin(baselines).all():
        raise UserError("no candidate has all its folds", "build_candidates", "see the logs of the trainings")
    accuracy = summarise_folds(complete, classes, same_split)
    candidates = accuracy.merge(network_costs(networks, latencies), on=NETWORK_KEYS, how="left")
    missing = candidates.loc[candidates[["latency_mean_ms", *all_costs()]].isna().any(axis=1), NETWORK_KEYS]
    if len(missing):
        raise UserError(f"no costs or latencies for {missing.drop_duplicates().to_dict('records')}", "build_candidates")
    candidates.insert(0, "candidate", [str(Candidate(*key)) for key in candidates[KEYS].itertuples(index=False)])
    candidates["baseline"] = candidates["architecture"].isin(baselines)
    return candidates


def check_proposed(
    scores: pd.DataFrame, proposals: pd.DataFrame, baselines: Sequence[str], allow_missing: bool
) -> None:
    """Check that the scores are those of the proposed candidates, and not of an earlier search.

    Args:
        scores: rows of FOLD_SCORES.
        proposals: rows of PROPOSALS; only those that are trained for all epochs have scores.
        baselines: architecture ids of the baselines, which are never proposed.
        allow_missing: whether a candidate may lack its scores.

    Raises:
        UserError: if the trained and the proposed candidates differ.
    """
    searched = ~scores["architecture"].isin(baselines) & (scores["precision"] == TRAINED)
    trained = set(scores.loc[searched, KEYS].itertuples(index=False, name=None))
    proposed = set(proposals.loc[proposals["part"] == 1, KEYS].itertuples(index=False, name=None))
    differing = trained - proposed if allow_missing else trained ^ proposed
    if differing:
        raise UserError(
            f"the search proposes other candidates now than those that were trained: {len(differing)} differ",
            "proposals",
            "run again with python -m workflow_lib.rounds",
        )


def map_raw_configurations(space: Space) -> pd.DataFrame:
    """Tabulate the architecture that each raw configuration of a space builds.

    Args:
        space: the search space; several configurations may build the same network.

    Returns:
        Rows of RAW_CONFIGURATIONS.
    """
    integers = {name for name, values in space.choices.items() if all(type(value) is int for value in values)}
    return pd.DataFrame(
        {
            "configuration": number,
            **{name: value if name in integers else str(value) for name, value in raw.items()},
            "architecture": space.build(raw),
        }
        for number, raw in enumerate(space.configurations())
    )
