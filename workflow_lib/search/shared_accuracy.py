"""What a supernet adds to a surrogate search: the accuracy of every network with shared weights, as one feature."""

import pandas as pd

from workflow_lib.search.surrogate_tables import SHARED_ACCURACY


def shared_accuracies(rankings: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracies of all networks with the shared weights, relative to the mean of their channel set.

    Supernets of different channel sets are trained separately, so their levels are not comparable.

    Args:
        rankings: rows of RANKING of one supernet per channel set, which evaluated all networks.

    Returns:
        One row per (channels, architecture), with the column SHARED_ACCURACY in percentage points.
    """
    table = rankings[["channels", "architecture"]].copy()
    accuracy = rankings["accuracy_pct"]
    table[SHARED_ACCURACY] = accuracy - accuracy.groupby(rankings["channels"]).transform("mean")
    return table


def supernet_seconds(rankings: pd.DataFrame) -> float:
    """Return the total time of all supernets (s); each row of a ranking has the time of its supernet so far."""
    return float(rankings.groupby(["channels", "variant", "number"])["seconds"].max().sum())
