"""Tables of published latencies: the one that a user writes, and the one that has a row for every network of a run."""

from pathlib import Path

import pandas as pd

from workflow_lib.core.candidate import NETWORK_KEYS, TRAINED
from workflow_lib.core.columns import ARCHITECTURE, CHANNELS, PRECISION
from workflow_lib.core.errors import UserError
from workflow_lib.core.schema import Column, Table

_MEASURED = (
    Column("latency_ms", "number", "ms", "latency of one chip", low=0, above=0),
    Column("latency_run_std_ms", "number", "ms", "standard deviation over measurements", low=0, optional=True),
    Column("runs", "integer", meaning="number of measured runs", low=1, optional=True),
)

PUBLISHED = Table("published", (CHANNELS, ARCHITECTURE, PRECISION, *_MEASURED), key=tuple(NETWORK_KEYS))

_GIVEN = Table(
    "published latencies",
    (
        Column("channels", "text", meaning="name of the channel set; missing: any", optional=True),
        ARCHITECTURE,
        Column("precision", "text", meaning="precision; missing: fp32", optional=True),
        *_MEASURED,
        Column(".*", "text", meaning="other columns; not used", optional=True, family=True),
    ),
)


def read_published(path: Path, networks: pd.DataFrame) -> pd.DataFrame:
    """Read published latencies.

    Args:
        path: the CSV file.
        networks: rows of NETWORKS, one per network of the run.

    Returns:
        Rows of PUBLISHED, one per network of the run; other rows of the file are left out.

    Raises:
        UserError: if the file has no rows, lacks a network, or has two rows for one.
    """
    given = _GIVEN.complete(_GIVEN.read(path))
    if given.empty:
        raise UserError("has no rows, only a header", path, "write one row per network")
    given["precision"] = given["precision"].fillna(TRAINED)
    everywhere = given["channels"].isna()
    wanted = networks[NETWORK_KEYS]
    found = pd.concat(
        [
            wanted.merge(given[~everywhere], on=NETWORK_KEYS),
            wanted.merge(given[everywhere].drop(columns="channels"), on=["architecture", "precision"]),
        ]
    )
    _refuse(found[found.duplicated(NETWORK_KEYS)], "are given twice", path, "keep one row for each")
    absent = wanted.merge(found[NETWORK_KEYS], how="left", indicator=True)
    _refuse(absent[absent["_merge"] == "left_only"], "have no latency", path, "add them, or remove them from the grid")
    return found[[column.name for column in PUBLISHED.columns]]


def _refuse(networks: pd.DataFrame, problem: str, path: Path, advice: str) -> None:
    if len(networks):
        first = " ".join(networks.iloc[0][NETWORK_KEYS])
        raise UserError(f"networks of this run {problem}: {len(networks)} (first: {first})", path, advice)
