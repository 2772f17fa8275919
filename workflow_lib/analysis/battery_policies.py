"""A battery in the field: which networks a device switches between, and how long each way of using them lasts.

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
    """A time in which one network runs.

    Args:
        row: of the network.
        hours: how long.
    """

    row: int
    hours: float


def energy_mj(candidates: pd.DataFrame, active_mw: float | None) -> Numbers:
    """What one inference of each candidate takes (mJ): as predicted, or the power of running times the mean latency.

    Args:
        candidates: with energy_mean_mj, or latency_mean_ms.
        active_mw: power while a network runs, beyond that of waiting (mW); None: energies are predicted.
    """
    if active_mw is None:
        return candidates["energy_mean_mj"].to_numpy(np.float64)
    return active_mw * candidates["latency_mean_ms"].to_numpy(np.float64) / 1e3


def choose_networks(accuracy_pct: Numbers, energy: Numbers, count: int) -> NDArray[np.int64]:
    """Choose networks to switch between: both ends of the front of accuracy and energy, and what covers most between.

    Args:
        accuracy_pct, energy: (n,) of all networks.
        count: how many, at most; at least 2.

    Returns:
        Rows, from the most accurate to the most frugal.
    """
    losses = np.column_stack([-accuracy_pct, energy])
    front = np.flatnonzero(front_mask(losses))
    _, first = np.unique(losses[front], axis=0, return_index=True)
    front = front[first]  # sorted: the most accurate first, which takes most energy
    between = front[1:-1]
    chosen = between[choose_by_hypervolume(losses[between], count - 2)] if len(between) and count > 2 else between[:0]
    ends = [front[0], front[-1]]
    return np.array([row for row in front if row in chosen or row in ends], dtype=np.int64)


def by_charge(power_mw: Numbers, capacity_mwh: float) -> list[Phase]:
    """Switch to the next network whenever an equal part of the charge is used up.

    Args:
        power_mw: (n,) mean power with each network, from the most accurate to the most frugal (mW).
        capacity_mwh: of the battery.
    """
    part = capacity_mwh / len(power_mw)
    return [Phase(row, float(part / power)) for row, power in enumerate(power_mw)]


def by_clock(power_mw: Numbers, accuracy_pct: Numbers, capacity_mwh: float, hours: float) -> list[Phase]:
    """Switch at hours that make the mean accuracy as high as the battery allows for so long: a linear program.

    Args:
        power_mw, accuracy_pct: (n,) with each network, from the most accurate to the most frugal.
        capacity_mwh: of the battery.
        hours: that it must last.

    Raises:
        UserError: if it does not last with any network.
    """
    if capacity_mwh < power_mw.min() * hours:
        lasts = capacity_mwh / power_mw.min()
        raise UserError(
            f"the battery lasts {lasts:.2f} of {hours:g} hours with the most frugal network",
            WHERE,
            "lower hours or idle_mw, or raise capacity_mwh or interval_s",
        )
    found = linprog(
        -accuracy_pct,
        A_ub=[power_mw],
        b_ub=[capacity_mwh],
        A_eq=[np.ones(len(power_mw))],
        b_eq=[hours],
        bounds=(0, None),
    )
    assert found.success, found.message
    return [Phase(row, float(share)) for row, share in enumerate(found.x) if share > hours * 1e-9]


def simulate(battery: BatteryConfig, candidates: pd.DataFrame) -> pd.DataFrame:
    """Empty a battery by the most accurate network alone, by the most frugal one alone, and by switching.

    Args:
        battery: the battery, how often it is asked for an inference, and when the network is switched.
        candidates: of one channel set, with the columns candidate, channels, architecture, accuracy_pct,
            latency_mean_ms, and energy_mean_mj unless `battery.active_mw` is given.

    Returns:
        Rows of BATTERY.

    Raises:
        UserError: if a network takes longer than the time between two inferences, or the battery does not last.
    """
    energy, accuracy = energy_mj(candidates, battery.active_mw), candidates["accuracy_pct"].to_numpy(np.float64)
    rows = choose_networks(accuracy, energy, battery.max_networks)
    chosen, energy, accuracy = candidates.iloc[rows], energy[rows], accuracy[rows]
    slowest = chosen.iloc[int(chosen["latency_mean_ms"].argmax())]
    if slowest["latency_mean_ms"] > 1e3 * battery.interval_s:
        raise UserError(
            f"{slowest['candidate']} takes {slowest['latency_mean_ms']:.1f} ms",
            WHERE,
            f"interval_s is {battery.interval_s:g}",
        )
    power = battery.idle_mw + energy / battery.interval_s
    capacity = battery.capacity_mwh
    switching = (
        by_charge(power, capacity) if battery.hours is None else by_clock(power, accuracy, capacity, battery.hours)
    )
    ends = {"accurate": 0, "frugal": len(rows) - 1}
    policies = {name: [Phase(row, float(capacity / power[row]))] for name, row in ends.items()}
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
    """One step per phase: its hours and the charge at both ends, and the inferences in it."""
    hours, left_mwh = 0.0, battery.capacity_mwh
    for step, phase in enumerate(phases):
        used = float(phase.hours * power_mw[phase.row])
        yield {
            "step": step,
            "row": phase.row,
            "begin_h": hours,
            "end_h": hours + phase.hours,
            "begin_pct": 100 * left_mwh / battery.capacity_mwh,
            "end_pct": max(0.0, 100 * (left_mwh - used) / battery.capacity_mwh),
            "inferences": int(phase.hours * SECONDS_PER_HOUR / battery.interval_s),
        }
        hours, left_mwh = hours + phase.hours, left_mwh - used
