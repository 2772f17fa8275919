"""Slide a model over whole scenes, block by block so that memory use stays constant."""

import json
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from workflow_lib.core.errors import UserError
from workflow_lib.core.external_files import files_gdal_reads, state_of
from workflow_lib.core.files import atomic_path, write_text
from workflow_lib.core.sealed import DamagedFileError, load_array, save_array
from workflow_lib.data.scenes import Grid, Layer
from workflow_lib.field.bundle import Bundle
from workflow_lib.field.outputs import check_partial, empty_partial, partial_folder
from workflow_lib.field.remote_scenes import remote_state

# Side of the square of pixels in memory at a time; windows lie within it.
_BLOCK_PX = 2048
_KEY = "key.json"
_ROUNDING_PX = 1e-6
Square = tuple[int, int, int, int]
"""First row, first column, number of rows and number of columns of a block of windows."""
Block = tuple[Square, NDArray[np.float32]]
"""A square of windows and its (classes, rows, columns) probabilities."""
Pixels = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""(bands, height, width) pixels, and the mask of the valid ones."""
Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class Windows:
    """A grid of windows over an extent; each window is centred in a cell of `stride_px` pixels.

    Args:
        rows: number of rows of windows.
        columns: number of columns of windows.
        stride_px: distance from one window to the next (pixels).
        size_px: side of a window (pixels).

    >>> windows = Windows(rows=2, columns=3, stride_px=8, size_px=16)
    >>> windows.start(0), windows.span(3), windows.blocks()
    (-4, 32, [(0, 0, 2, 3)])
    """

    rows: int
    columns: int
    stride_px: int
    size_px: int

    @classmethod
    def over(cls, grid: Grid, layer: Layer, size_px: int, overlap: float) -> "Windows":
        """Lay out windows whose centres cover a layer's scenes.

        Args:
            grid: pixel grid with its origin at the scenes' north-western corner.
            layer: the scenes.
            size_px: side of a window (pixels).
            overlap: share of a window that overlaps the next one.
        """
        _, bottom, right, _ = layer.extent
        stride = max(1, round(size_px * (1 - overlap)))
        sides = (grid.north - bottom, right - grid.west)
        height, width = (ceil(side / grid.resolution_m - _ROUNDING_PX) for side in sides)
        return cls(max(1, -(-height // stride)), max(1, -(-width // stride)), stride, size_px)

    @property
    def side(self) -> int:
        """Maximum number of rows, and of columns, of windows in a block."""
        return max(1, (_BLOCK_PX - self.size_px) // self.stride_px + 1)

    def blocks(self) -> list[Square]:
        """Split all windows into squares that fit into memory, row by row from the north."""
        side = self.side
        return [
            (row, column, min(side, self.rows - row), min(side, self.columns - column))
            for row in range(0, self.rows, side)
            for column in range(0, self.columns, side)
        ]

    def start(self, index: int) -> int:
        """Return the first pixel of a row or column of windows."""
        return index * self.stride_px + (self.stride_px - self.size_px) // 2

    def span(self, count: int) -> int:
        """Return the number of pixels that `count` adjacent windows span."""
        return (count - 1) * self.stride_px + self.size_px


def slide(
    bundle: Bundle,
    layers: Sequence[Layer],
    bands: Sequence[str],
    windows: Windows,
    max_nodata_pct: float,
    threads: int,
    partial: Path,
) -> Generator[Block, None, None]:
    """Classify every window, while the next block is read; an interrupted run resumes after its finished blocks.

    Args:
        bundle: the model.
        layers: the scenes of the model's bands, all on one grid.
        bands: band names of all layers, in order.
        windows: the windows over the scenes.
        max_nodata_pct: maximum share of nodata in any band of a window (percent); windows above it get no probability.
        threads: number of windows classified at a time.
        partial: folder where finished blocks are kept.

    Yields:
        Each square and its (classes, rows, columns) probabilities, NaN where there are none; row by row from the north.
    """
    shape, blocks = len(bundle.description.classes), windows.blocks()
    start, skipped = time.monotonic(), 0

    def prepare(block: Square) -> tuple[Path, NDArray[np.float32] | None, Pixels | None]:
        """Return the file of a block, and its probabilities from an earlier run or else its pixels."""
        file = partial / f"{block[0]}_{block[1]}.npy"
        kept = _load(file, (shape, *block[2:]))
        return file, kept, _read_block(layers, windows, block) if kept is None else None

    with ThreadPoolExecutor(threads) as pool:
        for number, (block, (file, kept, pixels)) in enumerate(_one_ahead(prepare, blocks), start=1):
            if kept is not None:
                skipped += 1
                yield block, kept
                continue
            probabilities = np.full((shape, *block[2:]), np.nan, np.float32)
            if pixels is not None:
                _classify(bundle, pixels, bands, windows, max_nodata_pct, pool, probabilities)
            with atomic_path(file) as temporary:
                save_array(temporary, probabilities)
            left = (time.monotonic() - start) / (number - skipped) * (len(blocks) - number)
            print(f"apply_model: {number} of {len(blocks)} blocks, {left:,.0f} s left", file=sys.stderr, flush=True)
            yield block, probabilities


def _one_ahead(prepare: Callable[[Square], Prepared], blocks: Sequence[Square]) -> Iterator[tuple[Square, Prepared]]:
    """Yield each block with what `prepare` makes of it, while a thread prepares the next block."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(prepare, blocks[0])
        for block, following in zip_longest(blocks, blocks[1:]):
            prepared = coming.result()
            if following is not None:
                coming = reader.submit(prepare, following)
            yield block, prepared
            del prepared  # not kept while the next block waits


def _load(file: Path, shape: tuple[int, ...]) -> NDArray[np.float32] | None:
    """Load a block that an earlier run finished; None if there is none or it is damaged."""
    try:
        probabilities: NDArray[np.float32] = load_array(file)
    except (OSError, DamagedFileError):
        return None
    return probabilities if probabilities.shape == shape else None


def _read_block(layers: Sequence[Layer], windows: Windows, block: Square) -> Pixels | None:
    """Read the pixels below all windows of a block; see `read_layers`."""
    row, column, rows, columns = block
    return read_layers(layers, windows.start(column), windows.start(row), windows.span(columns), windows.span(rows))


def _classify(
    bundle: Bundle,
    pixels: Pixels,
    bands: Sequence[str],
    windows: Windows,
    max_nodata_pct: float,
    pool: ThreadPoolExecutor,
    probabilities: NDArray[np.float32],
) -> None:
    """Fill in the (classes, rows, columns) probabilities of the windows of a block."""
    values, valid = pixels
    size = windows.size_px

    def classify(corner: tuple[int, ...]) -> None:
        top, left = (index * windows.stride_px for index in corner)
        window = np.s_[:, top : top + size, left : left + size]
        if usable(valid[window], max_nodata_pct):
            probabilities[:, corner[0], corner[1]] = bundle.probabilities(values[window], valid[window], bands)

    list(pool.map(classify, np.ndindex(*probabilities.shape[1:])))


def read_layers(layers: Sequence[Layer], column: int, row: int, width: int, height: int) -> Pixels | None:
    """Read a window of the grid from all layers.

    Args:
        layers: the scenes, all on one grid.
        column, row: first pixel of the window.
        width, height: size of the window (pixels).

    Returns:
        (bands, height, width) pixels and the mask of the valid ones; None if a layer has no data here, such as at sea.
    """
    parts = []
    for layer in layers:
        part = layer.read(column, row, width, height)
        if not part[1].any():  # the other layers need not be read
            return None
        parts.append(part)
    return np.concatenate([part.astype(np.float32) for part, _ in parts]), np.concatenate([known for _, known in parts])


def usable(valid: NDArray[np.bool_], max_nodata_pct: float) -> bool:
    """Whether a window has enough data in every band to be classified.

    Args:
        valid: (bands, height, width) mask of the valid pixels.
        max_nodata_pct: maximum share of nodata in any band (percent).
    """
    share = float(valid.mean((1, 2)).min())
    return share > 0 and share >= 1 - max_nodata_pct / 100


def open_partial(output: Path, key: dict[str, Any]) -> Path:
    """Open the folder that keeps a map's finished blocks; blocks of a different map are deleted.

    Args:
        output: the file that the map will be written to.
        key: everything that the map depends on, as JSON values.

    Raises:
        UserError: if the folder exists and holds other files.
    """
    folder = partial_folder(output)
    check_partial(folder)
    text = json.dumps(key, sort_keys=True)
    note = folder / _KEY
    if folder.exists() and not (note.exists() and note.read_bytes() == text.encode()):
        print(f"apply_model: {folder} is from another model, scene or option; restarting", file=sys.stderr, flush=True)
        empty_partial(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(note, text)
    return folder


def describe_file(file: Path, views: Path) -> list[list[object]]:
    """List name, size and times of a scene and of its source files, to identify it without reading its pixels.

    Args:
        file: the scene.
        views: folder of virtual rasters that only pass on what others hold; they are not listed.

    Raises:
        UserError: if the file does not exist or is not a readable raster.
    """
    if not file.exists():
        raise UserError("no such file", file)
    try:
        rasterio.open(file.absolute()).close()
    except RasterioError as error:
        raise UserError(f"not a readable raster ({error})", file) from None
    parts = sorted(files_gdal_reads([str(file.absolute())]))
    states = {part: remote_state(part) if part.startswith("/vsi") else state_of(part) for part in parts}
    return [[part, *state] for part, state in states.items() if state and not Path(part).is_relative_to(views)]
