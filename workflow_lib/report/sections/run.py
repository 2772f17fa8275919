"""What was run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
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
"""Shorter times are shown in seconds."""

_RULE_GRAPH = Path(__file__).parents[1] / "templates" / "rulegraph.svg"
"""dot -Tsvg of `snakemake all deploy --rulegraph dot` with all that a config can ask for; also in README."""

_EXPECTED_ALIKE = {
    "compute_device": "kinds of hardware", "precision": "precisions", "versions": "sets of versions"
}  # fmt: skip
"""Column of a training -> what it is called, where trainings should be alike."""


def run_facts(content: ReportContent) -> TextTable:
    """What was run, where and with what."""
    config, trained, ranked = content.config, content[TRAINED_RESULT], content[RANKED_RESULT]
    objectives = ", ".join(f"{objective.name} ({objective.direction})" for objective in config.front.objectives)
    facts = {
        "Run": config.run,
        "Base seed": str(config.seed),
        "Objectives": objectives,
        "Candidates": f"{content.candidate_count:,}, and {ranked['baseline'].sum()} baselines",
        "Search space": searched_from(config)
        if config.assembled
        else f"{config.grid.declaration.title}: {config.grid.networks.size:,} raw configurations, "
        f"{len(config.architectures):,} distinct networks",
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
    """Trainings that failed permanently, and their logs."""
    from workflow_lib.report.tables import missing_trainings

    frame = missing_trainings(content)
    folder = f"results/{content.config.run}/logs/train_fold"
    names = "folds" if content.config.folds_together else frame["fold"].astype(str)
    jobs = frame.assign(batch=frame["batch"].astype(str), log=names)[["channels", "batch", "architecture", "log"]]
    logs = [f"{folder}/{'/'.join(job)}.log" for job in jobs.itertuples(index=False)]
    return make_table(
        {
            "Channels": frame["channels"],
            "Batch": frame["batch"],
            "Architecture": frame["architecture"],
            "Fold": frame["fold"],
            "Log": logs,
        },
        texts=5,
    )


def provenance(content: ReportContent) -> TextTable:
    """What made the tables behind the report."""
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
    """Which environments the stages ran in."""
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
    bound = "at least" if search.declaration.takes_whole_fronts else "at most"
    return f"{search.strategy}, {bound} {search.candidates} of {searched_from(config)}"


def config_text(content: ReportContent) -> str:
    """The whole configuration as JSON."""
    return json.dumps(content.config.model_dump(mode="json"), indent=2)


def rule_graph() -> str:
    """The picture of the rules, as an address for a page."""
    return data_address(_RULE_GRAPH.read_bytes(), "svg+xml")


def caveats(content: ReportContent) -> list[str]:
    """What a reader must know before relying on the numbers."""
    from workflow_lib.report.tables import missing_trainings

    trained, notes = content[TRAINED_RESULT], []
    if failed := len(missing_trainings(content)):
        notes.append(
            f"Trainings that failed permanently: {failed:,}. Their candidates are left out of everything here; see "
            "what was run."
        )
    for column, what in _EXPECTED_ALIKE.items():
        if (kinds := trained[column].nunique()) > 1:
            notes.append(
                f"The networks were trained on {kinds} different {what}; their results need not be comparable bit by "
                "bit."
            )
    return notes


def values(content: ReportContent) -> Mapping[str, Any]:
    """What the template sees."""
    return {
        "run_facts": run_facts(content),
        "left_out": left_out(content),
        "rules_address": rule_graph(),
        "provenance": provenance(content),
        "versions": versions(content),
        "stamp": content.stamp,
        "config_text": config_text(content),
        "files": content.files,
    }


SECTION = SectionDeclaration(
    title="What was run",
    reads=(
        TRAINED_RESULT,
        RANKED_RESULT,
    ),
    optional=(PROPOSALS_RESULT, RACE_RESULT),
    position=120,
    values=values,
    caveats=caveats,
)
