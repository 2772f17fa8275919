"""Batteries by hand: which networks are switched between, when, and how long that lasts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from workflow_lib.analysis.battery_config import BatteryConfig
from workflow_lib.analysis.battery_policies import choose_networks, simulate, switch_by_time
from workflow_lib.core.errors import UserError

CANDIDATES = pd.DataFrame(
    {
        "candidate": ["a", "b", "c", "d"],
        "channels": "5",
        "architecture": ["A", "B", "C", "D"],
        "accuracy_pct": [90.0, 80.0, 70.0, 60.0],
        "latency_mean_ms": [400.0, 200.0, 100.0, 150.0],  # d is worse than c in both
    }
)


def battery(**values: float | None) -> BatteryConfig:
    """400 mW for 400, 200, 100 ms once a second: 160, 80 and 40 mW beside the 40 of waiting."""
    return BatteryConfig.model_validate(
        {"capacity_mwh": 600, "interval_s": 1.0, "idle_mw": 40.0, "active_mw": 400.0, **values}
    )


def steps(table: pd.DataFrame, policy: str) -> pd.DataFrame:
    return table[table["policy"] == policy].reset_index(drop=True)


def test_one_network_alone_lasts_capacity_over_power() -> None:
    table = simulate(battery(), CANDIDATES)
    for policy, architecture, hours in (("accurate", "A", 3.0), ("frugal", "C", 7.5)):
        (row,) = steps(table, policy).to_dict("records")
        assert (row["architecture"], row["end_h"], row["end_pct"]) == (architecture, pytest.approx(hours), 0)
        assert row["inferences"] == pytest.approx(hours * 3600, abs=1)


def test_by_charge_each_network_uses_a_third() -> None:
    adequate = steps(simulate(battery(), CANDIDATES), "adequate")
    assert adequate["architecture"].tolist() == ["A", "B", "C"]
    assert adequate["end_h"].tolist() == pytest.approx([1.0, 1.0 + 200 / 120, 1.0 + 200 / 120 + 2.5])
    assert adequate["begin_pct"].tolist() == pytest.approx([100, 200 / 3, 100 / 3])
    assert adequate["energy_mj"].tolist() == pytest.approx([160, 80, 40])


def test_by_clock_the_mean_accuracy_is_as_high_as_the_battery_allows() -> None:
    # 5 hours at 120 mW in the mean: B alone (80 %), or A and C in parts (80 % as well, or less).
    adequate = steps(simulate(battery(hours=4.0), CANDIDATES), "adequate")
    assert adequate["end_h"].iloc[-1] == pytest.approx(4.0)
    used = (adequate["end_h"] - adequate["begin_h"]) * (40 + adequate["energy_mj"])
    assert used.sum() == pytest.approx(600)
    # 150 mW in the mean: 3/8 of the time A (200 mW), 5/8 B (120 mW).
    assert adequate["end_h"].tolist() == pytest.approx([1.5, 4.0])


def test_where_the_most_accurate_lasts_nothing_is_switched() -> None:
    adequate = steps(simulate(battery(hours=2.0), CANDIDATES), "adequate")
    assert adequate["architecture"].tolist() == ["A"]
    assert adequate["end_pct"].iloc[-1] == pytest.approx(100 / 3)


def test_no_schedule_on_a_grid_is_better_than_the_clocks() -> None:
    power, accuracy = np.array([9.0, 5.0, 4.0, 1.0]), np.array([97.0, 95.0, 94.0, 60.0])
    phases = switch_by_time(power, accuracy, 20.0, 5.0)
    mean = sum(accuracy[phase.row] * phase.hours for phase in phases) / 5
    shares = np.stack(np.meshgrid(*[np.linspace(0, 5, 21)] * 4), -1).reshape(-1, 4)
    allowed = shares[(np.isclose(shares.sum(1), 5)) & (shares @ power <= 20)]
    assert mean >= (allowed @ accuracy).max() / 5 - 1e-9
    assert sum(phase.hours for phase in phases) == pytest.approx(5)
    assert linprog(-accuracy, A_ub=[power], b_ub=[20], A_eq=[np.ones(4)], b_eq=[5]).fun == pytest.approx(-5 * mean)


def test_ends_of_the_front_are_always_chosen() -> None:
    accuracy, energy = np.array([50.0, 99.0, 98.0, 97.0, 40.0]), np.array([1.0, 9.0, 5.0, 4.9, 2.0])
    assert choose_networks(accuracy, energy, 2).tolist() == [1, 0]
    assert choose_networks(accuracy, energy, 9).tolist() == [1, 2, 3, 0]
    assert len(choose_networks(accuracy, energy, 3)) == 3
    assert choose_networks(accuracy[:1], energy[:1], 3).tolist() == [0]


def test_predicted_energies_take_the_place_of_power() -> None:
    predicted = CANDIDATES.assign(energy_mean_mj=[16.0, 8.0, 4.0, 6.0])
    table = simulate(battery(active_mw=None), predicted)
    assert steps(table, "accurate")["energy_mj"].tolist() == [16.0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hours": 9.0}, r"the battery lasts 7\.50 of 9 hours with the most frugal network"),
        ({"interval_s": 0.3}, r"an inference of a takes 400\.0 ms; raise interval_s, which is 0\.3 s"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        simulate(battery(**values), CANDIDATES)


def test_energies_measured_on_a_raspberry_pi(shared: Path) -> None:
    """All cells of NAS-Bench-201 under LiteRT (PRP, figure 8): a network of its own alone, or five in turns."""
    measured = pd.read_parquet(shared / "data" / "nasbench201" / "pi5_measured.parquet")
    measured = measured[(measured["framework"] == "litert") & (measured["task"] == "cifar100")].reset_index(drop=True)
    cells = measured["arch_idx"].astype(str)
    candidates = measured.rename(
        columns={"latency_ms_median": "latency_mean_ms", "energy_mj": "energy_mean_mj"}
    ).assign(candidate=cells, architecture=cells, channels="rgb")
    settings = {"capacity_mwh": 1.0, "interval_s": 0.1, "idle_mw": 0.0, "active_mw": None, "max_networks": 5}
    table = simulate(BatteryConfig.model_validate(settings), candidates)
    best, frugal, adequate = (steps(table, policy) for policy in ("accurate", "frugal", "adequate"))
    assert best["accuracy_pct"].item() == candidates["accuracy_pct"].max()
    assert frugal["energy_mj"].item() == candidates["energy_mean_mj"].min()
    assert best["end_h"].item() < adequate["end_h"].max() < frugal["end_h"].item()
    assert len(adequate) == 5
    assert adequate["energy_mj"].is_monotonic_decreasing
    assert adequate["accuracy_pct"].is_monotonic_decreasing
    # A mJ every 0.1 s are 10 mW, of 1 mWh.
    assert best["end_h"].item() == pytest.approx(1 / (10 * best["energy_mj"].item()))
