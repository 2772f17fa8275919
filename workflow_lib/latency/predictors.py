"""Common interface of the predictors of kernels."""

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
        """Unit of the predictions: ms, or mJ for energy."""

    @property
    def error_pct(self) -> float | None:
        """Median absolute error on held-out networks (percent); None if unknown."""

    def covers(self, kernel: Kernel) -> bool:
        """Tell whether a kernel has a price; the others count as 0, and the tables list how many there are."""

    def reason(self, kernel: Kernel) -> str | None:
        """Explain why a kernel has no price; None if it has one."""

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """Price kernels.

        Args:
            kernels: kernels in any order.

        Returns:
            (len(kernels),) prices in `unit`, for one chip; 0 for kernels that are not covered.

        Raises:
            UserError: if the predictor does not know the type of a kernel.
        """


QUANTITIES: Final = {"ms": "latency_ms", "mJ": "energy_mj"}
"""Column of LATENCIES for the total, by the unit of the predictor."""


def checked_predictor(predictor: Predictor, path: Path, device: str, quantity: str = "latency_ms") -> Predictor:
    """Check that a predictor is for the expected device and quantity.

    Args:
        predictor: the predictor that was read.
        path: its file or folder, for messages.
        device: expected device.
        quantity: expected column of LATENCIES: latency_ms or energy_mj.

    Returns:
        The same predictor.

    Raises:
        UserError: if it is for another device, or predicts another quantity.
    """
    if predictor.device != device:
        raise UserError(f"is a predictor of {predictor.device}, not of {device}", path, f"use a predictor of {device}")
    if QUANTITIES[predictor.unit] != quantity:
        raise UserError(f"predicts {predictor.unit}, not {quantity}", path, "set the unit of the device in the config")
    return predictor
