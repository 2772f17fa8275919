"""Plots of the battery charge over time."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_lib.report.plots.style import PALETTE, WIDTH_IN, themed

_COLUMNS = 3
_COLORS = {"accurate": PALETTE[3], "frugal": PALETTE[2], "adequate": PALETTE[0]}


@themed
def battery_charge(battery: pd.DataFrame) -> Figure:
    """Draw the battery charge over time for each policy: accurate, frugal, and switching between networks.

    Args:
        battery: table BATTERY; each channel set gets a panel.

    Source: Pareto Rank-Preserving Supernetwork for HW-NAS, figure 8.
    """
    sets = list(dict.fromkeys(battery["channels"]))
    columns = min(_COLUMNS, len(sets))
    rows = -(-len(sets) // columns)
    figure = Figure(figsize=(WIDTH_IN, 2.9 * rows + 0.2), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for axes, channels in zip(panels, sets, strict=False):
        _draw_policies(axes, battery[battery["channels"] == channels])
        if len(sets) > 1:
            axes.set_title(f"channels {channels}")
    for axes in panels[len(sets) :]:
        axes.remove()
    figure.supxlabel("Hours since full charge", fontsize=9)
    figure.supylabel("Charge (%)", fontsize=9)
    return figure


def _draw_policies(axes: Axes, policies: pd.DataFrame) -> None:
    """Draw one line per policy, with a dot at each switch of the network."""
    for policy, color in _COLORS.items():
        steps = policies[policies["policy"] == policy]
        hours = [*steps["begin_h"], steps["end_h"].iloc[-1]]
        charge = [*steps["begin_pct"], steps["end_pct"].iloc[-1]]
        mean = (steps["accuracy_pct"] * steps["inferences"]).sum() / max(1, steps["inferences"].sum())
        axes.plot(hours, charge, color=color, linewidth=2, label=f"{policy}: {mean:.1f} % correct")
        axes.scatter(hours[1:-1], charge[1:-1], color=color, s=24, zorder=3)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 102)
    axes.legend(loc="upper right")
