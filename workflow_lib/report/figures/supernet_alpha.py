"""Figure of the architecture parameters of the supernet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.report.declaration import FigureDeclaration, FigureInput
from workflow_lib.search.supernet_tables import ALPHA_RESULT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

from workflow_lib.search.supernet_config import VARIANTS


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.report.plots.supernet_plots import supernet_alpha

    return supernet_alpha(figure_input[ALPHA_RESULT])


FIGURE = FigureDeclaration(
    title="Architecture parameters of the supernet",
    caption="Architecture parameters over the epochs of step 2. The higher the parameter of a value, the "
    "lower (better) the Pareto ranks of networks with that value. Dotted lines mark where values were pruned.",
    section="supernets",
    draw=draw,
    reads=(ALPHA_RESULT,),
    when=lambda config: any(VARIANTS[variant].second == "alpha" for variant, _ in config.supernets),
    position=1,
)
