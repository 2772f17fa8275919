"""Where the chips of a run come from, and how many there are."""

from pathlib import Path

from workflow_lib.config import Config
from workflow_lib.data.scene_paths import sampled_regions

_BYTES_PER_POINT = 30
"""A labelled point takes at least as many, in any format."""


def made_chips(config: Config) -> str | None:
    """The folder of chips that the workflow makes itself; None if they are read from `data.root`."""
    if config.data.generate:
        return f"results/{config.run}/generate_chips/chips"
    return f"results/{config.run}/gather_chips/chips" if sampled_regions(config) else None


def count_chips(config: Config) -> int:
    """How many chips there are: those of each region's first folder; before they are cut, an upper estimate."""
    if config.data.generate:
        return sum(sum(counts.values()) for counts in config.data.generate.chips.values())
    made = made_chips(config)
    if config.data.clip and made and not Path(made).is_dir():
        points = [file for file in map(Path, config.data.clip.points.values()) if file.exists()]
        # A second one may be drawn beside each point.
        return max(1000, 2 * sum(file.stat().st_size for file in points) // _BYTES_PER_POINT)
    folders = [
        Path(made or config.data.root, parts[0].folder, label)
        for parts in config.data.regions.values()
        for label in config.data.classes
    ]
    return sum(len(list(folder.iterdir())) for folder in folders if folder.is_dir())


def raster_folders(config: Config) -> list[Path]:
    """The folders of the chips that import_chips reads, if the workflow does not make them itself."""
    if made_chips(config):
        return []
    return [
        Path(config.data.root, part.folder, label)
        for parts in config.data.regions.values()
        for part in parts
        for label in config.data.classes
    ]
