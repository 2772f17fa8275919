"""The costs of each network over all devices, one row per network."""

import pandas as pd

from workflow_lib.core.candidate import NETWORK_KEYS
from workflow_lib.core.errors import UserError


def network_costs(
    networks: pd.DataFrame, latencies: pd.DataFrame, utilizations: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Join the cost tables of networks.

    Args:
        networks: table NETWORKS.
        latencies: table LATENCIES.
        utilizations: table UTILIZATIONS, if utilization was measured.

    Returns:
        One row per network and precision: columns NETWORK_KEYS and the costs.
    """
    costs = networks.merge(_over_devices(latencies), on=NETWORK_KEYS, how="outer")
    return costs if utilizations is None else costs.merge(utilizations, on=["channels", "architecture"])


def _over_devices(latencies: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network: latency on each device, and its mean, population deviation and maximum.

    Devices that predict energy instead of latency give the energy on each device and its mean. Devices that measure
    files give the size of their file.
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
    if latencies["file_bytes"].notna().any():
        sizes = _each_device(latencies, "file_bytes")
        table = table.join(sizes.add_prefix("file_").add_suffix("_bytes"))
    return table.reset_index()


def _each_device(latencies: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """Return (networks, devices) values of the devices that have the quantity; no network may lack one."""
    devices = latencies.groupby("device")[quantity].transform("count") > 0
    wide = latencies[devices].pivot(index=NETWORK_KEYS, columns="device", values=quantity)
    incomplete = wide.index[wide.isna().any(axis=1)]
    if len(incomplete):
        names = ", ".join(wide.columns[wide.loc[incomplete[0]].isna()])
        raise UserError(
            f"no {quantity} of {' '.join(incomplete[0])} on {names} (and of {len(incomplete) - 1} more networks)",
            "latencies",
        )
    return wide
