"""Small labelled chips on disk, as the raster folders of a region hold them, and the import of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from workflow_lib.core.arguments import flags
from workflow_lib.data.chip_tables import BANDS, CHIPS, NOTICES, REJECTED
from workflow_lib.data.data_config import DataConfig
from workflow_lib.stages.import_chips import main

SIZE = 40  # the smallest that data.chip_size_px allows
UTM = "EPSG:32614"
AERIAL = ["red", "green", "blue", "nir"]
NORTH = {"North": [{"folder": "North/DEM", "bands": ["dem"]}, {"folder": "North/Aer", "bands": AERIAL}]}


def pixels(seed: int, bands: int = 4, dtype: str = "uint8", size: int = SIZE) -> NDArray[Any]:
    """(bands, size, size) values from 1 to 250: 0 is free to mean nodata."""
    return np.random.default_rng(seed).integers(1, 251, (bands, size, size)).astype(dtype)


def place(column: int = 0, row: int = 0, pixel_m: float = 1.0) -> Affine:
    """Transform of a north-up chip in its own cell of a wide grid."""
    return Affine(pixel_m, 0, 600_000 + 1000 * column, 0, -pixel_m, 5_200_000 - 1000 * row)


def write_chip(file: Path, values: NDArray[Any], transform: Affine | None = None, **options: Any) -> None:
    """Write (bands, height, width) values as a GeoTIFF."""
    file.parent.mkdir(parents=True, exist_ok=True)
    bands, height, width = values.shape
    profile = {"crs": UTM, "transform": transform or place(), "dtype": values.dtype} | options
    with rasterio.open(file, "w", driver="GTiff", count=bands, height=height, width=width, **profile) as raster:
        raster.write(values)


def write_pair(region: Path, label: str, name: str, column: int = 0) -> None:
    """A chip's elevation and imagery."""
    write_chip(region / "DEM" / label / name, pixels(column, 1, "float32"), place(column), nodata=-9999)
    write_chip(region / "Aer" / label / name, pixels(100 + column), place(column), photometric="RGB", alpha="NO")


def write_region(region: Path) -> None:
    """Two good chips of each class."""
    for column, (label, name) in enumerate((("F", "f0"), ("F", "f1"), ("T", "t0"), ("T", "t1"))):
        write_pair(region, label, f"{name}.tif", column)


def data_flags(root: Path, **changes: Any) -> list[str]:
    """The config's flags, spelled as the rule spells them."""
    values = {"root": str(root), "regions": NORTH, "classes": ["F", "T"], "chip_size_px": SIZE} | changes
    return flags(DataConfig.model_validate(values))


def output_flags(out: Path) -> list[str]:
    names = {
        "array": "chips.npy", "moments": "moments.npy",
        "chips": "chips.parquet", "bands-table": "bands.parquet", "rejected": "rejected.parquet",
        "notices": "notices.parquet",
    }  # fmt: skip
    return [f"--{flag}={out / name}" for flag, name in names.items()]


@dataclass(frozen=True)
class Imported:
    """What the stage wrote."""

    array: NDArray[np.float32]
    moments: NDArray[np.float64]
    chips: pd.DataFrame
    bands: pd.DataFrame
    rejected: pd.DataFrame
    notices: pd.DataFrame

    @classmethod
    def read(cls, out: Path) -> "Imported":
        arrays = (np.load(out / f"{name}.npy", allow_pickle=False) for name in ("chips", "moments"))
        tables = (table.read(out / f"{table.name}.parquet") for table in (CHIPS, BANDS, REJECTED, NOTICES))
        return cls(*arrays, *tables)


def import_region(root: Path, out: Path, **changes: Any) -> Imported:
    """Import with `normalisation: none`, unless told otherwise."""
    main(data_flags(root, **({"normalisation": "none"} | changes)) + output_flags(out))
    return Imported.read(out)
