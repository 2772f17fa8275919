"""Section with the answer: which model to deploy, and how certain the recommendation is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable
from workflow_lib.training.score_tables import FOREST_RESULT

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def comparison(content: ReportContent) -> TextTable:
    """Compare the recommended candidate with its baseline."""
    from workflow_lib.report.recommendation import compare_with_baseline, recommended_row, reference_baseline

    ranked = content[RANKED_RESULT]
    names = [objective.name for objective in content.config.front.objectives]
    baseline = reference_baseline(ranked, recommended_row(ranked))
    headers = ["", "Recommended"] + (["Baseline", "Recommended vs. baseline"] if baseline is not None else [])
    return TextTable(headers, compare_with_baseline(ranked, names), texts=len(headers))


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    from workflow_lib.report.recommendation import (
        describe_candidate,
        forest_verdict,
        headline,
        recommended_row,
        verdict,
    )

    candidate = recommended_row(content[RANKED_RESULT])
    return {
        "candidate": candidate["candidate"],
        "headline": headline(content),
        "description": describe_candidate(candidate, content.config),
        "comparison": comparison(content),
        "verdict": verdict(content),
        "forest_verdict": forest_verdict(content),
        "predictor_kinds": sorted(content[LATENCIES_RESULT]["predictor"].unique()),
    }


SECTION = SectionDeclaration(
    title="Deploy this model",
    reads=(RANKED_RESULT, FOREST_RESULT, LATENCIES_RESULT),
    position=0,
    values=values,
    in_navigation=False,
)
