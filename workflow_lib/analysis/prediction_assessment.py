"""Everything that is made from the kept predictions of a run, in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workflow_lib.analysis.calibration import assess, calibrate
from workflow_lib.analysis.combined_networks import combine
from workflow_lib.analysis.kept_predictions import Integers, KeptPredictions, forest_name
from workflow_lib.analysis.label_errors import find_suspects, good_candidates
from workflow_lib.analysis.paired_chips import compare_with
from workflow_lib.analysis.selection import measure_selection


@dataclass(frozen=True)
class Assessment:
    """The tables of the same names in `prediction_tables`."""

    paired: pd.DataFrame
    calibration: pd.DataFrame
    selection: pd.DataFrame
    assessed: pd.DataFrame
    suspects: pd.DataFrame
    combinations: pd.DataFrame


def assess_predictions(
    kept: KeptPredictions, ranked: pd.DataFrame, chips: pd.DataFrame, units: Integers, classes: Sequence[str], seed: int
) -> Assessment:
    """Compare the recommended model with others, calibrate all candidates, find doubtful labels, and combine networks.

    Args:
        kept: predictions of all candidates and baselines in `ranked`, and of the reference classifiers.
        ranked: rows of FRONT.
        chips: rows of CHIPS.
        units: (chips,) number of the independent unit that each chip belongs to; see `folds.independent_units`.
        classes: class names, in the order of the probabilities.
        seed: seed of the bootstrap.
    """
    is_recommended = ranked["recommended"].astype(bool)
    on_front, baseline = ranked["on_front"].astype(bool), ranked["baseline"].astype(bool)
    recommended = ranked[is_recommended].iloc[0]
    name = str(recommended["candidate"])
    rivals = ranked.loc[(on_front | baseline) & ~is_recommended, "candidate"]
    candidates = [str(candidate) for candidate in ranked["candidate"]]
    return Assessment(
        paired=compare_with(kept, name, [*rivals, forest_name(recommended["channels"])], units, seed),
        calibration=calibrate(kept, candidates),
        selection=measure_selection(kept, candidates, units),
        assessed=assess(kept, name, classes),
        suspects=find_suspects(kept, good_candidates(ranked), chips, classes),
        combinations=combine(kept, ranked[on_front]),
    )
