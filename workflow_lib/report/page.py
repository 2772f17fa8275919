"""The report: one HTML page that opens without a network."""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from workflow_lib.report import sections, words
from workflow_lib.report.answer import (
    compare_with_baseline,
    describe_candidate,
    forest_verdict,
    recommended_row,
    reference_baseline,
    verdict,
)
from workflow_lib.report.caveats import caveats
from workflow_lib.report.content import ReportContent
from workflow_lib.report.names import quantity, searched_from
from workflow_lib.report.sections import TextTable
from workflow_lib.report.tables import front_members

CAPTIONS = {
    "front_pairs": "Every pair of objectives. The dashed line is the front of that pair alone; bars are 95 "
    "% intervals of the accuracy of front members; numbers are those of the front table, where there is "
    "room.",
    "front_3d": "All candidates and the front; lines drop to the ground.",
    "front_radar": "The front's members one by one. Outward is better.",
    "latency_devices": "Latency on each device.",
    "predictor_validation": "Networks that were measured whole beside what the predictor says of them. It was "
    "fitted to none of those in blue; the band is 10 % to either side.",
    "dimension_effects": "How the choices of the search space move each objective: one point per "
    "candidate, the front in blue; boxes span the quartiles, the orange line is the median.",
    "efficiency_fronts": "Each input alone: every candidate, those that are efficient in all inputs together, and the "
    "fronts of averages (variable returns) and of candidates scaled at will (constant returns).",
    "efficiency_boxes": "Relative efficiency when all columns with deviations are drawn anew, all at once.",
    "efficiency_dominance": "An arrow leads from a candidate to one whose efficiency is stochastically smaller: its "
    "distribution lies nowhere above the other's. What follows from other arrows is left out; two without a path "
    "between them cannot be told apart.",
    "efficiency_training": "How the efficiency and its rank move when the costs of training count, too.",
    "utilization_fronts": "Accuracy, throughput and utilization, two at a time. Large points are on the front of the "
    "pair, rings on all three fronts; below 1 on the colour scale a network is bound by memory.",
    "utilization_roofline": "What each network reaches on this machine, under what its peak and its bandwidth allow; "
    "and where the recommended network's layers lie.",
    "utilization_accuracy": "Accuracy against utilization: whether one tells of the other.",
    "comparison_progress": "What each strategy has found of the front, and what it still misses of its hypervolume, "
    "after so many trainings and so many hours of them. Lines are means over its searches, bands span them.",
    "comparison_fronts": "What each strategy trained with the same budget, first search, beside the true front of "
    "these two objectives. The worst twentieth by the first of them is outside the frame.",
    "runs_fronts": "Candidates of this run and of others on the same chips and folds, and the front of all of them.",
    "supernet_alpha": "Architecture parameters over the epochs of step 2: the higher a value's, the lower the Pareto "
    "ranks of networks that have it. Dotted lines: values were pruned.",
    "supernet_quality": "How well supernets rank the networks, and what they cost: one point per supernet, a line at "
    "the mean. Dashed: what two halves of the networks' own trainings agree on.",
    "supernet_ranks": "True Pareto rank of each network against the place that the first supernet of each variant "
    "gives it. Large points stand for several networks.",
    "cells_accuracy": "Networks that were searched within budgets, trained by themselves: against what they cost, and "
    "over the searches of each budget (colours). Grey, where any were drawn: networks at random within the budget, "
    "with a line at their median.",
    "cells_search": "What networks would cost in the mean if each edge drew its operation, and the multiplier that "
    "holds it to the bound (dashed), over the epochs of the searches.",
    "cells_budgets": "The cost of networks that come of searches at several bounds, with the bounds that were read for "
    "the budgets (diamonds); and the cost of the networks of the budgets' searches, on or below the dashed line. "
    "Rings: of the most probable networks, whatever they cost.",
    "cells_alpha": "The probability of each operation, over the epochs of the first search.",
    "battery_charge": "One battery, three ways to live on it: the most accurate network alone, the most frugal one "
    "alone, and switching between networks at the dots. The share of right answers is each network's validation "
    "accuracy.",
    "utilization_folded": "Networks before and after folding: chips stacked in channels, widths times the root of "
    "their number. As many multiplications per chip, fewer bytes.",
    "sample_map": "Where chips were cut from the scenes, and points of which there could be none.",
    "front_precisions": "The front's networks in smaller numbers: lines join the files of one network; grey: all "
    "candidates, in fp32.",
    "area_maps": "What the recommended model finds in whole scenes, and the probability of what is looked for, one "
    "pixel per window.",
    "map_scores": "Precision and recall against the true places, as the threshold rises; bars are 95 % intervals at "
    "the one that was applied.",
    "input_channels": "Sample chips as the networks see them, one panel per channel.",
    "chip_map": "Where the chips lie, coloured by the fold in which they validate.",
    "chip_map_roles": "Where the chips lie, coloured by their role in the first fold.",
}
"""Figure name -> caption; the names that `ReportContent.figures` may hold."""

_SCREEN_DPI = 112
_RULE_GRAPH = Path(__file__).with_name("templates") / "rulegraph.svg"
"""dot -Tsvg of `snakemake all deploy --rulegraph dot` with all that a config can ask for; also in README."""


@dataclass(frozen=True)
class _Figure:
    """A figure as the template shows it; its width in CSS pixels keeps all lettering the same size."""

    caption: str
    address: str
    width_px: int


def render(content: ReportContent) -> str:
    """Write the report.

    Args:
        content: tables, figures and configuration of the run.

    Returns:
        A whole HTML document; figures and the interactive front are inside it.

    Raises:
        KeyError: if a figure's name is not among `CAPTIONS`.
        ValueError: if not exactly one candidate is recommended.
    """
    environment = Environment(
        loader=PackageLoader("workflow_lib.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    candidate = recommended_row(content.ranked)
    objectives = content.config.front.objectives
    return environment.get_template("report.html.j2").render(
        title=content.config.report.title,
        run=content.config.run,
        stamp=content.stamp,
        candidate=candidate,
        description=describe_candidate(candidate, content.config),
        comparison=_comparison(content),
        verdict=verdict(content),
        caveats=caveats(content),
        candidates=int((~content.ranked["baseline"].astype(bool)).sum()),
        members=len(front_members(content.ranked, objectives)),
        objectives=[quantity(objective.name).title for objective in objectives],
        accuracy_is_objective=any(objective.name == "accuracy_pct" for objective in objectives),
        forest_verdict=forest_verdict(content),
        efficiency_inputs=[quantity(name).title for name in content.config.efficiency.inputs],
        efficiency_outputs=[quantity(name).title for name in content.config.efficiency.outputs],
        efficiency_returns=content.config.efficiency.returns,
        efficiency_reference=words.reference(content.config),
        efficiency_samples=words.sampled(content.config),
        derivation=words.derivation(content.config),
        has_random=bool(content.config.cell_search and content.config.cell_search.random_networks),
        terms=words.terms(content.config),
        efficiency_cut=content.efficiency["cut_pct"].max(),
        rejected_count=len(content.rejected),
        same_split=content.config.folds.same_split,
        has_holdout=content.holdout is not None and not content.holdout.empty,
        searched_from=searched_from(content.config),
        graph_falls=0 if content.graphs is None else int(content.graphs["falls"].sum()),
        predictor_kinds=sorted(content.latencies["predictor"].unique()),
        tables=_tables(content),
        figures={name: _embed(name, png, content.config.report.dpi) for name, png in content.figures.items()},
        interactive_front=content.interactive_front,
        rules_address=_address(_RULE_GRAPH.read_bytes(), "svg+xml"),
        config_text=sections.config_text(content),
        files=content.files,
    )


def _embed(name: str, png: bytes, dpi: int) -> _Figure:
    width = int.from_bytes(png[16:20], "big")  # a PNG's first chunk starts with its width
    return _Figure(CAPTIONS[name], _address(png, "png"), round(width / dpi * _SCREEN_DPI))


def _address(image: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{b64encode(image).decode('ascii')}"


def _comparison(content: ReportContent) -> TextTable:
    names = [objective.name for objective in content.config.front.objectives]
    baseline = reference_baseline(content.ranked, recommended_row(content.ranked))
    headers = ["", "Recommended"] + (["Baseline", "Recommended against baseline"] if baseline is not None else [])
    return TextTable(headers, compare_with_baseline(content.ranked, names), texts=len(headers))


def _tables(content: ReportContent) -> dict[str, TextTable]:
    makers = (
        sections.front, sections.ranges, sections.baselines, sections.efficiency, sections.counts, sections.bands,
        sections.rejected, sections.notices, sections.folds, sections.predictors, sections.device_latencies,
        sections.forest, sections.regions, sections.run_facts, sections.left_out, sections.provenance,
        sections.versions,
    )  # fmt: skip
    tables = {make.__name__: make(content) for make in makers}
    if content.utilizations is not None:
        tables["utilization"] = sections.utilization(content)
    if content.proposals is not None:
        tables["search"] = sections.search(content)
    if content.runs is not None:
        tables["runs"] = sections.runs(content)
    if content.comparison is not None:
        tables["comparison"] = sections.comparison(content)
    if content.config.search.strategy == "supernet":
        tables["picks"] = sections.picks(content)
    if content.ranking_quality is not None:
        tables["ranking_quality"] = sections.ranking_quality(content)
        tables["difficulty"] = sections.difficulty(content)
    if content.derived is not None:
        tables["derived"] = sections.derived(content)
    if content.battery is not None:
        tables["battery"] = sections.battery(content)
    if content.packed is not None:
        tables["packed"] = sections.packed(content)
    if content.samples is not None:
        tables["samples"], tables["no_chips"] = sections.samples(content.samples), sections.no_chips(content.samples)
    if content.precisions is not None:
        tables["precisions"] = sections.precisions(content.precisions)
    if content.map_scores is not None:
        tables["map_scores"] = sections.map_scores(content.map_scores)
    if content.race is not None:
        tables["race"] = sections.race(content)
    if content.holdout is not None and not content.holdout.empty:
        tables["holdout"] = sections.holdout(content)
    return tables
