"""Section on cascades and ensembles of two front members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import COMBINATIONS_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import column_format
from workflow_lib.report.text_table import TextTable, make_table, plus_minus

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent

HEADING = "The most accurate combinations that extend the front"
SHOWN = 15


def combinations(content: ReportContent) -> Mapping[str, TextTable]:
    """Tabulate the most accurate combinations that no front member covers."""
    frame = content[COMBINATIONS_RESULT]
    frame = frame[frame["extends_front"].astype(bool)].sort_values("accuracy_pct", ascending=False).head(SHOWN)
    if frame.empty:
        return {}
    accuracies = zip(frame["accuracy_pct"], frame["accuracy_error_pct"], strict=True)
    table = make_table(
        {
            "Kind": frame["kind"],
            "First": frame["first"],
            "Second": frame["second"],
            "Handed over (%)": [f"{value:.1f}" for value in frame["handed_over_pct"]],
            "Accuracy (%), standard error over folds": [plus_minus(*pair) for pair in accuracies],
            "Expected latency (ms)": [column_format("latency_mean_ms").number(v) for v in frame["latency_mean_ms"]],
            "Memory (MB)": [column_format("memory_bytes").number(value) for value in frame["memory_bytes"]],
        },
        texts=3,
    )
    return {HEADING: table}


def sentences(content: ReportContent) -> Sequence[str]:
    """Explain the combinations, and say how many extend the front."""
    frame = content[COMBINATIONS_RESULT]
    if frame.empty:
        return ["The front has one member, so there is nothing to combine."]
    kinds = {kind: frame.loc[frame["kind"] == kind, "extends_front"] for kind in ("cascade", "ensemble")}
    found = " and ".join(f"{int(extends.sum())} of {len(extends)} {kind}s" for kind, extends in kinds.items())
    return [
        "In a cascade, a fast network classifies every chip and hands over to a slower one where its highest "
        "probability is low. An ensemble averages the probabilities of two networks. All were computed from kept "
        "predictions, without further training. The threshold of a cascade is fitted to other parts of the chips than "
        "those that score it.",
        f"{found} extend the front: no front member is as accurate, as fast and as small at the same time. Many "
        "combinations were tried, so the best of them look better than they are; small differences mean nothing.",
    ]


SECTION = SectionDeclaration(
    title="Cascades and ensembles",
    reads=(COMBINATIONS_RESULT,),
    position=36,
    sentences=sentences,
    values=combinations,
)
