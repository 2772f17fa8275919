"""What kernels cost in a network beyond what they cost alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workflow_lib.latency.forest_predictor import ForestPredictor
from workflow_lib.latency.kernel import Kernel

_MILLION: Final = 1e6


# Weight of the pull to 0 against one network's squared relative error, as the calibrated model's.
_RIDGE: Final = 0.03


# With fewer networks to fit to, the boundary would be noise.
_NETWORKS_PER_TERM: Final = 4


@dataclass(frozen=True)
class Boundary:
    """What a convolution or fully connected layer takes in a network beyond what it takes alone.

    Attributes:
        ms_per_million_activations: for each that is read or written; negative where alone it pays for reordering.
        ms_per_million_weights: for each; positive where alone they are found in the cache.
    """

    ms_per_million_activations: float = 0.0
    ms_per_million_weights: float = 0.0

    def add_to(self, kernels: Sequence[Kernel], alone_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """(kernels,) ms in a network, at least 0, from ms alone."""
        terms = np.array([self.ms_per_million_activations, self.ms_per_million_weights])
        in_network: NDArray[np.float64] = np.maximum(alone_ms + boundary_terms(kernels) @ terms, 0.0)
        return in_network


def fit_boundary(networks: Sequence[Sequence[Kernel]], latencies_ms: list[float], alone: ForestPredictor) -> Boundary:
    """The boundary whose leave-one-network-out error is least: none, of weights, or of activations too."""
    measured = np.array(latencies_ms)
    sums = np.array([alone.predict(kernels).sum() for kernels in networks])
    terms = np.array([boundary_terms(kernels).sum(axis=0) for kernels in networks]).reshape(len(networks), 2)
    missing = 1 - sums / measured
    relative = terms / measured[:, np.newaxis]
    errors = {}
    for used in ((), (1,), (0, 1)):
        if len(networks) >= _NETWORKS_PER_TERM * len(used):
            left_out = [
                missing[place] - relative[place] @ _solve(*_without(place, relative, missing), used)
                for place in range(len(networks))
            ]
            errors[used] = float(np.mean(np.abs(left_out))) if left_out else 0.0
    best = min(errors, key=lambda used: errors[used])
    return Boundary(*_solve(relative, missing, best).tolist())


def _without(
    place: int, relative: NDArray[np.float64], missing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    others = np.arange(len(missing)) != place
    return relative[others], missing[others]


def _solve(relative: NDArray[np.float64], missing: NDArray[np.float64], used: Sequence[int]) -> NDArray[np.float64]:
    """(2,) coefficients by ridge regression of relative errors; 0 for terms that are not used."""
    coefficients = np.zeros(2)
    if used:
        chosen = relative[:, used]
        scale = np.sqrt(np.mean(chosen**2, axis=0))
        scale[scale == 0] = 1.0
        system = np.vstack([chosen / scale, np.sqrt(_RIDGE) * np.eye(len(scale))])
        target = np.concatenate([missing, np.zeros(len(scale))])
        coefficients[list(used)] = np.linalg.lstsq(system, target, rcond=None)[0] / scale
    return coefficients


def boundary_terms(kernels: Sequence[Kernel]) -> NDArray[np.float64]:
    """(kernels, 2) millions of activations and of weights; 0 for kernels without weights."""
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
