"""The networks that a rank-preserving supernet scores highest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_lib.core.candidate import KEYS
from workflow_lib.search.strategy_declaration import ProposalInput, StrategyDeclaration
from workflow_lib.search.supernet_tables import RANKINGS_RESULT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def propose_ranked(rankings: pd.DataFrame, batch_sizes: Sequence[int], candidates: int) -> pd.DataFrame:
    """Propose the networks that supernets rank best, those of each channel set and batch size in turns.

    Scores of two supernets are no scale of their own. A network is proposed without operations that lead nowhere, once.
    Paths whose alphas tie at the top have the highest scores, up to what counts as a tie, so they come first; the front
    and its picks are then those of the networks' own trainings.

    Args:
        rankings: rows of RANKING, of the last ranking of one supernet per channel set.
        batch_sizes: of the grid.
        candidates: how many.

    Returns:
        Rows of PROPOSALS.
    """
    import numpy as np
    import pandas as pd

    from workflow_lib.search.rank_preservation import places
    from workflow_lib.spaces.networks import alive

    of_sets = rankings.groupby("channels", sort=False)
    best = pd.concat([table.iloc[np.argsort(places(table), kind="stable")] for _, table in of_sets])
    best["architecture"] = best["architecture"].map(alive)
    best = best.drop_duplicates(["channels", "architecture"])
    best["turn"] = best.groupby("channels").cumcount()
    both = best.merge(pd.DataFrame({"batch": batch_sizes}), how="cross")
    return both.sort_values("turn", kind="stable").head(candidates)[KEYS].assign(round=0)


def propose(given: ProposalInput) -> pd.DataFrame:
    """Propose them; each row of a ranking says what its supernet took from the beginning."""
    rankings = given.tables[RANKINGS_RESULT.name]
    ranked_s = rankings.groupby(["channels", "variant", "number"])["seconds"].max().sum()
    return propose_ranked(rankings, given.batch_sizes, given.search.candidates).assign(search_s=ranked_s)


STRATEGY = StrategyDeclaration(
    words="those that a rank-preserving supernet scores highest (`supernet`)",
    propose=propose,
    reads=(RANKINGS_RESULT,),
    optional=(),
    is_compared=False,
    position=70,
)
