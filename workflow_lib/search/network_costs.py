"""What each network costs, over all devices: one row per network."""

import pandas as pd

from workflow_lib.core.errors import UserError


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
