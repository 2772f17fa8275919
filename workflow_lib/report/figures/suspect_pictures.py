"""Figure with pictures of the chips whose label is most doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import SUSPECTS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from workflow_lib.config import Config


def draw(figure_input: FigureInput) -> Figure:
    """Draw the figure."""
    from workflow_lib.data.chips import open_chips
    from workflow_lib.report.plots.suspect_plots import suspect_pictures

    (array,) = figure_input.files["array"]
    return suspect_pictures(figure_input[SUSPECTS_RESULT], open_chips(array), figure_input.settings["data.bands"])


def files(config: Config) -> Mapping[str, Sequence[str]]:
    """Return the chip array."""
    return {"array": [f"results/{config.run}/import_chips/chips.npy"]}


FIGURE = FigureDeclaration(
    title="Chips with doubtful labels",
    caption="The most doubtful chips: given class, class that the good candidates suggest, and the share of these "
    "candidates that disagree with the given class.",
    section="suspects",
    draw=draw,
    reads=(SUSPECTS_RESULT,),
    settings=("data.bands",),
    files=files,
    position=1,
)
