"""Which kernels and networks are measured, and in which order."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import pandas as pd

from workflow_lib.devices.built.fitted_forests import (
    EMPTY,
    alone_ms,
    fit_trees,
    forest_of,
    forest_rows,
    kernel_frequencies,
)
from workflow_lib.latency.forest_predictor import forest_name
from workflow_lib.latency.host import ROUNDS, Model, Stopwatch
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import empty_graph, kernel_name, to_onnx

# Kernels are chosen in so many steps: at random first, then those that the forests know least.
_STEPS: Final = 5


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
    frequencies = kernel_frequencies(networks)
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
    total = ROUNDS * (1 + len(files) + min(kernels, len(kernel_frequencies(networks))))
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
    prices_ms = alone_ms(measured, measurements)
    trees = {name: fit_trees(*forest_rows(measured, prices_ms, name), seed) for name in map(forest_of, measured)}
    doubts: dict[Kernel, float] = {}
    for kernel, frequency in kernel_frequencies(networks).items():
        row = np.array([kernel.features])
        prices = [tree.predict(row)[0] for tree in trees[forest_of(kernel)]]
        doubts[kernel] = float(np.std(prices) * np.sqrt(frequency))
    for kernel in measured:
        doubts.pop(kernel, None)
    return sorted(doubts, key=lambda kernel: -doubts[kernel])[:most]


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
