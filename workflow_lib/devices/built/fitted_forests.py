"""Random forests fitted to measured kernels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.latency.forest_predictor import ForestPredictor, forest_name
from workflow_lib.latency.forests import Forest, join_trees, make_tree
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.kernel_graphs import kernel_name

EMPTY: Final = "empty"
"""Name of the empty network, whose latency is the cost of a call."""

_TREES: Final = 100


def fit_trees(rows: NDArray[np.float64], prices: NDArray[np.float64], seed: int) -> list[Forest]:
    """Fit a random forest.

    Args:
        rows: (n, features) features of each kernel.
        prices: (n,) targets, in the unit that the forest will predict.
        seed: seed of the bootstrap.

    Returns:
        The trees, each as a forest of one tree.
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


def fit_forests(kernels: Sequence[Kernel], prices: NDArray[np.float64], device: str, seed: int) -> ForestPredictor:
    """Fit one forest per kernel type.

    Args:
        kernels: measured kernels.
        prices: (len(kernels),) latencies in ms.
        device: name of the device.
        seed: seed of the forests.

    Returns:
        The predictor.
    """
    names = dict.fromkeys(map(forest_of, kernels))
    forests = {name: join_trees(fit_trees(*forest_rows(kernels, prices, name), seed)) for name in names}
    return ForestPredictor(device, "ms", forests)


def standalone_ms(kernels: Sequence[Kernel], measurements: pd.DataFrame) -> NDArray[np.float64]:
    """Look up the latencies of separate kernels, without the cost of a call.

    Args:
        kernels: measured kernels.
        measurements: rows of MEASUREMENTS, including the empty network.

    Returns:
        (kernels,) latencies in ms, at least 0.
    """
    values = measurements.set_index("model")["latency_ms"]
    latencies: NDArray[np.float64] = values[[kernel_name(kernel) for kernel in kernels]].to_numpy() - values[EMPTY]
    return np.maximum(latencies, 0.0)


def forest_rows(
    kernels: Sequence[Kernel], prices: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Select the training data of one forest.

    Args:
        kernels: measured kernels.
        prices: (len(kernels),) latencies in ms.
        name: name of the forest.

    Returns:
        (n, features) features and (n,) prices of the kernels that belong to this forest.
    """
    indices = [index for index, kernel in enumerate(kernels) if forest_of(kernel) == name]
    return np.array([kernels[index].features for index in indices]), prices[indices]


def kernel_frequencies(networks: Mapping[str, Sequence[Kernel]]) -> Counter[Kernel]:
    """Count how often each distinct kernel occurs, in the order of first occurrence.

    Kernels that their features cannot express are skipped, because a separate kernel is built from its features.
    """
    return Counter(kernel for kernel in chain.from_iterable(networks.values()) if not kernel.inexpressible)


def forest_of(kernel: Kernel) -> str:
    """Return the name of the forest that prices a kernel."""
    return forest_name(kernel.type)
