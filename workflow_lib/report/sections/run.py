"""Section with the details of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.core.candidate import KEYS, TRAINED, Candidate
from workflow_lib.report import words
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import searched_from
from workflow_lib.report.page_parts import data_address
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.search.proposal_tables import PROPOSALS_RESULT, RACE_RESULT
from workflow_lib.training.score_tables import TRAINED_RESULT

if TYPE_CHECKING:
    from workflow_lib.config import Config
    from workflow_lib.report.content import ReportContent


MAX_SHOWN_SECONDS, SECONDS_PER_HOUR = 100, 3600
"""Durations below the first are shown in seconds."""

_RULE_GRAPH = Path(__file__).parents[1] / "templates" / "rulegraph.svg"
"""Output of `snakemake all deploy --rulegraph dot | dot -Tsvg` with every feature enabled; also shown in the README."""

_EXPECTED_CONSTANT = {
    "compute_device": "kinds of hardware", "compute_precision": "precisions", "versions": "sets of versions"
}  # fmt: skip
"""Column that should be the same for all trainings -> plural noun for its values."""


def run_facts(content: ReportContent) -> TextTable:
    """Tabulate the settings, hardware and software of the run."""
    config, scores, ranked = content.config, content[TRAINED_RESULT], content[RANKED_RESULT]
    trained = scores[scores["precision"] == TRAINED]
    objectives = ", ".join(f"{objective.name} ({objective.direction})" for objective in config.front.objectives)
    facts = {
        "Run": config.run,
        "Base seed": str(config.seed),
        "Objectives": objectives,
        "Candidates": f"{content.candidate_count:,}, plus {ranked['baseline'].sum()} baselines",
        "Search space": searched_from(config)
        if config.assembled
        else f"{config.grid.declaration.title}: {config.grid.networks.size:,} raw configurations, "
        f"{len(config.architectures) - len(config.grid.extra_networks):,} distinct networks"
        + (f"; and {', '.join(config.grid.extra_networks)}" if config.grid.extra_networks else ""),
        "Search": _search_in_words(config),
        "Channel sets": "; ".join(f"{name}: {', '.join(bands)}" for name, bands in config.grid.channel_sets.items()),
        "Batch sizes": ", ".join(map(str, config.grid.batch_sizes)),
        **({"Recipes": words.recipes(config)} if config.grid.recipes else {}),
        **({"Precisions": ", ".join(config.grid.precisions)} if config.grid.converted else {}),
        "Folds": words.folds(config),
        "Hold-out": words.holdout(config),
        "Training": words.training(config),
        "Normalisation": config.data.normalisation,
        "Bad chips and nodata": words.data_rules(config),
        "Trainings": f"{len(trained):,}, {trained['training_s'].sum() / 3600:.2f} hours in total",
        "Compute devices": "; ".join(sorted(trained["compute_device"].unique())),
        "Precision of trainings": ", ".join(sorted(trained["compute_precision"].unique())),
        "Threads per training": ", ".join(map(str, sorted(trained["threads"].unique()))),
        "Utilization of trainings": f"{trained['utilization_pct'].median():.0f} % of a large matrix product's speed "
        f"(median; {trained['utilization_pct'].min():.0f} to {trained['utilization_pct'].max():.0f} %)",
        "Peak memory of a training": f"{trained['peak_memory_bytes'].max() / 1e9:.2f} GB",
        "Versions": "; ".join(sorted(trained["versions"].unique())),
    }
    return TextTable(["Item", "Value"], [list(fact) for fact in facts.items()], texts=2)


def failed_trainings(content: ReportContent) -> TextTable:
    """Tabulate the trainings that failed permanently, with their logs."""
    from workflow_lib.report.tables import missing_trainings

    frame = missing_trainings(content)
    folder = f"results/{content.config.run}/logs/train_fold"
    names = ["folds"] * len(frame) if content.config.folds_together else frame["fold"].astype(str)
    candidates = [Candidate(*key) for key in frame[KEYS].itertuples(index=False)]
    logs = [f"{folder}/{each.folder}/{name}.log" for each, name in zip(candidates, names, strict=True)]
    return make_table({"Candidate": list(map(str, candidates)), "Fold": frame["fold"], "Log": logs}, texts=3)


def provenance(content: ReportContent) -> TextTable:
    """Tabulate the provenance of the tables behind the report."""
    from workflow_lib.report.tables import provenance_table

    frame = provenance_table(content.provenance)
    return make_table(
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
    """Tabulate the software versions that each stage ran with."""
    stages: dict[str, list[str]] = {}
    for record in content.provenance:
        for environment in record.versions:
            stages.setdefault(environment, []).append(record.stage)
    rows = [["all" if len(stages) == 1 else ", ".join(names), packages] for packages, names in stages.items()]
    return TextTable(["Stages", "Versions"], rows, texts=2)


def _duration(seconds: float) -> str:
    if seconds < MAX_SHOWN_SECONDS:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < SECONDS_PER_HOUR else f"{seconds / SECONDS_PER_HOUR:,.1f} h"


def _search_in_words(config: Config) -> str:
    search = config.search
    if search.strategy == "grid":
        return "the whole grid"
    if search.declaration.propose and config.assembled:
        return f"{search.strategy}, {searched_from(config)}"
    limits = ", ".join(f"{name} at most {value:g}" for name, value in search.limits.items())
    count = f"at most {search.candidates} of {searched_from(config)}"
    if words.trains_partly(config):
        count = f"{searched_from(config)}, with the effort of {search.candidates} whole trainings"
    budgets = search.budgets or (config.cell_search.budgets if config.cell_search else {})
    wanted = "; ".join(f"{name} {', '.join(f'{value:g}' for value in values)}" for name, values in budgets.items())
    return (
        f"{search.strategy}, {count}"
        + (f" with {limits}" if limits else "")
        + (f", for the best within budgets ({wanted})" if wanted else "")
    )


def config_text(content: ReportContent) -> str:
    """Return the whole configuration as JSON."""
    return json.dumps(content.config.model_dump(mode="json"), indent=2)


def rule_graph() -> str:
    """Return the rule graph as a data URL."""
    return data_address(_RULE_GRAPH.read_bytes(), "svg+xml")


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    from workflow_lib.report.tables import missing_trainings

    trained, notes = content[TRAINED_RESULT], []
    if failed := len(missing_trainings(content)):
        notes.append(
            f"Trainings that failed permanently: {failed:,}. Their candidates are excluded from all results; "
            "see the run details."
        )
    for column, what in _EXPECTED_CONSTANT.items():
        if (kinds := trained[column].nunique()) > 1:
            notes.append(
                f"The networks were trained on {kinds} different {what}, so their results may not be exactly "
                "comparable."
            )
    return notes


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "run_facts": run_facts(content),
        "failed_trainings": failed_trainings(content),
        "rules_address": rule_graph(),
        "provenance": provenance(content),
        "versions": versions(content),
        "stamp": content.stamp,
        "config_text": config_text(content),
        "files": content.files,
    }


SECTION = SectionDeclaration(
    title="Run details",
    reads=(
        TRAINED_RESULT,
        RANKED_RESULT,
    ),
    optional=(PROPOSALS_RESULT, RACE_RESULT),
    position=120,
    values=values,
    caveats=caveats,
)
