"""Fit of the analytic model to nn-Meter's published predictions."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from workflow_lib.core.errors import UserError
from workflow_lib.devices.calibrated.calibrated_model import (
    DEVICES,
    TERMS,
    UNPRICED_TYPES,
    CalibratedModel,
    term_matrix,
)
from workflow_lib.devices.calibrated.reference_networks import reference_kernels, reference_latencies_ms

# Ridge penalty, relative to the squared relative error of one network. It limits terms that occur in few networks.
# Between 0.003 and 0.1, the mean LOO error changes by half a point, and the largest median by 0.3.
_RIDGE: Final = 0.03


def fit(device: str) -> CalibratedModel:
    """Fit the model of one device to nn-Meter's published predictions for 12 networks.

    The fit is a non-negative least-squares fit of relative errors with a small ridge penalty. It is deterministic and
    takes a few milliseconds.

    Args:
        device: one of `DEVICES`.

    Returns:
        The fitted model, with its leave-one-network-out error.

    Raises:
        UserError: if the device is unknown.
    """
    terms, latencies_ms, networks = _calibration_data(device)
    errors = leave_one_network_out(device)
    return CalibratedModel(
        device=device,
        coefficients=dict(zip(TERMS, _solve(terms, latencies_ms).tolist(), strict=True)),
        unpriced_types=UNPRICED_TYPES[device],
        loo_median_error_pct=100 * float(np.median(np.abs(list(errors.values())))),
        provenance=(
            f"fitted to nn-Meter's published predictions for {len(networks)} networks "
            "(microsoft/nn-Meter, tests/integration_test/data), 224x224, batch 1"
        ),
    )


def leave_one_network_out(device: str) -> dict[str, float]:
    """Compute the held-out error of each reference network: the model is fitted to the other networks.

    Args:
        device: one of `DEVICES`.

    Returns:
        Relative error of each network: predicted / published - 1.

    Raises:
        UserError: if the device is unknown.
    """
    terms, latencies_ms, networks = _calibration_data(device)
    errors = {}
    for index, network in enumerate(networks):
        others = np.arange(len(networks)) != index
        predicted_ms = terms[index] @ _solve(terms[others], latencies_ms[others])
        errors[network] = float(predicted_ms / latencies_ms[index] - 1)
    return errors


def _calibration_data(device: str) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Return (networks, terms) totals, (networks,) published latencies in ms, and the networks' names."""
    if device not in UNPRICED_TYPES:
        raise UserError(f"no published predictions for device {device!r}; choose one of {', '.join(DEVICES)}")
    latencies_ms = reference_latencies_ms()[device]
    networks = reference_kernels()
    totals = [term_matrix(kernels, UNPRICED_TYPES[device]).sum(axis=0) for kernels in networks.values()]
    return np.array(totals), np.array([latencies_ms[network] for network in networks]), list(networks)


def _solve(terms: NDArray[np.float64], latencies_ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the non-negative coefficients that minimise squared relative errors plus the ridge penalty."""
    relative = terms / latencies_ms[:, np.newaxis]
    # Scaling makes the ridge penalise a term's share of the latency, whatever its unit.
    scale = np.sqrt(np.mean(relative**2, axis=0))
    scale[scale == 0] = 1.0  # a term that no network has (fully connected layers on the GPUs) stays at 0
    system = np.vstack([relative / scale, math.sqrt(_RIDGE) * np.eye(len(scale))])
    target = np.concatenate([np.ones(len(latencies_ms)), np.zeros(len(scale))])
    coefficients: NDArray[np.float64] = nnls(system, target)[0] / scale
    return coefficients
