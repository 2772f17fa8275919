"""Simulated battery life of a device that switches between networks.

Source: Pareto Rank-Preserving Supernetwork for HW-NAS, section 4.4 and figure 8.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linprog

from workflow_lib.analysis.battery_config import BatteryConfig
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import choose_by_hypervolume, front_mask

Numbers = NDArray[np.float64]
SECONDS_PER_HOUR = 3600.0
WHERE = "config: battery"


@dataclass(frozen=True)
class Phase:
    """A period in which one network runs.

    Args:
        row: row of the network.
        hours: duration of the period (h).
    """

    row: int
    hours: float


def energy_mj(candidates: pd.DataFrame, active_mw: float | None) -> Numbers:
    """Return the energy of one inference of each candidate: predicted, or power times mean latency.

    Args:
        candidates: table with the column energy_mean_mj, or latency_mean_ms if `active_mw` is given.
        active_mw: additional power while a network runs (mW); None: use the predicted energies.

    Returns:
        (n,) energies (mJ).
    """
    if active_mw is None:
        return candidates["energy_mean_mj"].to_numpy(np.float64)
    return active_mw * candidates["latency_mean_ms"].to_numpy(np.float64) / 1e3


def choose_networks(accuracy_pct: Numbers, energy: Numbers, count: int) -> NDArray[np.int64]:
    """Choose networks to switch between, from the front of accuracy and energy.

    Both ends of the front are chosen; the others maximise the hypervolume between them.

    Args:
        accuracy_pct: (n,) accuracies of all networks (%), maximised.
        energy: (n,) energies of an inference (mJ), minimised.
        count: maximum number of networks, at least 2.

    Returns:
        (k,) rows of the chosen networks, from the most accurate to the most frugal.

    >>> choose_networks(np.array([90.0, 95.0, 80.0, 85.0]), np.array([2.0, 4.0, 1.0, 3.0]), count=2)
    array([1, 2])
    """
    losses = np.column_stack([-accuracy_pct, energy])
    front = np.flatnonzero(front_mask(losses))
    _, first = np.unique(losses[front], axis=0, return_index=True)
    front = front[first]  # sorted: the most accurate network, which needs most energy, comes first
    between = front[1:-1]
    chosen = between[choose_by_hypervolume(losses[between], count - 2)] if len(between) and count > 2 else between[:0]
    ends = [front[0], front[-1]]
    return np.array([row for row in front if row in chosen or row in ends], dtype=np.int64)


def switch_by_charge(power_mw: Numbers, capacity_mwh: float) -> list[Phase]:
    """Switch to the next network whenever an equal share of the charge is used up.

    Args:
        power_mw: (n,) mean power with each network (mW), from the most accurate to the most frugal.
        capacity_mwh: capacity of the battery (mWh).

    >>> switch_by_charge(np.array([50.0, 25.0]), 100.0)
    [Phase(row=0, hours=1.0), Phase(row=1, hours=2.0)]
    """
    share_mwh = capacity_mwh / len(power_mw)
    return [Phase(row, float(share_mwh / power)) for row, power in enumerate(power_mw)]


def switch_by_time(power_mw: Numbers, accuracy_pct: Numbers, capacity_mwh: float, hours: float) -> list[Phase]:
    """Schedule the networks so that the mean accuracy over a required battery life is maximal (a linear program).

    Args:
        power_mw: (n,) mean power with each network (mW), from the most accurate to the most frugal.
        accuracy_pct: (n,) accuracy of each network (%), in the same order.
        capacity_mwh: capacity of the battery (mWh).
        hours: required battery life (h).

    Raises:
        UserError: if the battery does not last that long with any network.
    """
    if capacity_mwh < power_mw.min() * hours:
        longest = capacity_mwh / power_mw.min()
        raise UserError(
            f"the battery lasts {longest:.2f} of {hours:g} hours with the most frugal network",
            WHERE,
            "lower hours or idle_mw, or raise capacity_mwh or interval_s",
        )
    solution = linprog(
        -accuracy_pct,
        A_ub=[power_mw],
        b_ub=[capacity_mwh],
        A_eq=[np.ones(len(power_mw))],
        b_eq=[hours],
        bounds=(0, None),
    )
    assert solution.success, solution.message
    return [Phase(row, float(share)) for row, share in enumerate(solution.x) if share > hours * 1e-9]


def simulate(battery: BatteryConfig, candidates: pd.DataFrame) -> pd.DataFrame:
    """Simulate discharges with the most accurate network alone, the most frugal one alone, and with switching.

    Args:
        battery: the battery, the interval between inferences, and when the network is switched.
        candidates: candidates of one channel set, with the columns candidate, channels, architecture, accuracy_pct,
            latency_mean_ms, and energy_mean_mj unless `battery.active_mw` is given.

    Returns:
        Rows of BATTERY.

    Raises:
        UserError: if an inference takes longer than the interval, or the battery does not last long enough.
    """
    energy, accuracy = energy_mj(candidates, battery.active_mw), candidates["accuracy_pct"].to_numpy(np.float64)
    rows = choose_networks(accuracy, energy, battery.max_networks)
    chosen, energy, accuracy = candidates.iloc[rows], energy[rows], accuracy[rows]
    slowest = chosen.iloc[int(chosen["latency_mean_ms"].argmax())]
    if slowest["latency_mean_ms"] > 1e3 * battery.interval_s:
        raise UserError(
            f"an inference of {slowest['candidate']} takes {slowest['latency_mean_ms']:.1f} ms",
            WHERE,
            f"raise interval_s, which is {battery.interval_s:g} s",
        )
    power = battery.idle_mw + energy / battery.interval_s
    capacity = battery.capacity_mwh
    switching = (
        switch_by_charge(power, capacity)
        if battery.hours is None
        else switch_by_time(power, accuracy, capacity, battery.hours)
    )
    single = {"accurate": 0, "frugal": len(rows) - 1}
    policies = {name: [Phase(row, float(capacity / power[row]))] for name, row in single.items()}
    steps = [
        step | {"policy": policy}
        for policy, phases in {**policies, "adequate": switching}.items()
        for step in _discharge(phases, power, battery)
    ]
    table = pd.DataFrame(steps)
    for name in ("channels", "candidate", "architecture"):
        table[name] = chosen[name].to_numpy()[table["row"]]
    return table.assign(accuracy_pct=accuracy[table["row"]], energy_mj=energy[table["row"]]).drop(columns="row")


def _discharge(phases: Sequence[Phase], power_mw: Numbers, battery: BatteryConfig) -> Iterator[dict[str, float | int]]:
    """Yield one step per phase: its begin and end, the charge at both, and the number of inferences."""
    hours, charge_mwh = 0.0, battery.capacity_mwh
    for step, phase in enumerate(phases):
        used_mwh = float(phase.hours * power_mw[phase.row])
        yield {
            "step": step,
            "row": phase.row,
            "begin_h": hours,
            "end_h": hours + phase.hours,
            "begin_pct": 100 * charge_mwh / battery.capacity_mwh,
            "end_pct": max(0.0, 100 * (charge_mwh - used_mwh) / battery.capacity_mwh),
            "inferences": int(phase.hours * SECONDS_PER_HOUR / battery.interval_s),
        }
        hours, charge_mwh = hours + phase.hours, charge_mwh - used_mwh
