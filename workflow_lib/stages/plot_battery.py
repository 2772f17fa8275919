"""Draw simulate_battery's discharges as PNG and PDF."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import BATTERY
from workflow_lib.report.figures import battery_charge, save_figures


class BatteryFiguresArguments(Arguments):
    """Flags of the stage."""

    dpi: int = Field(default=200, description="resolution of the PNG files (dots per inch)")
    batteries: list[Path] = Field(description="tables of simulate_battery")
    figures: list[Path] = Field(description="writes the figure into these files")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = BatteryFiguresArguments.parse(__doc__, argv)
    table = BATTERY.read_all(arguments.batteries)
    save_figures(arguments.figures, arguments.dpi, lambda _: battery_charge(table))


if __name__ == "__main__":
    run_stage(main)
