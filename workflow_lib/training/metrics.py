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


def precision_per_class(truth: Labels, predicted: Labels, classes: int) -> NDArray[np.float64]:
    """Share of the chips predicted as each class that belong to it; NaN for a class that is never predicted.

    Args:
        truth: (n,) class numbers.
        predicted: (n,) predicted class numbers.
        classes: number of classes.

    >>> precision_per_class(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2).tolist()
    [1.0, 0.5]
    """
    return recall_per_class(predicted, truth, classes)


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


def average_precision(truth: Labels, probabilities: NDArray[np.floating[Any]]) -> float:
    """Average precision of one class against the rest, averaged over the classes with chips.

    It is the area under the precision-recall curve without interpolation: the mean precision over the ranks of a
    class's chips; tied chips share the precision at the end of their tie.

    Args:
        truth: (n,) class numbers.
        probabilities: (n, classes) class probabilities.

    >>> round(average_precision(np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])), 3)
    0.667
    """
    areas = []
    for label in np.unique(truth):
        scores, positive = probabilities[:, label], truth == label
        order = np.argsort(-scores, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
        hits = np.cumsum(positive[order])[ends]
        areas.append(np.sum(np.diff(hits, prepend=0) * hits / (ends + 1)) / positive.sum())
    return float(np.mean(areas))


def matthews(truth: Labels, predicted: Labels, classes: int) -> float:
    """Matthews correlation coefficient of any number of classes; 0 if truth or predictions are all one class.

    Args:
        truth: (n,) class numbers.
        predicted: (n,) predicted class numbers.
        classes: number of classes.

    >>> matthews(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), classes=2).__round__(3)
    0.577

    Source: Gorodkin 2004, equation 8.
    """
    true, found = (np.bincount(labels, minlength=classes).astype(np.float64) for labels in (truth, predicted))
    count, hits = len(truth), float((truth == predicted).sum())
    spread = np.sqrt(count**2 - true @ true) * np.sqrt(count**2 - found @ found)
    return float((hits * count - true @ found) / spread) if spread else 0.0


def cross_entropy(truth: Labels, probabilities: NDArray[np.floating[Any]]) -> float:
    """Mean negative log-likelihood of the true classes (nat).

    Args:
        truth: (n,) class numbers.
        probabilities: (n, classes) class probabilities; values below 1e-12 count as 1e-12.
    """
    likelihoods = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return -float(np.log(np.clip(likelihoods, 1e-12, None)).mean())


def predictions(rows: NDArray[np.integer[Any]], probabilities: NDArray[np.floating[Any]]) -> dict[str, Any]:
    """Return the columns `PREDICTED` of workflow_lib.training.score_tables.

    Args:
        rows: (n,) rows of the chips in the chip array.
        probabilities: (n, classes) class probabilities.
    """
    return {"chips": rows.astype(np.int32), "probabilities": probabilities.astype(np.float16).ravel()}


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
    shares = {
        "recall_pct": recall_per_class(truth, predicted, classes),
        "precision_pct": precision_per_class(truth, predicted, classes),
    }
    return {
        "accuracy_pct": 100 * float(correct.mean()),
        "f1_pct": 100 * macro_f1(truth, predicted, classes),
        "auc": macro_auc(truth, probabilities),
        "average_precision": average_precision(truth, probabilities),
        "matthews": matthews(truth, predicted, classes),
        "cross_entropy": cross_entropy(truth, probabilities),
        **{
            name: [None if np.isnan(share) else 100 * float(share) for share in values]
            for name, values in shares.items()
        },
        "regions": [str(name) for name in names],
        "region_accuracy_pct": [100 * float(correct[regions == name].mean()) for name in names],
        "region_chips": [int((regions == name).sum()) for name in names],
    }
