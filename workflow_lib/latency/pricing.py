"""What the kernels of networks cost on a device, and what becomes of kernels that its predictor does not know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.predictors import QUANTITIES, Predictor


@dataclass(frozen=True, eq=False)
class Prices:
    """What each kernel costs, and who says so. What is neither covered nor filled counts as 0.

    Attributes:
        kernels: the kernels.
        values: (kernels,) ms, or mJ where the predictor predicts energy.
        covered: (kernels,) whether the predictor itself has a price.
        filled: (kernels,) whether the price is the fallback's.
    """

    kernels: Sequence[Kernel]
    values: NDArray[np.float64]
    covered: NDArray[np.bool_]
    filled: NDArray[np.bool_]

    @property
    def covered_multiply_adds_pct(self) -> float:
        """Share of the multiply-adds that is in covered kernels (percent); 100 where there are none."""
        work = np.array([kernel.multiply_adds for kernel in self.kernels])
        return float(100 * work[self.covered].sum() / work.sum()) if work.any() else 100.0

    def breakdown(self) -> pd.DataFrame:
        """One row per kernel: its type, its price, and whose price it is (predictor, fallback or none)."""
        return pd.DataFrame(
            {
                "type": [kernel.type for kernel in self.kernels],
                "features": [kernel.features for kernel in self.kernels],
                "multiply_adds": [kernel.multiply_adds for kernel in self.kernels],
                "price": self.values,
                "source": np.select([self.covered, self.filled], ["predictor", "fallback"], "none"),
                "inexpressible": [", ".join(kernel.inexpressible) for kernel in self.kernels],
            }
        )


def price_kernels(kernels: Sequence[Kernel], predictor: Predictor, fallback: Predictor | None = None) -> Prices:
    """Price the kernels of one network, or of many at once.

    Args:
        kernels: in any order.
        predictor: of the device.
        fallback: prices what the predictor has no price for; in the same unit.

    Returns:
        The prices. A kernel that the fallback prices at 0 is not filled: 0 is what it has no term for.

    Raises:
        UserError: if the predictor or the fallback refuses a kernel.
    """
    covered = np.array([predictor.covers(kernel) for kernel in kernels], dtype=bool)
    filled = np.zeros(len(kernels), dtype=bool)
    values = np.where(covered, predictor.predict(kernels), 0.0)
    if fallback and not covered.all():
        values[~covered] = fallback.predict([kernels[index] for index in np.flatnonzero(~covered).tolist()])
        filled = ~covered & (values > 0)
    return Prices(kernels, values, covered, filled)


def predict_network(
    kernels: pd.DataFrame, predictor: Predictor, fallback: Predictor | None = None
) -> dict[str, float | int | None]:
    """Add up the kernels of one network.

    Args:
        kernels: rows of KERNELS.
        predictor: of one device.
        fallback: prices what the predictor has no price for.

    Returns:
        The columns of LATENCIES that the predictor decides: its total is a latency or an energy.

    Raises:
        UserError: if no kernel has a price: 0 would be no latency.
    """
    prices = price_kernels(to_kernels(kernels), predictor, fallback)
    if not prices.values.sum() > 0:
        raise UserError(f"the predictor of {predictor.device} has no price for any kernel of this network")
    return {
        QUANTITIES[predictor.unit]: float(prices.values.sum()),
        "predictor_error_pct": predictor.error_pct,
        "kernels": len(prices.kernels),
        "covered_kernels": int(prices.covered.sum()),
        "filled_kernels": int(prices.filled.sum()),
        "covered_multiply_adds_pct": prices.covered_multiply_adds_pct,
    }


def to_kernels(frame: pd.DataFrame) -> list[Kernel]:
    """Rows of KERNELS as kernels."""
    records: list[dict[str, Any]] = frame.drop(columns="kernel").to_dict("records")  # type: ignore[assignment]
    lists = ("features", "inexpressible")
    return [
        Kernel(**(record | {name: () if record[name] is None else tuple(record[name]) for name in lists}))
        for record in records
    ]


def count_uncovered(networks: Mapping[str, Sequence[Kernel]], predictor: Predictor) -> pd.DataFrame:
    """Count the kernels that a predictor has no price for.

    Args:
        networks: kernels by network: all of a run.
        predictor: of one device.

    Returns:
        Rows of COVERAGE: none if there is a price for every kernel.
    """
    found = [
        (kernel.type, reason, network)
        for network, kernels in networks.items()
        for kernel in kernels
        if (reason := predictor.reason(kernel)) is not None
    ]
    table = pd.DataFrame(found, columns=["type", "reason", "network"])
    table = table.groupby(["type", "reason"])["network"].agg(["size", "nunique"])
    table = table.rename(columns={"size": "kernels", "nunique": "networks"}).reset_index()
    table.insert(0, "device", predictor.device)
    return table


def require_coverage(networks: Mapping[str, Sequence[Kernel]], predictor: Predictor) -> None:
    """Refuse a predictor that has no price for some kernel.

    Args:
        networks: kernels by network: all of a run, so that the message says how much of it is touched.
        predictor: of one device.

    Raises:
        UserError: naming the types of the kernels without a price, and how many kernels of how many networks.
    """
    uncovered = count_uncovered(networks, predictor)
    if len(uncovered):
        found = ", ".join(
            f"{row.type} ({row.reason}: {row.kernels} kernels in {row.networks} networks)"
            for row in uncovered.itertuples()
        )
        raise UserError(
            f"the predictor of {predictor.device} has no price for {found}, of {len(networks)} in all; "
            "nn-Meter would count them as 0, or price them as something else, without a word",
            fix="add the forests to the package, or set uncovered: report (counts them as 0, and says so) or "
            "uncovered: calibrated (prices them with the calibrated model)",
        )
