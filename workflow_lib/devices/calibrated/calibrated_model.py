"""An analytic latency model per device, calibrated on nn-Meter's published predictions.

It replaces nn-Meter's own predictors, which are pickles that current scikit-learn cannot load. The latency of a kernel:

    ms = compute * multiply-adds + weights * weights read     (convolutions, including depthwise)
       + traffic * activations read and written               (all but fully connected layers)
       + fc_weights * weights read                            (fully connected layers)
       + depthwise_launch                                     (depthwise convolutions)

Every coefficient is at least 0, so more work never predicts less time.

Model selection. The model was chosen by its leave-one-network-out (LOO) error on the 12 reference networks: mean
absolute error 9.3 %, largest median over the four devices 11.2 %. About 25 candidates were compared. Rejected, with
(mean, largest median) in percent:
- no weights term (13.9, 19.1); no depthwise launch (13.6, 33.2);
- an additional launch cost per kernel (9.7, 11.6; fitted to 0 on three devices), im2col traffic (9.3, 12.2), or the
  length of a thread's inner loop (9.1, 14.9);
- separate compute rates for 1x1, 3x3 and larger windows (8.9, 14.7);
- separate traffic rates for inputs, outputs and other kernels (10.3, 7.8).
Among candidates within half a point of mean error, the smallest was chosen. The one exception is the term for fully
connected layers: the model is as good without it (9.2, 9.6), but such layers are not free. The seven latencies of the
CROSS paper were not used for fitting, but they were printed next to the candidates. All candidates listed here, except
the one without a weights term, came within 20 % of them, so they did not decide the choice. They are still a check that
had been seen, not a blind one.

Limits. Only the totals of networks are published, so how a total is split among kernels is the model's attribution. The
model predicts what nn-Meter would predict, including 0 ms for kernels that nn-Meter's package for a device lacks
(`unpriced_types`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel

_MILLION: Final = 1e6

_CONVOLUTIONS: Final = frozenset({"conv", "conv-bn", "conv-relu", "conv-bn-relu"})
_DEPTHWISE: Final = frozenset({"dwconv", "dwconv-bn", "dwconv-relu", "dwconv-bn-relu"})
_FULLY_CONNECTED: Final = frozenset({"fc", "fc-relu"})
_ADDITIONS: Final = frozenset({"add", "add-relu"})
# These occur alone in no reference network, but they do in cells that sum maps. They read and write, which costs time.
_MAPS: Final = frozenset({"relu", "bn", "bn-relu"})
_KNOWN_TYPES: Final = (
    _CONVOLUTIONS | _DEPTHWISE | _FULLY_CONNECTED | _ADDITIONS | _MAPS | {"maxpool", "avgpool", "concat", "gap"}
)

_ADRENO_UNPRICED: Final = ("add", "add-relu", "fc", "fc-relu", "gap")
# Kernel types for which nn-Meter's published packages hold no predictor, and which they therefore count as 0 ms. For
# add-relu this is assumed because of add; pricing add-relu changes predictions for CROSS by about 1 %.
UNPRICED_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "cortexA76cpu_tflite21": (),
    "adreno640gpu_tflite21": _ADRENO_UNPRICED,
    "adreno630gpu_tflite21": _ADRENO_UNPRICED,
    "myriadvpu_openvino2019r2": ("add", "add-relu", "concat"),
}
DEVICES: Final = tuple(UNPRICED_TYPES)


def _millions_of_multiply_adds(kernel: Kernel) -> float:
    is_convolution = kernel.type in _CONVOLUTIONS | _DEPTHWISE
    return kernel.multiply_adds / _MILLION if is_convolution else 0.0


def _millions_of_weights(kernel: Kernel) -> float:
    # Each weight is used once per output pixel, also in grouped convolutions.
    return _millions_of_multiply_adds(kernel) / kernel.output_hw**2


def _millions_of_activations(kernel: Kernel) -> float:
    if kernel.type in _FULLY_CONNECTED:
        return 0.0  # negligible: a few thousand values, against millions of weights
    inputs = 2 if kernel.type in _ADDITIONS else 1
    read = inputs * kernel.input_hw**2 * kernel.in_channels
    written = kernel.output_hw**2 * kernel.out_channels
    return (read + written) / _MILLION


def _millions_of_fc_weights(kernel: Kernel) -> float:
    return kernel.multiply_adds / _MILLION if kernel.type in _FULLY_CONNECTED else 0.0


def _depthwise_launches(kernel: Kernel) -> float:
    return float(kernel.type in _DEPTHWISE)


TERMS: Final[Mapping[str, Callable[[Kernel], float]]] = {
    "compute_ms_per_million_multiply_adds": _millions_of_multiply_adds,
    "weights_ms_per_million": _millions_of_weights,
    "traffic_ms_per_million_activations": _millions_of_activations,
    "fc_weights_ms_per_million": _millions_of_fc_weights,
    "depthwise_launch_ms": _depthwise_launches,
}


# Kinds of `Kernel.inexpressible` that the shapes in this model account for.
_EXPRESSIBLE_BY_SHAPE = {"groups", "window", "stride", "dilation", "output", "map"}


@dataclass(frozen=True)
class CalibratedModel:
    """Latency model of one device.

    Attributes:
        device: nn-Meter's name of the device and its framework.
        coefficients: coefficient of each term, in the unit that its name gives; all at least 0.
        unpriced_types: kernel types that count as 0 ms, because nn-Meter's package for the device lacks them.
        loo_median_error_pct: median absolute relative error, leaving one network out.
        provenance: what the coefficients were fitted to.
    """

    device: str
    coefficients: Mapping[str, float]
    unpriced_types: tuple[str, ...]
    loo_median_error_pct: float
    provenance: str

    def predict(self, kernels: Sequence[Kernel]) -> NDArray[np.float64]:
        """Predict the latency of each kernel; a network's latency is their sum.

        Args:
            kernels: kernels in any order.

        Returns:
            (len(kernels),) latencies in ms for one image; 0 for `unpriced_types`.

        Raises:
            UserError: if the model does not know the type of a kernel.
        """
        coefficients = np.array([self.coefficients[term] for term in TERMS])
        per_kernel: NDArray[np.float64] = term_matrix(kernels, self.unpriced_types) @ coefficients
        return per_kernel

    @property
    def unit(self) -> str:
        """Unit of the predictions."""
        return "ms"

    @property
    def error_pct(self) -> float:
        """Median absolute error on networks that the model was not fitted to (percent)."""
        return self.loo_median_error_pct

    def covers(self, kernel: Kernel) -> bool:
        """Tell whether a kernel has a price; the others count as 0 ms."""
        return self.reason(kernel) is None

    def reason(self, kernel: Kernel) -> str | None:
        """Explain why a kernel has no price; None if it has one.

        The model prices work and traffic, which follow from the true shapes, so groups and flat windows and maps are
        covered. For dilation it knows the work, but not the slowdown.
        """
        if kernel.type in self.unpriced_types:
            return "a type that counts as 0 ms"
        unknown = [text for text in kernel.inexpressible if text.split()[0] not in _EXPRESSIBLE_BY_SHAPE]
        return ", ".join(unknown) or None

    def to_dict(self) -> dict[str, Any]:
        """Convert the model to plain JSON values.

        Returns:
            Values that `from_dict` reads.
        """
        return asdict(self) | {"unpriced_types": list(self.unpriced_types)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "CalibratedModel":
        """Restore a model from the values of `to_dict`.

        Args:
            values: plain JSON values.

        Returns:
            The model.

        Raises:
            UserError: if fields or terms are missing or unknown, or a number is negative or not finite.
        """
        try:
            model = cls(
                device=str(values["device"]),
                coefficients={str(term): float(value) for term, value in values["coefficients"].items()},
                unpriced_types=_known_types(values["unpriced_types"]),
                loo_median_error_pct=float(values["loo_median_error_pct"]),
                provenance=str(values["provenance"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f"not a calibrated latency model ({error!r}); fit it again") from error
        _check(model)
        return model


def term_matrix(kernels: Sequence[Kernel], unpriced_types: Sequence[str]) -> NDArray[np.float64]:
    """Compute how much of each term every kernel has.

    Args:
        kernels: kernels in any order.
        unpriced_types: kernel types that count as 0.

    Returns:
        (kernels, terms) amounts, in the order of `TERMS`; 0 for kernels of unpriced types.

    Raises:
        UserError: if the model does not know the type of a kernel.
    """
    unknown = sorted({kernel.type for kernel in kernels} - _KNOWN_TYPES)
    if unknown:
        raise UserError(
            f"the calibrated latency model cannot price kernels of type {', '.join(unknown)}, only "
            f"{', '.join(sorted(_KNOWN_TYPES))}; use a lookup table or a measurement for this network"
        )
    rows = [
        [0.0 if kernel.type in unpriced_types else amount(kernel) for amount in TERMS.values()] for kernel in kernels
    ]
    return np.array(rows, dtype=np.float64).reshape(len(kernels), len(TERMS))


def _known_types(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not _KNOWN_TYPES.issuperset(values):
        raise ValueError(f"unpriced_types is {values!r}, not a list of kernel types")
    return tuple(values)


def _check(model: CalibratedModel) -> None:
    if set(model.coefficients) != set(TERMS):
        raise UserError(
            f"latency model of {model.device}: its terms are {sorted(model.coefficients)}, "
            f"expected {sorted(TERMS)}; fit it again"
        )
    numbers = [*model.coefficients.values(), model.loo_median_error_pct]
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise UserError(f"latency model of {model.device}: a number is negative or not finite; fit it again")
