"""Calibration of class probabilities: its error, and the temperature that reduces it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from workflow_lib.analysis.kept_predictions import Integers, KeptPredictions, Numbers

BINS = 15
_MAX_TEMPERATURE = 20.0


def with_temperature(probabilities: Numbers, temperature: float) -> Numbers:
    """Divide the logits behind some probabilities by a temperature; above 1, the probabilities become less extreme.

    Args:
        probabilities: (n, classes) probabilities above 0; their logarithms are logits up to a constant per row.
        temperature: the divisor.

    >>> with_temperature(np.array([[0.9, 0.1]]), temperature=2.0).round(2).tolist()
    [[0.75, 0.25]]
    """
    logits = np.log(probabilities) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return scaled


def cross_entropy(probabilities: Numbers, truth: Integers) -> float:
    """Mean negative log-likelihood of the given classes (nat)."""
    return -float(np.log(probabilities[np.arange(len(truth)), truth]).mean())


def fit_temperature(probabilities: Numbers, truth: Integers) -> float:
    """Find the temperature with the lowest cross-entropy, between 1/20 and 20.

    Args:
        probabilities: (n, classes) probabilities above 0.
        truth: (n,) class numbers.

    Source: Guo et al. 2017, section 4.2.
    """
    bound = np.log(_MAX_TEMPERATURE)
    found = minimize_scalar(
        lambda exponent: cross_entropy(with_temperature(probabilities, np.exp(exponent)), truth),
        bounds=(-bound, bound),
        method="bounded",
    )
    return float(np.exp(found.x))


def calibrate_by_parts(probabilities: Numbers, truth: Integers, parts: Integers) -> Numbers:
    """Scale each part's probabilities with the temperature that fits the other parts.

    Args:
        probabilities: (n, classes) probabilities above 0.
        truth: (n,) class numbers.
        parts: (n,) part of each row; at least two parts.
    """
    scaled = np.empty_like(probabilities)
    for part in np.unique(parts):
        inside = parts == part
        scaled[inside] = with_temperature(
            probabilities[inside], fit_temperature(probabilities[~inside], truth[~inside])
        )
    return scaled


def reliability(probabilities: Numbers, truth: Integers, bins: int = BINS) -> pd.DataFrame:
    """Compare confidence and accuracy in bins of equal width of the confidence, the highest probability of a chip.

    Args:
        probabilities: (n, classes) probabilities.
        truth: (n,) class numbers.
        bins: number of bins between 0 and 1.

    Returns:
        One row per bin with chips: `chips`, `confidence` and `accuracy` (shares).
    """
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    number = np.minimum((confidence * bins).astype(int), bins - 1)
    frame = pd.DataFrame({"bin": number, "confidence": confidence, "accuracy": correct.astype(float)})
    groups = frame.groupby("bin")
    return groups.mean().assign(chips=groups.size()).reset_index(drop=True)


def calibration_error_pct(probabilities: Numbers, truth: Integers, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over the bins, weighted by chips (percent).

    >>> calibration_error_pct(np.array([[0.8, 0.2], [0.8, 0.2]]), np.array([0, 1])).__round__(6)
    30.0

    Source: Naeini et al. 2015; Guo et al. 2017, equation 3.
    """
    table = reliability(probabilities, truth, bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return float(100 * (gaps * table["chips"]).sum() / table["chips"].sum())


def calibrate(kept: KeptPredictions, names: Sequence[str]) -> pd.DataFrame:
    """Fit the temperature of each candidate, and measure what it improves on chips that it was not fitted to.

    Args:
        kept: the predictions.
        names: candidates.

    Returns:
        Rows of CALIBRATION.
    """
    rows = []
    for name in names:
        before = kept.of(name)
        after = calibrate_by_parts(before, kept.truth, kept.parts)
        rows.append(
            {
                "candidate": name,
                "temperature": fit_temperature(before, kept.truth),
                "error_pct": calibration_error_pct(before, kept.truth),
                "calibrated_error_pct": calibration_error_pct(after, kept.truth),
                "cross_entropy": cross_entropy(before, kept.truth),
                "calibrated_cross_entropy": cross_entropy(after, kept.truth),
            }
        )
    return pd.DataFrame(rows)


def assess(kept: KeptPredictions, candidate: str, classes: Sequence[str]) -> pd.DataFrame:
    """List a candidate's predictions before and after calibration; rows of ASSESSED.

    Args:
        kept: the predictions.
        candidate: name of the candidate.
        classes: class names, in the order of the probabilities.
    """
    before = kept.of(candidate)
    after = calibrate_by_parts(before, kept.truth, kept.parts)
    return pd.DataFrame(
        {
            "candidate": candidate,
            "chip": kept.chips,
            "fold": kept.folds,
            "class": np.array(classes)[kept.truth],
            "probabilities": list(before),
            "calibrated": list(after),
        }
    )
