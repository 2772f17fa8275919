"""The tables of proposed candidates, and of candidates that were stopped by racing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.core.columns import CANDIDATE_KEY
from workflow_lib.core.results import Result
from workflow_lib.core.schema import Column, Table, percent

if TYPE_CHECKING:
    import pandas as pd

PROPOSALS = Table(
    "proposals",
    (
        *CANDIDATE_KEY,
        Column("round", "integer", meaning="round in which the search proposed it", low=0),
        Column("folds", "integer", "folds", "number of first folds on which it shall then be trained", low=1),
        Column("part", "integer", meaning="n, where it is trained for 1/n of its epochs; 1: for all", low=1),
        Column("search_s", "number", "s", "total core-seconds of searches before any training", low=0),
    ),
    key=(*KEYS, "round"),
)


RACE = Table(
    "race",
    (
        *CANDIDATE_KEY,
        Column("after_folds", "integer", "folds", "number of folds trained before it was stopped", low=1),
        percent("accuracy_pct", "its mean accuracy over these folds"),
        Column("dominated_by", "text", meaning="rival: a candidate that costs no more and is more accurate"),
        percent("rival_accuracy_pct", "mean accuracy of the rival over the same folds"),
        percent("lead_pct", "lower bound of the accuracy difference, in percentage points"),
    ),
    key=tuple(KEYS),
)


def proposed_folds(proposals: pd.DataFrame, part: int = 1) -> dict[Candidate, int]:
    """Return the proposed candidates with the number of folds of each; later rounds may ask for more than earlier ones.

    Args:
        proposals: rows of PROPOSALS.
        part: n, where they are trained for 1/n of their epochs.
    """
    rows = proposals[proposals["part"] == part]
    return dict(zip(map(Candidate._make, rows[KEYS].itertuples(index=False)), rows["folds"], strict=True))


PROPOSALS_RESULT = Result(
    "proposals",
    PROPOSALS,
    lambda config: [f"propose_candidates/{config.search_rounds - 1}.parquet"],
    when=lambda config: config.search.strategy != "grid",
)
RACE_RESULT = Result(
    "race",
    RACE,
    lambda config: [f"race_folds/{config.folds.count - 1}.parquet"],
    when=lambda config: config.racing is not None,
)
