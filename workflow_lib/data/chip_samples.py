"""Choose the locations of chips: labelled points that the scenes cover, and random samples."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from workflow_lib.core.errors import UserError
from workflow_lib.core.progress import report_progress
from workflow_lib.data.data_config import ClipConfig, RasterFolder
from workflow_lib.data.points import read_points
from workflow_lib.data.scene_rasters import Bounds
from workflow_lib.data.scenes import Grid, Layer

_DRAWS_PER_SAMPLE = 200
Row = dict[str, Any]


@dataclass(frozen=True)
class Region:
    """Scenes of a region, on the grid of its chips.

    Args:
        grid: grid that all chips of the region share.
        folders: raster folders of the region.
        layers: scenes of each folder.
        size_px: height and width of a chip (pixels).
    """

    grid: Grid
    folders: Sequence[RasterFolder]
    layers: Sequence[Layer]
    size_px: int

    @classmethod
    def open(
        cls,
        folders: Sequence[RasterFolder],
        clip: ClipConfig,
        size_px: int,
        stack: ExitStack,
        declared: Sequence[float] = (),
    ) -> Self:
        """Open the scenes; the stack closes them.

        Args:
            folders: raster folders of the region, with their scenes.
            clip: settings with the resolution and CRS of the chips.
            size_px: height and width of a chip (pixels).
            stack: stack that closes the scenes.
            declared: values that count as nodata in addition to what the files declare (`data.nodata`).

        Raises:
            UserError: if a folder has no scene, or a scene cannot be used.
        """
        for folder in folders:
            if not folder.scenes:
                raise UserError(
                    f"no scene for folder {folder.folder}", "data.regions", "check its patterns in `scenes`"
                )
        grid = Grid.of(Path(folders[0].scenes[0]), clip.resolution_m, clip.crs)
        layers = [
            stack.enter_context(
                Layer(list(map(Path, folder.scenes)), len(folder.bands), grid, folder.resampling, declared)
            )
            for folder in folders
        ]
        return cls(grid, folders, layers, size_px)

    def problem(self, x: float, y: float, max_nodata_pct: float) -> str | None:
        """Explain why no chip can be cut at a location; None if one can.

        Args:
            x: easting of the chip's centre, in the grid's CRS (m).
            y: northing of the chip's centre (m).
            max_nodata_pct: maximum share of nodata pixels in any band (percent).
        """
        column, row = self.grid.corner(x, y, self.size_px)
        size = self.grid.resolution_m
        centre = np.s_[:, int((self.grid.north - y) // size) - row, int((x - self.grid.west) // size) - column]
        for folder, layer in zip(self.folders, self.layers, strict=True):
            if not any(_contains(extent, x, y) for extent in layer.extents):
                return f"outside the scenes of {folder.folder}"
            valid = layer.read(column, row, self.size_px, self.size_px)[1]
            if not valid[centre].all():
                return f"on a nodata pixel of {folder.folder}"
            nodata_pct = 100 * (1 - valid.mean((1, 2)).min())
            if nodata_pct > max_nodata_pct:
                return (
                    f"{nodata_pct:.1f} % nodata around it in {folder.folder} (data.max_nodata_pct: {max_nodata_pct:g})"
                )
        return None

    def tile(self, x: float, y: float) -> int:
        """Return the number of the first folder's scene that contains a location."""
        return next(number for number, extent in enumerate(self.layers[0].extents) if _contains(extent, x, y))


def sample_points(
    region: Region,
    points: Path,
    clip: ClipConfig,
    classes: Sequence[str],
    max_nodata_pct: float,
    seed: int,
    points_layer: str | None = None,
) -> pd.DataFrame:
    """Choose the locations at which chips are cut.

    Args:
        region: scenes of the region.
        points: file of labelled points.
        clip: settings of the random samples: their class and distances, and the jitter of the points.
        classes: class names.
        max_nodata_pct: maximum share of nodata pixels in any band of a chip (percent).
        seed: seed of the draws.
        points_layer: layer of a GeoPackage; needed if several layers hold labelled points.

    Returns:
        Rows of SAMPLES without the region: the points in file order, then the random samples.

    Raises:
        UserError: if the file cannot be read, one chip has two classes, or too few random locations are found.
    """
    labelled = read_points(points, region.grid.crs, clip.points_crs, points_layer)
    repeated = _find_repeats(region, labelled, classes, points)
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-clip.jitter_m, clip.jitter_m, (len(labelled), 2))
    rows: list[Row] = []
    for number, (x, y, label) in enumerate(labelled[["x", "y", "class"]].itertuples(index=False)):
        report_progress("sample_points", number, len(labelled), "points")
        if label not in classes:
            reason: str | None = f"class is not one of {list(classes)}"
        else:
            reason = repeated.get(number) or region.problem(x, y, max_nodata_pct)
        moved = x + shifts[number, 0], y + shifts[number, 1]
        if (
            not reason and region.problem(*moved, max_nodata_pct) is None
        ):  # otherwise the chip stays centred on the point
            x, y = moved
        rows.append({"x": x, "y": y, "class": label, "drawn": False, "reason": reason})
    if clip.false_class:
        kept = [row["class"] for row in rows if not row["reason"]]
        true = labelled.loc[labelled["class"] != clip.false_class, ["x", "y"]].to_numpy(dtype=float)
        missing = len(kept) - 2 * kept.count(clip.false_class)
        rows += _draw(region, true, missing, clip, max_nodata_pct, rng)
    for row in rows:
        row["tile"] = None if row["reason"] else region.tile(row["x"], row["y"])
    samples = pd.DataFrame(rows)
    return samples.assign(sample=range(len(samples)), crs=region.grid.crs.to_string())


def _find_repeats(region: Region, labelled: pd.DataFrame, classes: Sequence[str], points: Path) -> dict[int, str]:
    """Map the number of each point that would repeat an earlier point's chip to the reason why it is left out.

    Raises:
        UserError: if two points of different classes give the same chip.
    """
    first: dict[tuple[int, int], tuple[int, str]] = {}
    repeats = {}
    for number, (x, y, label) in enumerate(labelled[["x", "y", "class"]].itertuples(index=False)):
        if label not in classes:
            continue
        other, known = first.setdefault(region.grid.corner(x, y, region.size_px), (number, label))
        if known != label:
            raise UserError(
                f"points {other + 1} and {number + 1} give the same chip but differ in class, {known} and {label}",
                points,
                "remove one of them",
            )  # fmt: skip
        if other != number:
            repeats[number] = f"repeats point {other + 1}"
    return repeats


def describe_dropped(samples: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Describe how many points yield no chip, by reason; unknown classes are listed by their spelling.

    Args:
        samples: rows of SAMPLES.
        classes: class names.
    """
    dropped = samples[samples["reason"].notna()]
    unknown = dropped[~dropped["class"].isin(classes)]
    plain = {name.strip().casefold(): name for name in classes}
    lines = []
    for label, count in unknown["class"].value_counts().items():
        intended = plain.get(str(label).strip().casefold())
        hint = f" (did you mean {intended}?)" if intended else ""
        lines.append(f"{_count(count)} of class {str(label)!r}, which data.classes does not name{hint}")
    others = dropped[dropped["class"].isin(classes)]
    kinds = others["reason"].str.replace(r"\d+(\.\d+)?", "N", regex=True)
    lines += [f"{_count(count)}: {reason}" for reason, count in kinds.value_counts().items()]
    return lines


def _count(points: int) -> str:
    return f"{points:,} points" if points > 1 else "1 point"


def _draw(
    region: Region,
    true: NDArray[np.float64],
    missing: int,
    clip: ClipConfig,
    max_nodata_pct: float,
    rng: np.random.Generator,
) -> list[Row]:
    """Draw the missing samples of the false class, at the minimum distance from points of other classes."""
    tree = KDTree(true)
    drawn: list[Row] = []
    for _ in range(_DRAWS_PER_SAMPLE * missing):
        if len(drawn) >= missing:
            break
        x, y = _propose(region, true, clip, rng)
        if tree.query((x, y))[0] >= clip.min_distance_m and region.problem(x, y, max_nodata_pct) is None:
            report_progress("sample_points", len(drawn), missing, "random samples")
            drawn.append({"x": x, "y": y, "class": clip.false_class, "drawn": True, "reason": None})
    if len(drawn) < missing:
        raise UserError(
            f"only {len(drawn)} of {missing} random samples of class {clip.false_class} were found at least "
            f"{clip.min_distance_m:g} m from points of other classes",
            "data.clip.min_distance_m",
            "lower it",
        )
    return drawn


def _propose(
    region: Region, true: NDArray[np.float64], clip: ClipConfig, rng: np.random.Generator
) -> tuple[float, float]:
    """Draw a location uniformly from the scenes, or from the area of a ring around a point of another class."""
    if clip.max_distance_m is None:
        left, bottom, right, top = region.layers[0].extent
        return float(rng.uniform(left, right)), float(rng.uniform(bottom, top))
    x, y = true[rng.integers(len(true))]
    radius = np.sqrt(rng.uniform(clip.min_distance_m**2, clip.max_distance_m**2))
    angle = rng.uniform(0, 2 * np.pi)
    return float(x + radius * np.cos(angle)), float(y + radius * np.sin(angle))


def _contains(extent: Bounds, x: float, y: float) -> bool:
    return extent[0] <= x <= extent[2] and extent[1] <= y <= extent[3]
