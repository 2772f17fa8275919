"""Prices kernels with one random forest per type, as nn-Meter does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
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
        """Whether there is a forest for a kernel; the others count as 0."""
        return forest_name(kernel.type) in self.forests

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """Price kernels, those of many networks best at once: each forest is asked once, equal kernels together.

        Args:
            kernels: in any order, with nn-Meter's features.

        Returns:
            (len(kernels),) in `unit`, for one image; 0 where there is no forest.

        Raises:
            UserError: if a kernel's features are not those that its forest was fitted to.

        Source: nn-Meter 2.0, nn_meter/predictor/prediction/predict_by_kernel.py; differs from it in: all kernels
            at once, and one price per kernel instead of the sum alone.
        """
        indices: dict[str, list[int]] = {}
        for index, kernel in enumerate(kernels):
            indices.setdefault(forest_name(kernel.type), []).append(index)
        prices = np.zeros(len(kernels))
        for name in indices.keys() & self.forests.keys():
            rows = [kernels[index].features for index in indices[name]]
            prices[indices[name]] = self._ask(name, rows)
        return prices * _PER_UNIT[self.forest_unit]

    def _ask(self, name: str, rows: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
        try:
            return self.forests[name].predict(np.array(rows, dtype=np.float64))
        except ValueError as error:
            raise UserError(
                f"predictor of {self.device}: forest {name} cannot price a kernel ({error})",
                fix="the package and the network's kernels are not from the same nn-Meter",
            ) from None
