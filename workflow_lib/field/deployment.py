"""Retrain the chosen model on all chips and write everything that a device needs to use it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from rasterio.crs import CRS

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.files import write_text
from workflow_lib.core.indices import INDICES, raw_bands
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.data.ground import MAX_SCALE_ERROR, pixel_sides_m
from workflow_lib.field.bundle import CHECKSUMS, DESCRIPTION, write_checksums
from workflow_lib.field.converted_network import write_converted
from workflow_lib.field.description import STANDALONE_FILES, Description
from workflow_lib.field.field_program import write_program
from workflow_lib.field.input_contract import BandContract, RegionValues
from workflow_lib.field.sbom import write_sbom
from workflow_lib.field.stac_item import write_stac_item
from workflow_lib.field.standalone import write_standalone
from workflow_lib.models.modules import to_module
from workflow_lib.training.checkpoint import save_tensors
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
        bands: rows of BANDS.
        nodata: values treated as nodata, in addition to those that files declare.
        units: band -> unit of its values, after scale and offset, where it is known.
    """

    resampling: Mapping[str, str]
    background: str | None
    max_nodata_pct: float
    bands: pd.DataFrame
    nodata: Sequence[float] = ()
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Certainty:
    """How sure a candidate is, measured on validation chips.

    Args:
        temperature: divisor of the logits that calibrates the candidate's probabilities.
        selection: the candidate's rows of SELECTION.
    """

    temperature: float
    selection: pd.DataFrame

    @classmethod
    def of(cls, name: str, calibration: pd.DataFrame, selection: pd.DataFrame) -> "Certainty":
        """Select what belongs to a candidate.

        Args:
            name: the candidate.
            calibration: rows of CALIBRATION.
            selection: rows of SELECTION.
        """
        [temperature] = calibration.loc[calibration["candidate"] == name, "temperature"]
        return cls(float(temperature), selection[selection["candidate"] == name])


def deploy_model(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    training: TrainingConfig,
    seed: int,
    holdout: pd.DataFrame | None,
    certainty: Certainty,
    reading: Reading,
    precisions: Sequence[str],
    conversion: ConversionConfig,
    licence: str | None,
    folder: Path,
    weights: Path,
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
        certainty: how sure the candidate is.
        reading: how the chips were read.
        precisions: precisions of the network files, fp32 first; that of the candidate is the default of the bundle.
        conversion: how the network is converted to int8.
        licence: licence of the model (SPDX identifier); None: not stated.
        folder: output folder, which receives `model.onnx` (input (1, channels, height, width) float32, output
            (1, classes) logits), `model_<precision>.onnx`, `standalone.onnx`, `standalone_batch1.onnx` and
            `deepness.onnx` (raw bands to probabilities, in the candidate's precision), a description for programs
            (`bundle.json`) and one for people (`model_card.md`), a program that applies the model to scenes, its
            requirements, a bill of materials, a STAC item, and checksums.
        weights: file for the weights (a torch state_dict), outside of the folder.
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
        derive_seed(seed, "deploy_model", str(Candidate.parse(candidate["candidate"]).as_trained)),
        last_epoch=int(candidate["kept_epoch"]),
    )
    trained = train(task, training)
    predict(trained.network, view, rows[:PREDICTION_BATCH])  # raises if the network overflowed in its last step
    conversion_seed = derive_seed(seed, "deploy_model", "int8")
    models = write_converted(
        trained.network, view, rows, dataset.labels, precisions, conversion, conversion_seed, folder
    )
    description = _describe(dataset, candidate, channels, view, training, holdout, reading)
    description["output"]["temperature"] = certainty.temperature
    description["output"]["selection"] = (
        certainty.selection[["threshold", "decided_pct", "error_pct", "error_high_pct"]].dropna().to_dict("list")
    )
    description["precision"] = candidate["precision"]
    description["models"] = {precision: file.name for precision, file in models.items()}
    description["licence"] = licence
    description["standalone"] = list(STANDALONE_FILES)
    write_standalone(models[candidate["precision"]], description, folder)
    text = json.dumps(description, indent=2) + "\n"
    Description.parse(text.encode(), folder / DESCRIPTION)
    write_text(folder / DESCRIPTION, text)
    write_text(folder / "model_card.md", _card(description))
    write_program(folder)
    write_sbom(description, folder)
    write_stac_item(description, dataset.chips, folder)
    save_tensors(trained.network.cpu().state_dict(), weights)
    write_checksums(list(folder.iterdir()), folder / CHECKSUMS)


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
    bands = raw_bands(channels)
    scored = None if holdout is None else holdout.loc[holdout["candidate"] == candidate["candidate"], "accuracy_pct"]
    resolution_m = _resolution_m(dataset)
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
            "units": {band: reading.units[band] for band in bands if band in reading.units},
            "crs": sorted(set(dataset.chips["crs"])),
            "resolution_m": resolution_m,
            "resampling": {band: reading.resampling.get(band, "bilinear") for band in bands},
            "max_nodata_pct": reading.max_nodata_pct,
            "nodata": list(reading.nodata),
            "scaled": [band for band in bands if band in dataset.scaled_bands],
            "contract": {band: asdict(_contract(reading.bands, band, dataset, resolution_m)) for band in bands},
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


def _contract(bands: pd.DataFrame, name: str, dataset: Dataset, resolution_m: float | None) -> BandContract:
    """Return what a band looked like in the chips of all regions."""
    rows = bands[(bands["band"] == name) & bands["minimum"].notna()]
    chips = dataset.chips["region"].value_counts()

    def first(column: str) -> float | None:
        known = rows[column].dropna()
        return None if known.empty else float(known.max() if column == "scene_m" else known.iloc[0])

    return BandContract(
        data_type=", ".join(sorted({kind for kinds in rows["data_type"].dropna() for kind in kinds.split(", ")})),
        scale=first("scale"),
        offset=first("offset"),
        resolution_m=first("scene_m") or resolution_m,
        minimum=float(rows["minimum"].min()),
        maximum=float(rows["maximum"].max()),
        regions={
            row["region"]: RegionValues(int(chips[row["region"]]), list(row["quantiles"]), list(row["contrasts"]))
            for row in rows.to_dict("records")
        },
    )


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
