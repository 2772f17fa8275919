"""What a reader must know before relying on the numbers."""

import pandas as pd

from workflow_lib.report.content import ReportContent
from workflow_lib.report.names import searched_from
from workflow_lib.report.tables import candidates_only, left_out
from workflow_lib.report.words import selection_notes


def caveats(content: ReportContent) -> list[str]:
    """List what a reader must know before relying on the numbers."""
    config = content.config
    candidates = candidates_only(content.ranked)
    notes = _latency_caveats(set(content.latencies["predictor"]))
    if content.holdout is None or content.holdout.empty:
        notes.append(
            f"There is no hold-out. The recommendation is the outcome of comparing {len(candidates):,} candidates on "
            "the chips that score it, so its accuracy is optimistically biased."
        )
    if config.folds.same_split:
        notes.append(
            f"Every candidate was trained {config.folds.count} times on one split, from different seeds. The "
            "intervals cover the spread over seeds, not that over other chips."
        )
    else:
        notes.append(
            f"Every candidate was trained once per fold, from a seed derived from {config.seed}. The intervals cover "
            "the spread over folds, not that over seeds."
        )
    if not config.folds.spatial:
        notes.append(
            "Chips are divided without regard to place: those that overlap or adjoin can be on both sides "
            "of a fold, which flatters every accuracy. folds.method spatial_block or region avoids it."
        )
    if config.data.generate or (config.data.clip and config.data.clip.landscape):
        notes.append("The chips are synthetic. Nothing here says how a network would do on real ones.")
    if config.data.normalisation == "per_column":
        notes.append("Each image column was scaled on its own, as CROSS's code does; relief across columns is lost.")
    return notes + selection_notes(config) + _counted_caveats(content, candidates)


def _latency_caveats(kinds: set[str]) -> list[str]:
    notes = []
    if predicted := sorted(kinds - {"measured"}):
        notes.append(f"Latencies are predicted ({', '.join(predicted)}), not measured on the devices.")
    if "measured" in kinds:
        notes.append(
            "Measured latencies are those of the machine that the job ran on, with ONNX Runtime and no other job of "
            "this run beside it."
        )
    return notes


def _counted_caveats(content: ReportContent, candidates: pd.DataFrame) -> list[str]:
    config, notes = content.config, []
    if failed := len(left_out(content)):
        notes.append(
            f"Trainings that failed for good: {failed:,}. Their candidates are left out of everything here; see "
            "what was run."
        )
    if content.proposals is not None:
        notes.append(
            f"The search ({config.search.strategy}) chose {len(content.proposals):,} of {searched_from(config)}; the "
            "front is that of these, and a better one may lie among the others."
        )
    if content.race is not None and len(content.race):
        notes.append(
            f"Racing stopped {len(content.race):,} candidates before their last fold. They are in no table or figure "
            "of candidates; see the search space."
        )
    if len(content.rejected):
        notes.append(f"{len(content.rejected):,} chips were rejected and are in no fold; see the data section.")
    for what, count in content.notices.groupby("what", sort=False)["count"].sum().items():
        notes.append(f"{count:,} {what}; see the data section.")
    if content.samples is not None and (dropped := int(content.samples["reason"].notna().sum())):
        notes.append(f"{dropped:,} labelled points have no chip; see the data section.")
    latencies = content.latencies
    priced = latencies["covered_kernels"] + latencies["filled_kernels"]
    if uncovered := int((priced < latencies["kernels"]).sum()):
        notes.append(
            f"{uncovered:,} of {len(latencies):,} latencies leave out kernels that the device's "
            "predictor does not know or whose features it cannot express; these latencies are too low."
        )
    if missing := int(candidates["auc"].isna().sum()):
        notes.append(
            f"The AUC of {missing:,} of {len(candidates):,} candidates is undefined: a fold holds one class only."
        )
    for column, what in (
        ("compute_device", "kinds of hardware"),
        ("precision", "precisions"),
        ("versions", "sets of versions"),
    ):
        if (kinds := content.trained[column].nunique()) > 1:
            notes.append(
                f"The networks were trained on {kinds} different {what}; their results need not be "
                "comparable bit by bit."
            )
    return notes
