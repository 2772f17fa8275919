"""Devices whose latencies others measured and published: a CSV file with one row per network, and its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind, PredictionInput


class PublishedConfig(DeviceConfig):
    """A table of latencies that others measured."""

    kind: Literal["published"] = Field(default="published", description="latencies that others measured, from a table")
    table: str = Field(
        description="CSV with the columns architecture and latency_ms, and, where they differ between rows, channels "
        "and precision; optional: latency_run_std_ms, runs"
    )
    source: str = Field(min_length=1, description="who measured it and where it is published, for the report")
    runtime: str = Field(min_length=1, description="runtime of the measurements, such as TFLite 2.1, for the report")
    any_precision: ClassVar[bool] = True


def predict(given: PredictionInput) -> Mapping[str, float | int | None]:
    """Look up one network."""
    from workflow_lib.devices.published.published_table import PUBLISHED

    rows = PUBLISHED.read(given.files["latencies"])
    row = rows[
        (rows["channels"] == given.channels)
        & (rows["architecture"] == given.architecture)
        & (rows["precision"] == given.precision)
    ].iloc[0]
    return {name: None if missing else row[name] for name, missing in row.isna().items() if name in _COPIED}


_COPIED = ("latency_ms", "latency_run_std_ms", "runs")

DEVICE_KIND = DeviceKind(
    settings=PublishedConfig,
    inputs=lambda settings, precision: {"latencies": "import_latencies/{device}.parquet"},
    predict=predict,
    runs=lambda name, settings: (settings.runtime, settings.source),
    is_prediction=False,
    words="Published latencies were measured by others, and are as good as their source.",
)
