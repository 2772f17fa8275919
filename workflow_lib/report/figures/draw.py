"""A figure by its name: what a run's stage asks for."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workflow_lib.core.config import Objective
from workflow_lib.core.errors import UserError
from workflow_lib.data.dataset import Dataset
from workflow_lib.report.figures.cells import cells_accuracy, cells_alpha, cells_budgets, cells_search
from workflow_lib.report.figures.channels import input_channels
from workflow_lib.report.figures.comparison import comparison_fronts, comparison_progress
from workflow_lib.report.figures.devices import latency_devices, predictor_validation
from workflow_lib.report.figures.dimensions import dimension_effects
from workflow_lib.report.figures.efficiency import (
    efficiency_boxes,
    efficiency_dominance,
    efficiency_fronts,
    efficiency_training,
)
from workflow_lib.report.figures.maps import chip_map
from workflow_lib.report.figures.pairs import front_pairs
from workflow_lib.report.figures.radar import front_radar
from workflow_lib.report.figures.scatter import front_3d
from workflow_lib.report.figures.supernets import supernet_alpha, supernet_quality, supernet_ranks
from workflow_lib.report.figures.utilization import (
    utilization_accuracy,
    utilization_folded,
    utilization_fronts,
    utilization_roofline,
)


def draw_figure(
    name: str,
    ranked: pd.DataFrame,
    objectives: Sequence[Objective],
    devices: Sequence[str],
    dataset: Dataset,
    channel_sets: Mapping[str, Sequence[str]],
    folds: pd.DataFrame,
    validation: pd.DataFrame,
) -> Figure:
    """Draw one figure of a run.

    Args:
        name: one of the keys of `workflow_lib.report.page.CAPTIONS`.
        ranked: the front table, all candidates and baselines.
        objectives: the axes of the front.
        devices: those that have a latency.
        dataset: the imported chips.
        channel_sets: the run's channel sets.
        folds: the folds table.
        validation: measured networks of built predictors; empty if there are none.

    Raises:
        UserError: if no figure is called so.
    """
    draw = {
        "front_3d": lambda: front_3d(ranked, objectives),
        "front_pairs": lambda: front_pairs(ranked, objectives),
        "front_radar": lambda: front_radar(ranked, objectives),
        "latency_devices": lambda: latency_devices(ranked, objectives, devices),
        "predictor_validation": lambda: predictor_validation(validation),
        "dimension_effects": lambda: dimension_effects(ranked, objectives),
        "input_channels": lambda: input_channels(*_samples(dataset, channel_sets)),
        "chip_map": lambda: chip_map(dataset.chips, folds),
        "chip_map_roles": lambda: chip_map(dataset.chips, folds, int(folds["fold"].min())),
    }
    return _chosen(draw, name)


def draw_efficiency(
    name: str,
    scores: pd.DataFrame,
    samples: pd.DataFrame,
    dominance: pd.DataFrame,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> Figure:
    """Draw one figure of the models' relative efficiency.

    Args:
        name: efficiency_fronts, efficiency_boxes, efficiency_dominance or efficiency_training.
        scores, samples, dominance: tables EFFICIENCY, EFFICIENCY_SAMPLES, DOMINANCE.
        inputs, outputs: the columns that were scored.

    Raises:
        UserError: if no figure is called so.
    """
    draw = {
        "efficiency_fronts": lambda: efficiency_fronts(scores, inputs, outputs),
        "efficiency_boxes": lambda: efficiency_boxes(samples),
        "efficiency_dominance": lambda: efficiency_dominance(samples, dominance),
        "efficiency_training": lambda: efficiency_training(scores),
    }
    return _chosen(draw, name)


def draw_utilization(name: str, ranked: pd.DataFrame, utilizations: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Draw one figure of the networks' utilization.

    Args:
        name: utilization_fronts, utilization_roofline, utilization_accuracy or utilization_folded.
        ranked: the front table, all candidates and baselines.
        utilizations, layers: tables UTILIZATIONS, LAYERS.

    Raises:
        UserError: if no figure is called so.
    """
    draw = {
        "utilization_fronts": lambda: utilization_fronts(ranked, utilizations),
        "utilization_roofline": lambda: utilization_roofline(ranked, utilizations, layers),
        "utilization_accuracy": lambda: utilization_accuracy(ranked, utilizations),
        "utilization_folded": lambda: utilization_folded(utilizations),
    }
    return _chosen(draw, name)


def draw_comparison(
    name: str, candidates: pd.DataFrame, comparison: pd.DataFrame, objectives: Sequence[Objective]
) -> Figure:
    """Draw one figure of search strategies side by side.

    Args:
        name: comparison_progress or comparison_fronts.
        candidates: all that could be found: `candidate` and the objectives.
        comparison: table COMPARISON.
        objectives: of the front.

    Raises:
        UserError: if no figure is called so.
    """
    draw = {
        "comparison_progress": lambda: comparison_progress(comparison),
        "comparison_fronts": lambda: comparison_fronts(candidates, comparison, objectives),
    }
    return _chosen(draw, name)


def draw_supernets(
    name: str, alpha: pd.DataFrame, quality: pd.DataFrame, difficulty: pd.DataFrame, ranks: pd.DataFrame
) -> Figure:
    """Draw one figure of supernets.

    Args:
        name: supernet_alpha, supernet_quality or supernet_ranks.
        alpha, quality, difficulty, ranks: tables ALPHA, RANKING_QUALITY, DIFFICULTY, RANKS; those that the figure does
            not show may be empty.

    Raises:
        UserError: if no figure is called so.
    """
    draw = {
        "supernet_alpha": lambda: supernet_alpha(alpha),
        "supernet_quality": lambda: supernet_quality(quality, difficulty),
        "supernet_ranks": lambda: supernet_ranks(ranks),
    }
    return _chosen(draw, name)


def draw_cells(
    name: str,
    searches: pd.DataFrame,
    alpha: pd.DataFrame,
    derived: pd.DataFrame,
    graphs: pd.DataFrame,
    ranked: pd.DataFrame,
) -> Figure:
    """Draw one figure of searches of cells.

    Args:
        name: cells_accuracy, cells_budgets, cells_search or cells_alpha.
        searches, alpha, derived, graphs: tables CELL_SEARCH, CELL_ALPHA, DERIVED, LOOKUP_GRAPH.
        ranked: the front table, all candidates and baselines.

    Raises:
        UserError: if no figure is called so.
    """
    draw = {
        "cells_accuracy": lambda: cells_accuracy(derived, ranked),
        "cells_search": lambda: cells_search(searches),
        "cells_budgets": lambda: cells_budgets(derived, graphs),
        "cells_alpha": lambda: cells_alpha(alpha),
    }
    return _chosen(draw, name)


def _samples(
    dataset: Dataset, channel_sets: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[str, NDArray[np.float32]]], list[str]]:
    """The first chip of each class, in the channels that some network sees."""
    seen = {channel for channels in channel_sets.values() for channel in channels}
    channels = [band for band in dataset.bands if band in seen]
    places = [list(dataset.bands).index(channel) for channel in channels]
    samples = []
    for label in dataset.classes:
        row = int(np.flatnonzero((dataset.chips["class"] == label).to_numpy())[0])
        title = f"{label}, {dataset.regions[row]}"
        samples.append((title, np.asarray(dataset.pixels[row])[..., places]))
    return samples, channels


def _chosen(draw: Mapping[str, Callable[[], Figure]], name: str) -> Figure:
    if name not in draw:
        raise UserError(f"no figure is called {name}; known are {', '.join(draw)}", "--figures")
    return draw[name]()
