"""Searches as a user starts them: round by round, stopped and gone on with, and changed."""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import torch
from runs import ROOT, command, snakemake, write_config

from workflow_lib.search.packed import Packed
from workflow_lib.search.supernet_config import VARIANTS
from workflow_lib.spaces.networks import without_dead_operations

RUN = Path("results", "tiny")
SUPERNET = {
    "search": {"strategy": "supernet", "candidates": 1},
    "supernet": {
        "batch": 8,
        "fair_epochs": 1,
        "ranked_epochs": 2,
        "evaluated_networks": 4,
        "evaluation_chips": 9,
        "kept_networks": 1,
    },
    "battery": {"capacity_mwh": 100, "interval_s": 1, "active_mw": 500},
}
SIZES = {"grid.batch_sizes": [8, 16]}
KEYS = ["channels", "batch", "architecture"]


def rounds(folder: Path, config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    python, dash, _, *arguments = command(folder, *options, config=config)
    return subprocess.run(
        [python, dash, "workflow_lib.rounds", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return {
        "grid.space.stride": [1, 2],
        "folds.holdout": {"method": "none", "regions": []},
        "keep_weights": False,
    }


def test_a_search_in_rounds_trains_what_it_proposes(tmp_path: Path, wide: dict[str, object]) -> None:
    search = {"search": {"strategy": "reinforce", "candidates": 3, "round_candidates": 2}}
    config = write_config(tmp_path / "search.yaml", wide | search)
    folder = tmp_path / "run"
    plain = subprocess.run(command(folder, config=config), capture_output=True, text=True)
    assert plain.returncode == 1
    assert "start the run with python -m workflow_lib.rounds" in plain.stdout + plain.stderr

    result = rounds(folder, config)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    results = folder / RUN
    proposals = pd.read_parquet(results / "propose_candidates" / "1.parquet")
    assert proposals["round"].tolist() == [0, 0, 1]
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    assert len(ranked) == 3 + 1, "and the baseline"
    searched = ranked[~ranked["baseline"]]
    assert set(searched[KEYS].itertuples(index=False)) == set(proposals[KEYS].itertuples(index=False))
    page = (results / "build_report" / "report.html").read_text()
    assert "The search (reinforce) chose 3 of 4 candidates" in page
    assert "failed permanently" not in page

    again = rounds(folder, config)
    assert (again.stdout + again.stderr).count("Nothing to be done") == 3
    assert "Nothing to be done" in subprocess.run(command(folder, config=config), capture_output=True, text=True).stderr

    # What was trained was another search's: Snakemake alone may not pass it for this one's.
    other = write_config(tmp_path / "other.yaml", wide | SUPERNET)
    assert subprocess.run(command(folder, config=other), capture_output=True).returncode == 1
    log = (results / "logs" / "build_candidates.log").read_text()
    assert "the search proposes other candidates now" in log
    assert log.count("\n") == 1
    assert rounds(folder, other).returncode == 0
    now = pd.read_parquet(results / "propose_candidates" / "0.parquet")
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    searched = ranked[~ranked["baseline"]]
    assert set(searched[KEYS].itertuples(index=False)) == set(now[KEYS].itertuples(index=False))
    first, last = (
        pd.read_parquet(results / "rank_subnets" / "6" / "full" / "0" / f"{number}.parquet") for number in range(2)
    )
    assert len(first) == len(last) == 4
    left = last[last["ranking"] == 1]
    assert 1 <= len(left) < 4, "one network's values were kept"
    assert left["accuracy_pct"].notna().all()
    assert ranked["search_s"].tolist() == [last["seconds"].max()] * len(ranked)
    assert now["architecture"].item() == left.loc[left["score"].idxmax(), "architecture"]
    file = results / "prune_supernet" / "6" / "full" / "0" / "0.pt"
    assert set(torch.load(file, weights_only=True)["choices"]["stride"]) == set(left["architecture"].str[4].astype(int))
    (network,) = Packed.load(results / "pack_networks" / "6.pt").runtime().networks
    assert network in set(left["architecture"])
    page = (results / "build_report" / "report.html").read_text()
    for what in ("supernet_alpha", "Battery life", "battery_charge", "Accuracy with shared weights", "Knee"):
        assert what in page


def test_cells_within_budgets_are_candidates_like_any_others(tmp_path: Path) -> None:
    def write(*budgets: float) -> Path:
        cells = {"bounds": 2, "seeds": 1, "width": 4, "epochs": 1, "batch": 4, "random_networks": 1}
        cells["budgets"] = {name: [budget] for name, budget in zip(quantities, budgets, strict=True)}
        changes = {"search.strategy": "constrained", "cell_search": cells, "keep_weights": False}
        return write_config(tmp_path / "cells.yaml", changes)

    folder, quantities = tmp_path / "run", ("parameters", "cortexA76cpu_tflite21")
    targets = [f"{RUN}/build_lookup_graph/6/{quantity}.parquet" for quantity in quantities]
    subprocess.run(command(folder, *targets, config=write(1, 1e-6)), check=True, capture_output=True)
    outside = rounds(folder, write(1, 1e-6))
    assert outside.returncode == 1
    log = (folder / RUN / "logs" / "search_cell" / "6" / "parameters" / "budget" / "0" / "0.log").read_text()
    assert "a budget of 1 is below the sizes that the searches found" in log

    graphs = [folder / target for target in targets]
    made = [graph.stat().st_mtime_ns for graph in graphs]
    budgets = [float(pd.read_parquet(graph)["size"].iloc[0]) for graph in graphs]
    config = write(*budgets)
    assert rounds(folder, config).returncode == 0
    assert [graph.stat().st_mtime_ns for graph in graphs] == made, "other budgets, the same look-up graphs"
    derived = pd.read_parquet(folder / RUN / "derive_network" / "6.parquet")
    assert Counter(derived["origin"]) == {"search": 2, "random": 2}
    assert (derived["cost"] <= derived["budget"]).all()
    ranked = pd.read_parquet(folder / RUN / "build_front" / "ranked.parquet")
    assert set(ranked.loc[~ranked["baseline"], "architecture"]) == set(derived["architecture"])
    courses = [path for path in (folder / RUN / "search_cell").rglob("*.parquet") if ".alpha." not in path.name]
    searched_s = sum(pd.read_parquet(path)["seconds"].sum() for path in courses)
    assert ranked["search_s"].tolist() == pytest.approx([searched_s] * len(ranked))
    within = derived[derived["quantity"] == "parameters"]
    parameters = ranked.set_index("architecture")["parameters"]
    assert (parameters[within["architecture"]].to_numpy() == within["cost"]).all()
    page = (folder / RUN / "build_report" / "report.html").read_text()
    for what in ("Cells within budgets", "cells_accuracy", "cells_budgets", "NAS-Bench-201 cells"):
        assert what in page


def test_a_search_by_folds_completes_only_the_best(tmp_path: Path, wide: dict[str, object]) -> None:
    search = {"strategy": "surrogate", "candidates": 3, "round_candidates": 2, "folds_at_a_time": 1}
    search["surrogate"] = {"shared_accuracy": True}
    changes = wide | {"search": search, "supernet": SUPERNET["supernet"], "folds.count": 3}
    config, folder = write_config(tmp_path / "folds.yaml", changes), tmp_path / "run"
    result = rounds(folder, config)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    results = folder / RUN
    proposals = pd.read_parquet(results / "propose_candidates" / "5.parquet")
    assert not (results / "propose_candidates" / "6.parquet").exists(), "5 rounds, and one that completes"
    folds = proposals.groupby(KEYS)["folds"].max()
    files = [path.relative_to(results) for path in (results / "train_fold").rglob("?.parquet")]
    trained = Counter(path.parts[1:4] for path in files)
    for (channels, batch, architecture), count in folds.items():
        assert trained[channels, str(batch), architecture] == count
    assert folds.min() < folds.max() == 3, "some are not completed"
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    whole = set(folds.index[folds == 3].get_level_values("architecture"))
    assert set(ranked.loc[~ranked["baseline"], "architecture"]) == whole
    beliefs = pd.read_parquet(results / "assess_surrogate" / "beliefs.parquet")
    assert beliefs["folds"].sum() == folds.sum()
    ranking = pd.read_parquet(results / "rank_subnets" / "6" / "fair" / "0" / "0.parquet")
    shared = ranking.set_index("architecture")["accuracy_pct"]
    assert shared.notna().all()
    assert ranking["cross_entropy"].std() > 0  # on some processors, all accuracies tie after so few steps
    own = beliefs.set_index("architecture")["shared_accuracy_pct"]
    assert own.to_dict() == pytest.approx((shared - shared.mean()).to_dict())
    assert (proposals["search_s"] == ranking["seconds"].max()).all()
    page = (results / "build_report" / "report.html").read_text()
    assert "the accuracy of each network with the shared weights of a supernet" in page
    assert "were not trained on all folds, because more would hardly have changed the front" in page
    assert "failed permanently" not in page
    again = rounds(folder, config)
    assert (again.stdout + again.stderr).count("Nothing to be done") == 7


def test_successive_halving_goes_on_where_the_last_rung_stopped(tmp_path: Path, wide: dict[str, object]) -> None:
    search = {"strategy": "halving", "candidates": 3, "halving": {"reduction": 2, "rungs": 2}}
    changes = wide | {"search": search, "training": {"epochs": 4}}
    config, folder = write_config(tmp_path / "halving.yaml", changes), tmp_path / "run"
    result = rounds(folder, config)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    results = folder / RUN
    proposals = pd.read_parquet(results / "propose_candidates" / "1.parquet")
    assert proposals["part"].tolist() == [2] * 4 + [1] * 2
    assert set(proposals["architecture"][4:]) <= set(proposals["architecture"][:4])
    parts = [pd.read_parquet(path) for path in (results / "train_part" / "2").rglob("?.parquet")]
    assert [len(part["loss"].iloc[0]) for part in parts] == [2] * 8, "half of 4 epochs, on two folds"
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    assert set(ranked.loc[~ranked["baseline"], "architecture"]) == set(proposals["architecture"][4:])
    logs = [path.read_text() for path in (results / "logs" / "train_fold").rglob("*.log")]
    assert sum("resuming after epoch 2 of 4" in log for log in logs) == 4
    for architecture in proposals["architecture"][4:]:
        assert not list((results / "train_fold" / "6" / "8" / architecture).glob(".*.checkpoint"))
    page = (results / "build_report" / "report.html").read_text()
    assert "failed permanently" not in page

    whole = write_config(tmp_path / "whole.yaml", {**changes, "search": {"strategy": "grid"}, "run": "whole"})
    architecture = proposals["architecture"].iloc[-1]
    target = f"results/whole/train_fold/6/8/{architecture}/0.parquet"
    subprocess.run(command(folder, target, config=whole), check=True, capture_output=True)
    alone = pd.read_parquet(folder / target)
    continued = pd.read_parquet(results / "train_fold" / "6" / "8" / architecture / "0.parquet")
    same = ["accuracy_pct", "loss", "probabilities"]
    for name in [name for name in same if name in alone]:
        assert str(alone[name].tolist()) == str(continued[name].tolist()), "the same as without a stop"


def test_a_surrogate_search_by_halving_starts_new_candidates_in_each_search(
    tmp_path: Path, wide: dict[str, object]
) -> None:
    search = {"strategy": "surrogate", "candidates": 4, "round_candidates": 2, "surrogate": {"by_halving": True}}
    changes = wide | SIZES | {"search": search | {"halving": {"reduction": 2, "rungs": 2}}, "training": {"epochs": 2}}
    config, folder = write_config(tmp_path / "rungs.yaml", changes), tmp_path / "run"
    result = rounds(folder, config)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    results = folder / RUN
    proposals = pd.read_parquet(results / "propose_candidates" / "3.parquet")
    names = [set(rows[KEYS].itertuples(index=False, name=None)) for _, rows in proposals.groupby("round")]
    assert proposals.groupby("round")["part"].first().tolist() == [2, 1, 2, 1]
    assert list(map(len, names)) == [2, 1, 2, 1]
    assert names[1] <= names[0] and names[3] <= names[2] and not names[0] & names[2]
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    assert set(ranked.loc[~ranked["baseline"], KEYS].itertuples(index=False, name=None)) == names[1] | names[3]
    page = (results / "build_report" / "report.html").read_text()
    assert "failed permanently" not in page
    again = rounds(folder, config)
    assert (again.stdout + again.stderr).count("Nothing to be done") == 5


@pytest.mark.parametrize("space", ["nasbench201", "darts"])
def test_all_budgets_of_cells_share_one_surrogate_search(tmp_path: Path, space: str) -> None:
    """DARTS has too many cells to enumerate: the search extends a pool of random ones."""
    smallest, latency_ms = (6500, 2) if space == "darts" else (5500, 1)
    budgets = {"parameters": [smallest, 9000], "cortexA76cpu_tflite21": [latency_ms]}
    cells = {"space": space, "budgets": budgets, "width": 4, "cells": 1}
    changes = {
        "search": {"strategy": "surrogate", "candidates": 5, "round_candidates": 3},
        "cell_search": cells,
        "keep_weights": False,
        "folds.holdout": {"method": "none", "regions": []},
    }
    config, folder = write_config(tmp_path / "cells.yaml", changes), tmp_path / "run"
    result = rounds(folder, config)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    results = folder / RUN
    proposals = pd.read_parquet(results / "propose_candidates" / "1.parquet")
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    trained = ranked[~ranked["baseline"]].set_index("architecture")
    assert set(trained.index) == set(proposals["architecture"])
    assert len(trained) == 5
    within = pd.read_parquet(results / "assess_surrogate" / "within_budgets.parquet")
    assert sorted(within["cost"]) == ["latency_cortexA76cpu_tflite21_ms", "parameters", "parameters"]
    for row in within.dropna(subset="candidate").itertuples(index=False):
        found = trained.loc[row.candidate.split("_")[-1]]
        assert row.value <= row.budget
        assert row.cost != "parameters" or found["parameters"] == row.value, "counted exactly"
        assert found["accuracy_pct"] == row.accuracy_pct
    beliefs = pd.read_parquet(results / "assess_surrogate" / "beliefs.parquet")
    assert beliefs["trained"].sum() == 5
    page = (results / "build_report" / "report.html").read_text()
    what_cells = "NAS-Bench-201 cells" if space == "nasbench201" else "DARTS cells"
    for what in ("Most accurate candidate within each budget", "surrogate_budgets", what_cells):
        assert what in page
    assert not (results / "search_cell").exists()


def test_cells_that_a_supernet_ranks_best_are_trained(tmp_path: Path) -> None:
    supernet = {
        "space": "nasbench201",
        "width": 4,
        "batch": 8,
        "fair_epochs": 1,
        "ranked_epochs": 2,
        "evaluated_networks": 4,
    }
    changes = {
        "search": {"strategy": "supernet", "candidates": 2},
        "supernet": supernet | {"evaluation_chips": 9, "pruning": "values", "sandwich": True, "distillation": True},
        "training.drop_path": 0.1,
        "training.auxiliary_weight": 0.4,
        "training.epochs": 2,
        "keep_weights": False,
    }
    folder = tmp_path / "run"
    result = rounds(folder, write_config(tmp_path / "cells.yaml", changes))
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    ranking = pd.read_parquet(folder / RUN / "rank_subnets" / "6" / "full" / "0" / "1.parquet")
    assert len(ranking) == 15_625 - 341, "all cells whose output sees their input"
    left = ranking[ranking["ranking"] == 1]
    assert 1 < len(left) < len(ranking), "values were dropped"
    ranked = pd.read_parquet(folder / RUN / "build_front" / "ranked.parquet")
    trained = ranked[~ranked["baseline"]].set_index("architecture")
    best = dict.fromkeys(
        map(without_dead_operations, left.sort_values("score", ascending=False, kind="stable")["architecture"])
    )
    assert set(trained.index) == set(list(best)[:2])
    # A sum of prices leaves out what devices fuse across operations, and how they lay branches out.
    priced = (
        left.assign(architecture=left["architecture"].map(without_dead_operations))
        .groupby("architecture")["cost"]
        .first()
    )
    priced = priced[trained.index]
    assert (priced / trained["latency_mean_ms"]).between(0.5, 2).all()
    page = (folder / RUN / "build_report" / "report.html").read_text()
    for what in ("supernet_alpha", "Knee", "chose 2 of the networks of NAS-Bench-201 cells"):
        assert what in page


def test_rankings_of_supernets_are_compared_with_the_grid(tmp_path: Path) -> None:
    changes = {
        "folds": {"method": "one_split", "count": 2},
        "supernet": {"batch": 8, "fair_epochs": 1, "ranked_epochs": 2, "evaluated_networks": 2},
        "ranking_quality": {"seeds": 2},
        "keep_weights": False,
    }
    folder = tmp_path / "run"
    snakemake(folder, config=write_config(tmp_path / "quality.yaml", changes))
    quality = pd.read_parquet(folder / RUN / "compare_supernets" / "quality.parquet")
    assert Counter(quality["variant"]) == dict.fromkeys(VARIANTS, 2)
    assert quality.groupby("variant")["network_steps"].max().nunique() == 1, "all for the same price"
    page = (folder / RUN / "build_report" / "report.html").read_text()
    for what in ("Rankings by supernets", "supernet_quality", "supernet_ranks", "supernet_alpha"):
        assert what in page


def test_the_jobs_of_a_round_are_known_before_it_starts(tmp_path: Path, wide: dict[str, object]) -> None:
    config = write_config(tmp_path / "f.yaml", wide | SIZES | {"search": {"strategy": "filter", "candidates": 3}})
    folder = tmp_path / "run"
    dry = rounds(folder, config, "--dry-run")
    assert dry.returncode == 0, dry.stderr[-2000:]
    assert "propose_candidates" in dry.stdout
    assert "train_fold" not in dry.stdout
    proposed = f"{RUN}/propose_candidates/0.parquet"
    assert subprocess.run(command(folder, proposed, config=config), capture_output=True).returncode == 0
    chosen = pd.read_parquet(folder / proposed)
    graph = subprocess.run(command(folder, "--d3dag", config=config), capture_output=True, text=True)
    nodes = json.loads(graph.stdout[graph.stdout.index("{") :])["nodes"]
    assert Counter(node["value"]["label"] for node in nodes)["train_fold"] == 2 * (len(chosen) + 2)
    assert len(chosen) == 3


def test_targets_and_typos_are_refused_in_a_line(tmp_path: Path) -> None:
    result = rounds(tmp_path, write_config(tmp_path / "typo.yaml", {"search.strategy": "randm"}))
    assert result.returncode == 2
    assert [line for line in result.stderr.splitlines() if line.startswith("error: config: search.strategy")]
    result = rounds(tmp_path, tmp_path / "missing.yaml")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "missing.yaml" in result.stderr
    result = rounds(tmp_path, write_config(tmp_path / "ok.yaml", {}), "train")
    assert result.returncode == 2
    assert "takes no targets" in result.stderr
