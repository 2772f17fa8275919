"""What was done, in words: one function per choice of the configuration, each of its values with words of its own.

`assert_never` makes the type checker refuse a value without words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from workflow_lib.config import Config


@dataclass(frozen=True)
class Terms:
    """What repeated trainings of one candidate are called.

    Attributes:
        one, many: a training and several, such as fold and folds.
        spread: what their spread covers.
        accuracy: the kind of accuracy that they give.
    """

    one: str
    many: str
    spread: str
    accuracy: str


def terms(config: Config) -> Terms:
    """The words for what differs between the trainings of a candidate: chips, or seeds alone."""
    if config.folds.same_split:
        return Terms("seed", "seeds", "over seeds", "validation")
    return Terms("fold", "folds", "over folds", "cross-validation")


def folds(config: Config) -> str:
    """How chips were divided into training and validation."""
    section = config.folds
    buffer = f", training chips within {section.buffer_m:g} m of a validation chip left out"
    match section.method:
        case "stratified":
            return f"{section.count} folds, stratified by class"
        case "region":
            return f"{section.count} folds, each validates on one region{buffer}"
        case "spatial_block":
            return f"{section.count} folds of spatial blocks of {section.block_m:g} m{buffer}"
        case "one_split":
            return (
                f"one split, {100 * section.validation_share:g} % of the chips validate; {section.count} trainings "
                "from different seeds"
            )
        case other:
            assert_never(other)


def holdout(config: Config) -> str:
    """What was set aside before the folds."""
    section = config.folds.holdout
    buffer = f", chips within {config.folds.buffer_m:g} m of it left out"
    match section.method:
        case "none":
            return "none"
        case "share":
            return f"{100 * section.share:g} % of the chips, stratified by class"
        case "region":
            return f"the chips of {', '.join(section.regions)}{buffer}"
        case "spatial_block":
            return f"{100 * section.share:g} % of the chips, in spatial blocks of {config.folds.block_m:g} m{buffer}"
        case other:
            assert_never(other)


def training(config: Config) -> str:
    """How every network was trained."""
    section = config.training
    parts = [
        f"{section.epochs} epochs",
        "Adam",
        f"learning rate {section.learning_rate:g}, {section.schedule}",
    ]
    options = {
        f"gradients clipped to norm {section.clip_norm or 0:g}": section.clip_norm,
        f"label smoothing {section.label_smoothing:g}": section.label_smoothing,
        f"cutout of {section.cutout_px} px": section.cutout_px,
        f"drop path {section.drop_path:g}": section.drop_path,
        f"auxiliary head with weight {section.auxiliary_weight:g}": section.auxiliary_weight,
    }
    return ", ".join([*parts, *(text for text, value in options.items() if value)])


def data_rules(config: Config) -> str:
    """What happened to chips that are bad or have gaps."""
    section = config.data
    match section.on_bad_chip:
        case "error":
            bad = "a bad chip ends the run"
        case "drop":
            bad = "bad chips are dropped and listed"
        case other:
            assert_never(other)
    declared = f"; declared as nodata: {', '.join(f'{value:g}' for value in section.nodata)}" if section.nodata else ""
    return f"{bad}; a band may have {section.max_nodata_pct:g} % nodata{declared}"


def derivation(config: Config) -> str:
    """How a network within a budget was derived from a search of cells."""
    search = config.cell_search
    if search is None:
        return ""
    share = search.min_budget_share
    if share <= 0:
        least = ""
    elif share >= 1:
        least = ", and uses all of it where there is one that does"
    else:
        least = f", and uses more than {100 * share:g} % of it where there is one that does"
    return f"each network is the most probable one within its budget{least}"


def reference(config: Config) -> str:
    """What a candidate's efficiency is measured against."""
    match config.efficiency.returns:
        case "variable":
            return "the best average of other candidates"
        case "constant":
            return "the best mix of other candidates, scaled up or down at will,"
        case other:
            assert_never(other)


def sampled(config: Config) -> str:
    """Which columns the stochastic front draws."""
    columns = sorted(config.efficiency.deviations)
    if not columns:
        return "No deviations are given (efficiency.deviations), so all samples are alike."
    return (
        f"{config.efficiency.samples:,} samples draw {', '.join(columns)} of all candidates anew, from normal "
        "distributions cut to values that exist, and score them against each other (Partovi Nia et al., algorithm 1); "
        "everything else is taken as certain."
    )


def selection_notes(config: Config) -> list[str]:
    """Where chips that score the candidates had a part in choosing them: what a reader must know."""
    where = "the validation chips of the split" if config.folds.same_split else "the validation chips of fold 0"
    held_out = config.folds.holdout.method != "none"
    remedy = " Scores on the hold-out are free of this." if held_out else ""
    notes = []
    if config.search.strategy == "supernet":
        most = config.supernet.evaluation_chips
        chips = where if most is None else f"at most {most:,} of {where}"
        notes.append(
            f"The supernets were evaluated on {chips}, which also score the candidates later. This biases the "
            f"accuracies of the chosen networks upwards.{remedy}"
        )
    if config.cell_search and not config.folds.same_split:
        notes.append(
            "The cell search learned from the training chips of fold 0. In the other folds some of these chips "
            f"validate the networks that it derived, which biases their accuracies upwards.{remedy}"
        )
    if config.search.declaration.learns:
        notes.append(
            f"The search ({config.search.strategy}) chose candidates by the same validation accuracies that are "
            f"reported here, which biases those of the best upwards.{remedy}"
        )
    if config.racing:
        notes.append(
            "Racing stopped candidates by the validation accuracies that are reported here, which biases those of the "
            f"others upwards.{remedy}"
        )
    return notes
