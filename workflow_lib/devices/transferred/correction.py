"""Correction of one device's predictions by measurements on another device, and its error over their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau

from workflow_lib.core.sealed import DamagedFileError, read_json, write_json
from workflow_lib.devices.built.boundary import boundary_terms
from workflow_lib.latency.kernel import Kernel

# From a correction by every feature to one that only changes the scale.
_PENALTIES: Final = np.logspace(-2, 5, 29)
_PARTS: Final = 10
_SPLITS: Final = 20
_SIZES: Final = (5, 10, 20, 50, 100)
# A split leaves out at least so many networks.
_MIN_LEFT_OUT: Final = 5
_NO_FEATURE: Final = 1e-12


def describe_network(base_ms: float, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
    """Describe a network by what two devices can price differently.

    Args:
        base_ms: latency that the other device's predictor gives, in ms.
        kernels: kernels of the network.

    Returns:
        (5,) logarithms of the latency, the number of kernels, and the millions of multiply-adds, and of activations and
        weights of layers with weights. The first is the other device's latency.
    """
    activations, weights = boundary_terms(kernels).sum(axis=0)
    multiply_adds = sum(kernel.multiply_adds for kernel in kernels) / 1e6
    positive: NDArray[np.float64] = np.maximum(
        [base_ms, float(len(kernels)), multiply_adds, activations, weights], _NO_FEATURE
    )
    return np.log(positive)


@dataclass(frozen=True, eq=False)
class Correction:
    """The logarithm of the ratio of two devices' latencies, linear in the features of `describe_network`.

    Attributes:
        ratio: mean logarithm of the ratio.
        means, scales, lows, highs: (5,) mean, standard deviation, minimum and maximum of the features of the measured
            networks; features beyond them are clipped, so that the correction does not extrapolate.
        slopes: (5,) change per standard deviation.
        error_pct: median absolute error on networks left out of the correction.
    """

    ratio: float
    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    slopes: NDArray[np.float64]
    error_pct: float | None = None

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Correct predictions.

        Args:
            features: (n, 5) features of networks.

        Returns:
            (n,) latencies in ms.
        """
        clipped = np.clip(features, self.lows, self.highs)
        corrected: NDArray[np.float64] = np.exp(
            features[:, 0] + self.ratio + ((clipped - self.means) / self.scales) @ self.slopes
        )
        return corrected

    def write(self, path: Path) -> None:
        """Write the correction as JSON."""
        values = asdict(self)
        write_json(path, {name: np.asarray(value).tolist() for name, value in values.items()})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a correction.

        Raises:
            DamagedFileError: if the file does not hold one.
        """
        try:
            values = read_json(path)
            means, scales, lows, highs, slopes = (
                np.array(values[name], np.float64) for name in ("means", "scales", "lows", "highs", "slopes")
            )
            return cls(float(values["ratio"]), means, scales, lows, highs, slopes, values["error_pct"])
        except (KeyError, TypeError):
            raise DamagedFileError(path, "is not a correction") from None


def fit_correction(features: NDArray[np.float64], measured_ms: NDArray[np.float64]) -> Correction:
    """Fit a correction by ridge regression; the penalty is the one with the smallest leave-one-out error.

    Args:
        features: (n, 5) features of the measured networks.
        measured_ms: (n,) their latencies in ms.
    """
    from sklearn.linear_model import RidgeCV

    means, scales = features.mean(axis=0), features.std(axis=0)
    scales[scales < _NO_FEATURE] = 1.0
    ratios = np.log(measured_ms) - features[:, 0]
    fitted = RidgeCV(_PENALTIES).fit((features - means) / scales, ratios)
    return Correction(float(fitted.intercept_), means, scales, features.min(axis=0), features.max(axis=0), fitted.coef_)


def left_out(features: NDArray[np.float64], measured_ms: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Predict each network by a correction that it was left out of: ten-fold cross-validation.

    Args:
        features: (n, 5) features of the measured networks.
        measured_ms: (n,) their latencies in ms.
        seed: seed of the parts.

    Returns:
        (n,) predicted latencies in ms.
    """
    parts = np.random.default_rng(seed).permutation(len(measured_ms)) % min(_PARTS, len(measured_ms))
    predicted = np.empty(len(measured_ms))
    for part in np.unique(parts):
        outside = parts != part
        predicted[~outside] = fit_correction(features[outside], measured_ms[outside]).predict(features[~outside])
    return predicted


def error_over_sizes(features: NDArray[np.float64], measured_ms: NDArray[np.float64], seed: int) -> pd.DataFrame:
    """Estimate the error of corrections by fewer networks, on those that they were not fitted to.

    Args:
        features: (n, 5) features of the measured networks.
        measured_ms: (n,) their latencies in ms.
        seed: seed of the random choices.

    Returns:
        Rows of TRANSFER except the device; each is the median over 20 random choices.
    """
    random, rows = np.random.default_rng(seed), []
    for size in (size for size in _SIZES if size + _MIN_LEFT_OUT <= len(measured_ms)):
        found = []
        for _ in range(_SPLITS):
            order = random.permutation(len(measured_ms))
            used, others = order[:size], order[size:]
            predicted = fit_correction(features[used], measured_ms[used]).predict(features[others])
            errors = 100 * np.abs(predicted / measured_ms[others] - 1)
            found.append((np.median(errors), errors.max(), kendalltau(predicted, measured_ms[others]).statistic))
        median, largest, tau = np.nanmedian(np.array(found), axis=0)
        rows.append({"networks": size, "error_pct": median, "largest_error_pct": largest, "tau": tau})
    return pd.DataFrame(rows, columns=["networks", "error_pct", "largest_error_pct", "tau"])
