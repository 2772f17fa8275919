"""The reference classifier that a network must beat: a random forest on percentiles of each channel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from workflow_lib.data.dataset import ChipView, Dataset, Rows
from workflow_lib.training.metrics import predictions, score

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
TREES = 300
CHIPS_AT_ONCE = 256


def score_forest(
    dataset: Dataset, channels: Sequence[str], training_rows: Rows, validation_rows: Rows, seed: int
) -> dict[str, Any]:
    """Train a random forest on each channel's percentiles, and score it like the networks.

    The forest does not see shapes, so its scores show what colours and heights alone achieve.

    Args:
        dataset: the imported chips.
        channels: bands and indices that the forest receives.
        training_rows: (n,) rows of the dataset to train on.
        validation_rows: (m,) rows of the dataset to score on, disjoint from `training_rows`.
        seed: seed of the trees.

    Returns:
        The columns of FOREST except its key.
    """
    view = dataset.view(channels, training_rows)
    labels = dataset.labels
    forest = RandomForestClassifier(TREES, random_state=seed % 2**32, n_jobs=1)
    forest.fit(_percentiles(view, training_rows), labels[training_rows])
    probabilities = np.zeros((len(validation_rows), len(dataset.classes)))
    probabilities[:, forest.classes_] = forest.predict_proba(_percentiles(view, validation_rows))
    scores = score(labels[validation_rows], probabilities, dataset.regions[validation_rows])
    return scores | predictions(validation_rows, probabilities)


def _percentiles(view: ChipView, rows: Rows) -> NDArray[np.float64]:
    """Compute (len(rows), percentiles x channels) features."""
    parts = []
    for first in range(0, len(rows), CHIPS_AT_ONCE):
        pixels = view.batch(rows[first : first + CHIPS_AT_ONCE])
        parts.append(np.percentile(pixels, PERCENTILES, axis=(1, 2)).swapaxes(0, 1).reshape(len(pixels), -1))
    return np.concatenate(parts)
