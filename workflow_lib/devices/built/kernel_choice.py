"""Choice of the kernels and networks to measure, and their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from workflow_lib.devices.built.fitted_forests import (
    EMPTY,
    fit_trees,
    forest_of,
    forest_rows,
    kernel_frequencies,
    standalone_ms,
)
from workflow_lib.latency.forest_predictor import forest_name
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import kernel_name
from workflow_lib.latency.runtimes import Model
from workflow_lib.latency.stopwatch import ROUNDS, Stopwatch

if TYPE_CHECKING:
    from workflow_lib.latency.kernel_format import KernelFormat

# Number of steps in which kernels are chosen: first at random, then those about which the forests are most uncertain.
_STEPS: Final = 5


def choose_networks(names: Sequence[str], limit: int, seed: int) -> list[str]:
    """Choose networks at random to be measured as a whole.

    Args:
        names: names of all networks, in any order.
        limit: largest number of networks to choose.
        seed: seed of the choice.

    Returns:
        Names in random order.

    >>> choose_networks(["5_b", "5_a"], limit=1, seed=0) == choose_networks(["5_a", "5_b"], limit=1, seed=0)
    True
    """
    shuffled = np.random.default_rng(seed).permutation(sorted(names))
    return [str(name) for name in shuffled[:limit]]


def choose_kernels(networks: Mapping[str, Sequence[Kernel]], wanted: int, seed: int) -> list[Kernel]:
    """Choose kernels before anything is measured: at random, but at least one for every forest.

    Args:
        networks: kernels of each network.
        wanted: number of kernels; exceeded only if there are more forests.
        seed: seed of the choice.

    Returns:
        Distinct kernels.
    """
    frequencies = kernel_frequencies(networks)
    kernels = list(frequencies)
    order = np.random.default_rng(seed).permutation(len(kernels))
    forests = [forest_name(kernels[index].type) for index in order]
    first_of_forest = pd.Series(forests).drop_duplicates().index
    ranking = [*first_of_forest, *(rank for rank in range(len(order)) if rank not in set(first_of_forest))]
    return [kernels[order[rank]] for rank in ranking[: max(wanted, len(first_of_forest))]]


def choose_models(
    networks: Mapping[str, Sequence[Kernel]],
    files: Mapping[str, Path],
    kernels: int,
    whole: int,
    seed: int,
    formats: KernelFormat,
) -> dict[str, Callable[[], Model]]:
    """Choose everything that is to be measured on a remote device, in one step.

    Args:
        networks: kernels of each network of the run.
        files: file of each network.
        kernels: number of kernels to measure separately.
        whole: number of networks to measure as a whole.
        seed: seed of the choice.
        formats: how kernels are written.

    Returns:
        A function that makes each model, by its name in MEASUREMENTS.
    """
    chosen_files = {name: files[name] for name in choose_networks(list(files), whole, seed)}
    return _network_models(chosen_files, formats) | _kernel_models(choose_kernels(networks, kernels, seed), formats)


def measure_space(
    networks: Mapping[str, Sequence[Kernel]],
    files: Mapping[str, Model],
    stopwatch: Stopwatch,
    kernels: int,
    seed: int,
    formats: KernelFormat,
    progress: Callable[[int, int], None],
) -> pd.DataFrame:
    """Measure some kernels separately and some networks as a whole on this machine.

    Kernels are chosen during the first round: the first fifth at random, then in four steps those on whose price the
    trees of the forests disagree most, weighted by how often they occur. Later rounds measure all of them again.

    Args:
        networks: kernels of each network of the run.
        files: files of the networks that are measured as a whole.
        stopwatch: stopwatch of the host.
        kernels: number of kernels to measure.
        seed: seed of choices and forests.
        formats: how kernels are written for the runtime of the stopwatch, in the precision of the files.
        progress: called after each measurement with the number done and the total.

    Returns:
        Rows of MEASUREMENTS.
    """
    total = ROUNDS * (1 + len(files) + min(kernels, len(kernel_frequencies(networks))))
    done = count(1)

    def advance() -> None:
        progress(next(done), total)

    network_models = _network_models(files, formats)
    stopwatch.run_round(network_models, advance)
    chosen: list[Kernel] = []
    step = choose_kernels(networks, -(-kernels // _STEPS), seed)
    while step:
        stopwatch.run_round(_kernel_models(step, formats), advance)
        chosen += step
        size = min(-(-kernels // _STEPS), kernels - len(chosen))
        step = most_uncertain_kernels(networks, chosen, stopwatch.measurements(), size, seed) if size > 0 else []
    everything = network_models | _kernel_models(chosen, formats)
    for _ in range(1, ROUNDS):
        stopwatch.run_round(everything, advance)
    return stopwatch.measurements()


def most_uncertain_kernels(
    networks: Mapping[str, Sequence[Kernel]],
    measured: Sequence[Kernel],
    measurements: pd.DataFrame,
    limit: int,
    seed: int,
) -> list[Kernel]:
    """Choose the kernels to measure next: those about whose price the forests are most uncertain.

    Args:
        networks: kernels of each network.
        measured: kernels that have been measured.
        measurements: rows of MEASUREMENTS, including these kernels and the empty network.
        limit: largest number of kernels to choose.
        seed: seed of the forests.

    Returns:
        Kernels that have not been measured, most uncertain first. The uncertainty is the standard deviation over the
        trees, times the square root of how often the kernel occurs in the networks.
    """
    prices_ms = standalone_ms(measured, measurements)
    trees = {name: fit_trees(*forest_rows(measured, prices_ms, name), seed) for name in map(forest_of, measured)}
    uncertainty: dict[Kernel, float] = {}
    for kernel, frequency in kernel_frequencies(networks).items():
        row = np.array([kernel.features])
        prices = [tree.predict(row)[0] for tree in trees[forest_of(kernel)]]
        uncertainty[kernel] = float(np.std(prices) * np.sqrt(frequency))
    for kernel in measured:
        uncertainty.pop(kernel, None)
    return sorted(uncertainty, key=lambda kernel: -uncertainty[kernel])[:limit]


def _network_models(files: Mapping[str, Model], formats: KernelFormat) -> dict[str, Callable[[], Model]]:
    """Return functions that make the networks and the empty network."""
    models: dict[str, Callable[[], Model]] = {name: partial(_identity, file) for name, file in files.items()}
    return models | {EMPTY: formats.empty}


def _kernel_models(kernels: Sequence[Kernel], formats: KernelFormat) -> dict[str, Callable[[], Model]]:
    return {kernel_name(kernel): partial(formats.kernel, kernel) for kernel in kernels}


def _identity(model: Model) -> Model:
    return model
