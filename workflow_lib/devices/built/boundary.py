"""The difference between a kernel's latency within a network and its latency when measured separately."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workflow_lib.latency.forest_predictor import ForestPredictor
from workflow_lib.latency.kernel import Kernel

_MILLION: Final = 1e6
# Ridge penalty, relative to the squared relative error of one network, as in the calibrated model.
_RIDGE: Final = 0.03
# With fewer networks per fitted term, the fit would follow noise.
_NETWORKS_PER_TERM: Final = 4


@dataclass(frozen=True)
class Boundary:
    """Additional latency of a convolution or fully connected layer within a network, compared with a separate run.

    Attributes:
        ms_per_million_activations: added per million activations read or written; negative if a separate kernel pays
            for reordering.
        ms_per_million_weights: added per million weights; positive if a separate kernel finds them in the cache.
    """

    ms_per_million_activations: float = 0.0
    ms_per_million_weights: float = 0.0

    def add_to(self, kernels: Sequence[Kernel], standalone_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert latencies of separate kernels to latencies within a network.

        Args:
            kernels: the kernels.
            standalone_ms: (kernels,) latencies in ms, measured separately; not modified.

        Returns:
            (kernels,) latencies in ms, at least 0.
        """
        terms = np.array([self.ms_per_million_activations, self.ms_per_million_weights])
        in_network: NDArray[np.float64] = np.maximum(standalone_ms + boundary_terms(kernels) @ terms, 0.0)
        return in_network


def fit_boundary(
    networks: Sequence[Sequence[Kernel]], latencies_ms: list[float], standalone: ForestPredictor
) -> Boundary:
    """Fit the additional latency within networks.

    Three models are compared by their leave-one-network-out error: no addition, weights only, weights and activations.

    Args:
        networks: kernels of each calibration network.
        latencies_ms: measured latency of each network.
        standalone: predictor that was fitted to separate kernels.

    Returns:
        The model with the smallest error.
    """
    measured = np.array(latencies_ms)
    sums = np.array([standalone.predict(kernels).sum() for kernels in networks])
    terms = np.array([boundary_terms(kernels).sum(axis=0) for kernels in networks]).reshape(len(networks), 2)
    missing = 1 - sums / measured
    relative = terms / measured[:, np.newaxis]
    errors = {}
    for used in ((), (1,), (0, 1)):
        if len(networks) >= _NETWORKS_PER_TERM * len(used):
            held_out_errors = [
                missing[index] - relative[index] @ _solve(*_without(index, relative, missing), used)
                for index in range(len(networks))
            ]
            errors[used] = float(np.mean(np.abs(held_out_errors))) if held_out_errors else 0.0
    best = min(errors, key=lambda used: errors[used])
    return Boundary(*_solve(relative, missing, best).tolist())


def _without(
    index: int, relative: NDArray[np.float64], missing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    others = np.arange(len(missing)) != index
    return relative[others], missing[others]


def _solve(relative: NDArray[np.float64], missing: NDArray[np.float64], used: Sequence[int]) -> NDArray[np.float64]:
    """Fit (2,) coefficients by ridge regression of relative errors; unused terms get 0."""
    coefficients = np.zeros(2)
    if used:
        columns = relative[:, used]
        scale = np.sqrt(np.mean(columns**2, axis=0))
        scale[scale == 0] = 1.0
        system = np.vstack([columns / scale, np.sqrt(_RIDGE) * np.eye(len(scale))])
        target = np.concatenate([missing, np.zeros(len(scale))])
        coefficients[list(used)] = np.linalg.lstsq(system, target, rcond=None)[0] / scale
    return coefficients


def boundary_terms(kernels: Sequence[Kernel]) -> NDArray[np.float64]:
    """Count (kernels, 2) millions of activations and of weights; both 0 for kernels without weights."""
    terms = [
        (
            kernel.input_hw**2 * kernel.in_channels + kernel.output_hw**2 * kernel.out_channels,
            kernel.multiply_adds / kernel.output_hw**2,
        )
        if kernel.multiply_adds
        else (0.0, 0.0)
        for kernel in kernels
    ]
    return np.array(terms) / _MILLION
