"""Metrics of predicted class probabilities."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Labels = NDArray[np.integer[Any]]


def recall_per_class(truth: Labels, predicted: Labels, classes: int) -> NDArray[np.float64]:
    """Share of each class's chips that were predicted as that class.

    Args:
        truth: (n,) class numbers.
        predicted: (n,) predicted class numbers.
        classes: number of classes.

    Returns:
        (classes,) shares in [0, 1], NaN for a class without chips.

    >>> recall_per_class(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2).tolist()
    [0.5, 1.0]
    """
    hits = np.bincount(truth[truth == predicted], minlength=classes)
    with np.errstate(invalid="ignore"):
        return hits / np.bincount(truth, minlength=classes)


def macro_f1(truth: Labels, predicted: Labels, classes: int) -> float:
    """F1 score: the unweighted mean over the classes that occur in truth or predictions.

    Args:
        truth: (n,) class numbers.
        predicted: (n,) predicted class numbers.
        classes: number of classes.

    >>> round(macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2), 3)
    0.667
    """
    hits = np.bincount(truth[truth == predicted], minlength=classes)
    total = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
    return float((2 * hits[total > 0] / total[total > 0]).mean())


def macro_auc(truth: Labels, probabilities: NDArray[np.floating[Any]]) -> float | None:
    """Area under the ROC curve, one class against the rest, averaged over classes; ties count half.

    Args:
        truth: (n,) class numbers.
        probabilities: (n, classes) class probabilities.

    Returns:
        A value in [0, 1], or None if fewer than two classes occur.

    >>> macro_auc(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]))
    1.0

    Source: Hanley and McNeil 1982, Mann-Whitney form.
    """
    areas = []
    for label in np.unique(truth):
        positive = truth == label
        ranks = rankdata(probabilities[:, label])
        positives, negatives = int(positive.sum()), int((~positive).sum())
        if negatives == 0:
            return None
        areas.append((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))
    return float(np.mean(areas))


def cross_entropy(truth: Labels, probabilities: NDArray[np.floating[Any]]) -> float:
    """Mean negative log-likelihood of the true classes (nat).

    Args:
        truth: (n,) class numbers.
        probabilities: (n, classes) class probabilities; values below 1e-12 count as 1e-12.
    """
    likelihoods = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return -float(np.log(np.clip(likelihoods, 1e-12, None)).mean())


def score(truth: Labels, probabilities: NDArray[np.floating[Any]], regions: NDArray[np.str_]) -> dict[str, Any]:
    """Compute all scores that the tables store for one set of predictions.

    Args:
        truth: (n,) class numbers, n at least 1.
        probabilities: (n, classes) class probabilities.
        regions: (n,) region of each chip.

    Returns:
        The columns `SCORES` of workflow_lib.training.score_tables; percentages are in 0..100.

    Raises:
        ValueError: if a probability is not finite, because it cannot be ranked.
    """
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities: some are not finite; check the network's logits")
    classes = probabilities.shape[1]
    predicted = probabilities.argmax(1)
    correct = truth == predicted
    names = np.unique(regions)
    recall = recall_per_class(truth, predicted, classes)
    return {
        "accuracy_pct": 100 * float(correct.mean()),
        "f1_pct": 100 * macro_f1(truth, predicted, classes),
        "auc": macro_auc(truth, probabilities),
        "cross_entropy": cross_entropy(truth, probabilities),
        "recall_pct": [None if np.isnan(share) else 100 * float(share) for share in recall],
        "regions": [str(name) for name in names],
        "region_accuracy_pct": [100 * float(correct[regions == name].mean()) for name in names],
        "region_chips": [int((regions == name).sum()) for name in names],
    }
