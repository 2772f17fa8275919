"""Prices kernels with one random forest per type, as nn-Meter does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from workflow_lib.latency.forests import Forest
from workflow_lib.latency.kernel import Kernel

Unit = Literal["ms", "us", "mJ"]
"""What a package's forests predict: latency in milliseconds or microseconds, or energy in millijoules."""

_PER_UNIT: Final[Mapping[Unit, float]] = {"ms": 1.0, "us": 1e-3, "mJ": 1.0}
_FOREST_OF_TYPE: Final = {
    "fc-relu": "fc",
    "gap": "global-avgpool",
    "bn-relu": "bnrelu",
    "add-relu": "addrelu",
    "se-relu": "se",
}


def forest_name(kernel_type: str) -> str:
    """Which of a package's forests prices a kernel.

    Args:
        kernel_type: nn-Meter's name, its operators joined by dashes.

    Returns:
        The name of the forest; a package need not hold it.

    Source: nn-Meter 2.0, nn_meter/predictor/prediction/utils.py, get_kernel_name. Whatever is fused with a
        convolution is priced as convolution + batch norm + ReLU.
    """
    if "dwconv" in kernel_type:
        return "dwconv-bn-relu"
    if "conv" in kernel_type:
        return "conv-bn-relu"
    return _FOREST_OF_TYPE.get(kernel_type, kernel_type)


@dataclass(frozen=True, eq=False)
class ForestPredictor:
    """Predictor of one device.

    Attributes:
        device: its name.
        forest_unit: what the forests predict.
        forests: by nn-Meter's name of the kernel.
        error_pct: median absolute error on networks that it was not fitted to (percent); None if whoever built it
            has not told.
    """

    device: str
    forest_unit: Unit
    forests: Mapping[str, Forest]
    error_pct: float | None = None

    @property
    def unit(self) -> str:
        """Unit of its predictions: ms, or mJ for energy."""
        return "mJ" if self.forest_unit == "mJ" else "ms"

    def covers(self, kernel: Kernel) -> bool:
        """Whether there is a forest for a kernel that knows all about it; the others count as 0."""
        return self.reason(kernel) is None

    def reason(self, kernel: Kernel) -> str | None:
        """Why a kernel has no price; None if it has one."""
        forest = self.forests.get(forest_name(kernel.type))
        if forest is None:
            return "no forest"
        if kernel.inexpressible:
            return ", ".join(kernel.inexpressible)
        if forest.features != len(kernel.features):
            return f"a forest of {forest.features} features for a kernel of {len(kernel.features)}"
        return None

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """Price kernels, those of many networks best at once: each forest is asked once, equal kernels together.

        Args:
            kernels: in any order, with nn-Meter's features.

        Returns:
            (len(kernels),) in `unit`, for one image; 0 for kernels that are not covered.

        Source: nn-Meter 2.0, nn_meter/predictor/prediction/predict_by_kernel.py; differs from it in: all kernels
            at once, and one price per kernel instead of the sum alone.
        """
        indices: dict[str, list[int]] = {}
        for index, kernel in enumerate(kernels):
            if self.covers(kernel):
                indices.setdefault(forest_name(kernel.type), []).append(index)
        prices = np.zeros(len(kernels))
        for name, places in indices.items():
            rows = np.array([kernels[place].features for place in places], dtype=np.float64)
            prices[places] = self.forests[name].predict(rows)
        return prices * _PER_UNIT[self.forest_unit]
