"""Notices of an import: unused files and suspicious values, counted, with an example of each."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from workflow_lib.data.data_config import RasterFolder
from workflow_lib.data.rasters import SUFFIXES

_IMAGES = {".png", ".jpg", ".jpeg", ".jp2", ".img", ".vrt", ".gtiff", ".geotiff", ".bmp", ".webp", ".npy", ".gif"}


class Notices:
    """Counts of notices by region and kind."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, region: str, what: str, example: str) -> None:
        """Count one more notice of a kind; the first one is kept as the example.

        Args:
            region: name of the region.
            what: what was found, in words that follow a count.
            example: path or description of this case.
        """
        count, first = self._found.get((region, what), (0, example))
        self._found[region, what] = count + 1, first

    def table(self) -> pd.DataFrame:
        """Return the rows of NOTICES."""
        rows = [(region, what, count, example) for (region, what), (count, example) in self._found.items()]
        return pd.DataFrame(rows, columns=["region", "what", "count", "example"])

    def warn(self, stage: str) -> None:
        """Print one line per kind to standard error; the progress display repeats it on the console."""
        for (region, what), (count, example) in self._found.items():
            print(f"warning: {stage}: region {region}: {count} {what} (such as {example})", file=sys.stderr, flush=True)


def find_unused_files(root: Path, folders: Sequence[RasterFolder], classes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """List the image files below a region's folders that are not used as chips, and why.

    Args:
        root: folder to which the region's folders are relative.
        folders: raster folders of the region.
        classes: class subfolders that are read.

    Yields:
        The reason, in words that follow a count, and the path.
    """
    others = {(root / folder.folder).absolute() for folder in folders}
    for folder in folders:
        top = root / folder.folder
        for parent, inner, names in os.walk(top):
            here = Path(parent)
            inner[:] = sorted(name for name in inner if (here / name).absolute() not in others)
            for name in sorted(names):
                kind, path = Path(name).suffix.lower(), here / name
                if kind not in {*SUFFIXES, *_IMAGES} or name.startswith("."):
                    continue
                place = path.relative_to(top).parts[:-1]
                if not place:
                    yield "images outside the class folders are not used", str(path)
                elif place[0] not in classes:
                    yield (
                        f"images in class folder {place[0]}, which data.classes does not name, are not used",
                        str(path),
                    )
                elif len(place) > 1:
                    yield "images in deeper folders are not used", str(path)
                elif kind in _IMAGES:
                    yield f"{kind} files are not used: chips are GeoTIFFs (*.tif, *.tiff)", str(path)
