"""Finding the chips of a region and reading one of them from its GeoTIFFs."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError

from workflow_lib.core.data_config import RasterFolder
from workflow_lib.core.errors import ChipError, UserError

SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class ChipFiles:
    """One chip on disk: a file per raster folder of its region, None where there is none."""

    region: str
    label: str
    name: str
    files: tuple[Path | None, ...]
    problem: str | None = None

    @property
    def place(self) -> Path:
        """A file of the chip that exists."""
        return next(file for file in self.files if file is not None)


@dataclass(frozen=True)
class RawChip:
    """One chip as read: raw values, which of them are valid, and where it lies."""

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]
    bounds: tuple[float, float, float, float]
    crs: str


def find_chips(root: Path, region: str, folders: Sequence[RasterFolder], classes: Sequence[str]) -> list[ChipFiles]:
    """List the chips of a region; what is wrong with their names is noted in `problem`.

    Args:
        root: folder that the region's folders are relative to.
        region: its name.
        folders: its raster folders; files pair by class subfolder and name.
        classes: the class subfolders.

    Returns:
        Chips sorted by class, then name.

    Raises:
        UserError: if a folder is missing or holds no chip at all.
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
        return "its name has characters that are not printable, or braces; rename it"
    missing = [folder.folder for folder, file in zip(folders, files, strict=True) if file is None]
    if missing:
        return f"has no pair in {', '.join(missing)}"
    if len(namesakes) > 1:
        return f"shares its name with {', '.join(other for other in namesakes if other != name)}"
    return None


def read_chip(chip: ChipFiles, folders: Sequence[RasterFolder], size_px: int, max_nodata_pct: float) -> RawChip:
    """Read one chip from all its files.

    Args:
        chip: its files.
        folders: the raster folders of its region, which say how many bands each file has.
        size_px: height and width it must have.
        max_nodata_pct: largest share of nodata pixels that a band may have (percent).

    Raises:
        ChipError: if the chip cannot be used; the message names the file and the reason.
    """
    if chip.problem:
        raise ChipError(chip.problem, chip.place)
    parts = [
        _read_file(file, len(folder.bands), size_px, max_nodata_pct)
        for file, folder in zip(chip.files, folders, strict=True)
        if file is not None
    ]
    first = parts[0]
    pixel = (first.bounds[2] - first.bounds[0]) / size_px
    for file, part in zip(chip.files, parts, strict=True):
        if part.crs != first.crs:
            raise ChipError(
                f"its CRS {part.crs or '(none)'} is not that of its pair, {first.crs or '(none)'}", file or ""
            )
        if np.abs(np.subtract(part.bounds, first.bounds)).max() > abs(pixel) / 2:
            raise ChipError(f"covers {part.bounds}, its pair {first.bounds}", file or "")
    return RawChip(
        np.concatenate([part.pixels for part in parts], axis=-1),
        np.concatenate([part.valid for part in parts], axis=-1),
        first.bounds,
        first.crs,
    )


def _read_file(file: Path, bands: int, size_px: int, max_nodata_pct: float) -> RawChip:
    if not file.is_file():
        raise ChipError("not a readable GeoTIFF (not a file, or a broken link)", file)
    if file.stat().st_size == 0:
        raise ChipError("empty file", file)
    try:
        with rasterio.open(file, driver="GTiff") as raster:
            if (raster.height, raster.width) != (size_px, size_px):
                raise ChipError(
                    f"is {raster.height} x {raster.width} pixels, not {size_px} x {size_px} (data.chip_size_px)", file
                )
            if raster.count != bands:
                raise ChipError(f"has {raster.count} bands, data.regions names {bands}", file)
            values = raster.read()
            valid = np.stack(list(_valid(raster, values)))
            crs = horizontal_crs(raster)
            bounds = tuple(map(float, raster.bounds))
    except RasterioError as error:
        raise ChipError(f"not a readable GeoTIFF ({error})", file) from None
    if not np.issubdtype(values.dtype, np.number) or np.iscomplexobj(values):
        raise ChipError(f"holds {values.dtype}, not real numbers", file)
    for band, share in enumerate(valid.mean((1, 2)), start=1):
        if share == 0:
            raise ChipError(f"band {band} is all nodata", file)
        if 100 * (1 - share) > max_nodata_pct:
            raise ChipError(
                f"band {band} is {100 * (1 - share):.1f} % nodata (data.max_nodata_pct: {max_nodata_pct:g})", file
            )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused unless it is nodata
        pixels = values.astype(np.float32)
    if not np.isfinite(pixels[valid]).all():
        raise ChipError("holds NaN or infinite values (in float32) that its nodata tag does not declare", file)
    return RawChip(
        np.moveaxis(pixels, 0, -1),
        np.moveaxis(valid, 0, -1),
        (bounds[0], bounds[1], bounds[2], bounds[3]),
        crs,
    )


def peek_crs(file: Path) -> str | None:
    """The CRS of a file as `RawChip.crs` has it, None where it cannot be read."""
    try:
        with rasterio.open(file, driver="GTiff") as raster:
            return horizontal_crs(raster)
    except (RasterioError, UnicodeError):
        return None


def horizontal_crs(raster: rasterio.DatasetReader) -> str:
    """A raster's CRS without heights (elevation often adds their datum), "" where it has none."""
    if not raster.crs:
        return ""
    description = raster.crs.to_dict(projjson=True)
    if description.get("type") == "CompoundCRS":
        return str(CRS.from_user_input(json.dumps(description["components"][0])).to_string())
    return str(raster.crs.to_string())


def _valid(raster: rasterio.DatasetReader, values: NDArray[np.generic]) -> Iterator[NDArray[np.bool_]]:
    """Which pixels of each band are data: by its nodata value and by a mask file.

    A fourth band that a writer tagged as alpha is not taken for a mask: in aerial imagery it is near infrared.
    """
    for band, (nodata, mask) in enumerate(zip(raster.nodatavals, raster.mask_flag_enums, strict=True)):
        if MaskFlags.per_dataset in mask and MaskFlags.alpha not in mask:
            yield raster.read_masks(band + 1) > 0
        elif nodata is None:
            yield np.ones(values.shape[1:], dtype=bool)
        elif np.isnan(nodata):
            yield ~np.isnan(values[band])
        else:
            yield values[band] != nodata
