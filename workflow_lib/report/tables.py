"""Tables for the report, for CSV files and for the figures, as data frames; several are those of CROSS."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.core.candidate import KEYS, TRAINED
from workflow_lib.core.provenance import Provenance
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.content import ReportContent
from workflow_lib.search.proposal_tables import PROPOSALS_RESULT, RACE_RESULT, proposed_folds
from workflow_lib.spaces import networks
from workflow_lib.spaces.cross.cross_architecture import CHOICES, Architecture
from workflow_lib.spaces.mobilenet.mobilenet_chain import STEM, Chain
from workflow_lib.training.score_tables import TRAINED_RESULT


def gain_sign(objective: Objective) -> int:
    """Return 1 if higher values of an objective are better, -1 if lower values are."""
    return 1 if objective.direction == "max" else -1


def candidates_only(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the candidates, without the baselines."""
    return ranked[~ranked["baseline"].astype(bool)]


def with_candidates(derived: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """Join derived or random networks with the front table's columns of their most accurate candidate.

    Args:
        derived: rows of DERIVED.
        ranked: the front table.

    Returns:
        The rows of `derived` with the further columns of `ranked`; NaN where a network was not trained.
    """
    keys = ["channels", "architecture"]
    trained = candidates_only(ranked[ranked["precision"] == TRAINED])
    best = trained.sort_values("accuracy_pct", kind="stable").drop_duplicates(keys, keep="last")
    return derived.merge(best[[*keys, *best.columns.difference(derived.columns)]], on=keys, how="left")


def front_members(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return the front in the order of the report: the recommended candidate, then by the first objective, best first.

    Args:
        ranked: the front table, all candidates and baselines.
        objectives: the objectives of the front.

    Returns:
        Rows of the front members; the index holds their numbers (from 1) in figures and tables.
    """
    members = candidates_only(ranked)
    members = members[members["on_front"].astype(bool)]
    first = objectives[0]
    members = members.sort_values("candidate", kind="stable")
    members = members.sort_values(first.name, ascending=first.direction == "min", kind="stable")
    members = members.sort_values("recommended", ascending=False, kind="stable")
    return members.set_axis(pd.RangeIndex(1, len(members) + 1, name="number"))


def baseline_rows(ranked: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the baselines, sorted by channel set and batch size."""
    return ranked[ranked["baseline"].astype(bool)].sort_values(["channels", "batch", "candidate"], ignore_index=True)


def dimensions(architectures: pd.Series) -> pd.DataFrame:
    """Convert architecture ids to CROSS's dimensions.

    Args:
        architectures: architecture ids.

    Returns:
        One row per id, with the same index. Kernel and stride of the pooling are missing in networks without pooling;
        all dimensions except the width are missing in networks of cells.
    """
    parsed = [_first_stage(networks.parse(text).choices) for text in architectures]
    return pd.DataFrame(
        {dimension: [first.get(dimension) for first in parsed] for dimension in CHOICES},
        index=architectures.index,
        dtype="Int64",
    )


def _first_stage(network: Any) -> dict[str, int]:
    """Return the values of those CROSS dimensions that a network has."""
    if isinstance(network, Chain):
        return {"initial_output_feature": STEM}
    if not isinstance(network, Architecture):
        return {"initial_output_feature": network.skeleton.width} if hasattr(network, "skeleton") else {}
    values = network.configuration()
    return values if network.pool else {name: values[name] for name in values if not name.endswith("_pool")}


def region_counts(chips: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Count chips per region and class, with totals (CROSS table 1).

    Args:
        chips: the chips table.
        classes: the classes, in the order of the configuration.

    Returns:
        Columns `region`, one per class, and `total`; regions in the order of `chips`, then a row of sums.
    """
    counts = pd.crosstab(chips["region"], chips["class"])
    counts = counts.reindex(index=chips["region"].unique(), columns=list(classes), fill_value=0)
    counts["total"] = counts.sum(axis=1)
    counts.loc["all regions"] = counts.sum()
    return counts.rename_axis(index="region", columns=None).reset_index()


def ranges_table(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Compute the range of each objective over the candidates, without baselines (CROSS table 3).

    Args:
        ranked: the front table.
        objectives: the objectives of the front.

    Returns:
        Two rows with `bound` "min" and "max", and one column per objective in its stored unit.
    """
    names = [objective.name for objective in objectives]
    bounds = candidates_only(ranked)[names].agg(["min", "max"])
    return bounds.rename_axis("bound").reset_index()


def front_table(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return the front with the dimensions of each architecture (CROSS table 4).

    Args:
        ranked: the front table.
        objectives: the objectives of the front.

    Returns:
        Columns `number`, `candidate`, `channels`, `recipe`, `precision`, `batch`, the score columns in their stored
        units, the columns of `dimensions`, `hypervolume_pct`, `front_frequency`, `on_epsilon_front` and `recommended`;
        rows in the order of `front_members`.
    """
    members = front_members(ranked, objectives)
    columns = ["candidate", "channels", "recipe", "precision", "batch", *_scores(objectives)]
    rest = members[["hypervolume_pct", "front_frequency", "on_epsilon_front", "recommended"]]
    return pd.concat([members[columns], dimensions(members["architecture"]), rest], axis=1).reset_index()


def baseline_table(ranked: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return the baselines (CROSS table 5).

    Args:
        ranked: the front table.
        objectives: the objectives of the front.

    Returns:
        Columns `candidate`, the columns KEYS, and the score columns, in their stored units.
    """
    return baseline_rows(ranked)[["candidate", *KEYS, *_scores(objectives)]]


def missing_trainings(content: ReportContent) -> pd.DataFrame:
    """List the trainings that failed permanently.

    Returns:
        Columns KEYS and fold; one row per failed training, baselines last.
    """
    config = content.config
    proposals = content.get(PROPOSALS_RESULT)
    if proposals is None:
        searched = dict.fromkeys(config.combinations(config.architectures), config.folds.count)
    else:
        searched = proposed_folds(proposals)
    expected = {**searched, **dict.fromkeys(config.combinations(config.grid.compared_networks), config.folds.count)}
    done = set(content[TRAINED_RESULT][[*KEYS, "fold"]].itertuples(index=False, name=None))
    race = content.get(RACE_RESULT)
    # Candidates that racing stopped did not fail.
    stopped = set() if race is None else set(race[KEYS].itertuples(index=False, name=None))
    jobs = [
        (*candidate._replace(precision=precision), fold)
        for candidate, folds in expected.items()
        if candidate not in stopped
        for precision in config.grid.precisions_of(candidate.architecture)
        for fold in range(folds)
    ]
    return pd.DataFrame([job for job in jobs if job not in done], columns=[*KEYS, "fold"])


def search_table(content: ReportContent) -> pd.DataFrame:
    """Summarise each round of the search.

    Returns:
        Columns round, proposed, accuracy_pct (best so far) and on_front (number of members of the final front).
    """
    proposals = content[PROPOSALS_RESULT]
    # A candidate counts in the round in which it was last proposed, with more folds or epochs than before.
    last = ~proposals.duplicated(KEYS, keep="last")
    results = candidates_only(content[RANKED_RESULT])[[*KEYS, "accuracy_pct", "on_front"]]
    results["on_front"] = results.groupby(KEYS[:-1])["on_front"].transform("any")  # in any precision
    table = proposals.merge(results, on=KEYS, how="left")
    table["accuracy_pct"] = table["accuracy_pct"].where(last.to_numpy())
    # Failed candidates are on no front.
    table["on_front"] = (table["on_front"].eq(True) & last.to_numpy()).astype("int64")
    rounds = table.groupby("round").agg(
        proposed=("round", "size"), accuracy_pct=("accuracy_pct", "max"), on_front=("on_front", "sum")
    )
    return rounds.assign(accuracy_pct=rounds["accuracy_pct"].cummax()).reset_index()


def comparison_table(comparison: pd.DataFrame) -> pd.DataFrame:
    """Summarise the final results of each search strategy over its searches.

    Args:
        comparison: table COMPARISON.

    Returns:
        Columns strategy, searches, and the means of trained, training_hours, recall_pct and hypervolume_pct. Columns
        with the suffix `_std` hold the standard deviations, which are missing for a single search. Strategies are in
        the order of the table.
    """
    ends = comparison.groupby(["strategy", "seed"], sort=False).last().reset_index()
    numbers = ["trained", "training_hours", "recall_pct", "hypervolume_pct"]
    groups = ends.groupby("strategy", sort=False)
    means, deviations = groups[numbers].mean(), groups[numbers].std().add_suffix("_std")
    return means.join(deviations).assign(searches=groups.size()).reset_index()


def provenance_table(records: Sequence[Provenance]) -> pd.DataFrame:
    """Tabulate the provenance of the tables, one row per stage and contract; lists are separated by semicolons."""
    columns = ["stage", "contract", "jobs", "seconds", "finished", "hosts", "data_sha256", "versions"]
    rows = [
        [one.stage, one.contract, one.jobs, round(one.seconds, 1), one.finished]
        + ["; ".join(values) for values in (one.hosts, one.data, one.versions)]
        for one in records
    ]
    return pd.DataFrame(rows, columns=columns)


def _scores(objectives: Sequence[Objective]) -> list[str]:
    """Return the columns of the objectives, with the accuracy's interval and the latency's spread after theirs."""
    columns = []
    for objective in objectives:
        columns.append(objective.name)
        if objective.name == "accuracy_pct":
            columns += ["accuracy_low_pct", "accuracy_high_pct"]
        if objective.name == "latency_mean_ms":
            columns.append("latency_device_std_ms")
    return columns
