"""What every kind of latency predictor can do, and how one is read from its file."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.calibrated import CalibratedModel
from workflow_lib.latency.kernel import Kernel


class Predictor(Protocol):
    """Prices kernels on one device."""

    @property
    def device(self) -> str:
        """Name of the device."""

    @property
    def error_pct(self) -> float:
        """Median absolute error on networks that it was not fitted to (percent)."""

    def covers(self, kernel: Kernel) -> bool:
        """Whether it has a price for a kernel; the others count as 0 ms, and the tables say how many."""

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """(len(kernels),) milliseconds for one chip.

        Raises:
            UserError: if a kernel is of a type that the predictor has never heard of.
        """


READERS: Mapping[str, Callable[[Mapping[str, Any]], Predictor]] = {"calibrated": CalibratedModel.from_dict}
"""Kind of predictor (`devices.<name>.kind` of the config) -> how its file is read."""


def read_predictor(kind: str, path: Path, device: str) -> Predictor:
    """Read a predictor's JSON file.

    Args:
        kind: one of `READERS`.
        path: the file.
        device: the device that it must be for.

    Raises:
        UserError: if the file is not one of this kind, or for another device.
    """
    try:
        predictor = READERS[kind](json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise UserError(f"not JSON ({error})", path, "delete it and run again") from None
    except UserError as error:
        raise UserError(error.what, path) from None
    if predictor.device != device:
        raise UserError(f"predicts {predictor.device}, not {device}", path)
    return predictor


def predict_network(kernels: pd.DataFrame, predictor: Predictor) -> dict[str, float | int]:
    """Add up the kernels of one network.

    Args:
        kernels: rows of KERNELS.
        predictor: of one device.

    Returns:
        The columns of LATENCIES that the predictor decides.
    """
    records: list[dict[str, Any]] = kernels.drop(columns="kernel").to_dict("records")  # type: ignore[assignment]
    parts = [Kernel(**(record | {"features": tuple(record["features"])})) for record in records]
    return {
        "latency_ms": float(predictor.predict(parts).sum()),
        "predictor_error_pct": predictor.error_pct,
        "kernels": len(parts),
        "covered_kernels": sum(predictor.covers(kernel) for kernel in parts),
    }
