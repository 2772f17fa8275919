"""Where chips are cut: labelled points that the scenes cover, and places drawn at random beside them."""

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
from workflow_lib.core.progress import report_some
from workflow_lib.data.data_config import ClipConfig, RasterFolder
from workflow_lib.data.points import read_points
from workflow_lib.data.scene_rasters import Bounds
from workflow_lib.data.scenes import Grid, Layer

_DRAWS_PER_SAMPLE = 200
Row = dict[str, Any]


@dataclass(frozen=True)
class Region:
    """The scenes of a region, on the grid of its chips.

    Args:
        grid: of all its chips.
        folders: its raster folders.
        layers: the scenes of each.
        size_px: side of a chip.
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
            folders: the raster folders of a region, with their scenes.
            clip: resolution and CRS of the chips.
            size_px: side of a chip.
            stack: of contexts.
            declared: values that are nodata, whatever the files say (`data.nodata`).

        Raises:
            UserError: if a folder has no scene, or one cannot be used.
        """
        for folder in folders:
            if not folder.scenes:
                raise UserError(f"no scene for folder {folder.folder}", "data.regions", "see its patterns `scenes`")
        grid = Grid.of(Path(folders[0].scenes[0]), clip.resolution_m, clip.crs)
        layers = [
            stack.enter_context(
                Layer(list(map(Path, folder.scenes)), len(folder.bands), grid, folder.resampling, declared)
            )
            for folder in folders
        ]
        return cls(grid, folders, layers, size_px)

    def problem(self, x: float, y: float, max_nodata_pct: float) -> str | None:
        """Why there can be no chip at a place; None if there can."""
        column, row = self.grid.corner(x, y, self.size_px)
        size = self.grid.resolution_m
        own = np.s_[:, int((self.grid.north - y) // size) - row, int((x - self.grid.west) // size) - column]
        for folder, layer in zip(self.folders, self.layers, strict=True):
            if not any(_contains(extent, x, y) for extent in layer.extents):
                return f"outside the scenes of {folder.folder}"
            valid = layer.read(column, row, self.size_px, self.size_px)[1]
            if not valid[own].all():
                return f"on nodata of {folder.folder}"
            gaps_pct = 100 * (1 - valid.mean((1, 2)).min())
            if gaps_pct > max_nodata_pct:
                return f"{gaps_pct:.1f} % nodata around it in {folder.folder} (data.max_nodata_pct: {max_nodata_pct:g})"
        return None

    def tile(self, x: float, y: float) -> int:
        """Number of the first folder's scene that a place lies in."""
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
    """Decide where chips are cut.

    Args:
        region: the scenes.
        points: the file of labelled points.
        clip: which class is drawn at random, and how far from the others.
        classes: that there are.
        max_nodata_pct: largest share of nodata pixels that a chip's band may have (percent).
        seed: of the draws.
        points_layer: of a GeoPackage that has several.

    Returns:
        Rows of SAMPLES without the region: the points in the file's order, then what was drawn.

    Raises:
        UserError: if the file cannot be read, two classes are given for one place, or too few places are left to
            draw from.
    """
    labelled = read_points(points, region.grid.crs, clip.points_crs, points_layer)
    repeated = _find_repeats(region, labelled, classes, points)
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-clip.jitter_m, clip.jitter_m, (len(labelled), 2))
    rows: list[Row] = []
    for number, (x, y, label) in enumerate(labelled[["x", "y", "class"]].itertuples(index=False)):
        report_some("sample_points", number, len(labelled), "points")
        if label not in classes:
            reason: str | None = f"no class of {list(classes)}"
        else:
            reason = repeated.get(number) or region.problem(x, y, max_nodata_pct)
        moved = x + shifts[number, 0], y + shifts[number, 1]
        if not reason and region.problem(*moved, max_nodata_pct) is None:  # else its chip stays where the point is
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
    """Which points would give the chip of an earlier one: number of the point -> the reason to leave it out.

    Raises:
        UserError: if one place has two classes.
    """
    first: dict[tuple[int, int], tuple[int, str]] = {}
    repeats = {}
    for number, (x, y, label) in enumerate(labelled[["x", "y", "class"]].itertuples(index=False)):
        if label not in classes:
            continue
        other, known = first.setdefault(region.grid.corner(x, y, region.size_px), (number, label))
        if known != label:
            raise UserError(
                f"points {other + 1} and {number + 1} are at one place, and one is {known}, the other {label}", points,
                "remove one of them",
            )  # fmt: skip
        if other != number:
            repeats[number] = f"repeats point {other + 1}"
    return repeats


def describe_dropped(samples: pd.DataFrame, classes: Sequence[str]) -> list[str]:
    """Say how many points give no chip, by reason; of unknown classes, which spellings they have.

    Args:
        samples: rows of SAMPLES.
        classes: that there are.
    """
    dropped = samples[samples["reason"].notna()]
    unknown = dropped[~dropped["class"].isin(classes)]
    plain = {name.strip().casefold(): name for name in classes}
    lines = []
    for label, count in unknown["class"].value_counts().items():
        meant = plain.get(str(label).strip().casefold())
        hint = f" (did you mean {meant}?)" if meant else ""
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
    """Draw places of the false class, so many, none of them near to a true one."""
    tree = KDTree(true)
    drawn: list[Row] = []
    for _ in range(_DRAWS_PER_SAMPLE * missing):
        if len(drawn) >= missing:
            break
        x, y = _propose(region, true, clip, rng)
        if tree.query((x, y))[0] >= clip.min_distance_m and region.problem(x, y, max_nodata_pct) is None:
            report_some("sample_points", len(drawn), missing, "random places")
            drawn.append({"x": x, "y": y, "class": clip.false_class, "drawn": True, "reason": None})
    if len(drawn) < missing:
        raise UserError(
            f"only {len(drawn)} of {missing} places were found for class {clip.false_class}, "
            f"{clip.min_distance_m:g} m from all others",
            "data.clip.min_distance_m",
            "lower it",
        )
    return drawn


def _propose(
    region: Region, true: NDArray[np.float64], clip: ClipConfig, rng: np.random.Generator
) -> tuple[float, float]:
    """A place anywhere on the scenes, or in a ring around one of the true places, evenly over its area."""
    if clip.max_distance_m is None:
        left, bottom, right, top = region.layers[0].extent
        return float(rng.uniform(left, right)), float(rng.uniform(bottom, top))
    x, y = true[rng.integers(len(true))]
    radius = np.sqrt(rng.uniform(clip.min_distance_m**2, clip.max_distance_m**2))
    angle = rng.uniform(0, 2 * np.pi)
    return float(x + radius * np.cos(angle)), float(y + radius * np.sin(angle))


def _contains(extent: Bounds, x: float, y: float) -> bool:
    return extent[0] <= x <= extent[2] and extent[1] <= y <= extent[3]
