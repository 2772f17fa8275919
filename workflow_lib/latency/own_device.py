"""A predictor of one's own device: which kernels to measure, and forests from what was measured.

The kernels of a run's networks are measured alone, and some of its networks whole. A network takes longer or shorter
than its kernels alone: kernels that are measured again and again find their weights in the cache, which those of a
network do not; and runtimes reorder values at a network's edges, which alone each kernel pays. Both are fitted to
half of the whole networks (`Boundary`), and the others say how good the predictor is.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.latency.forest_predictor import ForestPredictor, forest_name
from workflow_lib.latency.forests import Forest, join_trees, make_tree
from workflow_lib.latency.host import ROUNDS, Model, Stopwatch
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import empty_graph, kernel_name, to_onnx

EMPTY: Final = "empty"
"""Name of the network that does nothing."""

# Of a latency (ms): a nanosecond, the step of the finest clocks.
_LEAST_MS: Final = 1e-6
_MILLION: Final = 1e6
_TREES: Final = 100
# Kernels are chosen in so many steps: at random first, then those that the forests know least.
_STEPS: Final = 5
# Weight of the pull to 0 against one network's squared relative error, as the calibrated model's.
_RIDGE: Final = 0.03
# With fewer networks to fit to, the boundary would be noise.
_NETWORKS_PER_TERM: Final = 4
_CALIBRATION_SHARE: Final = 0.4


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
        in_network: NDArray[np.float64] = np.maximum(alone_ms + _boundary_terms(kernels) @ terms, 0.0)
        return in_network


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


def choose_networks(names: Sequence[str], most: int, seed: int) -> list[str]:
    """Choose the networks that are measured whole: at random, as many as there are at most."""
    shuffled = np.random.default_rng(seed).permutation(sorted(names))
    return [str(name) for name in shuffled[:most]]


def choose_kernels(networks: Mapping[str, Sequence[Kernel]], wanted: int, seed: int) -> list[Kernel]:
    """Choose kernels before anything is measured: at random, but some for every forest.

    Args:
        networks: kernels by network.
        wanted: how many; more only if there are more forests.
        seed: of the choice.

    Returns:
        Distinct kernels, at least one for each forest.
    """
    frequencies = _frequencies(networks)
    kernels = list(frequencies)
    order = np.random.default_rng(seed).permutation(len(kernels))
    forests = [forest_name(kernels[place].type) for place in order]
    first = pd.Series(forests).drop_duplicates().index
    ahead = [*first, *(place for place in range(len(order)) if place not in set(first))]
    return [kernels[order[place]] for place in ahead[: max(wanted, len(first))]]


def choose_models(
    networks: Mapping[str, Sequence[Kernel]], files: Mapping[str, Path], kernels: int, whole: int, seed: int
) -> dict[str, Callable[[], Model]]:
    """Choose what is measured on a device out of reach: all at once.

    Args:
        networks: kernels by network, all of the run.
        files: the networks' files.
        kernels: how many are measured alone.
        whole: how many networks are measured.
        seed: of the choice.

    Returns:
        What makes each model, by its name in MEASUREMENTS.
    """
    chosen = {name: files[name] for name in choose_networks(list(files), whole, seed)}
    return _whole(chosen) | _alone(choose_kernels(networks, kernels, seed))


def measure_space(
    networks: Mapping[str, Sequence[Kernel]],
    files: Mapping[str, Model],
    stopwatch: Stopwatch,
    kernels: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """Measure some kernels alone and some networks whole, here.

    The first round chooses as it goes: a first fifth at random, then in four steps the kernels whose price the trees
    of the forests disagree most about, weighted by how often they occur. Later rounds measure all of them again.

    Args:
        networks: kernels by network, all of the run.
        files: those that are measured whole.
        stopwatch: of the host.
        kernels: how many are measured.
        seed: of choices and forests.
        progress: told how many measurements are done, and of how many.

    Returns:
        Rows of MEASUREMENTS.
    """
    total = ROUNDS * (1 + len(files) + min(kernels, len(_frequencies(networks))))
    number = count(1)

    def advance() -> None:
        progress(next(number), total)

    whole = _whole(files)
    stopwatch.run_round(whole, advance)
    chosen: list[Kernel] = []
    step = choose_kernels(networks, -(-kernels // _STEPS), seed)
    while step:
        stopwatch.run_round(_alone(step), advance)
        chosen += step
        left = min(-(-kernels // _STEPS), kernels - len(chosen))
        step = least_known(networks, chosen, stopwatch.measurements(), left, seed) if left > 0 else []
    everything = whole | _alone(chosen)
    for _ in range(1, ROUNDS):
        stopwatch.run_round(everything, advance)
    return stopwatch.measurements()


def least_known(
    networks: Mapping[str, Sequence[Kernel]],
    measured: Sequence[Kernel],
    measurements: pd.DataFrame,
    most: int,
    seed: int,
) -> list[Kernel]:
    """Choose the kernels to measure next.

    Args:
        networks: kernels by network.
        measured: kernels that have been measured.
        measurements: MEASUREMENTS of at least these.
        most: how many to choose.
        seed: of the forests.

    Returns:
        At most `most` kernels that have not been measured: those with the largest standard deviation over trees
        times the root of the number of networks' kernels that are alike.
    """
    alone_ms = _alone_ms(measured, measurements)
    trees = {name: fit_trees(*_rows(measured, alone_ms, name), seed) for name in map(_forest, measured)}
    doubts: dict[Kernel, float] = {}
    for kernel, frequency in _frequencies(networks).items():
        row = np.array([kernel.features])
        prices = [tree.predict(row)[0] for tree in trees[_forest(kernel)]]
        doubts[kernel] = float(np.std(prices) * np.sqrt(frequency))
    for kernel in measured:
        doubts.pop(kernel, None)
    return sorted(doubts, key=lambda kernel: -doubts[kernel])[:most]


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
    measured = [kernel for kernel in _frequencies(networks) if kernel_name(kernel) in values]
    _refuse_zeros(measurements, measured)
    needed = {_forest(kernel) for kernel in _frequencies(networks)}
    if missing := needed - {_forest(kernel) for kernel in measured}:
        raise UserError(f"no measured kernel for {', '.join(sorted(missing))}", "measurements", "measure at least one")
    if EMPTY not in values:
        raise UserError(f"lacks the model {EMPTY!r}, whose latency is the price of a call", "measurements")
    expressed = [name for name, kernels in networks.items() if not any(kernel.inexpressible for kernel in kernels)]
    whole = choose_networks([name for name in expressed if name in values], len(networks), seed)
    calibration = whole[: round(_CALIBRATION_SHARE * len(whole))]
    alone = _fit(measured, _alone_ms(measured, measurements), device, seed)
    boundary = _fit_boundary([networks[name] for name in calibration], [values[name] for name in calibration], alone)
    fitted = _fit(measured, boundary.add_to(measured, _alone_ms(measured, measurements)), device, seed)
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


def fit_trees(rows: NDArray[np.float64], prices: NDArray[np.float64], seed: int) -> list[Forest]:
    """Fit a random forest.

    Args:
        rows: (n, features).
        prices: (n,) in the unit that the forest shall predict.
        seed: of the bootstrap.

    Returns:
        Its trees, one forest each.
    """
    from sklearn.ensemble import RandomForestRegressor

    estimator = RandomForestRegressor(_TREES, random_state=seed).fit(rows, prices)
    trees = [fitted.tree_ for fitted in estimator.estimators_]
    return [
        make_tree(
            (tree.children_left, tree.children_right), tree.feature, tree.threshold, tree.value[:, 0, 0], rows.shape[1]
        )
        for tree in trees
    ]


def describe_fit(built: BuiltPredictor) -> dict[str, object]:
    """What the package tells of the fit, as JSON values."""
    counts = built.validation["use"].value_counts()
    return {
        "boundary": asdict(built.boundary),
        "calibration_networks": int(counts.get("calibration", 0)),
        "validation_networks": int(counts.get("validation", 0)),
    }


def _fit(kernels: Sequence[Kernel], prices: NDArray[np.float64], device: str, seed: int) -> ForestPredictor:
    names = dict.fromkeys(map(_forest, kernels))
    forests = {name: join_trees(fit_trees(*_rows(kernels, prices, name), seed)) for name in names}
    return ForestPredictor(device, "ms", forests)


def _fit_boundary(networks: Sequence[Sequence[Kernel]], latencies_ms: list[float], alone: ForestPredictor) -> Boundary:
    """The boundary whose leave-one-network-out error is least: none, of weights, or of activations too."""
    measured = np.array(latencies_ms)
    sums = np.array([alone.predict(kernels).sum() for kernels in networks])
    terms = np.array([_boundary_terms(kernels).sum(axis=0) for kernels in networks]).reshape(len(networks), 2)
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


def _boundary_terms(kernels: Sequence[Kernel]) -> NDArray[np.float64]:
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


def _whole(files: Mapping[str, Model]) -> dict[str, Callable[[], Model]]:
    """Networks, and the one that does nothing."""
    models: dict[str, Callable[[], Model]] = {name: partial(_same, file) for name, file in files.items()}
    return models | {EMPTY: partial(_serialised, empty_graph)}


def _alone(kernels: Sequence[Kernel]) -> dict[str, Callable[[], Model]]:
    return {kernel_name(kernel): partial(_serialised, partial(to_onnx, kernel)) for kernel in kernels}


def _same(model: Model) -> Model:
    return model


def _serialised(build: Callable[[], onnx.ModelProto]) -> bytes:
    return bytes(build().SerializeToString())


def _alone_ms(kernels: Sequence[Kernel], measurements: pd.DataFrame) -> NDArray[np.float64]:
    """(kernels,) ms without the price of a call."""
    values = measurements.set_index("model")["latency_ms"]
    alone: NDArray[np.float64] = values[[kernel_name(kernel) for kernel in kernels]].to_numpy() - values[EMPTY]
    return np.maximum(alone, 0.0)


def _rows(
    kernels: Sequence[Kernel], prices: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features and prices of one forest's kernels."""
    places = [place for place, kernel in enumerate(kernels) if _forest(kernel) == name]
    return np.array([kernels[place].features for place in places]), prices[places]


def _frequencies(networks: Mapping[str, Sequence[Kernel]]) -> Counter[Kernel]:
    """Distinct kernels, in the order in which the networks have them, and how often they occur.

    Kernels that features cannot express are left out: a kernel by itself is built from its features.
    """
    return Counter(kernel for kernel in chain.from_iterable(networks.values()) if not kernel.inexpressible)


def _forest(kernel: Kernel) -> str:
    return forest_name(kernel.type)
