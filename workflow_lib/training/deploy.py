"""The chosen model, trained on everything, with all that a device needs to use it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_lib.core.config import INDICES, TrainingConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.files import write_text
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.models.cross import to_module
from workflow_lib.training.loop import train, use_one_thread

NORMALISATIONS = {
    "per_chip_band": "per chip and channel: (value - minimum) / (maximum - minimum); a constant channel becomes 0",
    "per_column": "per chip, channel and image column: (value - minimum) / (maximum - minimum); a constant column becomes 0",
    "per_dataset": "per channel: (value - mean) / deviation, with the numbers below",
    "none": "none: raw values",
}


def deploy_model(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    training: TrainingConfig,
    seed: int,
    holdout_accuracy_pct: float | None,
    model: Path,
    bundle: Path,
    card: Path,
) -> None:
    """Retrain a candidate on all chips, held-out ones included, and write it with its description.

    Args:
        dataset: the imported chips.
        candidate: its row of FRONT.
        channels: its bands and indices, in order.
        training: how to train.
        seed: base seed of the run.
        holdout_accuracy_pct: what its recipe reached on the hold-out, if there was one (percent).
        model: writes the ONNX file: input (1, channels, height, width) float32, output (1, classes) logits.
        bundle: writes what a program needs to use it (JSON).
        card: writes what a person needs to judge it (Markdown).
    """
    use_one_thread()
    rows = np.arange(len(dataset.chips))
    view = dataset.view(channels, rows)
    trained = train(
        lambda: to_module(candidate["architecture"], len(channels), len(dataset.classes)),
        view,
        rows,
        dataset.labels,
        int(candidate["batch"]),
        training,
        derive_seed(seed, "deploy_model", candidate["candidate"]),
    )
    size_px = dataset.pixels.shape[1]
    description = _describe(dataset, candidate, channels, view, training, holdout_accuracy_pct)
    export_deployed(trained.network, len(channels), size_px, model)
    write_text(bundle, json.dumps(description, indent=2) + "\n")
    write_text(card, _card(description))


def pick_candidate(ranked: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Find a candidate by name, or the recommended one.

    Raises:
        UserError: if no row has that name.
    """
    for row in ranked:
        if row["candidate"] == name or (name == "recommended" and row["recommended"]):
            return row
    raise UserError("no such candidate", name, "see the column `candidate` of build_front/ranked.csv")


def _describe(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    view: ChipView,
    training: TrainingConfig,
    holdout_accuracy_pct: float | None,
) -> dict[str, Any]:
    scaling = view.scaling
    latencies = {name: candidate[name] for name in candidate if name.startswith("latency_") and name.endswith("_ms")}
    return {
        "candidate": candidate["candidate"],
        "architecture": candidate["architecture"],
        "input": {"shape": [1, len(channels), *dataset.pixels.shape[1:3]], "channels": list(channels)},
        "indices": {
            name: {"formula": "({0} - {1}) / ({0} + {1})".format(*INDICES[name]), "of": "raw values", "0/0": "a quarter of the sum of its finite 4-neighbours, clamped to the edge"}
            for name in channels
            if name in INDICES
        },
        "normalisation": {
            "method": dataset.normalisation,
            "meaning": NORMALISATIONS[dataset.normalisation],
            "mean": None if scaling is None else scaling.mean.tolist(),
            "deviation": None if scaling is None else scaling.deviation.tolist(),
        },
        "output": {"meaning": "logits; softmax gives probabilities", "classes": list(dataset.classes)},
        "expected": {
            "accuracy_pct": candidate["accuracy_pct"],
            "accuracy_95_pct": [candidate["accuracy_low_pct"], candidate["accuracy_high_pct"]],
            "holdout_accuracy_pct": holdout_accuracy_pct,
            "memory_bytes": int(candidate["memory_bytes"]),
            **latencies,
        },
        "training": {
            "chips": len(dataset.chips),
            "regions": {str(name): int(count) for name, count in dataset.chips["region"].value_counts(sort=False).items()},
            "batch": int(candidate["batch"]),
            **training.model_dump(),
        },
    }  # fmt: skip


def _card(description: Mapping[str, Any]) -> str:
    expected, training = description["expected"], description["training"]
    low, high = expected["accuracy_95_pct"]
    holdout = expected["holdout_accuracy_pct"]
    outside = (
        "no hold-out was set aside, so the figure flatters it"
        if holdout is None
        else f"{holdout:.2f} % on the hold-out"
    )
    regions = ", ".join(f"{name} ({count})" for name, count in training["regions"].items())
    latencies = "\n".join(
        f"- {name.removeprefix('latency_').removesuffix('_ms')}: {value:.2f} ms"
        for name, value in expected.items()
        if name.startswith("latency_")
    )
    return f"""# {description["candidate"]}

A small CNN that tells {" from ".join(description["output"]["classes"])} on raster chips of
{description["input"]["shape"][2]} x {description["input"]["shape"][3]} pixels. File: `model.onnx`; what a program must know: `bundle.json`.

## How to use it
1. Read the chip's bands as raw numbers; fill nodata with the band's mean over the chip.
2. Arrange the channels {", ".join(description["input"]["channels"])}; the indices' formulas are in `bundle.json`.
3. Normalise, {description["normalisation"]["meaning"]}.
4. Feed (1, channels, height, width) float32; softmax of the output gives the probabilities of {", ".join(description["output"]["classes"])}.

## What to expect
Accuracy {expected["accuracy_pct"]:.2f} % in cross-validation (95 % interval {low:.2f} to {high:.2f} %); {outside}.
The deployed weights were trained on all chips afterwards and have not been scored themselves.
File size {expected["memory_bytes"]:,} bytes. Predicted latency of one chip:

{latencies}

## Training
{training["chips"]} chips: {regions}. {training["epochs"]} epochs of Adam, learning rate {training["learning_rate"]:g}, batch {training["batch"]}.

## Limits
Made for the regions, sensors and seasons above; elsewhere, measure first. Latencies are predictions, not measurements.
"""
