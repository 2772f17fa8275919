"""The figures of a run: frames in, matplotlib figures out."""

from workflow_lib.report.figures.battery import battery_charge
from workflow_lib.report.figures.channels import input_channels
from workflow_lib.report.figures.comparison import runs_fronts
from workflow_lib.report.figures.devices import latency_devices, predictor_validation
from workflow_lib.report.figures.dimensions import dimension_effects
from workflow_lib.report.figures.draw import (
    draw_cells,
    draw_comparison,
    draw_efficiency,
    draw_figure,
    draw_supernets,
    draw_utilization,
)
from workflow_lib.report.figures.efficiency import check_efficiency_tables
from workflow_lib.report.figures.maps import chip_map
from workflow_lib.report.figures.pairs import front_pairs
from workflow_lib.report.figures.precisions import front_precisions
from workflow_lib.report.figures.radar import front_radar
from workflow_lib.report.figures.scatter import front_3d, front_3d_interactive
from workflow_lib.report.figures.scenes import area_maps, map_scores, sample_map
from workflow_lib.report.figures.style import save_figure, save_figures

__all__ = [
    "area_maps",
    "battery_charge",
    "check_efficiency_tables",
    "chip_map",
    "dimension_effects",
    "draw_cells",
    "draw_comparison",
    "draw_efficiency",
    "draw_figure",
    "draw_supernets",
    "draw_utilization",
    "front_3d",
    "front_3d_interactive",
    "front_pairs",
    "front_precisions",
    "front_radar",
    "input_channels",
    "latency_devices",
    "map_scores",
    "predictor_validation",
    "runs_fronts",
    "sample_map",
    "save_figure",
    "save_figures",
]
