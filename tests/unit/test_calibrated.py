"""The calibrated latency model: its error on networks it has not seen, and on the CROSS paper's."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from cross_network import Network, kernels, whole_space

from workflow_lib.core.errors import UserError
from workflow_lib.devices.calibrated.calibrated_model import DEVICES, CalibratedModel
from workflow_lib.devices.calibrated.calibration import fit, leave_one_network_out
from workflow_lib.devices.calibrated.reference_networks import reference_kernels, reference_latencies_ms
from workflow_lib.latency.kernel import Kernel

# Mean over the four devices, ms. CROSS (Li et al. 2023), tables 4 and 5, in the published order.
PUBLISHED_MEAN_MS = {
    Network(5, 32, 3, 2, 1, (3, 2)): 8.13,
    Network(7, 32, 3, 2, 1, (3, 2)): 8.19,
    Network(5, 32, 3, 2, 1, (2, 2)): 8.23,
    Network(5, 32, 3, 2, 1, None): 18.24,
    Network(7, 32, 3, 2, 1, None): 18.30,
    Network(5, 64, 7, 2, 3, (3, 2)): 31.91,
    Network(7, 64, 7, 2, 3, (3, 2)): 32.46,
}
# Table 3 of the same paper: the least and the greatest mean latency over the whole space, ms.
PUBLISHED_RANGE_MS = (8.13, 249.56)


@pytest.fixture(scope="module")
def models() -> Mapping[str, CalibratedModel]:
    return {device: fit(device) for device in DEVICES}


@pytest.fixture(scope="module")
def space_ms(models: Mapping[str, CalibratedModel]) -> dict[Network, float]:
    return {network: _mean_ms(models, network) for network in whole_space()}


def _mean_ms(models: Mapping[str, CalibratedModel], network: Network) -> float:
    return float(np.mean([model.predict(kernels(network)).sum() for model in models.values()]))


@pytest.mark.parametrize("device", DEVICES)
def test_median_error_on_a_network_left_out_is_at_most_15_percent(device: str) -> None:
    errors = leave_one_network_out(device)
    assert set(errors) == set(reference_kernels()) == set(reference_latencies_ms()[device])
    assert np.median(np.abs(list(errors.values()))) <= 0.15


def test_published_networks_keep_their_order(models: Mapping[str, CalibratedModel]) -> None:
    predicted = [_mean_ms(models, network) for network in PUBLISHED_MEAN_MS]
    assert predicted == sorted(predicted)
    assert len(set(predicted)) == len(predicted)


def test_published_networks_are_within_10_percent(models: Mapping[str, CalibratedModel]) -> None:
    predicted = [_mean_ms(models, network) for network in PUBLISHED_MEAN_MS]
    assert predicted == pytest.approx(list(PUBLISHED_MEAN_MS.values()), rel=0.10)


def test_range_over_the_space_is_the_published_one(space_ms: dict[Network, float]) -> None:
    assert (min(space_ms.values()), max(space_ms.values())) == pytest.approx(PUBLISHED_RANGE_MS, rel=0.10)


def test_more_work_never_costs_less(space_ms: dict[Network, float]) -> None:
    wider = {32: 48, 48: 64}
    for network, latency_ms in space_ms.items():
        if network.width in wider:
            assert space_ms[replace(network, width=wider[network.width])] > latency_ms
        if network.channels == 5:
            assert space_ms[replace(network, channels=7)] > latency_ms
        if network.stride == 2:
            assert space_ms[replace(network, stride=1)] > latency_ms
        if network.padding < 3:
            assert space_ms[replace(network, padding=network.padding + 1)] >= latency_ms


def test_inception_counts_flat_windows_as_nn_meter_does() -> None:
    areas = {round(kernel.kernel_size**2) for kernel in reference_kernels()["inception_v3"]}
    assert areas == {1, 5, 9, 25}  # 1x3 and 3x1: (9 + 1) / 2; 1x7 and 7x1: (49 + 1) / 2
    assert max(abs(leave_one_network_out(device)["inception_v3"]) for device in DEVICES) < 0.15


def test_coefficients_are_not_negative_and_fitting_is_deterministic(
    models: Mapping[str, CalibratedModel],
) -> None:
    for device, model in models.items():
        assert min(model.coefficients.values()) >= 0
        assert fit(device) == model


def test_each_kernel_is_priced_or_declared_unpriced(models: Mapping[str, CalibratedModel]) -> None:
    network = kernels(Network(5, 32, 3, 2, 1, (3, 2)))
    for model in models.values():
        unpriced = [kernel.type in model.unpriced_types for kernel in network]
        assert ((model.predict(network) == 0) == unpriced).all()


def test_no_kernels_take_no_time(models: Mapping[str, CalibratedModel]) -> None:
    assert models[DEVICES[0]].predict([]).shape == (0,)


def test_unknown_kernel_types_are_named(models: Mapping[str, CalibratedModel]) -> None:
    unknown = Kernel("channelshuffle", (), 28, 28, 58, 58, 1, 1, 0)
    with pytest.raises(UserError, match="channelshuffle"):
        models[DEVICES[0]].predict([unknown])


@pytest.mark.parametrize("function", [fit, leave_one_network_out])
def test_unknown_devices_are_named(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match="abacus"):
        function("abacus")


@pytest.mark.parametrize("device", DEVICES)
def test_a_model_survives_json(device: str, models: Mapping[str, CalibratedModel]) -> None:
    assert CalibratedModel.from_dict(json.loads(json.dumps(models[device].to_dict()))) == models[device]


@pytest.mark.parametrize(
    "change",
    [
        {"coefficients": {}},
        {"coefficients": None},
        {"loo_median_error_pct": float("nan")},
        {"loo_median_error_pct": "about ten"},
    ],
)
def test_a_damaged_model_is_refused(change: dict, models: Mapping[str, CalibratedModel]) -> None:
    with pytest.raises(UserError, match="fit it again"):
        CalibratedModel.from_dict(models[DEVICES[0]].to_dict() | change)


def test_a_negative_coefficient_is_refused(models: Mapping[str, CalibratedModel]) -> None:
    values = models[DEVICES[0]].to_dict()
    values["coefficients"]["depthwise_launch_ms"] = -1.0
    with pytest.raises(UserError, match="negative"):
        CalibratedModel.from_dict(values)
