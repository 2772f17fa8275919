"""Retrain the chosen model on all chips and write everything that a device needs to use it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from rasterio.crs import CRS

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import write_text
from workflow_lib.core.indices import INDICES
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.data.ground import MAX_SCALE_ERROR, pixel_sides_m
from workflow_lib.export.precision_files import calibration_chips, write_precisions
from workflow_lib.field.bundle import CHECKSUMS, DESCRIPTION, write_checksums
from workflow_lib.field.description import Description
from workflow_lib.field.field_config import PrecisionsConfig
from workflow_lib.field.field_program import write_program
from workflow_lib.models.modules import to_module
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.loop import PREDICTION_BATCH, Task, predict, train
from workflow_lib.training.training_config import TrainingConfig

NORMALISATIONS = {
    "per_chip_band": "per chip and channel: (value - minimum) / (maximum - minimum); a constant channel becomes 0",
    "per_column": "per chip, channel and image column: (value - minimum) / (maximum - minimum); a constant column "
    "becomes 0",
    "per_dataset": "per channel: (value - mean) / deviation, with the mean and deviation given in bundle.json",
    "none": "none: raw values",
}


_EDGES = (("left", "right"), ("bottom", "top"))


@dataclass(frozen=True)
class Reading:
    """How the chips were read; a device must read scenes in the same way.

    Args:
        resampling: band -> nearest or bilinear, for scenes whose pixels are not aligned with the chips' pixels.
        background: background class, which is not searched for; None: there is none.
        max_nodata_pct: maximum share of nodata in any band of a chip (percent).
        nodata: values treated as nodata, in addition to those that files declare.
    """

    resampling: Mapping[str, str]
    background: str | None
    max_nodata_pct: float
    nodata: Sequence[float] = ()


def deploy_model(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    training: TrainingConfig,
    seed: int,
    holdout: pd.DataFrame | None,
    temperature: float,
    reading: Reading,
    precisions: PrecisionsConfig | None,
    folder: Path,
) -> None:
    """Retrain a candidate on all chips, including held-out ones, and write everything that a device needs.

    The training ends after the median of the epochs that the folds kept, so that early stopping needs no chips here.

    Args:
        dataset: the imported chips.
        candidate: the candidate's row of FRONT.
        channels: the candidate's bands and indices, in order.
        training: training settings.
        seed: base seed of the run.
        holdout: rows of HOLDOUT_SCORES; None: there is no hold-out.
        temperature: divisor of the logits that calibrates the candidate's probabilities.
        reading: how the chips were read.
        precisions: precisions in addition to fp32; None: only fp32.
        folder: output folder, which receives `model.onnx` (input (1, channels, height, width) float32, output
            (1, classes) logits), `model_<precision>.onnx`, a description for programs (`bundle.json`) and one for
            people (`model_card.md`), a program that applies the model to scenes, its requirements, and checksums.
    """
    use_one_thread()
    rows = np.arange(len(dataset.chips))
    view = dataset.view(channels, rows)
    task = Task(
        lambda: to_module(candidate["architecture"], len(channels), len(dataset.classes)),
        view,
        rows,
        dataset.labels,
        int(candidate["batch"]),
        derive_seed(seed, "deploy_model", candidate["candidate"]),
        last_epoch=int(candidate["kept_epoch"]),
    )
    trained = train(task, training)
    count = precisions.calibration_chips if precisions else 1
    predict(trained.network, view, rows[:PREDICTION_BATCH])  # raises if the network overflowed in its last step
    chips = calibration_chips(view, rows, count, derive_seed(seed, "deploy_model", "int8"))
    models = write_precisions(trained.network, chips, ["fp32", *(precisions.formats if precisions else [])], folder)
    description = _describe(dataset, candidate, channels, view, training, holdout, reading)
    description["output"]["temperature"] = temperature
    description["models"] = {precision: file.name for precision, file in models.items()}
    text = json.dumps(description, indent=2) + "\n"
    Description.parse(text.encode(), folder / DESCRIPTION)
    write_text(folder / DESCRIPTION, text)
    write_text(folder / "model_card.md", _card(description))
    write_program(folder)
    write_checksums(list(folder.iterdir()), folder / CHECKSUMS)


def pick_candidate(ranked: pd.DataFrame, name: str) -> dict[str, Any]:
    """Find a candidate by name, or the recommended candidate.

    Args:
        ranked: rows of FRONT.
        name: a candidate's name, or `recommended`.

    Raises:
        UserError: if no candidate has that name.
    """
    chosen = ranked["recommended"] if name == "recommended" else ranked["candidate"] == name
    if chosen.any():
        return {str(column): value for column, value in ranked[chosen].iloc[0].items()}
    raise UserError("no such candidate", name, "see the column `candidate` of build_front/ranked.csv")


def temperature_of(calibration: pd.DataFrame, name: str) -> float:
    """Return the temperature of a candidate.

    Args:
        calibration: rows of CALIBRATION.
        name: the candidate.
    """
    return float(calibration.loc[calibration["candidate"] == name, "temperature"].iloc[0])


def _describe(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    view: ChipView,
    training: TrainingConfig,
    holdout: pd.DataFrame | None,
    reading: Reading,
) -> dict[str, Any]:
    scaling = view.scaling
    bands = list(dict.fromkeys(band for name in channels for band in INDICES.get(name, (name,))))
    scaled = {band for names in dataset.chips.get("scaled", []) if names is not None for band in names}
    scored = None if holdout is None else holdout.loc[holdout["candidate"] == candidate["candidate"], "accuracy_pct"]
    latencies = {
        name.removeprefix("latency_").removesuffix("_ms"): value
        for name, value in candidate.items()
        if name.startswith("latency_") and not name.startswith("latency_device_std")
    }
    return {
        "candidate": candidate["candidate"],
        "architecture": candidate["architecture"],
        "input": {
            "shape": [1, len(channels), *dataset.pixels.shape[1:3]],
            "channels": list(channels),
            "bands": bands,
            "resolution_m": _resolution_m(dataset),
            "resampling": {band: reading.resampling.get(band, "bilinear") for band in bands},
            "max_nodata_pct": reading.max_nodata_pct,
            "nodata": list(reading.nodata),
            "scaled": [band for band in bands if band in scaled],
        },
        "indices": {name: _describe_index(name) for name in channels if name in INDICES},
        "normalisation": {
            "method": dataset.normalisation,
            "meaning": NORMALISATIONS[dataset.normalisation],
            "mean": None if scaling is None else scaling.mean.tolist(),
            "deviation": None if scaling is None else scaling.deviation.tolist(),
        },
        "output": {
            "meaning": "logits; the softmax of logits / temperature gives probabilities",
            "classes": list(dataset.classes),
            "background": reading.background,
        },
        "expected": {
            "accuracy_pct": candidate["accuracy_pct"],
            "accuracy_95_pct": [candidate["accuracy_low_pct"], candidate["accuracy_high_pct"]],
            "holdout_accuracy_pct": None if scored is None or scored.empty else float(scored.iloc[0]),
            "memory_bytes": int(candidate["memory_bytes"]),
            "latency_ms": latencies,
        },
        "training": {
            "chips": len(dataset.chips),
            "regions": {
                str(name): int(count) for name, count in dataset.chips["region"].value_counts(sort=False).items()
            },
            "batch": int(candidate["batch"]),
            "kept_epoch": int(candidate["kept_epoch"]),
            **training.model_dump(),
        },
    }


def _resolution_m(dataset: Dataset) -> float | None:
    """Median side of the chips' pixels on the ground (m); None if a CRS does not determine it.

    If the CRS is true to scale, as UTM is, the side that the files state is used.
    """
    chips, size_px = dataset.chips, int(dataset.pixels.shape[2])
    sides = []
    for crs, part in chips.groupby("crs"):
        width, height = ((part[last] - part[first]).to_numpy() / size_px for first, last in _EDGES)
        on_ground = pixel_sides_m(str(crs), part["x"].to_numpy(), part["y"].to_numpy(), width, height)
        if not np.isfinite(on_ground).all():
            return None
        stated = width * CRS.from_user_input(crs).linear_units_factor[1] if CRS.from_user_input(crs).is_projected else 0
        true = np.abs(on_ground - stated) <= MAX_SCALE_ERROR * on_ground
        sides.append(np.where(true, stated, on_ground))
    return round(float(np.median(np.concatenate(sides))), 9)


def _describe_index(name: str) -> dict[str, str]:
    first, second = INDICES[name]
    return {
        "formula": f"({first} - {second}) / ({first} + {second})",
        "of": "raw values",
        "0/0": "a quarter of the sum of its finite 4-neighbours, clamped to the edge",
    }


def _card(description: Mapping[str, Any]) -> str:
    template = Path(__file__).with_name("model_card.md.j2").read_text(encoding="utf-8")
    markdown = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  # no HTML
    return markdown.from_string(template).render(description)
