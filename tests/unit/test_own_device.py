"""A predictor from measurements, in a world whose latencies follow a law that the test knows."""

from collections.abc import Sequence

import pandas as pd
import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.devices.built.fitted_forests import EMPTY
from workflow_lib.devices.built.fitted_predictor import describe_fit, fit_predictor
from workflow_lib.devices.built.kernel_choice import (
    choose_kernels,
    choose_models,
    choose_networks,
    measure_space,
    most_uncertain_kernels,
)
from workflow_lib.latency.forest_predictor import forest_name
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_format import KernelFormat
from workflow_lib.latency.kernel_graphs import kernel_name
from workflow_lib.latency.latency_tables import MEASUREMENTS
from workflow_lib.latency.stopwatch import ROUNDS

ONNX = KernelFormat.of("onnxruntime", "fp32")
CALL_MS = 0.02
WEIGHTS_MS = 20.0  # per million: what a network pays beyond its kernels alone


def convolution(hw: int, inputs: int, outputs: int, kernel_type: str = "conv-bn-relu") -> Kernel:
    work = float(hw**2 * 9 * inputs * outputs)
    return Kernel(kernel_type, (hw, inputs, outputs, 3, 1, work / 1e6, 0.0), hw, hw, inputs, outputs, 3, 1, work)


def pool(hw: int, channels: int) -> Kernel:
    return Kernel("maxpool", (hw, channels, channels, 2, 2), hw, hw // 2, channels, channels, 2, 2, 0.0)


NETWORKS = {
    f"5_net{hw}_{width}": [
        convolution(hw, 5, width),
        pool(hw, width),
        *(convolution(hw // 2, width, width, kind) for kind in ("conv-bn-relu", "conv-bn")),
        convolution(hw // 4, width, 8 * width),
    ]
    for hw in (32, 40, 48, 56, 64)
    for width in (16, 24, 32, 48, 64)
}
KERNELS = list(dict.fromkeys(kernel for kernels in NETWORKS.values() for kernel in kernels))


def alone_ms(kernel: Kernel) -> float:
    return kernel.multiply_adds / 1e7 + kernel.input_hw**2 * kernel.in_channels / 1e6


def network_ms(kernels: Sequence[Kernel]) -> float:
    weights = sum(kernel.multiply_adds / kernel.output_hw**2 for kernel in kernels) / 1e6
    return sum(map(alone_ms, kernels)) + WEIGHTS_MS * weights + CALL_MS


def measure(kernels: Sequence[Kernel] = KERNELS, networks: Sequence[str] = tuple(NETWORKS)) -> pd.DataFrame:
    rows = {EMPTY: CALL_MS} | {kernel_name(kernel): alone_ms(kernel) + CALL_MS for kernel in kernels}
    rows |= {name: network_ms(NETWORKS[name]) for name in networks}
    return MEASUREMENTS.complete(pd.DataFrame({"model": list(rows), "latency_ms": list(rows.values())}))


def test_networks_that_were_not_used_are_predicted() -> None:
    built = fit_predictor(NETWORKS, measure(), "board", seed=1)
    assert built.validation["use"].value_counts().to_dict() == {"validation": 15, "calibration": 10}
    assert built.error_pct is not None
    assert built.error_pct < 5
    assert set(built.forests) == {"conv-bn-relu", "maxpool"}
    assert describe_fit(built)["validation_networks"] == 15


def test_what_weights_cost_in_networks_is_found() -> None:
    boundary = fit_predictor(NETWORKS, measure(), "board", seed=1).boundary
    assert boundary.ms_per_million_weights == pytest.approx(WEIGHTS_MS, rel=0.6)
    without = fit_predictor(NETWORKS, measure(networks=list(NETWORKS)[:5]), "board", seed=1)
    assert without.boundary.ms_per_million_weights == 0, "two networks to calibrate are too few"


def test_without_whole_networks_the_error_is_not_known() -> None:
    built = fit_predictor(NETWORKS, measure(networks=[]), "board", seed=1)
    assert built.error_pct is None
    assert built.validation.empty


def test_the_same_seed_gives_the_same_predictor() -> None:
    first, second = (fit_predictor(NETWORKS, measure(), "board", seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first.validation, second.validation)


def test_a_forest_without_measurement_or_no_empty_network_is_refused() -> None:
    convolutions = [kernel for kernel in KERNELS if kernel.type != "maxpool"]
    with pytest.raises(UserError, match="no measured kernel for maxpool"):
        fit_predictor(NETWORKS, measure(convolutions), "board", seed=1)
    with pytest.raises(UserError, match="lacks the model 'empty'"):
        fit_predictor(NETWORKS, measure().query("model != 'empty'"), "board", seed=1)


def test_the_first_choice_has_a_kernel_for_every_forest() -> None:
    for seed in range(20):
        chosen = choose_kernels(NETWORKS, 2, seed)
        assert {forest_name(kernel.type) for kernel in chosen} == {"conv-bn-relu", "maxpool"}
        assert len(chosen) == 2
    assert sorted(map(kernel_name, choose_kernels(NETWORKS, 10_000, 0))) == sorted(map(kernel_name, KERNELS))


def test_the_next_choice_is_new_and_where_the_trees_disagree() -> None:
    """Of pools nothing is known but one price, so no tree disagrees about them."""
    measured = [kernel for kernel in KERNELS if kernel.type != "maxpool" and kernel.input_hw <= 14]
    measured.append(next(kernel for kernel in KERNELS if kernel.type == "maxpool"))
    chosen = most_uncertain_kernels(NETWORKS, measured, measure(measured), 8, seed=0)
    assert len(chosen) == 8
    assert not set(chosen) & set(measured)
    assert "maxpool" not in {kernel.type for kernel in chosen}


class CountingStopwatch:
    """Takes the world's latencies for measured ones, and remembers the rounds."""

    def __init__(self) -> None:
        self.rounds: list[list[str]] = []
        self._values = measure().set_index("model")["latency_ms"]

    def run_round(self, models, progress) -> None:  # type: ignore[no-untyped-def]
        self.rounds.append(list(models))
        for make in models.values():
            make()
            progress()

    def measurements(self) -> pd.DataFrame:
        seen = dict.fromkeys(name for names in self.rounds for name in names)
        return MEASUREMENTS.complete(
            pd.DataFrame({"model": list(seen), "latency_ms": self._values[list(seen)].to_numpy()})
        )


def test_everything_is_measured_three_times_and_progress_ends_at_the_total() -> None:
    stopwatch = CountingStopwatch()
    told: list[tuple[int, int]] = []
    files = dict.fromkeys(list(NETWORKS)[:6], b"")
    measurements = measure_space(NETWORKS, files, stopwatch, 20, 0, ONNX, lambda *state: told.append(state))  # type: ignore[arg-type]
    counts = pd.Series([name for names in stopwatch.rounds for name in names]).value_counts()
    assert (counts == ROUNDS).all()
    assert len(counts) == len(measurements) == 20 + 6 + 1
    assert told == [(number, 81) for number in range(1, 82)]


def test_what_is_measured_elsewhere_is_chosen_at_once() -> None:
    models = choose_models(NETWORKS, dict.fromkeys(NETWORKS, b""), 12, 7, 0, ONNX)  # type: ignore[arg-type, misc]
    assert EMPTY in models
    assert len(models) == 12 + 7 + 1
    assert choose_networks(list(NETWORKS), 7, 0) == choose_networks(list(reversed(NETWORKS)), 7, 0)
