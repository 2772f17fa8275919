"""A predictor with one random forest per kernel type, as in nn-Meter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from workflow_lib.latency.forests import Forest
from workflow_lib.latency.kernel import Kernel

Unit = Literal["ms", "us", "mJ"]
"""Unit of a package's forests: latency in milliseconds or microseconds, or energy in millijoules."""

_FACTORS: Final[Mapping[Unit, float]] = {"ms": 1.0, "us": 1e-3, "mJ": 1.0}
_FOREST_NAMES: Final = {
    "fc-relu": "fc",
    "gap": "global-avgpool",
    "bn-relu": "bnrelu",
    "add-relu": "addrelu",
    "se-relu": "se",
}


def forest_name(kernel_type: str) -> str:
    """Return the name of the forest that prices a type of kernel.

    Args:
        kernel_type: nn-Meter's name: the operators joined by dashes.

    Returns:
        The name of the forest; a package may lack it.

    >>> forest_name("conv-relu"), forest_name("gap"), forest_name("maxpool")
    ('conv-bn-relu', 'global-avgpool', 'maxpool')

    Source: nn-Meter 2.0, nn_meter/predictor/prediction/utils.py, get_kernel_name. All kernels that start with
        a convolution are priced as convolution + batch norm + ReLU.
    """
    if "dwconv" in kernel_type:
        return "dwconv-bn-relu"
    if "conv" in kernel_type:
        return "conv-bn-relu"
    return _FOREST_NAMES.get(kernel_type, kernel_type)


@dataclass(frozen=True, eq=False)
class ForestPredictor:
    """Predictor of one device.

    Attributes:
        device: name of the device.
        forest_unit: unit of the forests' predictions.
        forests: forests by nn-Meter's name of the kernel.
        error_pct: median absolute error on held-out networks (percent); None if unknown.
    """

    device: str
    forest_unit: Unit
    forests: Mapping[str, Forest]
    error_pct: float | None = None

    @property
    def unit(self) -> str:
        """Unit of the predictions: ms, or mJ for energy."""
        return "mJ" if self.forest_unit == "mJ" else "ms"

    def covers(self, kernel: Kernel) -> bool:
        """Tell whether a forest exists whose features fully describe a kernel; other kernels count as 0."""
        return self.reason(kernel) is None

    def reason(self, kernel: Kernel) -> str | None:
        """Explain why a kernel has no price; None if it has one."""
        forest = self.forests.get(forest_name(kernel.type))
        if forest is None:
            return "no forest"
        if kernel.inexpressible:
            return ", ".join(kernel.inexpressible)
        if forest.features != len(kernel.features):
            return f"a forest of {forest.features} features for a kernel of {len(kernel.features)}"
        return None

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """Price kernels.

        It is fastest to pass the kernels of many networks at once: each forest runs once, and equal kernels are
        predicted once.

        Args:
            kernels: kernels in any order, with nn-Meter's features.

        Returns:
            (len(kernels),) prices in `unit`, for one image; 0 for kernels that are not covered.

        Source: nn-Meter 2.0, nn_meter/predictor/prediction/predict_by_kernel.py; differs from it in: all kernels are
            predicted at once, and each kernel's price is returned instead of the sum only.
        """
        indices: dict[str, list[int]] = {}
        for index, kernel in enumerate(kernels):
            if self.covers(kernel):
                indices.setdefault(forest_name(kernel.type), []).append(index)
        prices = np.zeros(len(kernels))
        for name, chosen in indices.items():
            rows = np.array([kernels[index].features for index in chosen], dtype=np.float64)
            prices[chosen] = self.forests[name].predict(rows)
        return prices * _FACTORS[self.forest_unit]
