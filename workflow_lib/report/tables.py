"""The tables of CROSS, as plain frames: for the report, for CSV files and for the figures."""

from collections.abc import Sequence
from itertools import product

import pandas as pd

from workflow_lib.core.config import Config, Objective
from workflow_lib.core.provenance import Provenance
from workflow_lib.core.spaces.cross import Architecture


def is_better(objective: Objective) -> int:
    """1 if more of an objective is better, -1 if less is."""
    return 1 if objective.direction == "max" else -1


def candidates_only(ranked: pd.DataFrame) -> pd.DataFrame:
    """The rows that compete: all but the baselines."""
    return ranked[~ranked["baseline"].astype(bool)]


def front_members(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """The front in the order of the report: the recommended one, then by the first objective, best first.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the axes of the front.

    Returns:
        The members' rows, indexed by the number (from 1) that figures and tables give them.
    """
    members = candidates_only(ranked)
    members = members[members["on_front"].astype(bool)]
    first = objectives[0]
    members = members.sort_values("candidate", kind="stable")
    members = members.sort_values(first.name, ascending=first.direction == "min", kind="stable")
    members = members.sort_values("recommended", ascending=False, kind="stable")
    return members.set_axis(pd.RangeIndex(1, len(members) + 1, name="number"))


def baseline_rows(ranked: pd.DataFrame) -> pd.DataFrame:
    """The baselines, by channel set and batch size."""
    return ranked[ranked["baseline"].astype(bool)].sort_values(["channels", "batch", "candidate"], ignore_index=True)


def dimensions(architectures: pd.Series) -> pd.DataFrame:
    """Spell architecture ids out in CROSS's dimensions.

    Args:
        architectures: ids.

    Returns:
        One row per id and the same index; without pooling, pool kernel and stride are missing.
    """
    parsed = [Architecture.parse(text) for text in architectures]
    return pd.DataFrame(
        {
            "kernel_size": [network.kernel_size for network in parsed],
            "stride": [network.stride for network in parsed],
            "padding": [network.padding for network in parsed],
            "pool_choice": [int(network.pool is None) for network in parsed],
            "kernel_size_pool": [network.pool[0] if network.pool else None for network in parsed],
            "stride_pool": [network.pool[1] if network.pool else None for network in parsed],
            "initial_output_feature": [network.width for network in parsed],
        },
        index=architectures.index,
        dtype="Int64",
    )


def region_counts(chips: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Chips per region and class, with totals (CROSS table 1).

    Args:
        chips: the chips table.
        classes: the classes, in the config's order.

    Returns:
        Columns `region`, one per class, `total`; regions in their order in `chips`, then the sum.
    """
    counts = pd.crosstab(chips["region"], chips["class"])
    counts = counts.reindex(index=chips["region"].unique(), columns=list(classes), fill_value=0)
    counts["total"] = counts.sum(axis=1)
    counts.loc["all regions"] = counts.sum()
    return counts.rename_axis(index="region", columns=None).reset_index()


def ranges_table(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Smallest and largest value of each objective over the candidates, without baselines (CROSS table 3).

    Args:
        ranked: the front table.
        objectives: the axes of the front.

    Returns:
        Two rows, `bound` "min" and "max", and one column per objective in its stored unit.
    """
    names = [objective.name for objective in objectives]
    bounds = candidates_only(ranked)[names].agg(["min", "max"])
    return bounds.rename_axis("bound").reset_index()


def front_table(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """The front with the architectures spelled out (CROSS table 4).

    Args:
        ranked: the front table.
        objectives: the axes of the front.

    Returns:
        `number`, `candidate`, `channels`, `batch`, the scores of `_scores` in their stored units, the
        dimensions of `dimensions`, `hypervolume_pct`, `front_frequency`, `on_epsilon_front`, `recommended`;
        in the order of `front_members`.
    """
    members = front_members(ranked, objectives)
    columns = ["candidate", "channels", "batch", *_scores(objectives)]
    rest = members[["hypervolume_pct", "front_frequency", "on_epsilon_front", "recommended"]]
    return pd.concat([members[columns], dimensions(members["architecture"]), rest], axis=1).reset_index()


def baseline_table(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """The baselines (CROSS table 5).

    Args:
        ranked: the front table.
        objectives: the axes of the front.

    Returns:
        `candidate`, `channels`, `batch`, `architecture` and the scores of `_scores`, in their stored units.
    """
    return baseline_rows(ranked)[["candidate", "channels", "batch", "architecture", *_scores(objectives)]]


def left_out(trained: pd.DataFrame, config: Config, race: pd.DataFrame | None) -> pd.DataFrame:
    """Candidates that lack a training, because it failed for good.

    Args:
        trained: FOLD_SCORES of all trainings that succeeded.
        config: what was to be trained.
        race: RACE; those who were stopped did not fail.

    Returns:
        Columns channels, batch, architecture, fold: one row per failed training, in the grid's order.
    """
    keys = ["channels", "batch", "architecture", "fold"]
    grid, folds = config.grid, range(config.folds.count)
    wanted = product(grid.channel_sets, grid.batch_sizes, [*config.architectures, grid.baseline], folds)
    done = set(trained[keys].itertuples(index=False, name=None))
    stopped = set() if race is None else set(race[keys[:-1]].itertuples(index=False, name=None))
    return pd.DataFrame([job for job in wanted if job not in done and job[:-1] not in stopped], columns=keys)


def provenance_table(records: Sequence[Provenance]) -> pd.DataFrame:
    """What made the tables: one row per stage and contract; lists are separated by semicolons."""
    columns = ["stage", "contract", "jobs", "seconds", "finished", "hosts", "data_sha256", "versions"]
    rows = [
        [one.stage, one.contract, one.jobs, round(one.seconds, 1), one.finished]
        + ["; ".join(values) for values in (one.hosts, one.data, one.versions)]
        for one in records
    ]
    return pd.DataFrame(rows, columns=columns)


def _scores(objectives: Sequence[Objective]) -> list[str]:
    """The objectives, and the accuracy's interval and the latency's spread beside their column."""
    columns = []
    for objective in objectives:
        columns.append(objective.name)
        if objective.name == "accuracy_pct":
            columns += ["accuracy_low_pct", "accuracy_high_pct"]
        if objective.name == "latency_mean_ms":
            columns.append("latency_device_std_ms")
    return columns
