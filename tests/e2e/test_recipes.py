"""Several training recipes, early stopping and balanced sampling, from the configuration to the bundle."""

from pathlib import Path

import pandas as pd
from runs import snakemake, write_config

RESULTS = Path("results", "tiny")
RECIPES = {"plain": {}, "patient": {"epochs": 6, "learning_rate": 0.05, "patience": 1, "sampling": "balanced"}}
CHANGES = {"folds.set_aside_share": 0.25, "grid.recipes": RECIPES, "precisions": {"calibration_chips": 4}}


def trainings(folder: Path) -> dict[str, float]:
    return {str(file.parent.parent.name): file.stat().st_mtime for file in folder.rglob("train_fold/**/0.parquet")}


def test_recipes_are_a_dimension_of_the_candidates(tmp_path: Path) -> None:
    config = write_config(tmp_path / "recipes.yaml", CHANGES)
    folder = tmp_path / "run"
    snakemake(folder, "all", "deploy", config=config)
    results = folder / RESULTS
    scores = pd.read_parquet(results / "gather_table" / "fold_scores.parquet")
    assert set(scores["recipe"]) == set(RECIPES)
    by_recipe = scores.groupby("recipe")
    assert by_recipe.size().nunique() == 1
    epochs = scores["loss"].map(len)
    assert (scores["kept_epoch"] == epochs)[scores["recipe"] == "plain"].all()
    patient = scores["recipe"] == "patient"
    assert (epochs[patient] == (scores["kept_epoch"][patient] + 1).clip(upper=6)).all()

    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    assert {name.split("_")[1] for name in ranked["candidate"]} == {"b8-plain", "b8-patient"}
    precisions = pd.read_parquet(results / "measure_precisions" / "precisions.parquet")
    assert set(precisions["candidate"]) == set(ranked["candidate"][ranked["on_front"]])
    holdout = pd.read_parquet(results / "score_holdout" / "scores.parquet").set_index("candidate")
    front = ranked[ranked["on_front"]].set_index("candidate")
    assert holdout["loss"].map(len).to_dict() == front["kept_epoch"].to_dict()
    page = (results / "build_report" / "report.html").read_text()
    assert "patient: epochs 6, learning_rate 0.05, patience 1, sampling balanced" in page
    assert (results / "deploy_model" / "recommended" / "model.onnx").exists()

    before = trainings(results)
    assert set(before) == {"8-plain", "8-patient"}
    changed = {**CHANGES, "grid.recipes": {**RECIPES, "patient": {**RECIPES["patient"], "epochs": 2}}}
    snakemake(folder, config=write_config(config, changed))
    after = trainings(results)
    assert after["8-plain"] == before["8-plain"], "only the trainings of a changed recipe run again"
    assert after["8-patient"] > before["8-patient"]
    assert "Nothing to be done" in snakemake(folder, config=config)
