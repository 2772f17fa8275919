"""Prices of networks' kernels on a device, and the treatment of kernels that its predictor does not cover."""

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
    """The price of each kernel and its source. Kernels that are neither covered nor filled count as 0.

    Attributes:
        kernels: the kernels.
        values: (kernels,) prices in ms, or in mJ if the predictor predicts energy.
        covered: (kernels,) whether the predictor itself has a price.
        filled: (kernels,) whether the price is from the fallback.
    """

    kernels: Sequence[Kernel]
    values: NDArray[np.float64]
    covered: NDArray[np.bool_]
    filled: NDArray[np.bool_]

    @property
    def covered_multiply_adds_pct(self) -> float:
        """Share of the multiply-adds in covered kernels (percent); 100 if there are no multiply-adds."""
        work = np.array([kernel.multiply_adds for kernel in self.kernels])
        return float(100 * work[self.covered].sum() / work.sum()) if work.any() else 100.0

    def breakdown(self) -> pd.DataFrame:
        """Return one row per kernel: its type, its price, and the source of the price (predictor, fallback or none)."""
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
    """Price the kernels of one network, or of several networks at once.

    Args:
        kernels: kernels in any order.
        predictor: predictor of the device.
        fallback: predictor for kernels that `predictor` does not cover, with the same unit; None: they count as 0.

    Returns:
        The prices. A kernel that the fallback prices at 0 is not marked as filled: 0 means that the fallback has no
        term for it.

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
    """Predict the latency or energy of one network as the sum of its kernels.

    Args:
        kernels: rows of KERNELS.
        predictor: predictor of the device.
        fallback: predictor for kernels that `predictor` does not cover; None: they count as 0.

    Returns:
        The columns of LATENCIES that depend on the predictor; the total is a latency or an energy.

    Raises:
        UserError: if no kernel has a price, because 0 is not a valid latency.
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
    """Convert rows of KERNELS to kernels."""
    records: list[dict[str, Any]] = frame.drop(columns="kernel").to_dict("records")  # type: ignore[assignment]
    lists = ("features", "inexpressible")
    return [
        Kernel(**(record | {name: () if record[name] is None else tuple(record[name]) for name in lists}))
        for record in records
    ]


def count_uncovered(networks: Mapping[str, Sequence[Kernel]], predictor: Predictor) -> pd.DataFrame:
    """Count the kernels for which a predictor has no price.

    Args:
        networks: kernels of each network of the run.
        predictor: predictor of one device.

    Returns:
        Rows of COVERAGE; none if every kernel has a price.
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
    """Check that a predictor has a price for every kernel.

    Args:
        networks: kernels of each network of the run, so that the message can say how many are affected.
        predictor: predictor of one device.

    Raises:
        UserError: if not. The message lists the types without a price, with the numbers of kernels and networks.
    """
    uncovered = count_uncovered(networks, predictor)
    if len(uncovered):
        found = ", ".join(
            f"{row.type} ({row.reason}: {row.kernels} kernels in {row.networks} networks)"
            for row in uncovered.itertuples()
        )
        raise UserError(
            f"the predictor of {predictor.device} has no price for {found}, out of {len(networks)} networks; "
            "nn-Meter would silently count them as 0, or price them as other kernels",
            fix="add the forests to the package, or set uncovered: report (count them as 0, and list them) or "
            "uncovered: calibrated (price them with the calibrated model)",
        )
