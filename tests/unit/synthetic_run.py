"""A seeded run without any training: plausible tables of every kind, each checked against its schema."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from declared_tables import declared_tables
from matplotlib.figure import Figure
from pydantic_core import to_jsonable_python

from workflow_lib.analysis.battery_config import BatteryConfig
from workflow_lib.analysis.battery_policies import simulate
from workflow_lib.analysis.battery_tables import BATTERY
from workflow_lib.analysis.candidate_tables import FRONT
from workflow_lib.analysis.choices import assess_choices
from workflow_lib.analysis.comparison_tables import COMPARISON, DIFFICULTY, RANKING_QUALITY, RANKS
from workflow_lib.analysis.efficiency_scores import ScoredModels, score_models
from workflow_lib.analysis.kept_predictions import KeptPredictions
from workflow_lib.analysis.prediction_assessment import assess_predictions
from workflow_lib.config import Config, parse_config
from workflow_lib.core.candidate import KEYS
from workflow_lib.core.sealed import save_array
from workflow_lib.data.fold_config import FoldsConfig, HoldoutConfig
from workflow_lib.devices.transferred.transfer_tables import TRANSFER
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.pareto.front_config import Objective
from workflow_lib.report.content import ReportContent
from workflow_lib.report.declaration import FigureInput, all_figures, setting
from workflow_lib.report.plots.channel_plots import input_channels
from workflow_lib.report.plots.front_3d_plots import front_3d_interactive
from workflow_lib.report.plots.style import save_figure
from workflow_lib.report.report_stamp import Stamp
from workflow_lib.search.cell_tables import CELL_ALPHA, CELL_SEARCH, DERIVED, LOOKUP_GRAPH
from workflow_lib.search.derivation import alpha_rows
from workflow_lib.search.supernet_tables import ALPHA
from workflow_lib.search.surrogate_tables import BELIEFS, PROGRESS, WITHIN_BUDGETS
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.nasbench201.nasbench201_cell import Cell, CellNetwork, Skeleton
from workflow_lib.training.metrics import predictions
from workflow_lib.training.score_tables import HOLDOUT_SCORES
from workflow_lib.training.utilization_tables import LAYERS, UTILIZATIONS

DEVICES = (
    "cortexA76cpu_tflite21",
    "adreno640gpu_tflite21",
    "adreno630gpu_tflite21",
    "myriadvpu_openvino2019r2",
)
CHANNEL_SETS = {
    "all7": ["dem", "red", "green", "blue", "nir", "ndwi", "ndvi"],
    "five": ["dem", "red", "green", "blue", "nir"],
}
REGIONS = {
    "Nebraska": "EPSG:26914",
    "Illinois": "EPSG:26916",
    "North_Dakota": "EPSG:26914",
    "California": "EPSG:26911",
}
OBJECTIVES = {
    2: [("accuracy_pct", "max"), ("latency_mean_ms", "min")],
    3: [("accuracy_pct", "max"), ("latency_mean_ms", "min"), ("memory_bytes", "min")],
    5: [
        ("accuracy_pct", "max"),
        ("auc", "max"),
        ("latency_worst_ms", "min"),
        ("memory_bytes", "min"),
        ("multiply_adds", "min"),
    ],
}


@dataclass(frozen=True)
class Run:
    """The tables of one run."""

    config: Config
    ranked: pd.DataFrame
    chips: pd.DataFrame
    bands: pd.DataFrame
    rejected: pd.DataFrame
    folds: pd.DataFrame
    forest: pd.DataFrame
    latencies: pd.DataFrame
    trained: pd.DataFrame
    objectives: list[Objective] = field(default_factory=list)

    @cached_property
    def predictions(self) -> dict[str, pd.DataFrame]:
        """What is made from kept predictions."""
        return predictions_of(self)


def make_run(
    candidates: int = 60,
    objectives: int = 3,
    front: int | None = None,
    auc: bool = True,
    seed: int = 7,
    spread_pct: float = 2.0,
    **config: Any,
) -> Run:
    """Invent a run.

    Args:
        candidates: how many compete, at most 1,440; two baselines come on top.
        objectives: 2, 3 or 5 of them.
        front: force a front of this many members; None: whichever it is.
        auc: False: no candidate has one.
        spread_pct: standard deviation of accuracies over folds (points).
        config: further keys of the configuration.
    """
    random = np.random.default_rng(seed)
    axes = [Objective(name=name, direction=direction) for name, direction in OBJECTIVES[objectives]]
    parsed = _config(axes, **config)
    ranked = _ranked(random, candidates, auc, spread_pct)
    _rank(ranked, axes, front)
    FRONT.check(ranked, Path("front"))
    chips = _chips(random)
    run = Run(
        parsed,
        ranked,
        chips,
        _bands(random),
        _rejected(),
        _folds(chips),
        _forest(random, auc),
        _latencies(ranked),
        _trained(random, ranked),
        axes,
    )
    for name in ("chips", "bands", "rejected", "folds", "forest_scores", "latencies", "fold_scores"):
        frame = {"forest_scores": run.forest, "fold_scores": run.trained}.get(name)
        declared_tables()[name.upper()].check(getattr(run, name) if frame is None else frame, Path(name))
    return run


def _config(axes: list[Objective], **more: Any) -> Config:
    bands = CHANNEL_SETS["five"]
    return parse_config(
        {
            "run": "synthetic",
            "data": {
                "regions": {name: [{"folder": name, "bands": bands}] for name in REGIONS},
                "classes": ["F", "T"],
                "on_bad_chip": "drop",
            },
            "folds": {"method": "spatial_block", "block_m": 500, "buffer_m": 50},
            "grid": {"channel_sets": CHANNEL_SETS, "batch_sizes": [8, 16, 32]},
            "front": {"objectives": [axis.model_dump() for axis in axes]},
            **more,
        }
    )


def _ranked(random: np.random.Generator, candidates: int, auc: bool, spread_pct: float) -> pd.DataFrame:
    networks = cross.architectures()
    random.shuffle(networks)
    everything = [
        (channels, batch, network, False)
        for batch, network, channels in islice(product((8, 16, 32, 64), networks, CHANNEL_SETS), candidates)
    ]
    everything += [(channels, 8, cross.BASELINE, True) for channels in CHANNEL_SETS]
    return pd.DataFrame([_candidate(random, *one, auc, spread_pct) for one in everything])


def _candidate(
    random: np.random.Generator,
    channels: str,
    batch: int,
    network: cross.Architecture,
    baseline: bool,
    auc: bool,
    spread: float,
) -> dict[str, Any]:
    size = (network.width / 32) ** 2 * (1.8 if network.stride == 1 else 1) ** 2
    size *= {None: 3.5}.get(network.pool, 1.0 if network.pool and network.pool[1] == 2 else 3.7)
    folds = 95 + (channels == "all7") - 0.05 * size + random.normal(-2, 1.5) + random.normal(0, spread, 5)
    folds = np.clip(folds, 0, 100)
    mean, half = folds.mean(), 2.776 * folds.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    devices = 8.0 * size**0.8 * np.array([1.6, 0.7, 0.8, 1.1]) * random.uniform(0.95, 1.05)
    memory = int(
        11_180_000 * (network.width / 32) ** 2 + 200 * (network.pool is not None) + 2300 * (channels == "all7")
    )
    return {
        "candidate": f"{channels}_b{batch}_{network}",
        "channels": channels,
        "batch": batch,
        "architecture": str(network),
        "recipe": "",
        "precision": "fp32",
        "kept_epoch": 2,
        "baseline": baseline,
        "folds": 5,
        "validation_share": 0.25,
        "accuracy_pct": mean,
        "accuracy_fold_std_pct": folds.std(ddof=1),
        "accuracy_error_pct": half / 2.8,
        "accuracy_low_pct": max(0.0, mean - half),
        "accuracy_high_pct": min(100.0, mean + half),
        "fold_accuracy_pct": list(folds),
        "f1_pct": max(0.0, mean - 0.3),
        "auc": float(min(1, mean / 100 + 0.02)) if auc else None,
        "macro_precision_pct": mean,
        "macro_recall_pct": mean,
        "average_precision": mean / 100,
        "matthews": mean / 50 - 1,
        "recall_F_pct": mean - 0.5,
        "recall_T_pct": min(100.0, mean + 0.5),
        **{f"region_{region}_accuracy_pct": mean - 0.1 for region in REGIONS},
        "training_s": 12.5 * size,
        "latency_mean_ms": devices.mean(),
        "latency_device_std_ms": devices.std(),
        "latency_worst_ms": devices.max(),
        "memory_bytes": memory,
        "paper_memory_bytes": memory - 9000,
        "weights_bytes": memory - 20_000,
        "parameters": memory // 4,
        "multiply_adds": int(2.2e8 * size),
        "activation_bytes": int(4e6 * size),
        "peak_activation_bytes": int(4e6 * size) // 4,
        "flash_bytes": 4_000_000,
        **{f"latency_{device}_ms": value for device, value in zip(DEVICES, devices, strict=True)},
    }


def _rank(ranked: pd.DataFrame, axes: list[Objective], front: int | None) -> None:
    if ranked["auc"].isna().all():
        axes = [axis for axis in axes if axis.name != "auc"]
    signs = [-1.0 if axis.direction == "max" else 1.0 for axis in axes]
    losses = ranked[[axis.name for axis in axes]].to_numpy(dtype=float) * signs
    competing = ~ranked["baseline"].to_numpy()
    no_worse = (losses[:, None] <= losses[None]).all(-1)
    better = (losses[:, None] < losses[None]).any(-1)
    dominated = (no_worse & better)[competing].any(0)
    on_front = competing & ~dominated
    if front is not None:
        on_front = competing & (ranked["accuracy_pct"].where(competing).rank(ascending=False) <= front).to_numpy()
    ranked["rank"] = pd.array(np.where(on_front, 0, 1), dtype="Int64")
    ranked.loc[~competing, "rank"] = pd.NA
    ranked["on_front"] = on_front
    ranked["on_epsilon_front"] = on_front
    ranked["hypervolume_pct"] = np.where(on_front, 100 / max(1, on_front.sum()), 0.0)
    ranked["front_frequency"] = np.where(on_front, 0.7, 0.1) * competing
    members = ranked[on_front]
    error = members["accuracy_fold_std_pct"] / np.sqrt(5)
    near = members[members["accuracy_pct"] >= members["accuracy_pct"].max() - error[members["accuracy_pct"].idxmax()]]
    ranked["recommended"] = ranked.index == near["latency_mean_ms"].idxmin()


def _chips(random: np.random.Generator) -> pd.DataFrame:
    parts = []
    for region, crs in REGIONS.items():
        count = int(random.integers(60, 120))
        x, y = random.uniform(4e5, 4.04e5, count), random.uniform(4.6e6, 4.603e6, count)
        labels = np.where(random.uniform(size=count) < 0.5, "T", "F")
        parts.append(
            pd.DataFrame(
                {
                    "region": region,
                    "class": labels,
                    "file": [f"{region}_{i}.tif" for i in range(count)],
                    "x": x,
                    "y": y,
                    "left": x - 50,
                    "bottom": y - 50,
                    "right": x + 50,
                    "top": y + 50,
                    "crs": crs,
                }
            )
        )
    return pd.concat(parts, ignore_index=True).rename_axis("chip").reset_index()


def _bands(random: np.random.Generator) -> pd.DataFrame:
    rows = [
        {
            "region": region,
            "band": band,
            "minimum": float(random.uniform(0, 9)),
            "mean": 100.0,
            "maximum": 255.0,
            "nodata_pct": float(band == "dem") * 1.25,
            "chips_with_nodata": 3 * (band == "dem"),
        }
        for region in REGIONS
        for band in CHANNEL_SETS["all7"]
    ]
    return pd.DataFrame(rows)


def _rejected() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "region": ["Illinois", "Nebraska"],
            "file": ["Illinois/T/broken.tif", "Nebraska/F/<script>alert(1)</script>.tif"],
            "reason": ["empty file", "has no matching file in Nebraska/dem & co"],
        }
    )


def _folds(chips: pd.DataFrame) -> pd.DataFrame:
    blocks = (chips["x"] // 500 + 7 * (chips["y"] // 500)).astype(int) % 6
    parts = []
    for fold in range(5):
        role = np.where(blocks == fold, "validation", "training").astype(object)
        role[(role == "training") & ((chips["x"] % 500 < 60) & (blocks == (fold + 1) % 5))] = "buffer"
        role[blocks == 5] = "holdout"
        parts.append(pd.DataFrame({"chip": chips["chip"], "fold": fold, "role": role.astype(str)}))
    return pd.concat(parts, ignore_index=True)


def _scores(accuracy: float, auc: bool) -> dict[str, Any]:
    return {
        "accuracy_pct": accuracy,
        "f1_pct": accuracy,
        "auc": 0.9 if auc else None,
        "cross_entropy": 0.3,
        "average_precision": 0.9,
        "matthews": 0.8,
        "recall_pct": [accuracy, accuracy],
        "precision_pct": [accuracy, accuracy],
        "regions": list(REGIONS),
        "region_accuracy_pct": [accuracy] * 4,
        "region_chips": [15] * 4,
    }


def _forest(random: np.random.Generator, auc: bool) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"channels": channels, "fold": fold, **_scores(float(random.normal(84, 2)), auc)}
            for channels in CHANNEL_SETS
            for fold in range(5)
        ]
    )


def validation() -> pd.DataFrame:
    """Networks that were measured whole, and what two built predictors say of them."""
    random = np.random.default_rng(0)
    measured = np.geomspace(2, 100, 30)
    parts = [
        pd.DataFrame(
            {
                "device": device,
                "precision": "fp32",
                "network": [f"7_{number}" for number in range(30)],
                "use": ["calibration"] * 12 + ["validation"] * 18,
                "latency_ms": measured,
                "predicted_ms": measured * random.normal(1, 0.05, 30),
            }
        )
        for device in ("board", "laptop")
    ]
    return pd.concat(parts, ignore_index=True)


def transfer() -> pd.DataFrame:
    """The error of two transferred predictors over the number of measured networks."""
    rows = [
        {"device": device, "networks": size, "error_pct": worst / size**0.5, "largest_error_pct": 3 * worst / size**0.5,
         "tau": 1 - 1 / size}
        for device, worst in (("board", 60.0), ("laptop", 35.0))
        for size in (5, 10, 20, 50)
    ]  # fmt: skip
    TRANSFER.check(pd.DataFrame(rows), Path("transfer"))
    return pd.DataFrame(rows)


def _latencies(ranked: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "channels": row["channels"],
            "architecture": row["architecture"],
            "precision": "fp32",
            "device": device,
            "predictor": "calibrated",
            "latency_ms": row[f"latency_{device}_ms"],
            "predictor_error_pct": 4.0 + position,
            "kernels": 31,
            "covered_kernels": 31 - 2 * (position == 3),
            "filled_kernels": 0,
            "covered_multiply_adds_pct": 100.0,
        }
        for _, row in ranked.drop_duplicates(["channels", "architecture"]).iterrows()
        for position, device in enumerate(DEVICES)
    ]
    return LATENCIES.complete(pd.DataFrame(rows))


def _trained(random: np.random.Generator, ranked: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "channels": row["channels"],
            "batch": row["batch"],
            "architecture": row["architecture"],
            "recipe": "",
            "precision": "fp32",
            "fold": fold,
            **_scores(accuracy, row["auc"] is not None),
            "loss": [0.6, 0.3],
            "kept_epoch": 2,
            "training_chips": 240,
            "validation_chips": 60,
            "training_s": row["training_s"],
            "utilization_pct": 60.0,
            "peak_memory_bytes": 400_000_000,
            "compute_device": "cpu",
            "compute_precision": "float32",
            "threads": 1,
            "versions": "Python 3.11.7, torch 2.13.0, NumPy 2.4.6",
        }
        for _, row in ranked.iterrows()
        for fold, accuracy in enumerate(row["fold_accuracy_pct"])
    ]
    return pd.DataFrame(rows)


EMPTY_NOTICES = pd.DataFrame(columns=["region", "what", "count", "example"])


def content_of(run: Run, draw: bool = False, holdout: bool = False, **changes: Any) -> ReportContent:
    """Put a run into a report's content.

    Args:
        run: what `make_run` invented.
        draw: with all figures; otherwise with a placeholder for each.
        holdout: with hold-out scores of the front.
        changes: tables and fields to replace.
    """
    members = run.ranked[run.ranked["on_front"]]
    trained = run.trained[run.trained["fold"] == 0].drop(columns=[*KEYS, "fold"])
    scores = trained.iloc[: len(members)].assign(candidate=members["candidate"].to_list(), validation_chips=50)
    HOLDOUT_SCORES.check(scores, Path("holdout_scores"))
    tables = {
        "ranked": run.ranked, "chips": run.chips, "bands": run.bands, "rejected": run.rejected,
        "notices": EMPTY_NOTICES, "folds": run.folds, "forest": run.forest, "latencies": run.latencies,
        "efficiency": efficiency_of(run).scores, "trained": run.trained, "choices": choices_of(run),
    } | run.predictions  # fmt: skip
    config = run.config
    if holdout:
        tables["holdout"] = scores
        config = config.model_copy(update={"folds": held_out(config.folds)})
    content = ReportContent(
        config=config,
        tables=tables,
        figures=_draw(run) if draw else dict.fromkeys(all_figures(), png(Figure(figsize=(1, 1)), 50)),
        stamp=Stamp("c" * 64, "d" * 64),
        interactive_front=front_3d_interactive(run.ranked, run.objectives) if draw else "<p>front</p>",
        files={"build_front/front.csv": "the front"},
    )
    return with_changes(content, **changes)


def held_out(folds: FoldsConfig) -> FoldsConfig:
    """The same folds with a hold-out of spatial blocks."""
    return folds.model_copy(update={"holdout": HoldoutConfig(method="spatial_block")})


def with_changes(content: ReportContent, **changes: Any) -> ReportContent:
    """The same content with other tables or fields."""
    names = {field.name for field in fields(content)}
    tables = {name: table for name, table in changes.items() if name not in names}
    others = {name: value for name, value in changes.items() if name in names}
    return replace(content, **({"tables": {**content.tables, **tables}} | others))


def figure_of(name: str, tables: Mapping[str, pd.DataFrame], config: Config | None = None, **files: Any) -> Figure:
    """Draw a figure as its stage does."""
    figure = all_figures()[name]
    settings = {key: setting(config, key) for key in figure.settings} if config else {}
    plain: dict[str, Any] = to_jsonable_python(settings)
    return figure.draw(FigureInput(tables, plain, files))


def choices_of(run: Run) -> pd.DataFrame:
    """What the front needs of the search space, from few resamples."""
    objectives = [each for each in run.config.front.objectives if run.ranked[each.name].notna().all()]
    front = run.config.front.model_copy(update={"resamples": 20, "objectives": objectives})
    return assess_choices(run.ranked, run.config.grid.space, front, seed=0)


def efficiency_of(run: Run) -> ScoredModels:
    """The candidates' relative efficiency, from few samples."""
    candidates = run.ranked[~run.ranked["baseline"]].reset_index(drop=True)
    return score_models(candidates, "candidate", run.config.efficiency.model_copy(update={"samples": 20}), seed=0)


def utilization_of(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """UTILIZATIONS and LAYERS of its networks, as a machine of 80 GFLOP/s and 10 GB/s might have them."""
    random = np.random.default_rng(0)
    networks = run.ranked.drop_duplicates(["channels", "architecture"]).reset_index(drop=True)
    keys = networks[["channels", "architecture"]]
    used = random.uniform(40, 95, len(networks))
    utilizations = keys.assign(
        batch_images=64, flops_per_image=2.0 * networks["multiply_adds"], utilization_pct=used,
        images_per_s=used / 100 * 80e9 / (2.0 * networks["multiply_adds"]),
        intensity=random.uniform(4, 200, len(networks)),
        memory_bound_pct=10.0, peak_flops_per_s=80e9, bandwidth_bytes_per_s=10e9, compute_device="cpu",
        compute_precision="float32", threads=1,
    )  # fmt: skip
    gain = random.uniform(0.8, 1.6, len(networks))
    folded = utilizations.assign(
        architecture=keys["architecture"] + "-f4",
        images_per_s=utilizations["images_per_s"] * gain,
        utilization_pct=np.minimum(100, used * gain),
    )
    utilizations = pd.concat([utilizations, folded], ignore_index=True)
    layers = keys.merge(
        pd.DataFrame({"layer": ["conv1", "block1.0", "fc"], "kind": ["conv", "conv", "linear"]}), "cross"
    )
    layers = layers.assign(
        flops=10**9, input_bytes=10**6, weight_bytes=10**6, output_bytes=10**6, intensity=333.3, memory_bound=False
    )
    for table, frame in ((UTILIZATIONS, utilizations), (LAYERS, layers)):
        table.check(frame, Path(table.name))
    return utilizations, layers


def comparison_of(run: Run) -> pd.DataFrame:
    """COMPARISON of strategies that draw, and of one that does not."""
    names = run.ranked.loc[~run.ranked["baseline"], "candidate"].to_numpy()
    rows = []
    for strategy, seeds in (("filter", 1), ("random", 3), ("tpe", 3)):
        for seed in range(seeds):
            order = np.random.default_rng(seed).permutation(names)
            done = np.arange(1, len(order) + 1)
            share = 100 * (done / len(order)) ** 0.5
            rows.append(
                pd.DataFrame(
                    {
                        "strategy": strategy, "seed": seed, "trained": done, "candidate": order,
                        "training_hours": 0.1 * done, "recall_pct": share, "hypervolume_pct": share,
                    }
                )
            )  # fmt: skip
    table = pd.concat(rows, ignore_index=True)
    COMPARISON.check(table, Path("comparison"))
    return table


def supernets_of() -> dict[str, pd.DataFrame]:
    """ALPHA, RANKING_QUALITY, DIFFICULTY and RANKS of two variants, as a small space might have them."""
    random = np.random.default_rng(0)
    variants = ("uniform", "full")
    supernets = pd.DataFrame([("5", variant, number) for variant in variants for number in range(2)])
    supernets.columns = pd.Index(["channels", "variant", "number"])
    quality = supernets.assign(
        tau_b=random.uniform(0, 0.6, 4), error_tau_b=random.uniform(0, 0.6, 4), top_tau_b=None, top5_pct=60.0,
        hypervolume_pct=random.uniform(90, 100, 4), recall_pct=50.0, network_steps=900, hours=0.2,
    )  # fmt: skip
    difficulty = pd.DataFrame(
        [
            {
                "channels": "5", "networks": 24, "seeds": 3, "measure": "accuracy_pct", "network_std": 2.5,
                "seed_std": 1.0, "ceiling_tau_b": 0.7, "strict_tau_b": 0.9, "hours": 1.0,
                "random_tau_b": 0.25, "cost_tau_b": 0.2, "parameters_tau_b": 0.4, "surrogate_tau_b": 0.45,
            }
        ]
    )  # fmt: skip
    ranks = supernets.merge(pd.DataFrame({"architecture": [f"k{kernel}" for kernel in range(12)]}), "cross")
    ranks = ranks.assign(true_rank=random.integers(0, 5, len(ranks)), estimated_place=random.integers(0, 9, len(ranks)))
    alpha = pd.DataFrame(
        [
            ("5", "full", 0, ranking, epoch, choice, value, float(random.normal()))
            for ranking in range(2)
            for epoch in (1, 2)
            for choice, values in (("kernel_size", "35"), ("stride", "2"), ("padding", "13"[: 2 - ranking]))
            for value in values
        ],
        columns=["channels", "variant", "number", "ranking", "epoch", "choice", "value", "alpha"],
    )
    found = {"alpha": alpha, "quality": quality, "difficulty": difficulty, "ranks": ranks}
    declared = (ALPHA, RANKING_QUALITY, DIFFICULTY, RANKS)
    for table, frame in zip(declared, found.values(), strict=True):
        table.check(frame, Path(table.name))
    return found


def cells_of() -> dict[str, pd.DataFrame]:
    """CELL_SEARCH, CELL_ALPHA, DERIVED and LOOKUP_GRAPH of two budgets, two searches each, and one drawn network."""
    random = np.random.default_rng(0)
    own = {"channels": "5", "quantity": "parameters"}
    ids = [(number, repeat, epoch) for number in range(2) for repeat in range(2) for epoch in (1, 2, 3)]
    frame = pd.DataFrame(ids, columns=["number", "repeat", "epoch"]).assign(target="budget", **own)
    searches = frame.assign(
        bound=30_000.0 + 10_000 * frame["number"], cost=50_000 / frame["epoch"], multiplier=0.1 * frame["epoch"],
        weight_loss=0.5, alpha_loss=0.6, skips=2, seconds=1.0,
    )  # fmt: skip
    rows = pd.concat(
        [
            alpha_rows(CELL_SPACES["nasbench201"], random.dirichlet(np.ones(5), 6)).assign(place=place)
            for place in range(len(frame))
        ]
    )
    alpha = frame.assign(place=range(len(frame))).merge(rows, on="place").drop(columns="place")
    network = str(CellNetwork(Cell(("conv3", "none", "skip", "conv1", "conv3", "pool")), Skeleton(8, 1, 2)))
    derived = pd.DataFrame(
        [
            {
                **own, "origin": "search", "budget": 4e4 + 1e4 * number, "repeat": repeat, "bound": 3e4 + 1e4 * number,
                "architecture": network, "cost": 39_000.0, "plain_architecture": network,
                "plain_cost": 39_000.0 + 5_000 * repeat, "epochs": 3, "edges": 6, "skips": 1,
            }
            for number in range(2) for repeat in range(2)
        ]
    )  # fmt: skip
    drawn = (
        derived.iloc[:1].drop(columns=["bound", "plain_architecture", "plain_cost", "epochs"]).assign(origin="random")
    )
    derived = pd.concat([derived, drawn], ignore_index=True)
    graph = pd.DataFrame({"bound": [2e4, 5e4, 9e4], "size": [2e4, 4e4, 3.5e4], "falls": [False, False, True]})
    found = {"searches": searches, "alpha": alpha, "derived": derived, "graphs": graph.assign(**own)}
    declared = (CELL_SEARCH, CELL_ALPHA, DERIVED, LOOKUP_GRAPH)
    for table, values in zip(declared, found.values(), strict=True):
        table.check(values, Path(table.name))
    return found


def batteries_of(run: Run) -> pd.DataFrame:
    """BATTERY of each channel set, by charge."""
    candidates = run.ranked[~run.ranked["baseline"]]
    asked = BatteryConfig(capacity_mwh=5000, interval_s=1, idle_mw=20, active_mw=2000, max_networks=4)
    table = pd.concat(
        [simulate(asked, own.reset_index(drop=True)) for _, own in candidates.groupby("channels")], ignore_index=True
    )
    BATTERY.check(table, Path("battery"))
    return table


def _draw(run: Run) -> dict[str, bytes]:
    names = [name for name in all_figures() if name.startswith(("front_", "efficiency", "utilization", "chip_map"))]
    names += ["latency_devices", "predictor_validation", "transfer_error", "dimension_effects"]
    drawn = {name: figure_of(name, tables_of(run), run.config) for name in names if name != "front_precisions"}
    random = np.random.default_rng(0)
    samples = [(title, random.random((100, 100, 7)).cumsum(axis)) for axis, title in enumerate(("F", "T"))]
    drawn["input_channels"] = input_channels(samples, CHANNEL_SETS["all7"])
    return {name: png(figure, run.config.report.dpi) for name, figure in drawn.items()}


def tables_of(run: Run) -> dict[str, pd.DataFrame]:
    """Everything that figures are drawn from, by the names of results."""
    scored, (utilizations, layers), cells = efficiency_of(run), utilization_of(run), cells_of()
    network = cells["derived"]["architecture"].iloc[0]
    supernets = supernets_of()
    return {
        "ranked": run.ranked, "chips": run.chips, "folds": run.folds,
        "efficiency": scored.scores, "efficiency_samples": scored.samples, "dominance": scored.dominance,
        "utilizations": utilizations, "layers": layers, "comparison": comparison_of(run),
        "alpha": supernets["alpha"], "ranking_quality": supernets["quality"], "difficulty": supernets["difficulty"],
        "ranks": supernets["ranks"], "battery": batteries_of(run), "validation": validation(),
        "transfer": transfer(),
        "derived": cells["derived"].assign(architecture=network), "graphs": cells["graphs"],
        "searches": cells["searches"], "cell_alpha": cells["alpha"],
    } | run.predictions | surrogate_of(run)  # fmt: skip


def surrogate_of(run: Run) -> dict[str, pd.DataFrame]:
    """What a surrogate search that trained every other candidate, and stopped one in eight, would believe."""
    random, rows = np.random.default_rng(4), run.ranked[~run.ranked["baseline"]].reset_index(drop=True)
    trained = np.arange(len(rows)) % 2 == 0
    cost = next(objective.name for objective in run.objectives if objective.name.startswith(("latency", "memory")))
    beliefs = rows[["candidate", *KEYS]].assign(
        trained=trained,
        stopped=np.arange(len(rows)) % 8 == 3,
        folds=np.where(trained, rows["folds"], 0),
        accuracy_pct=rows["accuracy_pct"].where(trained),
        expected_accuracy_pct=rows["accuracy_pct"] + random.normal(0, 1, len(rows)),
        deviation_pct=random.uniform(0.2, 2, len(rows)),
        front_probability=np.where(trained, np.nan, random.uniform(0, 0.2, len(rows))),
        cost=rows[cost],
    )
    names = rows["candidate"][trained]
    progress = pd.DataFrame(
        {"trained": np.arange(1, len(names) + 1), "candidate": names, "round": np.arange(len(names)) // 8}
    )
    progress["hypervolume_pct"] = 100 * (1 - 0.9 ** progress["trained"])
    BELIEFS.check(beliefs, Path("beliefs"))
    PROGRESS.check(progress, Path("progress"))
    limit, chosen = rows[cost].median(), rows[trained].sort_values(cost).iloc[0]
    within = pd.DataFrame(
        {
            "cost": cost, "budget": [rows[cost].min() / 2, limit], "value": [np.nan, chosen[cost]],
            "candidate": [None, chosen["candidate"]], "accuracy_pct": [np.nan, chosen["accuracy_pct"]],
            "believed_accuracy_pct": [np.nan, chosen["accuracy_pct"] - 0.5], "trained": [0, 3], "possible": [0, 2],
        }
    )  # fmt: skip
    WITHIN_BUDGETS.check(within, Path("within"))
    return {"beliefs": beliefs, "progress": progress, "within_budgets": within}


def predictions_of(run: Run) -> dict[str, pd.DataFrame]:
    """What is made from predictions, invented so that each candidate is about as accurate as its row says."""
    random, classes = np.random.default_rng(3), run.config.data.classes
    labels = run.chips["class"].map({name: number for number, name in enumerate(classes)}).to_numpy()
    validating = run.folds[run.folds["role"] == "validation"].groupby("fold")["chip"].agg(list)

    def invent(key: dict[str, Any], accuracy_pct: float) -> list[dict[str, Any]]:
        right = random.random(len(labels)) < accuracy_pct / 100
        own = np.where(right, random.uniform(0.5, 1, len(labels)), random.uniform(0, 0.5, len(labels)))
        shares = np.stack([np.where(labels == 0, own, 1 - own), np.where(labels == 0, 1 - own, own)], axis=1)
        return [
            key | {"fold": fold} | predictions(np.array(chips), shares[chips]) for fold, chips in validating.items()
        ]

    others = ~(run.ranked["on_front"] | run.ranked["baseline"])
    ranked = run.ranked[~others | (others.cumsum() <= 20)]  # for speed
    candidates = [
        part
        for row in ranked.to_dict("records")
        for part in invent({name: row[name] for name in KEYS}, row["accuracy_pct"])
    ]
    forests = [part for channels in CHANNEL_SETS for part in invent({"channels": channels}, 70.0)]
    kept = KeptPredictions(pd.DataFrame(candidates), pd.DataFrame(forests), labels, len(validating))
    found = assess_predictions(kept, ranked, run.chips, np.arange(len(labels)), classes, seed=1)
    return {field.name: getattr(found, field.name) for field in fields(found)}


def chip_array(run: Run, folder: Path) -> Path:
    """Write a chip array of noise for a run."""
    path = folder / "chips.npy"
    shape = (len(run.chips), 8, 8, len(run.config.data.bands))
    save_array(path, np.random.default_rng(1).random(shape, dtype=np.float32))
    return path


def png(figure: Figure, dpi: int) -> bytes:
    """Render a figure as the stage does."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "figure.png")
        save_figure(figure, path, dpi)
        return path.read_bytes()
