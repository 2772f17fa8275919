"""Figure of sample chips as the networks see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.data.chip_tables import CHIPS_RESULT
from workflow_lib.report.declaration import FigureDeclaration, FigureInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from workflow_lib.config import Config


def draw(figure_input: FigureInput) -> Figure:
    """Draw the first chip of each class, in all channels that any network uses."""
    import numpy as np

    from workflow_lib.data.chips import open_chips
    from workflow_lib.report.plots.channel_plots import input_channels

    chips, bands = figure_input[CHIPS_RESULT], figure_input.settings["data.bands"]
    used = {channel for channels in figure_input.settings["grid.channel_sets"].values() for channel in channels}
    channels = [band for band in bands if band in used]
    places = [bands.index(channel) for channel in channels]
    pixels = open_chips(figure_input.files["array"][0])
    samples = []
    for label in figure_input.settings["data.classes"]:
        row = int(np.flatnonzero((chips["class"] == label).to_numpy())[0])
        samples.append((f"{label}, {chips['region'].iloc[row]}", np.asarray(pixels[row])[..., places]))
    return input_channels(samples, channels)


def files(config: Config) -> Mapping[str, Sequence[str]]:
    """Return the file with the array of all chips."""
    return {"array": [f"results/{config.run}/import_chips/chips.npy"]}


FIGURE = FigureDeclaration(
    title="Sample chips as the networks see them",
    caption="Sample chips as the networks see them, one panel per channel.",
    section="data",
    draw=draw,
    reads=(CHIPS_RESULT,),
    settings=("data.bands", "data.classes", "grid.channel_sets"),
    files=files,
    position=1,
)
