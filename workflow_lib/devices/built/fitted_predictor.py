"""A predictor fitted to measurements of kernels and of whole networks."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pandas as pd
from scipy.stats import kendalltau

from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.core.errors import UserError
from workflow_lib.devices.built.boundary import Boundary, fit_boundary
from workflow_lib.devices.built.fitted_forests import EMPTY, fit_forests, forest_of, kernel_frequencies, standalone_ms
from workflow_lib.devices.built.kernel_choice import choose_networks
from workflow_lib.latency.forests import Forest
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import kernel_name

# One nanosecond, the resolution of the finest clocks.
_MIN_LATENCY_MS: Final = 1e-6
_CALIBRATION_SHARE: Final = 0.4


@dataclass(frozen=True, eq=False)
class BuiltPredictor:
    """A fitted predictor and its validation.

    Attributes:
        forests: forests by nn-Meter's name of the kernel; they predict ms.
        boundary: additional latency within networks, which the forests include.
        validation: rows of VALIDATION, one per network that was measured as a whole.
    """

    forests: Mapping[str, Forest]
    boundary: Boundary
    validation: pd.DataFrame

    @property
    def error_pct(self) -> float | None:
        """Median absolute error on the held-out networks (percent); None if there are none."""
        return None if self._held_out.empty else float(self._errors_pct.median())

    @property
    def _held_out(self) -> pd.DataFrame:
        return self.validation[self.validation["use"] == "validation"]

    @property
    def _errors_pct(self) -> pd.Series:
        return 100 * (self._held_out["predicted_ms"] / self._held_out["latency_ms"] - 1).abs()

    @property
    def words(self) -> str:
        """Describe the error on the held-out networks in one phrase."""
        held_out, errors = self._held_out, self._errors_pct
        if len(held_out) < 2:
            return "no networks were held out, so the error is unknown"
        tau = kendalltau(held_out["latency_ms"], held_out["predicted_ms"]).statistic
        return (
            f"error on {len(held_out)} networks that were not used to fit: median {errors.median():.1f} %, largest "
            f"{errors.max():.1f} %; rank agreement (Kendall's tau) {tau:.2f}"
        )


def fit_predictor(
    networks: Mapping[str, Sequence[Kernel]],
    measurements: pd.DataFrame,
    device: str,
    seed: int,
    precision: Precision = TRAINED,
) -> BuiltPredictor:
    """Fit forests to measured kernels, and their additional latency within networks to measured networks.

    Args:
        networks: kernels of each network of the run.
        measurements: rows of MEASUREMENTS: kernels by `kernel_name`, networks by name, and the empty network.
        device: name of the device.
        seed: seed of the forests and of the choice of calibration networks.
        precision: precision of the measured kernels and networks, for the validation.

    Returns:
        The predictor. With fewer than 4 calibration networks, nothing is added to the latencies of separate kernels;
        with fewer than 8, nothing is added for activations.

    Raises:
        UserError: if no measured kernel belongs to a forest that the networks need, the empty network is missing, or
            latencies are too small.
    """
    values = dict(zip(measurements["model"], measurements["latency_ms"], strict=True))
    measured = [kernel for kernel in kernel_frequencies(networks) if kernel_name(kernel) in values]
    _refuse_zeros(measurements, measured)
    needed_forests = {forest_of(kernel) for kernel in kernel_frequencies(networks)}
    if missing := needed_forests - {forest_of(kernel) for kernel in measured}:
        raise UserError(f"no measured kernel for {', '.join(sorted(missing))}", "measurements", "measure at least one")
    if EMPTY not in values:
        raise UserError(f"lacks the model {EMPTY!r}, whose latency is the cost of a call", "measurements", "measure it")
    expressible = [name for name, kernels in networks.items() if not any(kernel.inexpressible for kernel in kernels)]
    measured_networks = choose_networks([name for name in expressible if name in values], len(networks), seed)
    calibration = measured_networks[: round(_CALIBRATION_SHARE * len(measured_networks))]
    standalone = fit_forests(measured, standalone_ms(measured, measurements), device, seed)
    boundary = fit_boundary(
        [networks[name] for name in calibration], [values[name] for name in calibration], standalone
    )
    fitted = fit_forests(measured, boundary.add_to(measured, standalone_ms(measured, measurements)), device, seed)
    rows = [
        {
            "device": device,
            "precision": precision,
            "network": name,
            "use": "calibration" if name in calibration else "validation",
            "latency_ms": values[name],
            "predicted_ms": float(fitted.predict(networks[name]).sum()),
        }
        for name in measured_networks
    ]
    columns = ["device", "precision", "network", "use", "latency_ms", "predicted_ms"]
    return BuiltPredictor(fitted.forests, boundary, pd.DataFrame(rows, columns=columns))


def refuse_unknown(measurements: pd.DataFrame, networks: Mapping[str, Sequence[Kernel]], path: Path) -> None:
    """Reject measurements of models that do not belong to the run, which may be those of another run.

    Args:
        measurements: rows of MEASUREMENTS.
        networks: kernels of each network of the run.
        path: file of the measurements, for the message.

    Raises:
        UserError: if there are no measurements, or any is of an unknown model.
    """
    if measurements.empty:
        raise UserError("has no measurements, only a header", path, "fill in the column latency_ms of the manifest")
    known = {EMPTY, *networks, *map(kernel_name, kernel_frequencies(networks))}
    unknown = [name for name in measurements["model"] if name not in known]
    if unknown:
        raise UserError(
            f"{len(unknown)} of {len(measurements)} models are no kernels or networks of this run (first: "
            f"{unknown[0]!r})",
            path,
            "give the measurements of this run's manifest, or remove these rows",
        )


def _refuse_zeros(measurements: pd.DataFrame, measured: Sequence[Kernel]) -> None:
    """Reject latencies below the resolution of any clock, and kernels that are all as fast as the empty network."""
    too_fast = measurements[measurements["latency_ms"] < _MIN_LATENCY_MS]
    if len(too_fast):
        raise UserError(
            f"{len(too_fast)} latencies are below {_MIN_LATENCY_MS:g} ms (first: {too_fast['model'].iloc[0]!r}), "
            "which no clock can resolve",
            "measurements",
            "measure again, and give the latencies in milliseconds",
        )
    values = dict(zip(measurements["model"], measurements["latency_ms"], strict=True))
    if measured and EMPTY in values and all(values[kernel_name(kernel)] <= values[EMPTY] for kernel in measured):
        raise UserError(
            f"no kernel takes longer than the empty network ({values[EMPTY]:g} ms)", "measurements", "measure again"
        )


def describe_fit(built: BuiltPredictor) -> dict[str, object]:
    """Summarise the fit as JSON values, for the provenance of the package."""
    counts = built.validation["use"].value_counts()
    return {
        "boundary": asdict(built.boundary),
        "calibration_networks": int(counts.get("calibration", 0)),
        "validation_networks": int(counts.get("validation", 0)),
    }
