"""The report's tables as text, ready for the template."""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workflow_lib.core.config import Config
from workflow_lib.core.spaces import cross
from workflow_lib.core.spaces.cell_costs import COUNTED
from workflow_lib.pareto.dominance import knee
from workflow_lib.pareto.efficiency import EFFICIENT
from workflow_lib.report import words
from workflow_lib.report.content import ReportContent
from workflow_lib.report.figures.utilization import on_all_fronts, with_utilization
from workflow_lib.report.names import MISSING, device_column, quantity, searched_from
from workflow_lib.report.tables import (
    baseline_table,
    candidates_only,
    comparison_table,
    front_members,
    front_table,
    provenance_table,
    ranges_table,
    region_counts,
    search_table,
    with_candidates,
)
from workflow_lib.report.tables import left_out as left_out_table
from workflow_lib.search.candidates import KEYS, candidate_name
from workflow_lib.training.summary import confidence_interval

SECONDS_LEFT_AS_THEY_ARE, SECONDS_PER_HOUR = 100, 3600
MOST_EFFICIENT = 15
"""Candidates in the table of efficiencies; the file has all."""

ROLES = ("training", "validation", "buffer", "holdout")


@dataclass(frozen=True)
class TextTable:
    """A table as the template shows it.

    Args:
        headers: one per column.
        rows: cells.
        texts: number of leading columns that hold text; the others are numbers and stand right-aligned.
        marked: position of a row to emphasise.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    marked: int | None = None


def scores_columns(frame: pd.DataFrame, columns: Sequence[str]) -> dict[str, list[str]]:
    """Header -> cells of the score columns; an interval joins its accuracy, a spread its latency.

    Args:
        frame: rows of `front_table`, `baseline_table` or `ranges_table`.
        columns: the columns among them that are scores.
    """
    cells: dict[str, list[str]] = {}
    for name in columns:
        if name == "accuracy_low_pct":
            pairs = zip(frame[name], frame["accuracy_high_pct"], strict=True)
            cells["95 % interval"] = [f"{low:.1f} to {high:.1f}" if pd.notna(low) else MISSING for low, high in pairs]
        elif name == "latency_device_std_ms":
            cells["Std over devices (ms)"] = [quantity(name).number(value) for value in frame[name]]
        elif name != "accuracy_high_pct":
            known = quantity(name)
            digits = known.telling_digits(frame[name])
            cells[known.short_axis] = [known.number(value, digits) for value in frame[name]]
    return cells


def _table(columns: dict[str, Iterable[object]], texts: int, marked: int | None = None) -> TextTable:
    cells = [[str(value) for value in values] for values in columns.values()]
    return TextTable(list(columns), [list(row) for row in zip(*cells, strict=True)], texts, marked)


def front(content: ReportContent) -> TextTable:
    """CROSS table 4."""
    frame = front_table(content.ranked, content.config.front.objectives)
    names = list(frame.columns)
    scores = names[names.index("batch") + 1 : names.index("kernel_size")]
    pools = zip(frame["kernel_size_pool"], frame["stride_pool"], strict=True)
    return _table(
        {
            "#": frame["number"],
            "Candidate": frame["candidate"],
            **scores_columns(frame, scores),
            "Front frequency": [quantity("front_frequency").text(value) for value in frame["front_frequency"]],
            "Hyper-volume": [f"{value:.1f} %" for value in frame["hypervolume_pct"]],
            "ε-front": ["yes" if flag else "no" for flag in frame["on_epsilon_front"]],
            "Channels": frame["channels"],
            "Batch": frame["batch"],
            "Stem kernel": frame["kernel_size"],
            "Stride": frame["stride"],
            "Padding": frame["padding"],
            "Pooling": ["none" if pd.isna(size) else f"{size} x {size} / {stride}" for size, stride in pools],
            "Width": frame["initial_output_feature"],
        },
        texts=2,
        marked=0,
    )


def samples(frame: pd.DataFrame) -> TextTable:
    """Where chips were cut: how many per region and class."""
    counts = frame.assign(kept=frame["reason"].isna(), drawn=frame["drawn"].astype(bool)).groupby(
        ["region", "class"], sort=False
    )
    table = counts.agg(kept=("kept", "sum"), drawn=("drawn", "sum"), lost=("kept", lambda kept: (~kept).sum()))
    return _table(
        {
            "Region": table.index.get_level_values("region"),
            "Class": table.index.get_level_values("class"),
            "Chips": table["kept"],
            "Of them drawn at random": table["drawn"],
            "Points without a chip": table["lost"],
        },
        texts=2,
    )


def no_chips(frame: pd.DataFrame) -> TextTable:
    """Points of which there is no chip, and why."""
    lost = frame[frame["reason"].notna()]
    return _table(
        {
            "Region": lost["region"],
            "Point": [str(number + 1) for number in lost["sample"]],
            "Class": lost["class"],
            "Reason": lost["reason"],
        },
        texts=4,
    )


def precisions(frame: pd.DataFrame) -> TextTable:
    """What smaller numbers cost and save."""
    losses = zip(frame["precision"], frame["loss_pct"], frame["loss_error_pct"], frame["lossy"], strict=True)
    return _table(
        {
            "Candidate": frame["candidate"],
            "Precision": frame["precision"],
            "Accuracy (%)": [
                _plus_minus(*pair) for pair in zip(frame["accuracy_pct"], frame["accuracy_error_pct"], strict=True)
            ],
            "Loss (points)": [
                MISSING if name == "fp32" else _plus_minus(loss, error) + (" too much" if lossy else "")
                for name, loss, error, lossy in losses
            ],
            "Bytes": [f"{value:,}" for value in frame["memory_bytes"]],
            "Measured here (ms)": [f"{value:.2f}" for value in frame["latency_ms"]],
        },
        texts=2,
    )


def map_scores(frame: pd.DataFrame) -> TextTable:
    """Precision and recall of each area at the threshold that was applied."""
    used = frame.loc[frame.groupby("area", sort=False)["threshold"].idxmin()] if len(frame) else frame

    def share(name: str) -> list[str]:
        parts = zip(used[f"{name}_pct"], used[f"{name}_low_pct"], used[f"{name}_high_pct"], strict=True)
        return [f"{value:.1f} ({low:.1f} to {high:.1f})" if pd.notna(value) else MISSING for value, low, high in parts]

    return _table(
        {
            "Area": used["area"],
            "Threshold": [f"{value:g}" for value in used["threshold"]],
            "Found": used["found"],
            "Hits": used["hits"],
            "True places": used["true_places"],
            "Not covered": used["uncovered"],
            "Precision (%)": share("precision"),
            "Recall (%)": share("recall"),
            "F1 (%)": [f"{value:.1f}" if pd.notna(value) else MISSING for value in used["f1_pct"]],
        },
        texts=1,
    )


def _plus_minus(value: float, error: float) -> str:
    return f"{value:.2f} ± {error:.2f}" if pd.notna(error) else f"{value:.2f}"


def ranges(content: ReportContent) -> TextTable:
    """CROSS table 3."""
    frame = ranges_table(content.ranked, content.config.front.objectives)
    return _table({"Bound": frame["bound"], **scores_columns(frame, list(frame.columns[1:]))}, texts=1)


def baselines(content: ReportContent) -> TextTable:
    """CROSS table 5."""
    frame = baseline_table(content.ranked, content.config.front.objectives)
    texts = {"Candidate": frame["candidate"], "Channels": frame["channels"], "Batch": frame["batch"]}
    return _table({**texts, **scores_columns(frame, list(frame.columns[4:]))}, texts=2)


def efficiency(content: ReportContent) -> TextTable:
    """The most efficient candidates, and what each is measured against."""
    frame = content.efficiency.head(MOST_EFFICIENT)
    shares = zip(frame["references"], frame["weights"], strict=True)
    mixes = [
        " + ".join(f"{100 * weight:.0f} % {name}" for name, weight in zip(names, weights, strict=True))
        for names, weights in shares
    ]
    columns: dict[str, Iterable[object]] = {
        "#": frame["efficiency_rank"],
        "Candidate": frame["model"],
        "Efficiency (%)": [f"{value:.1f}" for value in frame["efficiency_pct"]],
        "Super-efficiency (%)": [_beyond(row) for row in frame.to_dict("records")],
        "Constant returns (%)": [f"{value:.1f}" for value in frame["constant_returns_pct"]],
        "Samples, 5 to 95 % (%)": [
            f"{low:.1f} to {high:.1f}" for low, high in zip(frame["low_pct"], frame["high_pct"], strict=True)
        ],
    }
    if content.config.efficiency.training_inputs:
        columns["With training (%)"] = [f"{value:.1f}" for value in frame["training_efficiency_pct"]]
        columns["Rank with training"] = frame["training_rank"]
    columns["Measured against"] = [
        "itself" if strong else mix for strong, mix in zip(frame["strong"], mixes, strict=True)
    ]
    return _table(columns, texts=2)


def utilization(content: ReportContent) -> TextTable:
    """Utilization of the front's members, and on how many fronts of two metrics each is."""
    assert content.utilizations is not None
    members = front_members(content.ranked, content.config.front.objectives)
    joined = with_utilization(content.ranked, content.utilizations).set_index("candidate")
    frame = joined.loc[members["candidate"]]
    everywhere = on_all_fronts(joined).loc[members["candidate"]]
    ratio = frame["peak_flops_per_s"] / frame["bandwidth_bytes_per_s"]
    return _table(
        {
            "#": members.index,
            "Candidate": members["candidate"],
            "Throughput (images/s)": [f"{value:,.1f}" for value in frame["images_per_s"]],
            "Batch": frame["batch_images"],
            "Utilization (%)": [f"{value:.1f}" for value in frame["utilization_pct"]],
            "Intensity (FLOP/B)": [f"{value:,.1f}" for value in frame["intensity"]],
            "Machine's ratio (FLOP/B)": [f"{value:,.1f}" for value in ratio],
            "Work in layers bound by memory (%)": [f"{value:.1f}" for value in frame["memory_bound_pct"]],
            "On all three fronts": ["yes" if flag else "no" for flag in everywhere],
        },
        texts=2,
        marked=0,
    )


def _beyond(row: Mapping[Hashable, Any]) -> str:
    """Super-efficiency of the efficient; the others' says nothing more."""
    if row["efficiency_pct"] < 100 * EFFICIENT:
        return ""
    return "none gives as much" if pd.isna(row["super_efficiency_pct"]) else f"{row['super_efficiency_pct']:.1f}"


def counts(content: ReportContent) -> TextTable:
    """CROSS table 1."""
    frame = region_counts(content.chips, content.config.data.classes)
    classes = content.config.data.classes
    columns = {f"Class {label}": [f"{count:,}" for count in frame[label]] for label in classes}
    return _table({"Region": frame["region"], **columns, "Total": [f"{count:,}" for count in frame["total"]]}, texts=1)


def bands(content: ReportContent) -> TextTable:
    """Value ranges and gaps of each band in each region."""
    frame = content.bands
    numbers = {
        title: [f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}" for value in frame[name]]
        for title, name in (("Minimum", "minimum"), ("Mean", "mean"), ("Maximum", "maximum"))
    }
    nodata = [f"{share:.2f} %" for share in frame["nodata_pct"]]
    chips = [f"{count:,}" for count in frame["chips_with_nodata"]]
    return _table(
        {
            "Region": frame["region"],
            "Band": frame["band"],
            **numbers,
            "Nodata pixels": nodata,
            "Chips with nodata": chips,
        },
        texts=2,
    )


def notices(content: ReportContent) -> TextTable:
    """What the import left aside or found odd."""
    frame = content.notices
    return _table(
        {"Region": frame["region"], "Count": frame["count"], "What": frame["what"], "Example": frame["example"]},
        texts=4,
    )


def rejected(content: ReportContent) -> TextTable:
    """Chips that are not used, and why."""
    frame = content.rejected
    return _table({"Region": frame["region"], "File": frame["file"], "Reason": frame["reason"]}, texts=3)


def folds(content: ReportContent) -> TextTable:
    """Chips per role in each fold."""
    frame = pd.crosstab(content.folds["fold"], content.folds["role"]).reindex(columns=list(ROLES), fill_value=0)
    titles = ("Training", "Validation", "Dropped by the buffer", "Hold-out")
    columns = {title: [f"{count:,}" for count in frame[role]] for title, role in zip(titles, ROLES, strict=True)}
    return _table({"Fold": frame.index, **columns}, texts=0)


def predictors(content: ReportContent) -> TextTable:
    """Kind, error and coverage of each device's latency predictor."""
    rows = []
    for device, frame in content.latencies.groupby("device", sort=False):
        column, unit = ("latency_ms", "ms") if frame["latency_ms"].notna().all() else ("energy_mj", "mJ")
        values = f"{frame[column].min():,.2f} to {frame[column].max():,.2f} {unit}"
        kind = ", ".join(sorted(frame["predictor"].unique()))
        rows.append([str(device), kind, _predictor_error(frame), _coverage(frame), values])
    headers = ["Device", "Predictor", "Median error, network left out", "Coverage", "Values"]
    return TextTable(headers, rows, texts=2)


def _predictor_error(frame: pd.DataFrame) -> str:
    """Error of one device's predictor, or how much measurements of the same network differ."""
    errors = frame["predictor_error_pct"]
    if frame["runs"].notna().all():
        spread = (100 * frame["latency_run_std_ms"] / frame["latency_ms"]).median()
        return f"measured; standard deviation over rounds {spread:.1f} % (median)"
    if errors.isna().any():
        return "not known"
    if errors.min() == errors.max():
        return f"{errors.min():.1f} %"
    return f"{errors.min():.1f} to {errors.max():.1f} %"


def _coverage(frame: pd.DataFrame) -> str:
    """Which kernels one device's predictor has prices for."""
    if frame["kernels"].isna().all():
        return "whole networks"
    shares = 100 * frame["covered_kernels"] / frame["kernels"]
    coverage = "all kernels" if shares.min() == 100 else f"{shares.min():.0f} % of kernels or more"
    if filled := int(frame["filled_kernels"].max()):
        coverage += f"; up to {filled} kernels priced by the calibrated model"
    return coverage


def device_latencies(content: ReportContent) -> TextTable:
    """Latency, or energy, of each front member on each device."""
    frame = front_members(content.ranked, content.config.front.objectives)
    devices = {
        f"{device} ({'ms' if predictor.quantity == 'latency_ms' else 'mJ'})": [
            f"{value:,.2f}" for value in frame[device_column(device, predictor.quantity)]
        ]
        for device, predictor in content.config.devices.items()
    }
    return _table({"#": frame.index, "Candidate": frame["candidate"], **devices}, texts=2, marked=0)


def regions(content: ReportContent) -> TextTable:
    """Accuracy of each front member in each region, over all folds (percent)."""
    frame = front_members(content.ranked, content.config.front.objectives)
    accuracies = {
        f"{region} (%)": [quantity("accuracy_pct").number(value) for value in frame[f"region_{region}_accuracy_pct"]]
        for region in sorted(content.config.data.regions)
        if f"region_{region}_accuracy_pct" in frame  # a region that is held out has none
    }
    return _table({"#": frame.index, "Candidate": frame["candidate"], **accuracies}, texts=2, marked=0)


def forest(content: ReportContent) -> TextTable:
    """Accuracy of the reference classifier beside that of the best network on the same channels."""
    networks = candidates_only(content.ranked).groupby("channels")["accuracy_pct"].max()
    rows = []
    for channels, frame in content.forest.groupby("channels", sort=False):
        accuracy = frame["accuracy_pct"].to_numpy(dtype=float)
        low, high = confidence_interval(accuracy, content.ranked["validation_share"].iloc[0])  # the same folds
        interval = f"{max(low, 0):.1f} to {min(high, 100):.1f}"
        f1 = quantity("f1_pct").number(frame["f1_pct"].mean())
        auc = quantity("auc").number(frame["auc"].astype(float).mean())
        best = quantity("accuracy_pct").number(networks.get(channels))
        rows.append([str(channels), f"{accuracy.mean():.1f}", interval, f1, auc, best])
    headers = ["Channels", "Accuracy (%)", "95 % interval", "F1 (%)", "AUC", "Best network's accuracy (%)"]
    return TextTable(headers, rows, texts=1)


def holdout(content: ReportContent) -> TextTable:
    """Hold-out scores beside those of cross-validation, in the front's order."""
    assert content.holdout is not None
    members = front_members(content.ranked, content.config.front.objectives)
    numbers = {candidate: number for number, candidate in members["candidate"].items()}
    known = content.ranked.set_index("candidate")["accuracy_pct"]
    frame = content.holdout.assign(number=content.holdout["candidate"].map(numbers)).sort_values("number")
    return _table(
        {
            "#": ["" if pd.isna(number) else f"{number:.0f}" for number in frame["number"]],
            "Candidate": frame["candidate"],
            "Hold-out accuracy (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            f"{words.terms(content.config).accuracy.capitalize()} accuracy (%)": [
                quantity("accuracy_pct").number(known.get(name)) for name in frame["candidate"]
            ],
            "Hold-out F1 (%)": [f"{value:.1f}" for value in frame["f1_pct"]],
            "Hold-out AUC": [quantity("auc").number(value) for value in frame["auc"]],
            "Chips": [f"{count:,}" for count in frame["validation_chips"]],
        },
        texts=2,
    )


def run_facts(content: ReportContent) -> TextTable:
    """What was run, where and with what."""
    config, trained = content.config, content.trained
    raw = sum(1 for _ in cross.raw_configurations(config.grid.space.choices))
    objectives = ", ".join(f"{objective.name} ({objective.direction})" for objective in config.front.objectives)
    facts = {
        "Run": config.run,
        "Base seed": str(config.seed),
        "Objectives": objectives,
        "Candidates": f"{len(candidates_only(content.ranked)):,}, and {content.ranked['baseline'].sum()} baselines",
        "Search space": searched_from(config)
        if config.assembled
        else f"{raw:,} raw configurations, {len(config.architectures):,} distinct networks",
        "Search": _search_in_words(config),
        "Channel sets": "; ".join(f"{name}: {', '.join(bands)}" for name, bands in config.grid.channel_sets.items()),
        "Batch sizes": ", ".join(map(str, config.grid.batch_sizes)),
        "Folds": words.folds(config),
        "Hold-out": words.holdout(config),
        "Training": words.training(config),
        "Normalisation": config.data.normalisation,
        "Bad chips and gaps": words.data_rules(config),
        "Trainings": f"{len(trained):,}, {trained['training_s'].sum() / 3600:.2f} hours in all",
        "Compute devices": "; ".join(sorted(trained["compute_device"].unique())),
        "Precision": ", ".join(sorted(trained["precision"].unique())),
        "Threads per training": ", ".join(map(str, sorted(trained["threads"].unique()))),
        "Utilization of trainings": f"{trained['utilization_pct'].median():.0f} % of a large matrix product's speed "
        f"(median; {trained['utilization_pct'].min():.0f} to {trained['utilization_pct'].max():.0f} %)",
        "Largest memory of a training": f"{trained['peak_memory_bytes'].max() / 1e9:.2f} GB",
        "Versions": "; ".join(sorted(trained["versions"].unique())),
    }
    return TextTable(["What", "Value"], [list(fact) for fact in facts.items()], texts=2)


def left_out(content: ReportContent) -> TextTable:
    """Trainings that failed for good, and where they say why."""
    frame = left_out_table(content)
    folder = f"results/{content.config.run}/logs/train_fold"
    names = "folds" if content.config.folds_together else frame["fold"].astype(str)
    jobs = frame.assign(batch=frame["batch"].astype(str), log=names)[["channels", "batch", "architecture", "log"]]
    logs = [f"{folder}/{'/'.join(job)}.log" for job in jobs.itertuples(index=False)]
    return _table(
        {
            "Channels": frame["channels"],
            "Batch": frame["batch"],
            "Architecture": frame["architecture"],
            "Fold": frame["fold"],
            "Log": logs,
        },
        texts=5,
    )


def search(content: ReportContent) -> TextTable:
    """What each round of the search brought."""
    frame = search_table(content)
    return _table(
        {
            "Round": frame["round"] + 1,
            "Proposed": frame["proposed"],
            "Best accuracy so far (%)": [quantity("accuracy_pct").number(value) for value in frame["accuracy_pct"]],
            "Of them on the front": frame["on_front"],
        },
        texts=0,
    )


def comparison(content: ReportContent) -> TextTable:
    """What each search strategy would have found in the grid."""
    assert content.comparison is not None
    frame = comparison_table(content.comparison)

    def spread(name: str, digits: int = 1) -> list[str]:
        pairs = zip(frame[name], frame[f"{name}_std"], strict=True)
        return [f"{mean:.{digits}f}" + ("" if pd.isna(std) else f" ± {std:.{digits}f}") for mean, std in pairs]

    return _table(
        {
            "Strategy": frame["strategy"],
            "Searches": frame["searches"],
            "Trained": [f"{value:.0f}" for value in frame["trained"]],
            "Training (hours)": spread("training_hours", 2),
            "Front recall (%)": spread("recall_pct"),
            "Hypervolume (% of the true front's)": spread("hypervolume_pct"),
        },
        texts=1,
    )


def runs(content: ReportContent) -> TextTable:
    """This run and others: what each found of the front of all, and what it cost."""
    assert content.runs is not None
    frame = content.runs
    return _table(
        {
            "Run": frame["run"],
            "Candidates": [f"{count:,}" for count in frame["candidates"]],
            "Trainings": [f"{count:,}" for count in frame["trainings"]],
            "Training (core-hours)": [f"{hours:.2f}" for hours in frame["training_hours"]],
            "Search (core-hours)": [f"{hours:.2f}" for hours in frame["search_hours"]],
            "Best accuracy (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "Front recall (%)": [f"{value:.0f}" for value in frame["recall_pct"]],
            "Hypervolume (% of all runs')": [f"{value:.1f}" for value in frame["hypervolume_pct"]],
        },
        texts=1,
    )


def picks(content: ReportContent) -> TextTable:
    """Best cost, best accuracy and the knee between them (PRP table 1: BL, BA, O)."""
    cost = content.config.supernet.cost
    trained = candidates_only(content.ranked)
    losses = np.column_stack([-trained["accuracy_pct"], trained[cost]])
    ends = [np.lexsort((losses[:, 0], losses[:, 1]))[0], np.lexsort((losses[:, 1], losses[:, 0]))[0]]
    chosen = trained.iloc[[*ends, knee(losses)]]
    return _table(
        {
            "Pick": [f"Best {quantity(cost).title.lower()}", "Best accuracy", "Knee"],
            "Candidate": chosen["candidate"],
            "Accuracy (%)": [f"{value:.1f}" for value in chosen["accuracy_pct"]],
            quantity(cost).title: [f"{value:.2f}" for value in chosen[cost]],
        },
        texts=2,
    )


def ranking_quality(content: ReportContent) -> TextTable:
    """How well each variant of supernet ranks (PRP table 4)."""
    assert content.ranking_quality is not None
    groups = content.ranking_quality.groupby(["channels", "variant"], sort=False)

    def spread(name: str, digits: int) -> list[str]:
        values = [(group[name].mean(), group[name].std()) for _, group in groups]
        return [MISSING if pd.isna(mean) else f"{mean:.{digits}f} ± {std:.{digits}f}" for mean, std in values]

    return _table(
        {
            "Channels": [group["channels"].iloc[0] for _, group in groups],
            "Variant": [group["variant"].iloc[0].replace("_", " ") for _, group in groups],
            "Supernets": [len(group) for _, group in groups],
            "tau-b of Pareto ranks": spread("tau_b", 3),
            "of error alone": spread("error_tau_b", 3),
            "of the best ranks": spread("top_tau_b", 3),
            "Top 5 (%)": spread("top5_pct", 0),
            "Hypervolume (%)": spread("hypervolume_pct", 1),
            "Front recall (%)": spread("recall_pct", 0),
            "Network steps": [f"{group['network_steps'].mean():,.0f}" for _, group in groups],
            "Core-hours": spread("hours", 3),
        },
        texts=2,
    )


_JUDGED_BY = {"accuracy_pct": quantity("accuracy_pct").title, "cross_entropy": "Cross-entropy"}


def difficulty(content: ReportContent) -> TextTable:
    """Whether networks differ by more than chance."""
    assert content.difficulty is not None
    frame, cost = content.difficulty, quantity(content.config.supernet.cost).title
    digits = 2 if (frame["measure"] == "accuracy_pct").all() else 4
    return _table(
        {
            "Channels": frame["channels"],
            "Networks": frame["networks"],
            "Trainings of each": frame["seeds"],
            "Ranked by": [f"{_JUDGED_BY[name]}, {cost}" for name in frame["measure"]],
            "Std between networks": [f"{value:.{digits}f}" for value in frame["network_std"]],
            "Std between seeds": [f"{value:.{digits}f}" for value in frame["seed_std"]],
            "Ratio": [f"{value:.2f}" for value in frame["network_std"] / frame["seed_std"]],
            "tau-b of two halves": [f"{value:.3f}" for value in frame["ceiling_tau_b"]],
            "Most without ties": [f"{value:.3f}" for value in frame["strict_tau_b"]],
            "Core-hours": [f"{value:.2f}" for value in frame["hours"]],
        },
        texts=1,
    )


def derived(content: ReportContent) -> TextTable:
    """What searches under budgets found, and how accurate that is after training by itself."""
    assert content.derived is not None
    frame = with_candidates(content.derived, content.ranked)
    keys = ["channels", "quantity", "budget"]
    groups = [group for _, group in frame[frame["origin"] == "search"].groupby(keys, sort=False)]
    best = [group.sort_values("accuracy_pct", na_position="first").iloc[-1] for group in groups]
    random = frame[frame["origin"] == "random"]
    drawn = [random.loc[(random[keys] == row[keys]).all(axis=1), "accuracy_pct"] for row in best]
    return _table(
        {
            "Channels": [row["channels"] for row in best],
            "Best network": [row["architecture"] for row in best],
            "Budget": [_amount(row["budget"], row["quantity"]) for row in best],
            "Its cost": [_amount(row["cost"], row["quantity"]) for row in best],
            "Searches": [len(group) for group in groups],
            "Share of the budget (%)": [f"{100 * (group['cost'] / group['budget']).mean():.0f}" for group in groups],
            "Met without derivation": [int((group["plain_cost"] <= group["budget"]).sum()) for group in groups],
            "Accuracy (%)": [_spread(group["accuracy_pct"]) for group in groups],
            "Best found (%)": [_number(group["accuracy_pct"].max()) for group in groups],
            "At random": [str(len(values)) for values in drawn],
            "Their median (%)": [_number(values.median()) for values in drawn],
            "Their best (%)": [_number(values.max()) for values in drawn],
            "Epochs": [_span(group["epochs"]) for group in groups],
            "Most skips among edges": [f"{group['skips'].max()} of {group['edges'].iloc[0]}" for group in groups],
        },
        texts=2,
    )


def _span(values: pd.Series) -> str:
    least, most = int(values.min()), int(values.max())
    return f"{least}" if least == most else f"{least} to {most}"


def _amount(value: float, quantity: str) -> str:
    """What of a quantity, or of a device's time."""
    counted = quantity in COUNTED
    return f"{value:,.0f} {quantity.replace('_', '-')}" if counted else f"{value:.3g} ms on {quantity}"


def _number(value: float) -> str:
    return MISSING if np.isnan(value) else f"{value:.1f}"


def _spread(values: pd.Series) -> str:
    """Mean and standard deviation over searches."""
    return MISSING if values.isna().all() else f"{values.mean():.1f} ± {values.std(ddof=0):.1f}"


def battery(content: ReportContent) -> TextTable:
    """How long one charge lasts, by policy (PRP figure 8)."""
    assert content.battery is not None
    groups = [group for _, group in content.battery.groupby(["channels", "policy"], sort=False)]
    right = [(group["accuracy_pct"] * group["inferences"]).sum() / 100 for group in groups]
    done = [group["inferences"].sum() for group in groups]
    return _table(
        {
            "Channels": [group["channels"].iloc[0] for group in groups],
            "Policy": [group["policy"].iloc[0] for group in groups],
            "Networks in turn": [", ".join(group["architecture"]) for group in groups],
            "Switched after (hours)": [
                ", ".join(f"{hours:.1f}" for hours in group["end_h"].iloc[:-1]) or MISSING for group in groups
            ],
            "Lasts (hours)": [f"{group['end_h'].iloc[-1]:.1f}" for group in groups],
            "Charge left (%)": [f"{group['end_pct'].iloc[-1]:.0f}" for group in groups],
            "Inferences": [f"{count:,}" for count in done],
            "Right (%)": [f"{100 * good / max(1, count):.1f}" for good, count in zip(right, done, strict=True)],
            "Right answers": [f"{good:,.0f}" for good in right],
        },
        texts=3,
    )


def packed(content: ReportContent) -> TextTable:
    """What the networks of the packed file reach by their shared weights."""
    assert content.packed is not None
    frame = content.packed
    return _table(
        {
            "Channels": frame["channels"],
            "Network": frame["architecture"],
            "Accuracy by shared weights (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "Alone (MB)": [f"{value / 1e6:.1f}" for value in frame["own_bytes"]],
            "All in one file (MB)": [f"{value / 1e6:.1f}" for value in frame["shared_bytes"]],
        },
        texts=2,
    )


def race(content: ReportContent) -> TextTable:
    """Who was stopped, when and why."""
    assert content.race is not None
    frame = content.race.sort_values(["after_folds", "lead_pct"], ascending=[True, False], kind="stable")
    return _table(
        {
            "Candidate": [candidate_name(*key) for key in frame[KEYS].itertuples(index=False)],
            "Dominated by": frame["dominated_by"],
            "After folds": frame["after_folds"],
            "Accuracy (%)": [f"{value:.1f}" for value in frame["accuracy_pct"]],
            "That one's (%)": [f"{value:.1f}" for value in frame["rival_accuracy_pct"]],
            "Better by at least (points)": [f"{value:.1f}" for value in frame["lead_pct"]],
        },
        texts=2,
    )


def provenance(content: ReportContent) -> TextTable:
    """What made the tables behind the report."""
    frame = provenance_table(content.provenance)
    return _table(
        {
            "Stage": frame["stage"],
            "Host": frame["hosts"],
            "Chips (SHA-256)": [checksum[:12] for checksum in frame["data_sha256"]],
            "Contract": frame["contract"],
            "Jobs": [f"{count:,}" for count in frame["jobs"]],
            "Time": [_duration(seconds) for seconds in frame["seconds"]],
            "Finished (UTC)": [text[:16].replace("T", " ") for text in frame["finished"]],
        },
        texts=3,
    )


def versions(content: ReportContent) -> TextTable:
    """Which environments the stages ran in."""
    stages: dict[str, list[str]] = {}
    for record in content.provenance:
        for environment in record.versions:
            stages.setdefault(environment, []).append(record.stage)
    rows = [["all" if len(stages) == 1 else ", ".join(names), packages] for packages, names in stages.items()]
    return TextTable(["Stages", "Versions"], rows, texts=2)


def _duration(seconds: float) -> str:
    if seconds < SECONDS_LEFT_AS_THEY_ARE:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < SECONDS_PER_HOUR else f"{seconds / SECONDS_PER_HOUR:,.1f} h"


def _search_in_words(config: Config) -> str:
    search = config.search
    if search.strategy == "grid":
        return "the whole grid"
    if search.strategy == "constrained":
        return f"{search.strategy}, {searched_from(config)}"
    bound = "at least" if search.filters else "at most"
    return f"{search.strategy}, {bound} {search.candidates} of {searched_from(config)}"


def config_text(content: ReportContent) -> str:
    """The whole configuration as JSON."""
    return json.dumps(content.config.model_dump(mode="json"), indent=2)
