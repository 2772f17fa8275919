"""Cut chips out of scenes, in the folder layout that `import_chips` reads."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from workflow_lib.core.errors import UserError
from workflow_lib.core.progress import report_progress
from workflow_lib.data.chip_samples import Region
from workflow_lib.data.masks import SCALED_TAG, SCENE_M_TAG, is_scaled
from workflow_lib.data.scenes import Layer


def clip_chips(region: Region, name: str, samples: pd.DataFrame, output: Path) -> None:
    """Write the chips of samples: `<folder>/<class>/<region>_<class>_<sample>.tif`, one file per raster folder.

    Pixels of scenes that are aligned with the chips' grid are copied; others are resampled. Data type and nodata are
    those of the scenes.

    Args:
        region: scenes of the region.
        name: name of the region.
        samples: rows of SAMPLES, without those that have a `reason`.
        output: folder to create.
    """
    output.mkdir(parents=True)
    size_px = region.size_px
    for number, sample in enumerate(samples.to_dict("records")):
        report_progress("clip_chips", number, len(samples), "chips")
        column, row = region.grid.corner(sample["x"], sample["y"], size_px)
        for folder, layer in zip(region.folders, region.layers, strict=True):
            file = output / folder.folder / sample["class"] / f"{name}_{sample['class']}_{sample['sample']:05d}.tif"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels, valid = layer.read(column, row, size_px, size_px)
            _write(file, pixels, valid, region.grid.crs, region.grid.transform(column, row), layer)


def _write(
    file: Path, pixels: NDArray[Any], valid: NDArray[np.bool_], crs: Any, transform: Affine, layer: Layer
) -> None:
    count, height, width = pixels.shape
    # By default GDAL treats the fourth of four byte bands as transparency; here it is data.
    colours = {"photometric": "RGB", "alpha": "NO"} if count >= 3 and pixels.dtype == np.uint8 else {}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            file, "w", driver="GTiff", count=count, height=height, width=width, dtype=pixels.dtype, crs=crs,
            transform=transform, nodata=layer.nodata, compress="deflate", **colours,
        ) as raster,
    ):  # fmt: skip
        raster.write(pixels)
        raster.update_tags(**{SCENE_M_TAG: f"{max(layer.resolutions_m):.6g}"})
        if is_scaled(layer.scaling):
            raster.update_tags(**{SCALED_TAG: "yes"})
        if layer.nodata is None and not valid.all():
            raster.write_mask(valid.all(0))


def gather_chips(tiles: Sequence[Path], folders: Sequence[str], classes: Sequence[str], output: Path) -> None:
    """Collect the chips of many tiles in one folder layout, as hard links if the file system allows them.

    Args:
        tiles: folders that `clip_chips` wrote.
        folders: all raster folders.
        classes: all classes.
        output: folder to create: `<folder>/<class>/*.tif`.

    Raises:
        UserError: if there is no chip.
    """
    for folder in folders:
        for label in classes:
            (output / folder / label).mkdir(parents=True)
    chips = [(tile, chip) for tile in tiles for chip in sorted(tile.rglob("*.tif"))]
    if not chips:
        raise UserError("no chip was cut, because no point lies on the scenes", "data.clip", "see sample_points/*.csv")
    for tile, chip in chips:
        place = output / chip.relative_to(tile)
        try:
            os.link(chip, place)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            shutil.copyfile(chip, place)  # another file system, or one without hard links
