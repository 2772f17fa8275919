"""Find the chips of a region, and read a chip from its GeoTIFFs."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError

from workflow_lib.core.errors import ChipError, UserError
from workflow_lib.data.band_statistics import Source
from workflow_lib.data.data_config import RasterFolder
from workflow_lib.data.masks import (
    SCALED_TAG,
    SCENE_M_TAG,
    apply_scaling,
    is_scaled,
    mark_declared,
    open_raster,
    read_valid,
    scaling_of,
)

SUFFIXES = (".tif", ".tiff")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
# Common nodata values: the lowest and highest floats (and their usual roundings), -9999 and similar numbers, and the
# fill values of netCDF, ERDAS and GRASS.
_NODATA_VALUES = np.array(
    [
        -3.4028234663852886e38, 3.4028234663852886e38, -3.40282306e38, 3.40282306e38, -3.4e38, 3.4e38, -9999.0,
        -99999.0, -32768.0, -32767.0, 9.969209968386869e36, 1e20, 1.70141e38, -1.70141e38,
    ],
    dtype=np.float32,
)  # fmt: skip


@dataclass(frozen=True)
class ChipFiles:
    """Files of one chip.

    Attributes:
        region: name of the region.
        label: class subfolder.
        name: file name without folder.
        files: file in each raster folder of the region; None if it is missing.
        problem: what is wrong with the names of the files, if anything.
    """

    region: str
    label: str
    name: str
    files: tuple[Path | None, ...]
    problem: str | None = None

    @property
    def place(self) -> Path:
        """Return the first existing file of the chip."""
        return next(file for file in self.files if file is not None)


@dataclass(frozen=True)
class RawChip:
    """One chip as read from its files.

    Attributes:
        pixels: (height, width, bands) values, with the scale and offset of the files applied.
        valid: (height, width, bands) mask of the valid pixels.
        bounds: left, bottom, right and top edge, in units of the CRS.
        crs: coordinate reference system; "" if the files have none.
        sources: what the files say of each band.
        odd: values that look like nodata but count as data: file, band number in the file, value, share of pixels.
    """

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]
    bounds: tuple[float, float, float, float]
    crs: str
    sources: tuple[Source, ...]
    odd: tuple[tuple[Path, int, float, float], ...]

    @property
    def content(self) -> str:
        """Return a digest of the picture, which does not depend on the names or compression of the files."""
        digest = hashlib.sha256(np.where(self.valid, self.pixels, 0).tobytes())
        digest.update(self.valid.tobytes())
        return digest.hexdigest()[:32]


def find_chips(root: Path, region: str, folders: Sequence[RasterFolder], classes: Sequence[str]) -> list[ChipFiles]:
    """List the chips of a region; problems with their names are noted in `problem`.

    Args:
        root: folder to which the region's folders are relative.
        region: name of the region.
        folders: raster folders of the region; files are paired by class subfolder and name.
        classes: class subfolders.

    Returns:
        Chips sorted by class, then name.

    Raises:
        UserError: if a folder is missing, or there is no chip at all.
    """
    found: dict[tuple[str, str], list[Path | None]] = {}
    for position, folder in enumerate(folders):
        for label in classes:
            place = root / folder.folder / label
            if not place.is_dir():
                raise UserError(f"region {region} has no such folder", place, "see data.root and data.regions")
            for file in sorted(place.iterdir()):
                if file.suffix.lower() in SUFFIXES and not file.name.startswith("."):
                    found.setdefault((label, file.name), [None] * len(folders))[position] = file
    if not found:
        raise UserError(f"region {region} has no GeoTIFF (*.tif, *.tiff)", root / folders[0].folder, "see data.regions")
    namesakes = defaultdict(list)
    for label, name in found:
        namesakes[Path(name).stem].append(f"{label}/{name}")
    return [
        ChipFiles(
            region,
            label,
            name,
            tuple(files),
            _name_problem(f"{label}/{name}", files, folders, namesakes[Path(name).stem]),
        )
        for (label, name), files in sorted(found.items())
    ]


def _name_problem(
    name: str, files: Sequence[Path | None], folders: Sequence[RasterFolder], namesakes: Sequence[str]
) -> str | None:
    if not name.isprintable() or set("{}") & set(name):
        return "its name has unprintable characters or braces; rename it"
    missing = [folder.folder for folder, file in zip(folders, files, strict=True) if file is None]
    if missing:
        return f"has no matching file in {', '.join(missing)}"
    if len(namesakes) > 1:
        return f"shares its name with {', '.join(other for other in namesakes if other != name)}"
    return None


def read_chip(
    chip: ChipFiles,
    folders: Sequence[RasterFolder],
    size_px: int,
    max_nodata_pct: float,
    declared: Sequence[float] = (),
) -> RawChip:
    """Read one chip from all its files.

    Args:
        chip: files of the chip.
        folders: raster folders of its region, which name the bands of each file.
        size_px: required height and width (pixels).
        max_nodata_pct: maximum share of nodata pixels in any band (percent).
        declared: values that count as nodata in addition to what the files declare (`data.nodata`).

    Raises:
        ChipError: if the chip cannot be used; the message names the file and the reason.
    """
    if chip.problem:
        raise ChipError(chip.problem, chip.place)
    parts = [
        _read_file(file, len(folder.bands), size_px, max_nodata_pct, declared)
        for file, folder in zip(chip.files, folders, strict=True)
        if file is not None
    ]
    first = parts[0]
    pixel = (first.bounds[2] - first.bounds[0]) / size_px
    for file, part in zip(chip.files, parts, strict=True):
        if part.crs != first.crs:
            raise ChipError(
                f"its CRS {part.crs or '(none)'} differs from that of its pair, {first.crs or '(none)'}", file or ""
            )
        if np.abs(np.subtract(part.bounds, first.bounds)).max() > abs(pixel) / 2:
            raise ChipError(f"covers {part.bounds}, but its pair covers {first.bounds}", file or "")
    return RawChip(
        np.concatenate([part.pixels for part in parts], axis=-1),
        np.concatenate([part.valid for part in parts], axis=-1),
        first.bounds,
        first.crs,
        sum((part.sources for part in parts), ()),
        sum((part.odd for part in parts), ()),
    )


def _read_file(file: Path, bands: int, size_px: int, max_nodata_pct: float, declared: Sequence[float]) -> RawChip:
    if not file.is_file():
        raise ChipError("not a readable GeoTIFF (not a file, or a broken link)", file)
    if file.stat().st_size == 0:
        raise ChipError("empty file", file)
    try:
        with _open(file, bands) as raster:
            if (raster.height, raster.width) != (size_px, size_px):
                raise ChipError(
                    f"is {raster.height} x {raster.width} pixels, not {size_px} x {size_px} (data.chip_size_px)", file
                )
            values = raster.read()
            valid = read_valid(raster)
            crs = horizontal_crs(raster)
            bounds = tuple(map(float, raster.bounds))
            scaling = scaling_of(raster)
            tags, tagged = raster.tags(), raster.nodatavals
    except RasterioError as error:
        raise ChipError(f"not a readable GeoTIFF ({error})", file) from None
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ChipError(f"holds {values.dtype}, not real numbers", file)
    valid = mark_declared(values, valid, declared)
    for band, share in enumerate(valid.mean((1, 2)), start=1):
        if share == 0:
            raise ChipError(f"band {band} is all nodata", file)
        if 100 * (1 - share) > max_nodata_pct:
            raise ChipError(
                f"band {band} is {100 * (1 - share):.1f} % nodata (data.max_nodata_pct: {max_nodata_pct:g})", file
            )
    scene_m = float(tags[SCENE_M_TAG]) if _NUMBER.fullmatch(tags.get(SCENE_M_TAG, "")) else None
    pixels = apply_scaling(values, scaling) if is_scaled(scaling) else _to_float32(values)
    if not np.isfinite(pixels[valid]).all():
        raise ChipError("holds NaN or infinite values (in float32) that its nodata tag does not declare", file)
    return RawChip(
        np.moveaxis(pixels, 0, -1),
        np.moveaxis(valid, 0, -1),
        (bounds[0], bounds[1], bounds[2], bounds[3]),
        crs,
        tuple(Source(str(values.dtype), None if tags.get(SCALED_TAG) == "yes" else pair, scene_m) for pair in scaling),
        tuple((file, *found) for found in _suspicious_values(values, valid, tagged)),
    )


def _open(file: Path, bands: int) -> Any:
    try:
        return open_raster(file, bands, driver="GTiff")
    except UserError as error:
        raise ChipError(error.what, file) from None


def _to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # overflow becomes infinite, which is rejected unless it is nodata
        return values.astype(np.float32)


def _suspicious_values(
    values: NDArray[Any], valid: NDArray[np.bool_], tagged: Sequence[float | None]
) -> Iterator[tuple[int, float, float]]:
    """Find valid values that look like nodata: band number (0: all bands), value, and share of the valid pixels.

    These are the common nodata values, the file's own nodata tag if a mask overrides it, and suspicious zeros. Zeros
    are suspicious where several bands are all 0, or in a single band if the gap between them and all other values
    exceeds the range of those values.
    """
    black = (values == 0).all(0) & valid.all(0) if len(values) > 1 else np.zeros(values.shape[1:], dtype=bool)
    if black.any():
        yield 0, 0.0, float(black.mean())
    for band, (plane, known, tag) in enumerate(zip(values, valid, tagged, strict=True), start=1):
        data = _to_float32(plane[known])
        suspects = _NODATA_VALUES if tag is None else np.append(_NODATA_VALUES, _to_float32(np.array(tag)))
        for value in np.unique(data[np.isin(data, suspects)]):
            if value != 0:
                yield band, float(value), float((data == value).mean())
        others = data[data != 0]
        if len(values) == 1 and 0 < len(others) < len(data):
            gap = others.min() if others.min() > 0 else -others.max() if others.max() < 0 else 0.0
            if gap > others.max() - others.min():
                yield band, 0.0, float((data == 0).mean())


def peek_header(file: Path) -> tuple[str, float] | None:
    """Read the CRS (as in `RawChip.crs`) and the pixel width of a file; None if it cannot be read."""
    try:
        with rasterio.open(file, driver="GTiff") as raster:
            return horizontal_crs(raster), abs(float(raster.transform.a)) or abs(float(raster.transform.b))
    except (RasterioError, UnicodeError):
        return None


def horizontal_crs(raster: rasterio.DatasetReader) -> str:
    """Return a raster's CRS without its vertical part, which elevation rasters often have; "" if there is none."""
    if not raster.crs:
        return ""
    description = raster.crs.to_dict(projjson=True)
    if description.get("type") == "CompoundCRS":
        return str(CRS.from_user_input(json.dumps(description["components"][0])).to_string())
    return str(raster.crs.to_string())
