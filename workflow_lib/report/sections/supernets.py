"""Section on supernets."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.analysis.comparison_tables import DIFFICULTY_RESULT, RANKING_QUALITY_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import MISSING, column_format
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def picks(content: ReportContent) -> TextTable:
    """Tabulate the candidates with the best cost and the best accuracy, and the knee (PRP table 1: BL, BA, O)."""
    import numpy as np

    from workflow_lib.pareto.dominance import knee
    from workflow_lib.report.tables import candidates_only

    cost = content.config.supernet.cost
    trained = candidates_only(content[RANKED_RESULT])
    losses = np.column_stack([-trained["accuracy_pct"], trained[cost]])
    ends = [np.lexsort((losses[:, 0], losses[:, 1]))[0], np.lexsort((losses[:, 1], losses[:, 0]))[0]]
    chosen = trained.iloc[[*ends, knee(losses)]]
    return make_table(
        {
            "Pick": [f"Best {column_format(cost).title.lower()}", "Best accuracy", "Knee"],
            "Candidate": chosen["candidate"],
            "Accuracy (%)": [f"{value:.1f}" for value in chosen["accuracy_pct"]],
            column_format(cost).title: [f"{value:.2f}" for value in chosen[cost]],
        },
        texts=2,
    )


def ranking_quality(content: ReportContent) -> TextTable:
    """Tabulate how well each supernet variant ranks networks (PRP table 4)."""
    import pandas as pd

    groups = content[RANKING_QUALITY_RESULT].groupby(["channels", "variant"], sort=False)

    def spread(name: str, digits: int) -> list[str]:
        values = [(group[name].mean(), group[name].std()) for _, group in groups]
        return [MISSING if pd.isna(mean) else f"{mean:.{digits}f} ± {std:.{digits}f}" for mean, std in values]

    return make_table(
        {
            "Channels": [group["channels"].iloc[0] for _, group in groups],
            "Variant": [group["variant"].iloc[0].replace("_", " ") for _, group in groups],
            "Supernets": [len(group) for _, group in groups],
            "tau-b of Pareto ranks": spread("tau_b", 3),
            "tau-b of errors alone": spread("error_tau_b", 3),
            "tau-b of the best ranks": spread("top_tau_b", 3),
            "Top 5 (%)": spread("top5_pct", 0),
            "Hypervolume (%)": spread("hypervolume_pct", 1),
            "Front recall (%)": spread("recall_pct", 0),
            "Network steps": [f"{group['network_steps'].mean():,.0f}" for _, group in groups],
            "Core-hours": spread("hours", 3),
        },
        texts=2,
    )


def difficulty(content: ReportContent) -> TextTable:
    """Tabulate whether networks differ by more than chance."""
    measured = {"accuracy_pct": column_format("accuracy_pct").title, "cross_entropy": "Cross-entropy"}
    frame, cost = content[DIFFICULTY_RESULT], column_format(content.config.supernet.cost).title
    digits = 2 if (frame["measure"] == "accuracy_pct").all() else 4
    return make_table(
        {
            "Channels": frame["channels"],
            "Networks": frame["networks"],
            "Trainings per network": frame["seeds"],
            "Ranked by": [f"{measured[name]}, {cost}" for name in frame["measure"]],
            "Std between networks": [f"{value:.{digits}f}" for value in frame["network_std"]],
            "Std between seeds": [f"{value:.{digits}f}" for value in frame["seed_std"]],
            "Ratio": [f"{value:.2f}" for value in frame["network_std"] / frame["seed_std"]],
            "Noise ceiling (tau-b)": [f"{value:.3f}" for value in frame["ceiling_tau_b"]],
            "Maximum tau-b without ties": [f"{value:.3f}" for value in frame["strict_tau_b"]],
            "Core-hours": [f"{value:.2f}" for value in frame["hours"]],
        },
        texts=1,
    )


def floors(content: ReportContent) -> TextTable:
    """Tabulate how well networks are ranked without a supernet."""
    frame = content[DIFFICULTY_RESULT]
    titles = {
        "random_tau_b": "Random errors and the cost",
        "cost_tau_b": "The cost alone",
        "parameters_tau_b": "Parameters and the cost",
        "surrogate_tau_b": "A model that knows a quarter of the networks",
        "ceiling_tau_b": "Half of the trainings (noise ceiling)",
    }
    return make_table(
        {"Channels": frame["channels"]}
        | {
            title: [MISSING if isnan(value) else f"{value:.3f}" for value in frame[name]]
            for name, title in titles.items()
        },
        texts=1,
    )


def compared(content: ReportContent) -> bool:
    """Whether supernet rankings were compared with the trained grid."""
    return content.get(RANKING_QUALITY_RESULT) is not None


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "picks": picks(content) if content.config.search.strategy == "supernet" else None,
        "ranking_quality": ranking_quality(content) if compared(content) else None,
        "difficulty": difficulty(content) if compared(content) else None,
        "floors": floors(content) if compared(content) else None,
    }


SECTION = SectionDeclaration(
    title="Supernets",
    reads=(RANKED_RESULT,),
    optional=(
        RANKING_QUALITY_RESULT,
        DIFFICULTY_RESULT,
    ),
    parent="search_space",
    position=65,
    when=lambda config: config.search.strategy == "supernet" or config.ranking_quality is not None,
    values=values,
)
