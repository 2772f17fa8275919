"""Cascades and ensembles of two front members, judged by kept predictions without further training."""

from collections.abc import Hashable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.analysis.kept_predictions import Integers, KeptPredictions, Numbers
from workflow_lib.training.fold_summary import standard_error

_Row = Mapping[Hashable, Any]

SHARES_PCT = (5.0, 10.0, 20.0, 30.0, 50.0)
"""Shares of the chips that a cascade should hand over (percent)."""


def handed_over(confidence: Numbers, parts: Integers, share: float) -> NDArray[np.bool_]:
    """Choose the chips that a cascade hands over: those of low confidence.

    The threshold of each part is the quantile of the confidences in the other parts, so it is not fitted to the chips
    that score it.

    Args:
        confidence: (n,) highest probability by the first network.
        parts: (n,) part of each chip.
        share: share of the chips to hand over.

    >>> handed_over(np.array([0.6, 0.9, 0.5, 0.95]), np.array([0, 0, 1, 1]), share=0.5).tolist()
    [True, False, True, False]
    """
    chosen = np.zeros(len(confidence), dtype=bool)
    for part in np.unique(parts):
        inside = parts == part
        chosen[inside] = confidence[inside] < np.quantile(confidence[~inside], share)
    return chosen


def combine(kept: KeptPredictions, front: pd.DataFrame) -> pd.DataFrame:
    """Score every cascade and every ensemble of two front members.

    Args:
        kept: the predictions.
        front: rows of FRONT on the front.

    Returns:
        Rows of COMBINATIONS; none if the front has one member.
    """
    ordered = front.sort_values(["latency_mean_ms", "candidate"]).to_dict("records")
    rows = [row for pair in combinations(ordered, 2) for row in _score_pair(kept, *pair)]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    table["extends_front"] = _extends(table, front)
    return table


_COLUMNS = (
    "kind", "first", "second", "target_pct", "handed_over_pct", "accuracy_pct", "accuracy_error_pct",
    "latency_mean_ms", "memory_bytes",
)  # fmt: skip


def _score_pair(
    kept: KeptPredictions, fast: Mapping[Hashable, Any], slow: Mapping[Hashable, Any]
) -> Iterator[tuple[Any, ...]]:
    names = fast["candidate"], slow["candidate"]
    first, second = kept.of(names[0]), kept.of(names[1])
    memory = int(fast["memory_bytes"] + slow["memory_bytes"])
    share = fast["validation_share"]
    confidence, first_right, second_right = first.max(axis=1), *(kept.correct(name) for name in names)
    for target in SHARES_PCT:
        over = handed_over(confidence, kept.parts, target / 100)
        correct = np.where(over, second_right, first_right)
        latency = fast["latency_mean_ms"] + over.mean() * slow["latency_mean_ms"]
        scores = _scores(correct, kept.folds, share)
        yield "cascade", *names, target, 100 * float(over.mean()), *scores, latency, memory
    correct = (first + second).argmax(axis=1) == kept.truth
    latency = fast["latency_mean_ms"] + slow["latency_mean_ms"]
    yield "ensemble", *names, 100.0, 100.0, *_scores(correct, kept.folds, share), latency, memory


def _scores(correct: NDArray[np.bool_], folds: Integers, validation_share: float) -> tuple[float, float]:
    """Mean accuracy over folds, and its standard error (percent)."""
    accuracy = np.array([100 * correct[folds == fold].mean() for fold in np.unique(folds)])
    return float(accuracy.mean()), standard_error(accuracy, validation_share)


def _extends(table: pd.DataFrame, front: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether no front member is as accurate, as fast and as small."""
    columns = ["accuracy_pct", "latency_mean_ms", "memory_bytes"]
    signs = np.array([-1.0, 1.0, 1.0])
    ours, theirs = (frame[columns].to_numpy(dtype=np.float64) * signs for frame in (table, front))
    covered: NDArray[np.bool_] = (theirs[None] <= ours[:, None]).all(axis=2).any(axis=1)
    return ~covered
