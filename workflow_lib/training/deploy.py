"""The chosen model, trained on everything, with all that a device needs to use it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from workflow_lib.core.config import TrainingConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.files import write_text
from workflow_lib.core.indices import INDICES
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Dataset
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.models.networks import to_module
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.loop import Task, train

NORMALISATIONS = {
    "per_chip_band": "per chip and channel: (value - minimum) / (maximum - minimum); a constant channel becomes 0",
    "per_column": "per chip, channel and image column: (value - minimum) / (maximum - minimum); constant ones become 0",
    "per_dataset": "per channel: (value - mean) / deviation, with the numbers below",
    "none": "none: raw values",
}


def deploy_model(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    training: TrainingConfig,
    seed: int,
    holdout: pd.DataFrame | None,
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
        holdout: rows of HOLDOUT_SCORES, if there is a hold-out.
        model: writes the ONNX file: input (1, channels, height, width) float32, output (1, classes) logits.
        bundle: writes what a program needs to use it (JSON).
        card: writes what a person needs to judge it (Markdown).
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
    )
    trained = train(task, training)
    size_px = dataset.pixels.shape[1]
    description = _describe(dataset, candidate, channels, view, training, holdout)
    export_deployed(trained.network, len(channels), size_px, model)
    write_text(bundle, json.dumps(description, indent=2) + "\n")
    write_text(card, _card(description))


def pick_candidate(ranked: pd.DataFrame, name: str) -> dict[str, Any]:
    """Find a candidate by name, or the recommended one.

    Raises:
        UserError: if no row has that name.
    """
    chosen = ranked["recommended"] if name == "recommended" else ranked["candidate"] == name
    if chosen.any():
        return {str(column): value for column, value in ranked[chosen].iloc[0].items()}
    raise UserError("no such candidate", name, "see the column `candidate` of build_front/ranked.csv")


def _describe(
    dataset: Dataset,
    candidate: Mapping[str, Any],
    channels: Sequence[str],
    view: ChipView,
    training: TrainingConfig,
    holdout: pd.DataFrame | None,
) -> dict[str, Any]:
    scaling = view.scaling
    scored = None if holdout is None else holdout.loc[holdout["candidate"] == candidate["candidate"], "accuracy_pct"]
    latencies = {
        name.removeprefix("latency_").removesuffix("_ms"): value
        for name, value in candidate.items()
        if name.startswith("latency_") and not name.startswith("latency_device_std")
    }
    return {
        "candidate": candidate["candidate"],
        "architecture": candidate["architecture"],
        "input": {"shape": [1, len(channels), *dataset.pixels.shape[1:3]], "channels": list(channels)},
        "indices": {name: _describe_index(name) for name in channels if name in INDICES},
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
            **training.model_dump(),
        },
    }


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
