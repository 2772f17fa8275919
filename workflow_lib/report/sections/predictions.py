"""Section on single predictions: comparisons chip by chip, confusion, curves and calibration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from workflow_lib.analysis.prediction_tables import CALIBRATION_RESULT, PAIRED_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent

HEADING = "The recommended model against others, on the same validation chips"


def p_value(value: float) -> str:
    """Format a p value.

    >>> p_value(0.01234), p_value(1e-9)
    ('0.0123', '< 0.0001')
    """
    return f"{value:.4f}" if value >= 0.0001 else "< 0.0001"


def paired(content: ReportContent) -> TextTable:
    """Tabulate the comparisons of the recommended model, chip by chip."""
    frame = content[PAIRED_RESULT]
    columns: dict[str, Iterable[object]] = {
        "Compared with": frame["other"],
        "Difference in accuracy (points)": [f"{value:+.2f}" for value in frame["difference_pct"]],
        "95 % interval": [
            f"{low:+.2f} to {high:+.2f}" for low, high in zip(frame["low_pct"], frame["high_pct"], strict=True)
        ],
    }
    if frame["mcnemar_p"].notna().all():
        columns |= {
            "Chips that only the recommended model gets right": frame["only_candidate"].astype(int),
            "Chips that only the other gets right": frame["only_other"].astype(int),
            "McNemar's p": [p_value(value) for value in frame["mcnemar_p"]],
            "Adjusted p": [p_value(value) for value in frame["holm_p"]],
        }
    return make_table(columns, texts=1)


def sentences(content: ReportContent) -> Sequence[str]:
    """Say what the comparisons cover, and how well the model is calibrated."""
    frame = content[PAIRED_RESULT]
    units = "spatial blocks" if content.config.folds.spatial else "pictures"
    lines = [
        "Every training keeps its predictions for the validation chips, so two models can be compared chip by chip. "
        f"The intervals come from a bootstrap over {int(frame['clusters'].iloc[0]):,} {units}. They and McNemar's "
        "exact test cover the choice of the chips that were scored, but not the variation between trainings. The "
        "intervals over folds in the other sections cover both, with fewer observations. The adjusted p values allow "
        f"for the number of comparisons, {len(frame)} (Holm 1979).",
    ]
    calibration = content[CALIBRATION_RESULT].set_index("candidate").loc[str(frame["candidate"].iloc[0])]
    lines.append(
        f"The probabilities of the recommended model have an expected calibration error of "
        f"{calibration['error_pct']:.1f} %. Dividing its logits by a temperature of {calibration['temperature']:.2f} "
        f"makes this {calibration['calibrated_error_pct']:.1f} % on chips that the temperature was not fitted to (Guo "
        "et al. 2017). The bundle of the deployed model contains this temperature."
    )
    return lines


SECTION = SectionDeclaration(
    title="Single predictions",
    reads=(PAIRED_RESULT, CALIBRATION_RESULT),
    position=32,
    sentences=sentences,
    values=lambda content: {HEADING: paired(content)},
)
