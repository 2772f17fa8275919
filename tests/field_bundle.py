"""A bundle as deploy_model writes it, with an untrained network."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.data.dataset import Dataset
from workflow_lib.field.deployment import Reading, deploy_model
from workflow_lib.field.field_config import PrecisionsConfig
from workflow_lib.training.training_config import TrainingConfig

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
        "recipe": "", "latency_board_ms": 1.0, "memory_bytes": 1, "kept_epoch": 1,
    }  # fmt: skip


def deploy(folder: Path, normalisation: str = "per_dataset", smaller: bool = True) -> Dataset:
    """Write a bundle into an empty folder."""
    dataset = chips()
    dataset = Dataset(dataset.pixels, dataset.moments, dataset.chips, BANDS, ["F", "T"], normalisation)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reading = Reading({"dem": "bilinear", "red": "nearest", "nir": "nearest"}, "F", 20.0)
    precisions = PrecisionsConfig(calibration_chips=4) if smaller else None
    training = TrainingConfig(epochs=1, device="cpu")
    deploy_model(dataset, candidate(), CHANNELS, training, 1, None, 1.0, reading, precisions, folder)
    return dataset
