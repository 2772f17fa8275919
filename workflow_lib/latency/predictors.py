"""What every predictor of kernels can do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel


class Predictor(Protocol):
    """Prices kernels on one device."""

    @property
    def device(self) -> str:
        """Name of the device."""

    @property
    def unit(self) -> str:
        """Unit of its predictions: ms, or mJ for energy."""

    @property
    def error_pct(self) -> float | None:
        """Median absolute error on networks that it was not fitted to (percent); None if nobody has measured it."""

    def covers(self, kernel: Kernel) -> bool:
        """Whether it has a price for a kernel; the others count as 0 ms, and the tables say how many."""

    def reason(self, kernel: Kernel) -> str | None:
        """Why a kernel has no price; None if it has one."""

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """(len(kernels),) in `unit`, for one chip; 0 for kernels that it does not cover.

        Raises:
            UserError: if a kernel is of a type that the predictor has never heard of.
        """


QUANTITIES: Final = {"ms": "latency_ms", "mJ": "energy_mj"}
"""Unit of a predictor -> the column of LATENCIES that its total goes to."""


def checked_predictor(predictor: Predictor, path: Path, device: str, quantity: str = "latency_ms") -> Predictor:
    """Refuse a predictor that is for something else.

    Args:
        predictor: that was read.
        path: its file or folder.
        device: the device that it must be for.
        quantity: what it must predict: latency_ms or energy_mj.

    Raises:
        UserError: if it is for another device, or predicts something else.
    """
    if predictor.device != device:
        raise UserError(f"predicts {predictor.device}, not {device}", path)
    if QUANTITIES[predictor.unit] != quantity:
        raise UserError(f"predicts {predictor.unit}, and not {quantity}", path, "give the config's device that unit")
    return predictor
