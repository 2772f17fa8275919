"""How sure a model must be: the error of the chips that it decides, over the probability below which it abstains."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta, norm

from workflow_lib.analysis.calibration import calibrate_by_parts
from workflow_lib.analysis.kept_predictions import Integers, KeptPredictions

THRESHOLDS = (0.0, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.965, 0.98, 0.99, 0.995)
"""Probabilities of the most probable class below which a model abstains, from the lowest to the highest."""

# All thresholds are compared, so each gets its part of the 5 % (Bonferroni).
_RISK = 0.05 / len(THRESHOLDS)


def measure_selection(kept: KeptPredictions, names: Sequence[str], units: Integers) -> pd.DataFrame:
    """Measure each candidate's error on the validation chips that it decides, for each threshold.

    Probabilities are calibrated, each part of the chips with the temperature that fits the others. The upper end of the
    error is the larger one of the exact binomial bound, for independent chips, and of a normal bound with the variance
    between independent units, because chips of one place are wrong together. It holds for all thresholds at once with a
    confidence of 95 %.

    Args:
        kept: the predictions.
        names: candidates.
        units: (chips,) number of the independent unit that each chip belongs to.

    Returns:
        Rows of SELECTION.

    Source: Clopper and Pearson 1934; Geifman and El-Yaniv 2017, Selective Classification for Deep Neural Networks;
        variance of a ratio of sums over clusters: Cochran 1977, Sampling Techniques, section 6.3.
    """
    inside: Integers = np.unique(units[kept.chips], return_inverse=True)[1]
    rows = []
    for name in names:
        probabilities = calibrate_by_parts(kept.of(name), kept.truth, kept.parts)
        sure, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != kept.truth
        for threshold in THRESHOLDS:
            decided = sure >= threshold
            chips = len(np.unique(kept.chips[decided]))  # a chip that several folds score is one chip
            rows.append(
                {
                    "candidate": name,
                    "threshold": threshold,
                    "decided_pct": float(100 * decided.mean()),
                    "error_pct": float(100 * wrong[decided].mean()) if chips else None,
                    "error_high_pct": _upper_end(wrong[decided], inside[decided], chips) if chips else None,
                }
            )
    return pd.DataFrame(rows)


def _upper_end(wrong: NDArray[np.bool_], units: Integers, chips: int) -> float:
    """Return the upper end of the error of some predictions (percent).

    Args:
        wrong: (n,) whether each prediction is wrong.
        units: (n,) independent unit of each prediction.
        chips: number of different chips.
    """
    share = float(wrong.mean())
    errors = round(share * chips)
    exact = 1.0 if errors == chips else float(beta.isf(_RISK, errors + 1, chips - errors))
    sizes = np.bincount(units)
    residuals = np.bincount(units, wrong) - share * sizes
    clusters = int((sizes > 0).sum())
    deviation = float(np.sqrt((residuals**2).sum() * clusters / max(clusters - 1, 1))) / len(wrong)
    return 100 * min(1.0, max(exact, share + float(norm.isf(_RISK)) * deviation))
