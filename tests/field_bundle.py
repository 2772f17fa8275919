"""A bundle as deploy_model writes it, with an untrained network."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.data.chip_tables import BANDS as BANDS_TABLE
from workflow_lib.data.dataset import Dataset
from workflow_lib.field.deployment import Certainty, Reading, deploy_model
from workflow_lib.training.training_config import TrainingConfig

CERTAINTY = Certainty(
    1.0,
    pd.DataFrame(
        [(0.0, 100.0, 8.0, 12.0), (0.62, 70.0, 3.0, 6.0), (0.9, 20.0, 1.0, 9.0)],
        columns=["threshold", "decided_pct", "error_pct", "error_high_pct"],
    ),
)
LICENCE = "CC-BY-4.0"
CONVERSION = ConversionConfig(calibration_chips=4)
SIZE = 40
BANDS = ["dem", "red", "green", "blue", "nir", "ndwi", "ndvi"]
CHANNELS = ["dem", "red", "ndvi"]


def chips(count: int = 12, size: int = SIZE) -> Dataset:
    """Random chips of two classes, in WGS 84 / UTM 14N, pixels of 2 m."""
    generator = np.random.default_rng(0)
    pixels = generator.random((count, size, size, len(BANDS)), dtype=np.float32)
    side = 2.0 * size
    left = 600_000 + side * np.arange(count)
    table = pd.DataFrame({
        "chip": range(count), "region": "here", "class": ["F", "T"] * (count // 2), "file": "", "x": left + side / 2,
        "y": 0.0, "left": left, "bottom": 0.0, "right": left + side, "top": side, "crs": "EPSG:32614",
    })  # fmt: skip
    pixels[1::2, 10:20, 10:20] += 1
    moments = np.stack([pixels.mean((1, 2)), pixels.var((1, 2))], -1).astype(np.float64)
    return Dataset(pixels, moments, table, BANDS, ["F", "T"], "per_dataset")


def candidate() -> dict[str, object]:
    row: dict[str, object] = {column.name: 1.0 for column in FRONT.columns if not column.family}
    return row | {
        "candidate": "3_b4_k3-s2-p1-pool3s2-w32", "channels": "3", "batch": 4, "architecture": "k3-s2-p1-pool3s2-w32",
        "recipe": "", "precision": "fp32", "latency_board_ms": 1.0, "memory_bytes": 1, "kept_epoch": 1,
    }  # fmt: skip


def bands_of_noise() -> pd.DataFrame:
    """Rows of BANDS for bands that look like `scene_files.noise`: values from 1 to 255, evenly distributed."""
    values = {"minimum": 1.0, "mean": 128.0, "maximum": 255.0, "nodata_pct": 0.0, "chips_with_nodata": 0}
    even, wide = np.linspace(1, 255, 21).tolist(), np.linspace(240, 254, 21).tolist()
    rows = [
        {"region": "here", "band": band, "data_type": "uint8", "quantiles": even, "contrasts": wide} | values
        for band in BANDS
    ]
    return BANDS_TABLE.complete(pd.DataFrame(rows))


def deploy(
    folder: Path,
    normalisation: str = "per_dataset",
    smaller: bool = True,
    bands: pd.DataFrame | None = None,
    row: Mapping[str, object] | None = None,
    channels: Sequence[str] = CHANNELS,
    size: int = SIZE,
    weights: Path | None = None,
) -> Dataset:
    """Write a bundle into an empty folder.

    Args:
        folder: the folder.
        normalisation: how chips are normalised.
        smaller: whether it has fp16 and int8, too.
        bands: rows of BANDS; None: those of bands that look like noise.
        row: the candidate's row of FRONT; None: that of a small network of CROSS.
        channels: the candidate's channels.
        size: side of a chip (pixels).
        weights: file for the weights; None: they are not kept.
    """
    dataset = chips(size=size)
    dataset = Dataset(dataset.pixels, dataset.moments, dataset.chips, BANDS, ["F", "T"], normalisation)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    resampling = {"dem": "bilinear", "red": "nearest", "nir": "nearest"}
    reading = Reading(resampling, "F", 20.0, bands_of_noise() if bands is None else bands, units={"dem": "m"})
    precisions = ["fp32", "fp16", "int8"] if smaller else ["fp32"]
    training = TrainingConfig(epochs=1, device="cpu")
    with TemporaryDirectory() as elsewhere:
        deploy_model(
            dataset,
            candidate() if row is None else row,
            channels,
            training,
            1,
            None,
            CERTAINTY,
            reading,
            precisions,
            CONVERSION,
            LICENCE,
            folder,
            weights or Path(elsewhere, "model.pt"),
        )
    return dataset
