"""All chips as one memory-mapped array that every job shares, and the tables that go with it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.data_config import DataConfig
from workflow_lib.core.errors import ChipError, UserError
from workflow_lib.core.progress import report_some
from workflow_lib.core.sealed import DamagedFileError, map_array
from workflow_lib.data.bands import add_indices, fill_nodata, normalise
from workflow_lib.data.rasters import ChipFiles, RawChip, find_chips, peek_crs, read_chip


@dataclass
class Import:
    """What an import found; its arrays went to disk while it ran.

    Attributes:
        chips, bands, rejected: rows of the tables of these names.
        moments: (chips, bands, 2) mean and variance of each chip's channels as stored.
    """

    chips: pd.DataFrame
    bands: pd.DataFrame
    rejected: pd.DataFrame
    moments: NDArray[np.float64]


def import_chips(data: DataConfig, root: Path, array: Path) -> Import:
    """Read all chips of all regions into one array.

    Args:
        data: the data section of the config.
        root: folder that the regions' folders are relative to.
        array: the .npy file to write: (chips, height, width, data.bands) float32, normalised if the choice
            concerns a chip alone; the caller makes it atomic.

    Raises:
        ChipError: at the first bad chip, if `data.on_bad_chip` is "error".
        UserError: if a folder is missing, or a class or region has no chip left.
    """
    files = [
        chip
        for region, folders in sorted(data.regions.items())
        for chip in find_chips(root, region, folders, data.classes)
    ]
    size = (data.chip_size_px, data.chip_size_px, len(data.bands))
    rows: list[dict[str, object]] = []
    rejected: list[dict[str, str]] = []
    statistics = _BandStatistics(data.bands)
    moments = []
    with array.open("wb") as stream:
        _write_header(stream, 0, size)
        for chip, raw in _good_chips(files, data, rejected):
            bands = [band for folder in data.regions[chip.region] for band in folder.bands]
            channels = add_indices(fill_nodata(raw.pixels, raw.valid), bands, data.bands)
            statistics.add(chip.region, channels, bands, raw.valid)
            channels = normalise(channels, data.normalisation)
            stream.write(np.ascontiguousarray(channels, dtype="<f4").tobytes())
            moments.append(
                np.stack([channels.mean((0, 1), dtype=np.float64), channels.var((0, 1), dtype=np.float64)], -1)
            )
            rows.append({"chip": len(rows), **_row(chip, raw)})
        _write_header(stream, len(rows), size)
    chips = pd.DataFrame(rows)
    _check_complete(chips, data, rejected)
    return Import(
        chips, statistics.table(), pd.DataFrame(rejected, columns=["region", "file", "reason"]), np.array(moments)
    )


def _good_chips(
    files: list[ChipFiles], data: DataConfig, rejected: list[dict[str, str]]
) -> Iterator[tuple[ChipFiles, RawChip]]:
    """Read the chips in order; the bad ones end the run or are listed, as the config says."""
    usual_crs = _usual_crs(files)
    for position, chip in enumerate(files):
        report_some("import_chips", position, len(files), "chips")
        try:
            raw = read_chip(chip, data.regions[chip.region], data.chip_size_px, data.max_nodata_pct)
            if raw.crs != usual_crs[chip.region]:
                raise ChipError(
                    f"its CRS {raw.crs or '(none)'} is not that of region {chip.region}, "
                    f"{usual_crs[chip.region] or '(none)'}",
                    chip.place,
                )
        except ChipError as error:
            if data.on_bad_chip == "error":
                raise ChipError(f"{error}; mend it, or set data.on_bad_chip: drop") from None
            file = error.where.encode("utf-8", "backslashreplace").decode()
            rejected.append({"region": chip.region, "file": file, "reason": error.what})
        else:
            yield chip, raw


def _usual_crs(files: list[ChipFiles]) -> dict[str, str]:
    """The most common CRS of each region, so that one odd chip does not reject all others."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for chip in files:
        if (crs := peek_crs(chip.place)) is not None:
            found[chip.region][crs] += 1
    return {region: counts.most_common(1)[0][0] for region, counts in found.items()}


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
    }


def _write_header(stream: BinaryIO, chips: int, size: tuple[int, int, int]) -> None:
    """Write a .npy header; NumPy pads it so that the first dimension can grow without moving the data."""
    stream.seek(0)
    header = {"descr": "<f4", "fortran_order": False, "shape": (chips, *size)}
    np.lib.format.write_array_header_1_0(stream, header)


def _check_complete(chips: pd.DataFrame, data: DataConfig, rejected: list[dict[str, str]]) -> None:
    first = f"; the first, {rejected[0]['file']}: {rejected[0]['reason']}" if rejected else ""
    dropped = f" ({len(rejected)} chips were dropped{first})" if rejected else ""
    if chips.empty:
        raise UserError(f"no chip can be used{dropped}", "data.regions")
    counts = Counter(chips["class"])
    for label in data.classes:
        if not counts[label]:
            raise UserError(
                f"class {label} has no chip: one class only{dropped}"
                if len(counts) == 1
                else f"class {label} has no chip{dropped}",
                "data.classes",
                "put chips into its subfolders or leave the class out",
            )
    for region in data.regions:
        if not (chips["region"] == region).any():
            raise UserError(f"region {region} has no chip that can be used{dropped}", "data.regions")


class _BandStatistics:
    """Ranges and gaps of each channel in each region, gathered chip by chip."""

    def __init__(self, channels: list[str]) -> None:
        self._channels = channels
        self._found: dict[tuple[str, str], dict[str, float]] = {}

    def add(self, region: str, chip: NDArray[np.floating[Any]], bands: list[str], valid: NDArray[np.bool_]) -> None:
        everywhere = valid.all(-1)  # an index is defined where all bands are
        for position, channel in enumerate(self._channels):
            mask = valid[..., bands.index(channel)] if channel in bands else everywhere
            values = chip[..., position][mask]
            found = self._found.setdefault(
                (region, channel), {"low": np.inf, "high": -np.inf, "sum": 0, "valid": 0, "pixels": 0, "gaps": 0}
            )
            found["low"] = min(found["low"], float(values.min(initial=np.inf)))
            found["high"] = max(found["high"], float(values.max(initial=-np.inf)))
            found["sum"] += float(values.sum(dtype=np.float64))
            found["valid"] += values.size
            found["pixels"] += mask.size
            found["gaps"] += values.size < mask.size

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "region": region,
                "band": channel,
                "minimum": found["low"] if found["valid"] else None,
                "mean": found["sum"] / found["valid"] if found["valid"] else None,
                "maximum": found["high"] if found["valid"] else None,
                "nodata_pct": 100 * (1 - found["valid"] / found["pixels"]),
                "chips_with_nodata": int(found["gaps"]),
            }
            for (region, channel), found in self._found.items()
        )


def open_chips(array: Path) -> NDArray[np.float32]:
    """Verify an array of `import_chips` and map it into memory, read-only: jobs on one host share its pages.

    Raises:
        DamagedFileError: if the file is not as it was written.
        UserError: if there is none.
    """
    try:
        chips: NDArray[np.float32] = map_array(array)
    except FileNotFoundError:
        raise UserError("no such file", array) from None
    if chips.ndim != 4:
        raise DamagedFileError(array, f"it has shape {chips.shape}, not (chips, height, width, bands)")
    return chips
