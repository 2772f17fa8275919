"""Validity masks, scale and offset of rasters, as GDAL reads them.

GDAL handles rounded nodata tags, tags per band, mask files, masks inside files and alpha bands. If a mask exists, GDAL
ignores the nodata tag, and so does this module. One exception: a last band that is tagged as alpha is data if the
configuration names it (in aerial imagery it is near infrared); otherwise it is the mask of the other bands.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rasterio.windows import Window

from workflow_lib.core.errors import UserError

BandScaling = tuple[tuple[float, float], ...]
"""Scale and offset of each band: value = scale * pixel + offset."""

SCALED_TAG = "EDGEFRONT_SCALED"
"""Tag of files whose pixels are already scaled: chips that were cut from scenes with scale and offset."""

SCENE_M_TAG = "EDGEFRONT_SCENE_M"
"""Tag of chips that were cut from scenes: pixel size of the coarsest scene on the ground (m)."""


def open_raster(file: Path, bands: int, driver: str | None = None) -> Any:
    """Open a raster with a given number of bands; one further band that is tagged as alpha becomes their mask.

    Args:
        file: raster to open.
        bands: number of bands that the configuration names.
        driver: GDAL driver; None: any.

    Raises:
        UserError: if the number of bands differs.
        RasterioError: if the file is not a raster.
    """
    raster = rasterio.open(file.absolute(), driver=driver)
    alpha = raster.count > 0 and raster.colorinterp[-1] == ColorInterp.alpha
    if raster.count != bands + (alpha and raster.count == bands + 1):
        found = raster.count
        raster.close()
        raise UserError(f"has {found} bands, but {bands} are named", file, "correct `bands`")
    return _with_named_bands(raster, bands) if alpha else raster


def _with_named_bands(raster: Any, bands: int) -> Any:
    """Wrap a raster in a VRT in which the alpha band is data if it is named, and otherwise the mask of all bands."""
    with raster, MemoryFile(ext=".vrt") as description:
        rasterio.shutil.copy(raster, description.name, driver="VRT")
        root = ElementTree.fromstring(description.read())  # noqa: S314 (GDAL wrote it)
    for band in root.findall("VRTRasterBand"):
        if (tag := band.find("ColorInterp")) is not None and tag.text == "Alpha":
            band.remove(tag)
        if int(band.get("band", 0)) > bands:
            root.remove(band)
            band.set("dataType", "Byte")
            band.attrib.pop("band")
            ElementTree.SubElement(root, "MaskBand").append(band)
    return rasterio.open(ElementTree.tostring(root, encoding="unicode"))


def read_valid(raster: Any, window: Window | None = None) -> NDArray[np.bool_]:
    """Return the mask of valid pixels of a raster from `open_raster`: (bands, height, width)."""
    return np.asarray(raster.read_masks(window=window) > 0)


def mark_declared(values: NDArray[Any], valid: NDArray[np.bool_], declared: Sequence[float]) -> NDArray[np.bool_]:
    """Mark pixels invalid whose values the configuration declares as nodata.

    Args:
        values: (bands, height, width) pixels of one file.
        valid: (bands, height, width) mask of the valid pixels; not modified.
        declared: `data.nodata`; 0 counts only where all bands are 0, since single zeros are common in imagery.

    Returns:
        (bands, height, width) mask of the remaining valid pixels.

    >>> mark_declared(np.array([[[0, 7]], [[0, 0]]]), np.ones((2, 1, 2), dtype=bool), [0]).tolist()
    [[[False, True]], [[False, True]]]
    """
    with np.errstate(over="ignore"):
        singles = values.astype(np.float32) if declared else values
    for value in declared:
        found = singles == np.float32(value)
        valid = valid & ~(found.all(0) if value == 0 else found)
    return valid


def scaling_of(raster: Any) -> BandScaling:
    """Return the scale and offset of each band; (1, 0) if the file has none."""
    return tuple(zip(map(float, raster.scales), map(float, raster.offsets), strict=True))


def is_scaled(scaling: BandScaling) -> bool:
    """Return whether the stored pixels differ from the values, because some band has a scale or offset."""
    return any(pair != (1.0, 0.0) for pair in scaling)


def describe_scaling(pair: tuple[float, float]) -> str:
    """Describe a scale and offset in words."""
    return "no scale" if pair == (1.0, 0.0) else f"scale {pair[0]:g} and offset {pair[1]:g}"


def apply_scaling(pixels: NDArray[Any], scaling: BandScaling) -> NDArray[np.float32]:
    """Convert stored pixels to values.

    Args:
        pixels: (bands, height, width) stored pixels.
        scaling: scale and offset of each band.

    Returns:
        (bands, height, width) float32 values; infinite where float32 overflows.

    >>> apply_scaling(np.array([[[1, 2]]]), ((0.5, 10.0),)).tolist()
    [[[10.5, 11.0]]]
    """
    factors, offsets = (np.array(part)[:, None, None] for part in zip(*scaling, strict=True))
    with np.errstate(over="ignore"):  # overflow becomes infinite, which is rejected unless it is nodata
        values: NDArray[np.float32] = (pixels.astype(np.float64) * factors + offsets).astype(np.float32)
    return values


def as_floats(raster: Any, declared: Sequence[float] = ()) -> Any:
    """Wrap a raster from `open_raster` so that its pixels are scaled float values, and NaN where there is no data.

    Warping such a raster treats each band separately and keeps nodata out of the averages. WarpedVRT alone would use
    the first band's nodata for all bands, and compare it exactly.

    Args:
        raster: raster to wrap, which the caller keeps open.
        declared: further nodata values, as in `mark_declared`.
    """
    text = _float_vrt(raster, raster.name, masked=MaskFlags.all_valid not in raster.mask_flag_enums[0])
    # Declared values are compared with the stored pixels, before scaling.
    for value in declared:
        if value == 0:
            zeros = " ".join(["0"] * raster.count)
            text = text.replace("<SRS>", f'<Metadata><MDI key="NODATA_VALUES">{zeros}</MDI></Metadata><SRS>', 1)
            text = _float_vrt(raster, text, masked=True)
        else:
            text = _float_vrt(raster, text, masked=False, nodata=value)
    return rasterio.open(_float_vrt(raster, text, masked=False, scaled=True))


def _float_vrt(raster: Any, source: str, masked: bool, nodata: float | None = None, scaled: bool = False) -> str:
    """Describe a VRT over a source, with the raster's size and location: float pixels, NaN where there is no data."""
    kind = "Float64" if any(np.dtype(name).itemsize >= 4 and name != "float32" for name in raster.dtypes) else "Float32"
    bands = []
    for band, (scale, offset) in enumerate(scaling_of(raster), start=1):
        mask = "<UseMaskBand>true</UseMaskBand>" if masked else ""
        gap = f"<NODATA>{nodata!r}</NODATA>" if nodata is not None else ""
        factor = f"<ScaleOffset>{offset!r}</ScaleOffset><ScaleRatio>{scale!r}</ScaleRatio>" if scaled else ""
        bands.append(
            f'<VRTRasterBand dataType="{kind}" band="{band}"><NoDataValue>nan</NoDataValue><ComplexSource>'
            f'<SourceFilename relativeToVRT="0">{escape(source)}</SourceFilename><SourceBand>{band}</SourceBand>'
            f"{mask}{gap}{factor}</ComplexSource></VRTRasterBand>"
        )
    transform = ",".join(map(repr, raster.transform.to_gdal()))
    crs = escape(raster.crs.to_wkt()) if raster.crs else ""
    return (
        f'<VRTDataset rasterXSize="{raster.width}" rasterYSize="{raster.height}"><SRS>{crs}</SRS>'
        f"<GeoTransform>{transform}</GeoTransform>{''.join(bands)}</VRTDataset>"
    )
