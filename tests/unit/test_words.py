"""What was done has words of its own, for every value of every choice."""

from typing import Any, get_args

import pytest
from examples import config

from workflow_lib.data.data_config import DataConfig
from workflow_lib.data.fold_config import FoldsConfig, HoldoutConfig
from workflow_lib.pareto.efficiency_config import EfficiencyConfig
from workflow_lib.report import words

FOLDS: dict[str, tuple[dict[str, Any], str]] = {
    "stratified": ({"folds.count": 4}, "4 folds, stratified by class"),
    "region": (
        {"folds.count": 3, "folds.buffer_m": 7},
        "3 folds, each with one region for validation; training chips within 7 m of a validation chip are excluded",
    ),
    "spatial_block": (
        {"folds.count": 6, "folds.block_m": 250},
        "6 folds of spatial blocks of 250 m; training chips within 0 m of a validation chip are excluded",
    ),
    "one_split": (
        {"folds.count": 3, "folds.validation_share": 0.25},
        "one split with 25 % of the chips for validation; 3 trainings from different seeds",
    ),
}
HOLDOUTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, "none"),
    "share": ({"folds.holdout.share": 0.1}, "10 % of the chips, stratified by class"),
    "region": (
        {"folds.holdout.regions": ["North"], "folds.buffer_m": 5},
        "all chips of North; other chips within 5 m of them are excluded",
    ),
    "spatial_block": (
        {"folds.holdout.share": 0.25, "folds.block_m": 400},
        "25 % of the chips, as spatial blocks of 400 m; other chips within 0 m of them are excluded",
    ),
}


def values_of(model: type, field: str) -> set[str]:
    return set(get_args(model.model_fields[field].annotation))  # type: ignore[attr-defined]


def test_every_method_is_tested() -> None:
    assert set(FOLDS) == values_of(FoldsConfig, "method")
    assert set(HOLDOUTS) == values_of(HoldoutConfig, "method")
    assert values_of(DataConfig, "on_bad_chip") == {"error", "drop"}
    assert values_of(EfficiencyConfig, "returns") == {"variable", "constant"}


@pytest.mark.parametrize("method", FOLDS)
def test_folds(method: str) -> None:
    changes, expected = FOLDS[method]
    assert words.folds(config(changes | {"folds.method": method})) == expected


@pytest.mark.parametrize("method", HOLDOUTS)
def test_holdouts(method: str) -> None:
    changes, expected = HOLDOUTS[method]
    assert words.holdout(config(changes | {"folds.holdout.method": method})) == expected


def test_terms_of_one_split_speak_of_seeds() -> None:
    assert words.terms(config()).many == "folds"
    one = words.terms(config({"folds.method": "one_split"}))
    assert (one.one, one.many, one.spread, one.accuracy) == ("seed", "seeds", "over seeds", "validation")


def test_training_names_every_option_that_is_on() -> None:
    plain = words.training(config({"training.epochs": 7}))
    assert plain == "7 epochs, Adam, learning rate 0.001, constant"
    options = {
        "training.clip_norm": 5, "training.label_smoothing": 0.1, "training.cutout_px": 8,
        "training.schedule": "cosine",
    }  # fmt: skip
    text = words.training(config(options))
    assert "cosine" in text
    for part in ("gradients clipped to norm 5", "label smoothing 0.1", "cutout of 8 px"):
        assert part in text


@pytest.mark.parametrize(("choice", "text"), [("error", "a bad chip stops the run"), ("drop", "dropped and listed")])
def test_bad_chips_and_declared_values(choice: str, text: str) -> None:
    found = words.data_rules(config({"data.on_bad_chip": choice, "data.nodata": [-9999, 0], "data.max_nodata_pct": 5}))
    assert text in found
    assert "up to 5 % nodata; declared nodata values: -9999, 0" in found


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, ""), (0.75, "uses more than 75 % of it"), (0.5, "more than 50 %"), (1, "uses all of it")],
)
def test_the_least_share_is_said_as_it_is(share: float, text: str) -> None:
    run = config().model_copy(update={"cell_search": type("Search", (), {"min_budget_share": share})()})
    found = words.derivation(run)
    assert found.startswith("each network is the most probable one within its budget")
    assert text in found
    assert ("three quarters" not in found) and (bool(text) == ("uses" in found))


@pytest.mark.parametrize(
    ("returns", "text"), [("variable", "best weighted average"), ("constant", "scaled by any factor")]
)
def test_the_reference_of_efficiency(returns: str, text: str) -> None:
    assert text in words.reference(config({"efficiency.returns": returns}))


def test_what_is_sampled() -> None:
    assert "1,000 samples redraws accuracy_pct of all candidates" in words.sampled(config())
    assert "all samples are identical" in words.sampled(config({"efficiency.deviations": {}}))


def test_selection_on_the_chips_that_score_is_told() -> None:
    assert words.selection_notes(config()) == []
    (note,) = words.selection_notes(config({"search.strategy": "evolution"}))
    assert "chose candidates by the same validation accuracies" in note
    (note,) = words.selection_notes(config({"racing.first_folds": 3}))
    assert note.startswith("Racing stopped candidates by the validation accuracies")
    held_out = {"folds.holdout.method": "share", "search.strategy": "evolution"}
    assert "Hold-out scores are free of this bias." in words.selection_notes(config(held_out))[0]
    for split, where in (("one_split", "validation chips of the split"), ("stratified", "validation chips of fold 0")):
        (note,) = words.selection_notes(config({"search.strategy": "supernet", "folds.method": split}))
        assert where in note
        assert "which also score the candidates later" in note
