"""Forests that are fitted to measured kernels."""

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
"""Name of the network that does nothing."""

_TREES: Final = 100


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


def fit_forests(kernels: Sequence[Kernel], prices: NDArray[np.float64], device: str, seed: int) -> ForestPredictor:
    """Fit one forest per kernel type.

    Args:
        kernels: that were measured.
        prices: (len(kernels),) ms.
        device: its name.
        seed: of the forests.
    """
    names = dict.fromkeys(map(forest_of, kernels))
    forests = {name: join_trees(fit_trees(*forest_rows(kernels, prices, name), seed)) for name in names}
    return ForestPredictor(device, "ms", forests)


def alone_ms(kernels: Sequence[Kernel], measurements: pd.DataFrame) -> NDArray[np.float64]:
    """(kernels,) ms without the price of a call."""
    values = measurements.set_index("model")["latency_ms"]
    alone: NDArray[np.float64] = values[[kernel_name(kernel) for kernel in kernels]].to_numpy() - values[EMPTY]
    return np.maximum(alone, 0.0)


def forest_rows(
    kernels: Sequence[Kernel], prices: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features and prices of one forest's kernels."""
    places = [place for place, kernel in enumerate(kernels) if forest_of(kernel) == name]
    return np.array([kernels[place].features for place in places]), prices[places]


def kernel_frequencies(networks: Mapping[str, Sequence[Kernel]]) -> Counter[Kernel]:
    """Distinct kernels, in the order in which the networks have them, and how often they occur.

    Kernels that features cannot express are left out: a kernel by itself is built from its features.
    """
    return Counter(kernel for kernel in chain.from_iterable(networks.values()) if not kernel.inexpressible)


def forest_of(kernel: Kernel) -> str:
    """Name of the forest that prices a kernel."""
    return forest_name(kernel.type)
