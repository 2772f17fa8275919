"""Chips whose label is doubtful, because good candidates that were not trained on them disagree with it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.analysis.kept_predictions import Integers, KeptPredictions, Numbers
from workflow_lib.core.candidate import TRAINED


def good_candidates(ranked: pd.DataFrame) -> list[str]:
    """Names of the more accurate half of the candidates, at least one, as they were trained.

    Args:
        ranked: rows of FRONT.
    """
    searched = ranked[~ranked["baseline"].astype(bool) & (ranked["precision"] == TRAINED)]
    good = searched["accuracy_pct"] >= searched["accuracy_pct"].median()
    return [str(name) for name in searched.loc[good, "candidate"]]


def likely_errors(probabilities: Numbers, given: Integers) -> NDArray[np.bool_]:
    """Find the labels that confident learning counts as wrong.

    A class's threshold is its mean probability over the chips with that label. A chip counts as a member of the most
    probable class whose threshold it reaches. Its label is a likely error if that class is another one.

    Args:
        probabilities: (n, classes) probabilities by classifiers that were not trained on these chips.
        given: (n,) class number of each label.

    Returns:
        (n,) whether the label is a likely error.

    >>> likely_errors(np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.9, 0.1]]), np.array([0, 0, 1, 1])).tolist()
    [False, False, False, True]

    Source: Northcutt, Jiang and Chuang 2021, equations 1 and 2.
    """
    thresholds = np.array(
        [
            probabilities[given == label, label].mean() if (given == label).any() else np.inf
            for label in range(probabilities.shape[1])
        ]
    )
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    members = reached.argmax(axis=1)
    errors: NDArray[np.bool_] = (reached.max(axis=1) >= 0) & (members != given)
    return errors


def find_suspects(
    kept: KeptPredictions, good: Sequence[str], chips: pd.DataFrame, classes: Sequence[str]
) -> pd.DataFrame:
    """Rank all validation chips by how doubtful their label is.

    Args:
        kept: the predictions.
        good: names of the candidates that judge.
        chips: rows of CHIPS.
        classes: class names, in the order of the probabilities.

    Returns:
        Rows of SUSPECTS: likely errors first, then by the given class's probability minus that of the most probable
        other class.
    """
    rows, numbers = np.unique(kept.chips, return_inverse=True)
    counts = np.bincount(numbers)
    mean = kept.mean(good)
    probabilities = np.stack([np.bincount(numbers, column) / counts for column in mean.T], axis=1)
    wrong = np.mean([np.bincount(numbers, ~kept.correct(name)) / counts for name in good], axis=0)
    given = np.empty(len(rows), dtype=np.int64)
    given[numbers] = kept.truth
    own = probabilities[np.arange(len(rows)), given]
    others = probabilities.copy()
    others[np.arange(len(rows)), given] = -1
    errors, names = likely_errors(probabilities, given), np.array(classes)
    order = np.lexsort((own - others.max(axis=1), ~errors))
    known = chips.set_index("chip").loc[rows, ["region", "file", "x", "y", "crs"]].reset_index()
    table = known.assign(
        **{
            "class": names[given],
            "suggested": names[probabilities.argmax(axis=1)],
            "given_probability_pct": 100 * own,
            "suggested_probability_pct": 100 * probabilities.max(axis=1),
            "wrong_pct": 100 * wrong,
            "likely_error": errors,
        }
    )
    table = table.iloc[order].reset_index(drop=True)
    table.insert(0, "rank", np.arange(1, len(table) + 1))
    return table
