"""Small valid inputs for the unit tests: a configuration, and rows of the tables between stages."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pandas as pd

from workflow_lib.config import Config, parse_config
from workflow_lib.spaces.space import Space

AERIAL = ["red", "green", "blue", "nir"]
GENERATED = ["Illinois", "Nebraska"]  # two of the regions that chips can be generated for
BASELINE = "k7-s2-p3-pool3s2-w64"
SMALL = "k3-s2-p1-pool3s2-w32"
UNPOOLED = "k3-s2-p1-nopool-w32"

_VALUES: dict[str, Any] = {
    "run": "test",
    "data": {
        "regions": {
            name: [{"folder": f"{name}/DEM", "bands": ["dem"]}, {"folder": f"{name}/Aer", "bands": AERIAL}]
            for name in ("East", "West", "North")
        },
        "classes": ["F", "T"],
    },
    "grid": {"channel_sets": {"5": ["dem", *AERIAL], "6": [*AERIAL, "ndwi", "ndvi"]}, "batch_sizes": [8, 16]},
}


def config_values(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A valid configuration as YAML would give it, some keys (`folds.count`) set to other values."""
    values = deepcopy(_VALUES)
    for path, value in (changes or {}).items():
        *parents, key = path.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
        section[key] = value
    return values


def config(changes: Mapping[str, Any] | None = None) -> Config:
    """The same, checked."""
    return parse_config(config_values(changes))


def fold_scores(
    accuracies: Sequence[float], channels: str = "5", batch: int = 16, architecture: str = SMALL, **columns: Any
) -> pd.DataFrame:
    """Rows of FOLD_SCORES, one per accuracy; `columns` holds a list with a value per fold for each other column."""
    rows = [
        {
            "channels": channels,
            "batch": batch,
            "architecture": architecture,
            "recipe": "",
            "precision": "fp32",
            "fold": fold,
            "accuracy_pct": accuracy,
            "f1_pct": accuracy,
            "auc": 0.9,
            "cross_entropy": 0.3,
            "average_precision": 0.9,
            "matthews": 0.8,
            "recall_pct": [accuracy, accuracy],
            "precision_pct": [accuracy, accuracy],
            "regions": ["East", "West"],
            "region_accuracy_pct": [accuracy, accuracy],
            "region_chips": [10, 10],
            "loss": [0.7, 0.6],
            "kept_epoch": 2,
            "training_chips": 80,
            "validation_chips": 20,
            "training_s": 1.0,
            "utilization_pct": 60.0,
            "peak_memory_bytes": 1000,
            "compute_device": "cpu",
            "compute_precision": "float32",
            "threads": 1,
            "versions": "Python, torch and NumPy",
        }
        for fold, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows).assign(**{name: pd.Series(values) for name, values in columns.items()})


def network(architecture: str = SMALL, channels: str = "5", memory_bytes: int = 11_190_000) -> dict[str, Any]:
    """A row of NETWORKS."""
    return {
        "channels": channels,
        "architecture": architecture,
        "precision": "fp32",
        "memory_bytes": memory_bytes,
        "paper_memory_bytes": memory_bytes - 10_000,
        "weights_bytes": 11_000_000,
        "parameters": 2_750_000,
        "multiply_adds": 100_000_000,
        "activation_bytes": 5_000_000,
        "peak_activation_bytes": 700_000,
        "flash_bytes": 11_100_000,
    }


def latency(device: str, latency_ms: float, architecture: str = SMALL, channels: str = "5") -> dict[str, Any]:
    """A row of LATENCIES."""
    return {
        "channels": channels,
        "architecture": architecture,
        "precision": "fp32",
        "device": device,
        "predictor": "calibrated",
        "latency_ms": latency_ms,
        "latency_run_std_ms": None,
        "runs": None,
        "file_bytes": None,
        "energy_mj": None,
        "predictor_error_pct": 5.0,
        "kernels": 22,
        "covered_kernels": 22,
        "filled_kernels": 0,
        "covered_multiply_adds_pct": 100.0,
    }


def candidate(
    name: str, accuracies: Sequence[float], latency_ms: float, memory_bytes: int, baseline: bool = False
) -> dict[str, Any]:
    """A row of CANDIDATES whose mean and folds agree."""
    mean = sum(accuracies) / len(accuracies)
    return {
        "candidate": name,
        "batch": 16,
        "recipe": "",
        "kept_epoch": 2,
        **network(BASELINE if baseline else SMALL, memory_bytes=memory_bytes),
        "baseline": baseline,
        "folds": len(accuracies),
        "validation_share": 1 / (len(accuracies) - 1) if len(accuracies) > 1 else 1.0,
        "accuracy_pct": mean,
        "accuracy_fold_std_pct": float(pd.Series(accuracies).std()),
        "accuracy_error_pct": 0.4,
        "accuracy_low_pct": max(0, mean - 1),
        "accuracy_high_pct": min(100, mean + 1),
        "fold_accuracy_pct": list(accuracies),
        "f1_pct": mean,
        "auc": 0.9,
        "macro_precision_pct": mean,
        "macro_recall_pct": mean,
        "average_precision": 0.9,
        "matthews": 0.8,
        "recall_F_pct": mean,
        "region_East_accuracy_pct": mean,
        "training_s": 1.0,
        "latency_mean_ms": latency_ms,
        "latency_device_std_ms": 0.5,
        "latency_worst_ms": latency_ms + 1,
        "latency_cpu_ms": latency_ms,
    }


def digits(places: int) -> Space:
    """A search space: words of digits below 4."""
    return Space(
        {str(place): list(range(4)) for place in range(places)},
        lambda values: "".join(map(str, values.values())),
        lambda text: {str(place): int(digit) for place, digit in enumerate(text)},
    )
