"""Summaries of each candidate's scores over its folds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t

from workflow_lib.core.candidate import KEYS


def standard_error(scores: NDArray[np.float64], validation_share: float) -> float:
    """Standard error of the mean of cross-validation scores.

    Folds share training chips, so the usual standard error is too small. The variance is corrected by the ratio of
    validation to training chips.

    Args:
        scores: (k,) score of each fold, k at least 2.
        validation_share: validation chips per training chip, averaged over folds: 1 / (k - 1) without buffer and
            hold-out.

    >>> round(standard_error(np.array([80.0, 82.0, 84.0]), validation_share=0.5), 3)
    1.826

    Source: Nadeau and Bengio 2003, equation 12 (corrected resampled t).
    """
    return float(scores.std(ddof=1) * np.sqrt(1 / len(scores) + validation_share))


def confidence_interval(
    scores: NDArray[np.float64], validation_share: float, level: float = 0.95
) -> tuple[float, float]:
    """Confidence interval of the mean of cross-validation scores: mean +- `standard_error` times the quantile of t.

    Args:
        scores: (k,) score of each fold, k at least 2.
        validation_share: as in `standard_error`.
        level: confidence level.

    Returns:
        Lower and upper end, in the unit of the scores.
    """
    half = float(t.ppf((1 + level) / 2, len(scores) - 1) * standard_error(scores, validation_share))
    return float(scores.mean()) - half, float(scores.mean()) + half


def summarise_folds(scores: pd.DataFrame, classes: Sequence[str], same_split: bool = False) -> pd.DataFrame:
    """Summarise the folds of each candidate in one row.

    Args:
        scores: rows of FOLD_SCORES.
        classes: class names, in the order of `recall_pct`.
        same_split: whether all folds use the same split; if so, errors are those of a mean over seeds, uncorrected.

    Returns:
        One row per candidate, with the columns of CANDIDATES that come from training. Intervals
        are clipped to 0..100 %. A region's accuracy is over all its chips, whichever fold validated them.
    """
    rows = []
    for key, folds in scores.sort_values("fold").groupby(KEYS, sort=True):
        accuracy = folds["accuracy_pct"].to_numpy(dtype=np.float64)
        # Without trainings that share chips, as of a trained model, the folds are independent.
        shared = not same_split and folds["training_chips"].all()
        validation_share = float((folds["validation_chips"] / folds["training_chips"]).mean()) if shared else 0.0
        low, high = confidence_interval(accuracy, validation_share)
        recalls, precisions = (_by_class(folds[name]) for name in ("recall_pct", "precision_pct"))
        rows.append(
            {
                **dict(zip(KEYS, key, strict=True)),
                "folds": len(folds),
                "validation_share": validation_share,
                "accuracy_pct": accuracy.mean(),
                "accuracy_fold_std_pct": accuracy.std(ddof=1),
                "accuracy_error_pct": standard_error(accuracy, validation_share),
                "accuracy_low_pct": max(low, 0.0),
                "accuracy_high_pct": min(high, 100.0),
                "fold_accuracy_pct": accuracy.tolist(),
                "f1_pct": folds["f1_pct"].mean(),
                "macro_precision_pct": np.nan_to_num(precisions).mean(),
                "macro_recall_pct": np.nanmean(recalls, axis=1).mean(),
                "auc": folds["auc"].mean(),
                "average_precision": folds["average_precision"].mean(),
                "matthews": folds["matthews"].mean(),
                "training_s": folds["training_s"].mean(),
                "kept_epoch": max(1, round(folds["kept_epoch"].median())),
            }
            | {f"recall_{name}_pct": share for name, share in zip(classes, _mean(recalls), strict=True)}
            | {f"precision_{name}_pct": share for name, share in zip(classes, _mean(precisions), strict=True)}
            | _region_accuracy(folds)
        )
    return pd.DataFrame(rows)


def _by_class(shares: pd.Series) -> NDArray[np.float64]:
    """Convert the lists of all folds to (folds, classes) shares, NaN where a class has none."""
    return np.array([[np.nan if share is None else share for share in fold] for fold in shares], dtype=np.float64)


def _mean(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the folds that have a share; NaN if none has."""
    known = ~np.isnan(shares)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = np.nansum(shares, axis=0) / known.sum(axis=0)
    return means


def _region_accuracy(folds: pd.DataFrame) -> dict[str, float]:
    parts = folds[["regions", "region_accuracy_pct", "region_chips"]].explode(
        ["regions", "region_accuracy_pct", "region_chips"]
    )
    parts["weighted"] = parts["region_accuracy_pct"].astype(float) * parts["region_chips"].astype(float)
    sums = parts.groupby("regions")[["weighted", "region_chips"]].sum()
    return {f"region_{region}_accuracy_pct": row["weighted"] / row["region_chips"] for region, row in sums.iterrows()}
