"""The kept predictions of all classifiers of a run, in one common order of the validation chips."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.core.errors import UserError

Numbers = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]


class KeptPredictions:
    """Class probabilities of every validation chip by every classifier that was trained on all folds.

    Args:
        predictions: rows of PREDICTIONS; candidates that lack a fold are left out.
        forests: rows of FOREST_PREDICTIONS.
        labels: (chips,) class number of each chip of the chip array.
        folds: number of folds.

    Attributes:
        chips: (n,) rows of the chip array, one per validation chip and fold, in the order of the folds.
        folds: (n,) fold of each prediction.
        truth: (n,) class number of each chip.
        parts: (n,) part of each prediction. What is fitted to some parts is scored on the others. Parts are the folds,
            or halves of the chips if all folds validate the same chips.
        names: candidates, and reference classifiers as `forest_name` spells them.

    Raises:
        UserError: if two classifiers were validated on different chips.
    """

    def __init__(self, predictions: pd.DataFrame, forests: pd.DataFrame, labels: Integers, folds: int) -> None:
        trained = {name: rows for name, rows in _by_candidate(predictions) if len(rows) == folds}
        by_name = trained | {forest_name(str(channels)): rows for channels, rows in forests.groupby("channels")}
        self._probabilities: dict[str, NDArray[np.float16]] = {}
        self.chips: Integers = np.empty(0, dtype=np.int64)
        self.folds: Integers = self.chips
        for name, rows in by_name.items():
            ordered = rows.sort_values("fold")
            chips = np.concatenate(ordered["chips"].to_list()).astype(np.int64)
            if not self._probabilities:
                self.chips = chips
                self.folds = np.repeat(ordered["fold"].to_numpy(), ordered["chips"].map(len))
            elif not np.array_equal(chips, self.chips):
                raise UserError(f"{name} was validated on other chips than the rest", "predictions", "train it again")
            self._probabilities[name] = np.concatenate(ordered["probabilities"].to_list()).reshape(len(chips), -1)
        self.names: Sequence[str] = list(self._probabilities)
        self.truth = labels[self.chips]
        self.scored_once = len(np.unique(self.chips)) == len(self.chips)
        self.parts = self.folds if self.scored_once else self.chips % 2

    def of(self, name: str) -> Numbers:
        """Return the (n, classes) probabilities of a classifier; each row sums to 1."""
        probabilities = np.maximum(self._probabilities[name].astype(np.float64), SMALLEST)
        normalised: Numbers = probabilities / probabilities.sum(axis=1, keepdims=True)
        return normalised

    def correct(self, name: str) -> NDArray[np.bool_]:
        """Return (n,) whether a classifier's most probable class is the given one."""
        right: NDArray[np.bool_] = self.of(name).argmax(axis=1) == self.truth
        return right

    def mean(self, names: Iterable[str]) -> Numbers:
        """Return the (n, classes) mean probabilities of some classifiers."""
        chosen = list(names)
        total = self.of(chosen[0])
        for name in chosen[1:]:
            total += self.of(name)
        return total / len(chosen)


def _by_candidate(predictions: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    names = [str(Candidate(*key)) for key in predictions[KEYS].itertuples(index=False)]
    return ((str(name), rows) for name, rows in predictions.groupby(names, sort=False))


SMALLEST = 2.0**-25
"""Half of the smallest float16, in place of a probability that was rounded to 0."""


def forest_name(channels: str) -> str:
    """Name of the reference classifier of a channel set.

    >>> forest_name("5")
    'forest of channel set 5'
    """
    return f"forest of channel set {channels}"
