"""ChipImport all chips into one memory-mapped array that every job shares, with its tables."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import ChipError, UserError
from workflow_lib.core.progress import report_progress
from workflow_lib.core.sealed import DamagedFileError, map_array
from workflow_lib.data.band_statistics import BandStatistics
from workflow_lib.data.bands import add_indices, fill_nodata, normalise
from workflow_lib.data.data_config import DataConfig
from workflow_lib.data.ground import pixel_sides_m
from workflow_lib.data.masks import describe_scaling
from workflow_lib.data.notices import Notices, find_unused_files
from workflow_lib.data.rasters import ChipFiles, RawChip, find_chips, peek_header, read_chip

# Maximum relative difference of pixel sizes; beyond it, objects would differ in size to a network.
_MAX_SIZE_DIFFERENCE = 0.05


@dataclass
class ChipImport:
    """Results of an import; the array itself is written to disk during the import.

    Attributes:
        chips, bands, rejected, notices: rows of the tables of these names.
        moments: (chips, bands, 2) mean and variance of each channel of each chip, as stored.
    """

    chips: pd.DataFrame
    bands: pd.DataFrame
    rejected: pd.DataFrame
    notices: Notices
    moments: NDArray[np.float64]


def import_chips(data: DataConfig, root: Path, array: Path) -> ChipImport:
    """Read all chips of all regions into one array.

    Args:
        data: data section of the configuration.
        root: folder to which the regions' folders are relative.
        array: .npy file to write: (chips, height, width, data.bands) float32, normalised if the method needs no other
            chips; the caller makes the write atomic.

    Raises:
        ChipError: at the first bad chip, if `data.on_bad_chip` is "error".
        UserError: if a folder is missing, or a class or region has no usable chip.
    """
    files = [
        chip
        for region, folders in sorted(data.regions.items())
        for chip in find_chips(root, region, folders, data.classes)
    ]
    size = (data.chip_size_px, data.chip_size_px, len(data.bands))
    rows: list[dict[str, object]] = []
    rejected: list[dict[str, str]] = []
    statistics, consistency = BandStatistics(data.bands), _Consistency()
    moments = []
    with array.open("wb") as stream:
        _write_header(stream, 0, size)
        for chip, raw in _good_chips(files, data, rejected):
            bands = [band for folder in data.regions[chip.region] for band in folder.bands]
            consistency.add(chip, raw, bands)
            channels = add_indices(fill_nodata(raw.pixels, raw.valid), bands, data.bands)
            statistics.add(chip.region, channels, bands, raw.valid, raw.sources)
            channels = np.ascontiguousarray(normalise(channels, data.normalisation), dtype="<f4")
            stream.write(channels.tobytes())
            moments.append(
                np.stack([channels.mean((0, 1), dtype=np.float64), channels.var((0, 1), dtype=np.float64)], -1)
            )
            rows.append({"chip": len(rows), **_row(chip, raw), "scaled": consistency.scaled_bands(bands)})
        _write_header(stream, len(rows), size)
    chips = pd.DataFrame(rows)
    _check_complete(chips, data, rejected)
    chips["pixel_m"] = _check_resolution(chips, data.chip_size_px)
    band_table = statistics.table()
    notices = consistency.notices
    _note_constant_bands(band_table, consistency.integers, notices)
    _note_copies(chips, notices)
    for region, folders in sorted(data.regions.items()):
        for what, example in find_unused_files(root, folders, data.classes):
            notices.add(region, what, example)
    rejections = pd.DataFrame(rejected, columns=["region", "file", "reason"])
    return ChipImport(chips, band_table, rejections, notices, np.array(moments))


def _good_chips(
    files: list[ChipFiles], data: DataConfig, rejected: list[dict[str, str]]
) -> Iterator[tuple[ChipFiles, RawChip]]:
    """Read the chips in order; a bad chip ends the run or is listed, depending on `data.on_bad_chip`."""
    usual = _usual_headers(files)
    for position, chip in enumerate(files):
        report_progress("import_chips", position, len(files), "chips")
        try:
            raw = read_chip(chip, data.regions[chip.region], data.chip_size_px, data.max_nodata_pct, data.nodata)
            crs, pixel = usual[chip.region]
            if raw.crs != crs:
                raise ChipError(
                    f"its CRS {raw.crs or '(none)'} differs from that of region {chip.region}, {crs or '(none)'}",
                    chip.place,
                )
            width = abs(raw.bounds[2] - raw.bounds[0]) / data.chip_size_px
            if abs(width - pixel) > _MAX_SIZE_DIFFERENCE * pixel:
                raise ChipError(
                    f"its pixels are {width:g} wide, but those of region {chip.region} {pixel:g}", chip.place
                )
        except ChipError as error:
            if data.on_bad_chip == "error":
                raise ChipError(f"{error}; repair it, or set data.on_bad_chip: drop") from None
            file = error.where.encode("utf-8", "backslashreplace").decode()
            rejected.append({"region": chip.region, "file": file, "reason": error.what})
        else:
            yield chip, raw


def _usual_headers(files: list[ChipFiles]) -> dict[str, tuple[str, float]]:
    """Find each region's most common CRS and pixel width, so that one deviating chip does not reject all others."""
    found: dict[str, Counter[tuple[str, float]]] = defaultdict(Counter)
    for chip in files:
        if (header := peek_header(chip.place)) is not None:
            found[chip.region][header] += 1
    return {region: counts.most_common(1)[0][0] for region, counts in found.items()}


class _Consistency:
    """Checks across all chips: each band has one scaling, and copies of a picture have one class."""

    def __init__(self) -> None:
        self.notices = Notices()
        self.integers: dict[str, bool] = {}
        self._scaling: dict[str, tuple[tuple[float, float] | None, Path]] = {}
        self._labels: dict[str, ChipFiles] = {}

    def add(self, chip: ChipFiles, raw: RawChip, bands: list[str]) -> None:
        """Compare a chip with the previous ones.

        Args:
            chip: files of the chip.
            raw: its pixels and metadata.
            bands: name of each band of `raw`.

        Raises:
            UserError: if a band has another scale or offset than before, or a copy of the picture has another class.
        """
        for band, source in zip(bands, raw.sources, strict=True):
            whole, pair = np.issubdtype(source.data_type, np.integer), source.scaling
            self.integers[band] = self.integers.get(band, True) and bool(whole)
            first, where = self._scaling.setdefault(band, (pair, chip.place))
            if pair != first:
                raise UserError(
                    f"band {band} has {_describe(pair)}, but {_describe(first)} in {where}", chip.place,
                    "give all files of a band the same values, for example with gdal_edit.py -scale -offset",
                )  # fmt: skip
        twin = self._labels.setdefault(raw.content, chip)
        if twin.label != chip.label:
            raise UserError(
                f"is a copy of {twin.place}, which has class {twin.label}", chip.place, "remove one of them"
            )
        for file, number, value, share in raw.odd:
            what = f"band {number} of its file is {value:g}" if number else "all bands of its file are 0"
            shares = f"{100 * share:.1f} % of its pixels" if share >= 0.001 else "some pixels"
            self.notices.add(
                chip.region,
                f"chips where {what} in some pixels, which count as data: if they are not, declare the value in "
                "data.nodata",
                f"{file}: {shares}",
            )

    def scaled_bands(self, bands: list[str]) -> list[str]:
        """List the bands whose values were scaled."""
        return [band for band in bands if self._scaling[band][0] != (1.0, 0.0)]


def _describe(pair: tuple[float, float] | None) -> str:
    return "values that were already scaled" if pair is None else describe_scaling(pair)


def _check_resolution(chips: pd.DataFrame, size_px: int) -> NDArray[np.float64]:
    """Return the pixel size of each chip on the ground (m); NaN if its CRS has no location on the ground.

    Raises:
        UserError: if sizes differ by more than `_MAX_SIZE_DIFFERENCE`, within a region or between regions.
    """
    sides = np.full(len(chips), np.nan)
    for crs, part in chips.groupby("crs"):
        width, height = (part["right"] - part["left"]) / size_px, (part["top"] - part["bottom"]) / size_px
        x, y = part["x"].to_numpy(), part["y"].to_numpy()
        sides[part.index] = pixel_sides_m(str(crs), x, y, width.to_numpy(), height.to_numpy())
    known = np.flatnonzero(np.isfinite(sides))
    if len(known):
        finest, coarsest = known[sides[known].argmin()], known[sides[known].argmax()]
        if sides[coarsest] > (1 + _MAX_SIZE_DIFFERENCE) * sides[finest]:
            first, second = (f"{chips['file'][row]} (region {chips['region'][row]})" for row in (finest, coarsest))
            raise UserError(
                f"pixels are {sides[finest]:.3g} m on the ground in {first} and {sides[coarsest]:.3g} m in {second}",
                "data.regions",
                "resample all chips to one resolution",
            )
    return sides


def _note_constant_bands(bands: pd.DataFrame, integers: Mapping[str, bool], notices: Notices) -> None:
    """Note bands that are constant everywhere: possibly an alpha or mask band under the name of a spectral one."""
    for row in bands[bands["minimum"] == bands["maximum"]].itertuples():
        if integers.get(str(row.band), False):
            what = f"band that is {row.minimum:g} in every pixel: is it an alpha or mask band?"
            notices.add(str(row.region), what, str(row.band))


def _note_copies(chips: pd.DataFrame, notices: Notices) -> None:
    """Note chips that are copies of others; folds keep copies on one side."""
    for row in chips[chips["content"].duplicated()].itertuples():
        notices.add(str(row.region), "chips that are copies of others; folds keep copies on one side", str(row.file))


def _row(chip: ChipFiles, raw: RawChip) -> dict[str, object]:
    left, bottom, right, top = raw.bounds
    return {
        "region": chip.region,
        "class": chip.label,
        "file": chip.name,
        "x": (left + right) / 2,
        "y": (bottom + top) / 2,
        "left": min(left, right),
        "bottom": min(bottom, top),
        "right": max(left, right),
        "top": max(bottom, top),
        "crs": raw.crs,
        "content": raw.content,
    }


def _write_header(stream: BinaryIO, chips: int, size: tuple[int, int, int]) -> None:
    """Write a .npy header; NumPy pads it so that the first dimension can grow without moving the data."""
    stream.seek(0)
    header = {"descr": "<f4", "fortran_order": False, "shape": (chips, *size)}
    np.lib.format.write_array_header_1_0(stream, header)


def _check_complete(chips: pd.DataFrame, data: DataConfig, rejected: list[dict[str, str]]) -> None:
    first = f"; the first is {rejected[0]['file']}: {rejected[0]['reason']}" if rejected else ""
    dropped = f" ({len(rejected)} chips were dropped{first})" if rejected else ""
    if chips.empty:
        raise UserError(f"no chip is usable{dropped}", "data.regions")
    counts = Counter(chips["class"])
    for label in data.classes:
        if not counts[label]:
            raise UserError(
                f"class {label} has no chip, so there is only one class{dropped}"
                if len(counts) == 1
                else f"class {label} has no chip{dropped}",
                "data.classes",
                "put chips into its subfolders or leave the class out",
            )
    for region in data.regions:
        if not (chips["region"] == region).any():
            raise UserError(f"region {region} has no usable chip{dropped}", "data.regions")


def open_chips(array: Path) -> NDArray[np.float32]:
    """Verify an array of `import_chips` and map it into memory, read-only; jobs on one host share its pages.

    Raises:
        DamagedFileError: if the file has changed since it was written.
        UserError: if there is no such file.
    """
    try:
        chips: NDArray[np.float32] = map_array(array)
    except FileNotFoundError:
        raise UserError("no such file", array) from None
    if chips.ndim != 4:
        raise DamagedFileError(array, f"it has shape {chips.shape}, not (chips, height, width, bands)")
    return chips
