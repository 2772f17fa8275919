"""Section on relative efficiency."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.efficiency_tables import EFFICIENCY_RESULT
from workflow_lib.report import words
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import column_format
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


MOST_EFFICIENT = 15
"""Number of candidates in the table; the table file has all."""


def efficiency(content: ReportContent) -> TextTable:
    """Tabulate the most efficient candidates and what each is measured against."""
    frame = content[EFFICIENCY_RESULT].head(MOST_EFFICIENT)
    shares = zip(frame["references"], frame["weights"], strict=True)
    mixes = [
        " + ".join(f"{100 * weight:.0f} % {name}" for name, weight in zip(names, weights, strict=True))
        for names, weights in shares
    ]
    columns: dict[str, Iterable[object]] = {
        "#": range(1, len(frame) + 1),
        "Candidate": frame["model"],
        "Efficiency (%)": [f"{value:.1f}" for value in frame["efficiency_pct"]],
        "Super-efficiency (%)": [_super_efficiency(row) for row in frame.to_dict("records")],
        "Efficiency with constant returns (%)": [f"{value:.1f}" for value in frame["constant_returns_pct"]],
        "Returns to scale": frame["returns_to_scale"],
        "Efficiency, 5th to 95th percentile of samples (%)": [
            f"{low:.1f} to {high:.1f}" for low, high in zip(frame["low_pct"], frame["high_pct"], strict=True)
        ],
    }
    if content.config.efficiency.training_inputs:
        columns["Efficiency with training costs (%)"] = [f"{value:.1f}" for value in frame["training_efficiency_pct"]]
        columns["Rank with training costs"] = frame["training_rank"]
    columns["Measured against"] = [
        "itself" if strong else mix for strong, mix in zip(frame["strong"], mixes, strict=True)
    ]
    return make_table(columns, texts=2)


def _super_efficiency(row: Mapping[Hashable, Any]) -> str:
    """Format the super-efficiency of an efficient candidate; for others it equals the efficiency and is omitted."""
    import pandas as pd

    from workflow_lib.pareto.envelopment import EFFICIENT

    if row["efficiency_pct"] < 100 * EFFICIENT:
        return ""
    return (
        "no mix reaches its outputs" if pd.isna(row["super_efficiency_pct"]) else f"{row['super_efficiency_pct']:.1f}"
    )


def _lucky(content: ReportContent) -> list[str]:
    """Describe the candidates that variable returns call efficient by construction."""
    from workflow_lib.analysis.efficiency_scores import best_by_construction

    rows = best_by_construction(content[EFFICIENCY_RESULT], content.config.efficiency)
    return [
        f"{model} ({share:.1f} % with constant returns)"
        for model, share in zip(rows["model"], rows["constant_returns_pct"], strict=True)
    ]


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "efficiency": efficiency(content),
        "inputs": [column_format(name).title for name in content.config.efficiency.inputs],
        "outputs": [column_format(name).title for name in content.config.efficiency.outputs],
        "returns": content.config.efficiency.returns,
        "orientation": content.config.efficiency.orientation,
        "lucky": _lucky(content),
        "reference": words.reference(content.config),
        "sampled": words.sampled(content.config),
        "cut_pct": content[EFFICIENCY_RESULT]["cut_pct"].max(),
    }


SECTION = SectionDeclaration(
    title="Relative efficiency",
    reads=(EFFICIENCY_RESULT,),
    position=40,
    values=values,
)
