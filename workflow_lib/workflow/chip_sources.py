"""The source of a run's chips, and their number."""

from pathlib import Path

from workflow_lib.config import Config
from workflow_lib.data.scene_paths import sampled_regions

_BYTES_PER_POINT = 30
"""Minimum size of a labelled point in any file format."""


def made_chips(config: Config) -> str | None:
    """Return the folder of chips that the workflow makes itself; None if chips are read from `data.root`."""
    if config.data.generate:
        return f"results/{config.run}/generate_chips/chips"
    return f"results/{config.run}/gather_chips/chips" if sampled_regions(config) else None


def count_chips(config: Config) -> int:
    """Count the chips in the first folder of each region; before chips are cut, return an upper estimate."""
    if config.data.generate:
        return sum(sum(counts.values()) for counts in config.data.generate.chips.values())
    made = made_chips(config)
    if config.data.clip and made and not Path(made).is_dir():
        points = [file for file in map(Path, config.data.clip.points.values()) if file.exists()]
        # A second chip may be drawn for each point.
        return max(1000, 2 * sum(file.stat().st_size for file in points) // _BYTES_PER_POINT)
    folders = [
        Path(made or config.data.root, parts[0].folder, label)
        for parts in config.data.regions.values()
        for label in config.data.classes
    ]
    return sum(len(list(folder.iterdir())) for folder in folders if folder.is_dir())


def raster_folders(config: Config) -> list[Path]:
    """List the folders that import_chips reads; none if the workflow makes the chips itself."""
    if made_chips(config):
        return []
    return [
        Path(config.data.root, part.folder, label)
        for parts in config.data.regions.values()
        for part in parts
        for label in config.data.classes
    ]
