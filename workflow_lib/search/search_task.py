"""The data that a differentiable search learns from."""

from dataclasses import dataclass

import numpy as np

from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.training.metrics import Labels


@dataclass(frozen=True)
class SearchTask:
    """The data that a search learns from.

    Args:
        view: the chips.
        weight_rows: (n,) rows that train the weights.
        alpha_rows: (m,) rows that train alpha; disjoint from `weight_rows`.
        labels: (rows,) class number of every row of the view.
        seed: seed of the order of the chips.
    """

    view: ChipView
    weight_rows: Rows
    alpha_rows: Rows
    labels: Labels
    seed: int


def split_in_halves(rows: Rows, labels: Labels, seed: int) -> tuple[Rows, Rows]:
    """Split rows at random into two halves, stratified by class.

    Args:
        rows: (n,) rows to split.
        labels: (rows,) class number of every row of the view.
        seed: seed of the split.
    """
    shuffled = np.random.default_rng(derive_seed(seed, "halves")).permutation(rows)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    return np.sort(by_class[::2]), np.sort(by_class[1::2])
