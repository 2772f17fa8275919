"""The tables of CROSS, as plain frames: for the report, for CSV files and for the figures."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pandas as pd

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.core.candidate import KEYS
from workflow_lib.core.provenance import Provenance
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.content import ReportContent
from workflow_lib.search.proposal_tables import PROPOSALS_RESULT, RACE_RESULT
from workflow_lib.spaces import networks
from workflow_lib.spaces.cross.cross_architecture import CHOICES, Architecture
from workflow_lib.spaces.mobilenet.mobilenet_chain import STEM, Chain
from workflow_lib.training.score_tables import TRAINED_RESULT


def is_better(objective: Objective) -> int:
    """1 if more of an objective is better, -1 if less is."""
    return 1 if objective.direction == "max" else -1


def candidates_only(ranked: pd.DataFrame) -> pd.DataFrame:
    """The rows that compete: all but the baselines."""
    return ranked[~ranked["baseline"].astype(bool)]


def with_candidates(derived: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """Networks that were derived or drawn, with what the front table says of their best candidates; NaN if untrained.

    Args:
        derived: rows of DERIVED.
        ranked: the front table.
    """
    keys = ["channels", "architecture"]
    best = candidates_only(ranked).sort_values("accuracy_pct", kind="stable").drop_duplicates(keys, keep="last")
    return derived.merge(best[[*keys, *best.columns.difference(derived.columns)]], on=keys, how="left")


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
        One row per id and the same index; without pooling, pool kernel and stride are missing; of a network of cells,
        all but its width.
    """
    parsed = [_first_stage(networks.parse(text)) for text in architectures]
    return pd.DataFrame(
        {dimension: [first.get(dimension) for first in parsed] for dimension in CHOICES},
        index=architectures.index,
        dtype="Int64",
    )


def _first_stage(network: Any) -> dict[str, int]:
    """The values of a network in CROSS's dimensions, as far as it has them."""
    if isinstance(network, Chain):
        return {"initial_output_feature": STEM}
    if not isinstance(network, Architecture):
        return {"initial_output_feature": network.skeleton.width} if hasattr(network, "skeleton") else {}
    values = network.configuration()
    return values if network.pool else {name: values[name] for name in values if not name.endswith("_pool")}


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


def missing_trainings(content: ReportContent) -> pd.DataFrame:
    """Candidates that lack a training, because it failed permanently.

    Returns:
        Columns channels, batch, architecture, fold: one row per failed training, those of baselines last.
    """
    grid = content.config.grid
    searched = (
        product(grid.channel_sets, grid.batch_sizes, content.config.architectures)
        if content.get(PROPOSALS_RESULT) is None
        else content[PROPOSALS_RESULT][KEYS].itertuples(index=False, name=None)
    )
    wanted = [*searched, *product(grid.channel_sets, grid.batch_sizes, [grid.baseline])]
    done = set(content[TRAINED_RESULT][[*KEYS, "fold"]].itertuples(index=False, name=None))
    race = content.get(RACE_RESULT)
    # A stopped candidate did not fail.
    stopped = set() if race is None else set(race[KEYS].itertuples(index=False, name=None))
    jobs = [(*candidate, fold) for candidate in wanted for fold in range(content.config.folds.count)]
    return pd.DataFrame([job for job in jobs if job not in done and job[:-1] not in stopped], columns=[*KEYS, "fold"])


def search_table(content: ReportContent) -> pd.DataFrame:
    """What each round of the search brought.

    Returns:
        Columns round, proposed, accuracy_pct (best so far) and on_front (members of the final front).
    """
    table = content[PROPOSALS_RESULT].merge(candidates_only(content[RANKED_RESULT]), on=KEYS, how="left")
    table["on_front"] = table["on_front"].eq(True).astype("int64")  # who failed is on none
    rounds = table.groupby("round").agg(
        proposed=("round", "size"), accuracy_pct=("accuracy_pct", "max"), on_front=("on_front", "sum")
    )
    return rounds.assign(accuracy_pct=rounds["accuracy_pct"].cummax()).reset_index()


def comparison_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """What each search strategy found in the end: means and standard deviations over its searches.

    Args:
        comparison: table COMPARISON.

    Returns:
        Columns strategy, searches, and for each of trained, training_hours, recall_pct and hypervolume_pct its mean,
        and with `_std` behind its name its deviation (missing for one search); in the table's order.
    """
    ends = comparison.groupby(["strategy", "seed"], sort=False).last().reset_index()
    numbers = ["trained", "training_hours", "recall_pct", "hypervolume_pct"]
    groups = ends.groupby("strategy", sort=False)
    means, deviations = groups[numbers].mean(), groups[numbers].std().add_suffix("_std")
    return means.join(deviations).assign(searches=groups.size()).reset_index()


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
