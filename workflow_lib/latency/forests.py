"""Random forests as plain arrays, with vectorised prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError

MAX_FEATURES: Final = 1000
"""Largest number of features of a forest; nn-Meter's kernels have at most 7."""

# Number of paths (trees x rows) that are followed at once, at about 50 bytes each. This bounds memory; the run time
# is the same from 20,000 to 10 million.
_MAX_PATHS: Final = 500_000
# Prediction computes 2 * node + 1 in int32.
_MAX_NODES: Final = 2**30
_NO_CHILD: Final = -1


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression trees, stored one after the other in one set of arrays.

    Attributes:
        roots: (trees,) int32, first node of each tree; a tree ends where the next one starts.
        children: (nodes, 2) int32, the next node if the feature is above the threshold, and if it is not; both
            children of a leaf are the leaf itself.
        feature: (nodes,) int16, feature that the node compares; 0 at leaves.
        threshold: (nodes,) float64, threshold of the comparison; 0 at leaves.
        value: (nodes,) float64, prediction of the node; used at leaves only.
        features: number of features per row.
    """

    roots: NDArray[np.int32]
    children: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]
    features: int

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict each row as the mean of the leaves that it reaches.

        Equal rows are predicted once. A row's prediction does not depend on the other rows, to the last bit.

        Args:
            rows: (n, features) features of each row; not modified.

        Returns:
            (n,) predictions, in the unit of `value`.

        Raises:
            ValueError: if rows have a wrong number of features, or a feature is not finite as float32.

        Source: scikit-learn, RandomForestRegressor.predict: rows are rounded to float32 and compared with float64
            thresholds by "at most", and trees are summed in order. The results are bitwise equal to those of
            scikit-learn on one thread.
        """
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ValueError(f"rows of shape {rows.shape} for a forest of {self.features} features")
        with np.errstate(over="ignore"):  # overflow gives infinity, which is refused below
            rounded = rows.astype(np.float32)
        if not np.isfinite(rounded).all():
            raise ValueError("a feature is not a finite float32 number")
        distinct, inverse = np.unique(rounded, axis=0, return_inverse=True)
        step = max(1, _MAX_PATHS // len(self.roots))
        parts = [self._predict(distinct[start : start + step]) for start in range(0, len(distinct), step)]
        return np.concatenate([np.empty(0), *parts])[inverse.reshape(-1)]

    def _predict(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Move all rows down all trees, one level per step; rows at a leaf stay there."""
        flat = rows.reshape(-1)
        start = np.tile(np.arange(len(rows)) * self.features, len(self.roots))
        node = np.repeat(self.roots, len(rows))
        children = self.children.reshape(-1)
        while True:
            goes_left = flat.take(start + self.feature.take(node)) <= self.threshold.take(node)
            below = children.take(2 * node + goes_left)
            if np.array_equal(below, node):
                break
            node = below
        leaves = self.value.take(node).reshape(len(self.roots), len(rows))
        # Not sum(): its order of addition depends on the number of rows.
        total: NDArray[np.float64] = np.add.accumulate(leaves, axis=0)[-1]
        return total / len(self.roots)


def make_tree(
    links: tuple[NDArray[np.int64], NDArray[np.int64]],
    feature: NDArray[np.int64],
    threshold: NDArray[np.float64],
    value: NDArray[np.float64],
    features: int,
) -> Forest:
    """Convert one tree of scikit-learn to a forest; the arrays are not validated.

    Args:
        links: (nodes,) left children (feature at most the threshold) and (nodes,) right children; -1 at leaves.
        feature: (nodes,) feature that the node compares; ignored at leaves.
        threshold: (nodes,) threshold of the comparison; ignored at leaves.
        value: (nodes,) prediction of the node.
        features: number of features per row.

    Returns:
        A forest of one tree.

    >>> left, right = np.array([1, -1, -1]), np.array([2, -1, -1])
    >>> tree = make_tree((left, right), np.zeros(3, int), np.array([5.0, 0, 0]), np.array([0.0, 1, 2]), features=1)
    >>> tree.predict(np.array([[4.0], [6.0]]))
    array([1., 2.])
    """
    left, right = links
    leaf = (left == _NO_CHILD) & (right == _NO_CHILD)
    node = np.arange(len(left))
    children = np.stack([np.where(leaf, node, right), np.where(leaf, node, left)], axis=1)
    return Forest(
        roots=np.zeros(1, np.int32),
        children=children.astype(np.int32),
        feature=np.where(leaf, 0, feature).astype(np.int16),
        threshold=np.where(leaf, 0.0, threshold),
        value=value.astype(np.float64),
        features=features,
    )


def join_trees(trees: Sequence[Forest]) -> Forest:
    """Join trees with the same features into one forest.

    Args:
        trees: forests of one tree or more.

    Raises:
        ValueError: if there are too many nodes for one forest, or numbers of features differ.
    """
    roots = np.cumsum([0, *(len(tree.value) for tree in trees)])
    if roots[-1] >= _MAX_NODES:
        raise ValueError(f"{roots[-1]} nodes are too many for a forest")
    if len({tree.features for tree in trees}) != 1:
        raise ValueError("its trees have different numbers of features")
    return Forest(
        roots=np.concatenate([tree.roots + np.int32(root) for tree, root in zip(trees, roots, strict=False)]),
        children=np.concatenate([tree.children + np.int32(root) for tree, root in zip(trees, roots, strict=False)]),
        feature=np.concatenate([tree.feature for tree in trees]),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        value=np.concatenate([tree.value for tree in trees]),
        features=trees[0].features,
    )


def check_forest(forest: Forest) -> str:
    """Validate a forest's arrays, so that every prediction terminates and stays within them.

    Args:
        forest: forest from any source.

    Returns:
        The first problem as a phrase; empty if there is none.
    """
    nodes = len(forest.threshold)
    shapes = [forest.feature.shape, forest.threshold.shape, forest.value.shape, forest.children.shape[:1]]
    if not 1 <= forest.features <= MAX_FEATURES:
        return f"{forest.features} features (allowed: 1 to {MAX_FEATURES})"
    if forest.children.ndim != 2 or forest.children.shape[1] != 2 or any(shape != (nodes,) for shape in shapes):
        return "arrays of different lengths"
    if not 1 <= nodes < _MAX_NODES:
        return f"{nodes} nodes (allowed: 1 to {_MAX_NODES - 1})"
    if forest.roots.ndim != 1 or len(forest.roots) == 0 or forest.roots[0] != 0 or (np.diff(forest.roots) < 1).any():
        return "roots out of order"
    if forest.roots[-1] >= nodes:
        return "a root outside the nodes"
    return _check_nodes(forest)


def _check_nodes(forest: Forest) -> str:
    nodes = np.arange(len(forest.threshold))
    end = np.append(forest.roots[1:], len(nodes)).repeat(np.diff(np.append(forest.roots, len(nodes))))
    high, low = forest.children.T
    leaf = (high == nodes) & (low == nodes)
    # Scikit-learn numbers children after their parent, so every path ends at a leaf.
    if not (leaf | ((np.minimum(high, low) > nodes) & (np.maximum(high, low) < end))).all():
        return "a node whose children are not two later nodes of its tree (out of range, or in a cycle)"
    if forest.feature.min() < 0 or forest.feature.max() >= forest.features:
        return f"a node that compares a feature outside 0 to {forest.features - 1}"
    if not np.isfinite(forest.threshold).all() or not np.isfinite(forest.value).all():
        return "a threshold or value that is not finite"
    return ""


_ARRAYS: Final = {
    "roots": np.dtype(np.int32),
    "children": np.dtype(np.int32),
    "feature": np.dtype(np.int16),
    "threshold": np.dtype(np.float64),
    "value": np.dtype(np.float64),
    "features": np.dtype(np.int64),
}


def write_forests(forests: Mapping[str, Forest], path: Path) -> None:
    """Write forests as one NumPy archive without pickles.

    Args:
        forests: forests by name; names must not contain a slash.
        path: the .npz file to write. It is not compressed, so that reading is fast.
    """
    arrays = {f"{name}/{field}": getattr(forest, field) for name, forest in forests.items() for field in _ARRAYS}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_forests(path: Path) -> dict[str, Forest]:
    """Read and validate forests written by `write_forests`.

    Args:
        path: the .npz file.

    Returns:
        Forests by name.

    Raises:
        UserError: if the file is not such an archive, or its arrays are not valid forests.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = sorted({key.rpartition("/")[0] for key in archive.files})
            return {name: _read_forest({field: archive[f"{name}/{field}"] for field in _ARRAYS}) for name in names}
    except FileNotFoundError:
        raise
    except Exception as error:  # numpy and zipfile raise many exception types for damaged archives
        raise UserError(f"not a file of forests ({error})", path, "import the predictor package again") from None


def _read_forest(arrays: Mapping[str, NDArray[np.generic]]) -> Forest:
    wrong = [field for field, dtype in _ARRAYS.items() if arrays[field].dtype != dtype]
    if wrong or arrays["features"].ndim:
        raise ValueError(f"arrays of a wrong type: {', '.join(wrong)}")
    forest = Forest(**(dict(arrays) | {"features": int(arrays["features"])}))  # type: ignore[arg-type]
    if problem := check_forest(forest):
        raise ValueError(problem)
    return forest
