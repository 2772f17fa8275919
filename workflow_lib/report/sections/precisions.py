"""Section on lower numeric precisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.field.field_tables import PRECISIONS_RESULT
from workflow_lib.report import words
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import MISSING
from workflow_lib.report.text_table import TextTable, make_table, plus_minus

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def precisions(content: ReportContent) -> TextTable:
    """Tabulate accuracy, file size and latency of each network in each precision."""
    frame = content[PRECISIONS_RESULT]
    losses = zip(frame["precision"], frame["loss_pct"], frame["loss_error_pct"], frame["lossy"], strict=True)
    return make_table(
        {
            "Candidate": frame["candidate"],
            "Precision": frame["precision"],
            "Accuracy (%)": [
                plus_minus(*pair) for pair in zip(frame["accuracy_pct"], frame["accuracy_error_pct"], strict=True)
            ],
            "Loss (points)": [
                MISSING if name == "fp32" else plus_minus(loss, error) + (" (too high)" if lossy else "")
                for name, loss, error, lossy in losses
            ],
            "File size (bytes)": [f"{value:,}" for value in frame["memory_bytes"]],
            "Latency measured here (ms)": [f"{value:.2f}" for value in frame["latency_ms"]],
        },
        texts=2,
    )


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "precisions": precisions(content),
        "terms": words.terms(content.config),
    }


SECTION = SectionDeclaration(
    title="Lower precisions",
    reads=(PRECISIONS_RESULT,),
    position=90,
    values=values,
)
