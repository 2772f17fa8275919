"""Train the networks that a rank-preserving supernet scores highest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.core.candidate import KEYS
from workflow_lib.search.strategy_declaration import ProposalInput, StrategyDeclaration
from workflow_lib.search.supernet_tables import RANKINGS_RESULT

if TYPE_CHECKING:
    import pandas as pd


def propose_ranked(rankings: pd.DataFrame, settings: pd.DataFrame, candidates: int) -> pd.DataFrame:
    """Propose the networks that supernets rank best, alternating between channel sets, batch sizes and recipes.

    Channel sets alternate because the scores of different supernets are not comparable. Dead operations are removed
    from a network before it is proposed, and each network is proposed once. Paths whose alphas tie at the top have the
    highest scores, up to the tolerance of a tie, so they come first; the front is then decided by the trainings of the
    proposed networks.

    Args:
        rankings: rows of RANKING of the last ranking of one supernet per channel set.
        settings: see ProposalInput.
        candidates: maximum number of candidates.

    Returns:
        Columns KEYS and round of PROPOSALS.
    """
    import numpy as np
    import pandas as pd

    from workflow_lib.search.rank_preservation import places
    from workflow_lib.spaces.networks import without_dead_operations

    groups = rankings.groupby("channels", sort=False)
    best = pd.concat([table.iloc[np.argsort(places(table), kind="stable")] for _, table in groups])
    best["architecture"] = best["architecture"].map(without_dead_operations)
    best = best.drop_duplicates(["channels", "architecture"])
    best["turn"] = best.groupby("channels").cumcount()
    combinations = best.merge(settings, how="cross")
    return combinations.sort_values("turn", kind="stable").head(candidates)[KEYS].assign(round=0)


def propose(given: ProposalInput) -> pd.DataFrame:
    """Propose the best-ranked networks."""
    from workflow_lib.search.shared_accuracy import supernet_seconds

    rankings = given.tables[RANKINGS_RESULT.name]
    proposed = propose_ranked(rankings, given.settings, given.search.candidates)
    return proposed.assign(search_s=supernet_seconds(rankings))


STRATEGY = StrategyDeclaration(
    words="the candidates that a rank-preserving supernet (`supernet`) scores highest",
    propose=propose,
    reads=(RANKINGS_RESULT,),
    optional=(),
    is_compared=False,
    position=70,
)
