"""A predictor that is fitted to measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import pandas as pd

from workflow_lib.core.errors import UserError
from workflow_lib.devices.built.boundary import Boundary, fit_boundary
from workflow_lib.devices.built.fitted_forests import EMPTY, alone_ms, fit_forests, forest_of, kernel_frequencies
from workflow_lib.devices.built.kernel_choice import choose_networks
from workflow_lib.latency.forests import Forest
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import kernel_name

# Of a latency (ms): a nanosecond, the step of the finest clocks.
_LEAST_MS: Final = 1e-6


_CALIBRATION_SHARE: Final = 0.4


@dataclass(frozen=True, eq=False)
class BuiltPredictor:
    """What was fitted to measurements.

    Attributes:
        forests: by nn-Meter's name of the kernel, in ms.
        boundary: that is in them.
        validation: one row per network that was measured whole: its latency, what is predicted, and its use
            (calibration or validation).
    """

    forests: Mapping[str, Forest]
    boundary: Boundary
    validation: pd.DataFrame

    @property
    def error_pct(self) -> float | None:
        """Median absolute error on the networks that nothing was fitted to (percent); None if there are none."""
        unseen = self.validation[self.validation["use"] == "validation"]
        if unseen.empty:
            return None
        return float(100 * (unseen["predicted_ms"] / unseen["latency_ms"] - 1).abs().median())


def fit_predictor(
    networks: Mapping[str, Sequence[Kernel]], measurements: pd.DataFrame, device: str, seed: int
) -> BuiltPredictor:
    """Fit forests to measured kernels, and what they cost in networks to measured networks.

    Args:
        networks: kernels by network, all of the run.
        measurements: MEASUREMENTS: kernels by `kernel_name`, networks by name, and the empty network. What is
            measured of other kernels and networks does not count.
        device: its name.
        seed: of the forests, and of which networks calibrate.

    Returns:
        The predictor. With fewer than 4 networks to calibrate nothing is added to what kernels take alone, with fewer
        than 8 nothing for activations.

    Raises:
        UserError: if no measured kernel belongs to a forest that the networks need, or the empty network is missing.
    """
    values = dict(zip(measurements["model"], measurements["latency_ms"], strict=True))
    measured = [kernel for kernel in kernel_frequencies(networks) if kernel_name(kernel) in values]
    _refuse_zeros(measurements, measured)
    needed = {forest_of(kernel) for kernel in kernel_frequencies(networks)}
    if missing := needed - {forest_of(kernel) for kernel in measured}:
        raise UserError(f"no measured kernel for {', '.join(sorted(missing))}", "measurements", "measure at least one")
    if EMPTY not in values:
        raise UserError(f"lacks the model {EMPTY!r}, whose latency is the price of a call", "measurements")
    expressed = [name for name, kernels in networks.items() if not any(kernel.inexpressible for kernel in kernels)]
    whole = choose_networks([name for name in expressed if name in values], len(networks), seed)
    calibration = whole[: round(_CALIBRATION_SHARE * len(whole))]
    alone = fit_forests(measured, alone_ms(measured, measurements), device, seed)
    boundary = fit_boundary([networks[name] for name in calibration], [values[name] for name in calibration], alone)
    fitted = fit_forests(measured, boundary.add_to(measured, alone_ms(measured, measurements)), device, seed)
    rows = [
        {
            "device": device,
            "network": name,
            "use": "calibration" if name in calibration else "validation",
            "latency_ms": values[name],
            "predicted_ms": float(fitted.predict(networks[name]).sum()),
        }
        for name in whole
    ]
    columns = ["device", "network", "use", "latency_ms", "predicted_ms"]
    return BuiltPredictor(fitted.forests, boundary, pd.DataFrame(rows, columns=columns))


def _refuse_zeros(measurements: pd.DataFrame, measured: Sequence[Kernel]) -> None:
    """Refuse latencies that no clock can tell, and kernels that are all as fast as the empty network."""
    fast = measurements[measurements["latency_ms"] < _LEAST_MS]
    if len(fast):
        raise UserError(
            f"{len(fast)} latencies are below {_LEAST_MS:g} ms, the first of {fast['model'].iloc[0]!r}: no clock tells "
            "them from 0",
            "measurements",
            "measure them again, in milliseconds",
        )
    values = dict(zip(measurements["model"], measurements["latency_ms"], strict=True))
    if measured and EMPTY in values and all(values[kernel_name(kernel)] <= values[EMPTY] for kernel in measured):
        raise UserError(
            f"no kernel takes longer than the empty network ({values[EMPTY]:g} ms)", "measurements", "measure again"
        )


def describe_fit(built: BuiltPredictor) -> dict[str, object]:
    """What the package tells of the fit, as JSON values."""
    counts = built.validation["use"].value_counts()
    return {
        "boundary": asdict(built.boundary),
        "calibration_networks": int(counts.get("calibration", 0)),
        "validation_networks": int(counts.get("validation", 0)),
    }
