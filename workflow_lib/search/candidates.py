"""The candidates: what was trained, exported and predicted, one row each."""

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_lib.core.errors import UserError
from workflow_lib.core.spaces import cross
from workflow_lib.training.summary import summarise_folds


def build_candidates(
    scores: pd.DataFrame,
    networks: pd.DataFrame,
    latencies: pd.DataFrame,
    classes: Sequence[str],
    baseline: str,
    folds: int,
) -> pd.DataFrame:
    """Join what is known of each candidate.

    Args:
        scores, networks, latencies: tables FOLD_SCORES, NETWORKS, LATENCIES.
        classes: class names, in the order of the scores' recalls.
        baseline: architecture id of the baseline.
        folds: how many there are; a candidate that lacks one is left out, for its mean would be over other chips.

    Returns:
        Rows of CANDIDATES, sorted by channels, batch and architecture.

    Raises:
        UserError: if no candidate has all its folds, a trained network has no costs, or no latency on some device.
    """
    trained = scores.groupby(["channels", "batch", "architecture"])["fold"].transform("count")
    complete = scores[trained == folds]
    if (complete["architecture"] == baseline).all():
        raise UserError("no candidate has all its folds", "build_candidates", "see the logs of the trainings")
    accuracy = summarise_folds(complete, classes)
    keys = ["channels", "architecture"]
    candidates = accuracy.merge(network_costs(networks, latencies), on=keys, how="left")
    missing = candidates.loc[candidates[["memory_bytes", "latency_mean_ms"]].isna().any(axis=1), keys]
    if len(missing):
        raise UserError(f"no costs or latencies for {missing.drop_duplicates().to_dict('records')}", "build_candidates")
    names = candidates["channels"] + "_b" + candidates["batch"].astype(str) + "_" + candidates["architecture"]
    candidates.insert(0, "candidate", names)
    candidates["baseline"] = candidates["architecture"] == baseline
    return candidates


def network_costs(networks: pd.DataFrame, latencies: pd.DataFrame) -> pd.DataFrame:
    """Join the tables NETWORKS and LATENCIES: one row per (channels, architecture)."""
    return networks.merge(_over_devices(latencies), on=["channels", "architecture"], how="outer")


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
