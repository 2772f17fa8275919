"""The candidates: what was trained, exported and predicted, one row each."""

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_lib.core.errors import UserError
from workflow_lib.core.spaces import cross
from workflow_lib.training.summary import summarise_folds

KEYS = ["channels", "batch", "architecture"]
"""What tells candidates apart."""


def candidate_name(channels: str, batch: int, architecture: str) -> str:
    """How tables, figures and folders call a candidate."""
    return f"{channels}_b{batch}_{architecture}"


def parse_name(name: str) -> tuple[str, int, str]:
    """Channel set, batch size and architecture of a candidate, by its name: the inverse of `candidate_name`."""
    channels, batch, architecture = name.rsplit("_", 2)
    return channels, int(batch.removeprefix("b")), architecture


def build_candidates(
    scores: pd.DataFrame,
    networks: pd.DataFrame,
    latencies: pd.DataFrame,
    classes: Sequence[str],
    baseline: str,
    folds: int,
    same_split: bool = False,
) -> pd.DataFrame:
    """Join what is known of each candidate.

    Args:
        scores, networks, latencies: tables FOLD_SCORES, NETWORKS, LATENCIES.
        classes: class names, in the order of the scores' recalls.
        baseline: architecture id of the baseline.
        folds: how many there are; a candidate that lacks one is left out, for its mean would be over other chips.
        same_split: whether they are the same chips, and only seeds differ.

    Returns:
        Rows of CANDIDATES, sorted by channels, batch and architecture.

    Raises:
        UserError: if no candidate has all its folds, a trained network has no costs, or no latency on some device.
    """
    trained = scores.groupby(KEYS)["fold"].transform("count")
    complete = scores[trained == folds]
    if (complete["architecture"] == baseline).all():
        raise UserError("no candidate has all its folds", "build_candidates", "see the logs of the trainings")
    accuracy = summarise_folds(complete, classes, same_split)
    keys = ["channels", "architecture"]
    candidates = accuracy.merge(network_costs(networks, latencies), on=keys, how="left")
    missing = candidates.loc[candidates[["memory_bytes", "latency_mean_ms"]].isna().any(axis=1), keys]
    if len(missing):
        raise UserError(f"no costs or latencies for {missing.drop_duplicates().to_dict('records')}", "build_candidates")
    candidates.insert(0, "candidate", [candidate_name(*key) for key in candidates[KEYS].itertuples(index=False)])
    candidates["baseline"] = candidates["architecture"] == baseline
    return candidates


def check_proposed(scores: pd.DataFrame, proposals: pd.DataFrame, baseline: str, allow_missing: bool) -> None:
    """Refuse scores of other candidates than the search proposes: those of an earlier search, most likely.

    Args:
        scores: rows of FOLD_SCORES.
        proposals: rows of PROPOSALS.
        baseline: architecture id of the baseline, which nobody proposes.
        allow_missing: whether a candidate may lack its scores.

    Raises:
        UserError: if there are such.
    """
    trained = set(scores.loc[scores["architecture"] != baseline, KEYS].itertuples(index=False, name=None))
    proposed = set(proposals[KEYS].itertuples(index=False, name=None))
    wrong = trained - proposed if allow_missing else trained ^ proposed
    if wrong:
        raise UserError(
            f"the search proposes other candidates now than were trained: they differ in {len(wrong)}",
            "proposals",
            "run again with python -m workflow_lib.rounds",
        )


def network_costs(
    networks: pd.DataFrame, latencies: pd.DataFrame, utilizations: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Join the tables NETWORKS, LATENCIES and UTILIZATIONS, if there is one: one row per (channels, architecture)."""
    keys = ["channels", "architecture"]
    costs = networks.merge(_over_devices(latencies), on=keys, how="outer")
    return costs if utilizations is None else costs.merge(utilizations, on=keys)


def _over_devices(latencies: pd.DataFrame) -> pd.DataFrame:
    """One row per (channels, architecture): mean, population deviation and worst over devices, and each device.

    Devices that have an energy instead of a latency give its mean and each.
    """
    wide = _each_device(latencies, "latency_ms")
    table = wide.add_prefix("latency_").add_suffix("_ms")
    table["latency_mean_ms"] = wide.mean(axis=1)
    table["latency_device_std_ms"] = wide.std(axis=1, ddof=0)
    table["latency_worst_ms"] = wide.max(axis=1)
    if latencies["energy_mj"].notna().any():
        energy = _each_device(latencies, "energy_mj")
        table = table.join(energy.add_prefix("energy_").add_suffix("_mj"))
        table["energy_mean_mj"] = energy.mean(axis=1)
    return table.reset_index()


def _each_device(latencies: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """(networks, devices) of what some devices have: each network, or none."""
    devices = latencies.groupby("device")[quantity].transform("count") > 0
    wide = latencies[devices].pivot(index=["channels", "architecture"], columns="device", values=quantity)
    lacking = wide.index[wide.isna().any(axis=1)]
    if len(lacking):
        names = ", ".join(wide.columns[wide.loc[lacking[0]].isna()])
        raise UserError(
            f"no {quantity} of {' '.join(lacking[0])} on {names}, and of {len(lacking) - 1} more", "latencies"
        )
    return wide


def map_raw_configurations(choices: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Say which architecture each raw configuration of the paper's grid builds.

    Args:
        choices: dimension -> values.

    Returns:
        Rows of RAW_CONFIGURATIONS.
    """
    return pd.DataFrame(
        {"configuration": number, **raw, "architecture": str(cross.Architecture.from_configuration(raw))}
        for number, raw in enumerate(cross.raw_configurations(choices))
    )
