"""Describes the choices of a configuration in words, with one function per choice.

`assert_never` makes the type checker reject a value that has no description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from workflow_lib.core.indices import RAW_NORMALISATIONS

if TYPE_CHECKING:
    from workflow_lib.config import Config


@dataclass(frozen=True)
class Terms:
    """Words for the repeated trainings of one candidate.

    Attributes:
        one: singular, such as "fold".
        many: plural, such as "folds".
        spread: what their spread covers, such as "over folds".
        accuracy: kind of accuracy that they yield, such as "validation".
    """

    one: str
    many: str
    spread: str
    accuracy: str


def terms(config: Config) -> Terms:
    """Choose the words by what differs between the trainings of a candidate: folds, or only seeds."""
    if config.folds.same_split:
        return Terms("seed", "seeds", "over seeds", "validation")
    return Terms("fold", "folds", "over folds", "cross-validation")


def folds(config: Config) -> str:
    """Describe how chips were divided into training and validation."""
    section = config.folds
    buffer = f"; training chips within {section.buffer_m:g} m of a validation chip are excluded"
    match section.method:
        case "stratified":
            return f"{section.count} folds, stratified by class"
        case "region":
            return f"{section.count} folds, each with one region for validation{buffer}"
        case "spatial_block":
            return f"{section.count} folds of spatial blocks of {section.block_m:g} m{buffer}"
        case "one_split":
            return (
                f"one split with {100 * section.validation_share:g} % of the chips for validation; {section.count} "
                "trainings from different seeds"
            )
        case other:
            assert_never(other)


def holdout(config: Config) -> str:
    """Describe the chips that were held out before the folds were made."""
    section = config.folds.holdout
    buffer = f"; other chips within {config.folds.buffer_m:g} m of them are excluded"
    match section.method:
        case "none":
            return "none"
        case "share":
            return f"{100 * section.share:g} % of the chips, stratified by class"
        case "region":
            return f"all chips of {', '.join(section.regions)}{buffer}"
        case "spatial_block":
            return f"{100 * section.share:g} % of the chips, as spatial blocks of {config.folds.block_m:g} m{buffer}"
        case other:
            assert_never(other)


def recipes(config: Config) -> str:
    """List the recipes with what each changes."""
    listed = (config.grid.recipes or {}).items()
    changes = {name: ", ".join(f"{key} {value}" for key, value in values.items()) for name, values in listed}
    return "; ".join(f"{name}: {text or 'no change'}" for name, text in changes.items())


def training(config: Config) -> str:
    """Describe how every network was trained, except for what its recipe changes."""
    section = config.training
    adam = "AdamW" if section.weight_decay else "Adam"
    parts = [
        f"{section.epochs} epochs",
        adam if section.optimizer == "adam" else f"SGD with momentum {section.momentum:g}",
        f"learning rate {section.learning_rate:g}, {section.schedule}",
    ]
    raw = config.data.normalisation in RAW_NORMALISATIONS
    indices = " (indices recomputed)" if raw else " (indices changed like bands)"
    options: dict[str, object] = {
        f"weight decay {section.weight_decay:g}": section.weight_decay,
        f"warm-up of {section.warmup_epochs} epochs": section.warmup_epochs,
        f"moving average of weights with decay {section.weight_average:g}": section.weight_average,
        f"stopped after {section.patience} epochs without a lower loss on chips set aside": section.patience,
        "equally many chips of each class": section.sampling == "balanced",
        "balanced class weights": section.class_weights == "balanced",
        "random flips": section.flips,
        "random quarter turns": section.rotations,
        f"shifts of up to {section.shift_px} px": section.shift_px,
        f"gains of up to {100 * section.gain_jitter:g} %{indices}": section.gain_jitter,
        f"offsets of up to {section.offset_jitter:g}{indices}": section.offset_jitter,
        f"band dropout {section.band_dropout:g}": section.band_dropout,
        f"mixup {section.mixup:g}": section.mixup,
        f"gradients clipped to norm {section.clip_norm or 0:g}": section.clip_norm,
        f"label smoothing {section.label_smoothing:g}": section.label_smoothing,
        f"cutout of {section.cutout_px} px": section.cutout_px,
        f"drop path {section.drop_path:g}": section.drop_path,
        f"auxiliary head with weight {section.auxiliary_weight:g}": section.auxiliary_weight,
    }
    return ", ".join([*parts, *(text for text, value in options.items() if value)])


def data_rules(config: Config) -> str:
    """Describe how bad chips and chips with nodata were treated."""
    section = config.data
    match section.on_bad_chip:
        case "error":
            bad = "a bad chip stops the run"
        case "drop":
            bad = "bad chips are dropped and listed"
        case other:
            assert_never(other)
    declared = (
        f"; declared nodata values: {', '.join(f'{value:g}' for value in section.nodata)}" if section.nodata else ""
    )
    return f"{bad}; a band may have up to {section.max_nodata_pct:g} % nodata{declared}"


def trains_partly(config: Config) -> bool:
    """Whether the search trains some candidates on a part of the folds or epochs only."""
    return bool(config.search.folds_at_a_time or config.search.rungs)


def derivation(config: Config) -> str:
    """Describe how a network within a budget was derived from a cell search."""
    search = config.cell_search
    if search is None:
        return ""
    share = search.min_budget_share
    if share <= 0:
        minimum = ""
    elif share >= 1:
        minimum = ", and uses all of it if such a network exists"
    else:
        minimum = f", and uses more than {100 * share:g} % of it if such a network exists"
    return f"each network is the most probable one within its budget{minimum}"


def reference(config: Config) -> str:
    """Describe what a candidate's efficiency is measured against."""
    match config.efficiency.returns:
        case "variable":
            return "the best weighted average of other candidates"
        case "constant":
            return "the best mix of other candidates, scaled by any factor,"
        case other:
            assert_never(other)


def sampled(config: Config) -> str:
    """Describe which columns vary in the samples of the stochastic front."""
    columns = sorted(config.efficiency.deviations)
    if not columns:
        return "No standard deviations are given (efficiency.deviations), so all samples are identical."
    return (
        f"Each of {config.efficiency.samples:,} samples redraws {', '.join(columns)} of all candidates from normal "
        "distributions, truncated to valid values, and scores the candidates against each other (Partovi Nia et al., "
        "algorithm 1). All other columns are treated as exact."
    )


def selection_notes(config: Config) -> list[str]:
    """Caveats about optimistic bias: where the chips that score the candidates also helped to choose them."""
    where = "the validation chips of the split" if config.folds.same_split else "the validation chips of fold 0"
    held_out = config.folds.holdout.method != "none"
    remedy = " Hold-out scores are free of this bias." if held_out else ""
    notes = []
    if (config.search.strategy == "supernet" or config.search.shares_weights) and not config.folds.set_aside_share:
        limit = config.supernet.evaluation_chips
        chips = where if limit is None else f"at most {limit:,} of {where}"
        notes.append(
            f"The supernets were evaluated on {chips}, which also score the candidates later. The "
            f"accuracies of the chosen networks are therefore optimistically biased.{remedy}"
        )
    if config.search.strategy == "constrained" and not config.folds.same_split:
        notes.append(
            "The cell search used the training chips of fold 0. In the other folds, some of these chips validate the "
            f"derived networks, so their accuracies are optimistically biased.{remedy}"
        )
    if config.search.declaration.learns:
        notes.append(
            f"The search ({config.search.strategy}) chose candidates by the same validation accuracies that are "
            f"reported here, so those of the best candidates are optimistically biased.{remedy}"
        )
    if config.racing:
        notes.append(
            "Racing stopped candidates by the validation accuracies that are reported here, so those of the remaining "
            f"candidates are optimistically biased.{remedy}"
        )
    return notes
