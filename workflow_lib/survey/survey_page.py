"""The page of a survey: pictures first, then the models on the fronts, then all models."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from workflow_lib.analysis.efficiency_scores import best_by_construction
from workflow_lib.report.names import named_plainly
from workflow_lib.report.page_parts import figure_address, page_environment
from workflow_lib.report.plots.efficiency_plots import efficiency_boxes, efficiency_dominance, efficiency_fronts
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.survey.models import Models
from workflow_lib.survey.survey_efficiency import Efficiency, named
from workflow_lib.survey.survey_plots import survey_fronts

_EFFICIENT = 20
"""Number of models in the page's table of efficiencies."""


def render_survey(title: str, models: Models, surveyed: pd.DataFrame, fronts: pd.DataFrame, scored: Efficiency) -> str:
    """Render the page of a survey: a complete HTML document that loads no other file.

    Args:
        title: heading.
        models: the models.
        surveyed: rows of SURVEYED.
        fronts: rows of PAIR_FRONTS.
        scored: their efficiency.
    """
    return (
        page_environment("templates")
        .get_template("survey.html.j2")
        .render(
            title=title,
            columns=[f"{column} ({models.directions[column]}imised)" for column in models.columns],
            count=len(surveyed),
            facts=_facts(models, surveyed),
            figure=figure_address(survey_fronts(models, surveyed)),
            front=_models_table(models, surveyed[surveyed["rank"] == 0]),
            pairs=_pairs_table(models, fronts),
            all_models=_models_table(models, surveyed),
            efficiency=_efficiency(models, scored),
        )
    )


def _facts(models: Models, surveyed: pd.DataFrame) -> list[str]:
    """Say in sentences what the fronts hold."""
    members, pairs = surveyed[surveyed["rank"] == 0], list(combinations(models.columns, 2))
    are = "is" if len(members) == 1 else "are"
    facts = [f"{len(members):,} of {len(surveyed):,} models {are} on the front of all {len(models.columns)} columns."]
    if len(pairs) > 1:
        everywhere = list(surveyed.loc[surveyed["pair_fronts"] == len(pairs), "model"])
        if len(everywhere) == 1:
            facts.append(f"{everywhere[0]} alone is on the front of every pair.")
        elif everywhere:
            facts.append(f"{len(everywhere)} models are on the front of every pair: {named(everywhere)}.")
        else:
            facts.append("No model is on the front of every pair.")
    best = members.sort_values("hypervolume_pct", ascending=False).iloc[0]
    if best["hypervolume_pct"] > 0:
        lost = f"{best['hypervolume_pct']:.1f} % of its hypervolume"
        facts.append(f"Without {best['model']}, the front would lose most: {lost}.")
    if models.left_out:
        absent = named(models.left_out)
        facts.append(f"{len(models.left_out)} of the models were left out, because a value is missing: {absent}.")
    if models.incomplete:
        facts.append(f"{models.incomplete:,} incomplete measurements were left out.")
    return facts


def _models_table(models: Models, rows: pd.DataFrame) -> TextTable:
    columns: list[tuple[str, Iterable[Any]]] = [  # no mapping, because a column may be called "Model"
        ("No.", rows.index + 1),
        ("Model", rows["model"]),
        *((column, rows[f"value_{column}"].map("{:,.6g}".format)) for column in models.columns),
        ("Pareto rank", rows["rank"]),
        ("Hypervolume lost without it (%)", rows["hypervolume_pct"].map("{:.2f}".format)),
        ("Fronts of pairs", rows["pair_fronts"]),
    ]
    if models.deviations.any():
        columns.append(("On the front in samples (%)", rows["front_pct"].map("{:.0f}".format)))
    cells = zip(*(values for _, values in columns), strict=True)
    return TextTable([header for header, _ in columns], [list(map(str, row)) for row in cells], texts=2)


def _pairs_table(models: Models, fronts: pd.DataFrame) -> TextTable:
    groups = fronts.groupby(["first", "second"], sort=False)["model"].agg(list)
    pairs: Sequence[Any] = list(groups.index)
    return make_table(
        {
            "Pair": [f"{first}, {second}" for first, second in pairs],
            "Models on its front": [", ".join(members) for members in groups],
            "Number": [len(members) for members in groups],
        },
        texts=2,
    )


def _efficiency(models: Models, scored: Efficiency) -> dict[str, Any]:
    """Return the figures and the table of efficiencies, and what could not be scored."""
    if scored.scored is None:
        return {"note": scored.note, "figures": {}, "table": None, "lucky": "", "orientation": ""}
    scores, samples, dominance = scored.scored.scores, scored.scored.samples, scored.scored.dominance
    columns = scored.settings.inputs, scored.settings.outputs
    figures = {"Efficiency in each single cost": efficiency_fronts(scores, *columns, named_plainly)}
    if models.deviations.any():
        figures["Efficiency under noise"] = efficiency_boxes(samples, scores)
        figures["Stochastic dominance of efficiency"] = efficiency_dominance(samples, dominance, scores)
    best = scores.head(_EFFICIENT)
    table = make_table(
        {
            "No.": best.index + 1,
            "Model": best["model"],
            "Efficiency (%)": [f"{value:.1f}" for value in best["efficiency_pct"]],
            "5 to 95 % of samples": [
                f"{low:.1f} to {high:.1f}" for low, high in zip(best["low_pct"], best["high_pct"], strict=True)
            ],
            "Efficiency, constant returns (%)": [f"{value:.1f}" for value in best["constant_returns_pct"]],
            "Returns to scale": best["returns_to_scale"],
            "As good as": [
                " + ".join(f"{100 * weight:.0f} % {name}" for name, weight in zip(names, weights, strict=True))
                for names, weights in zip(best["references"], best["weights"], strict=True)
            ],
        },
        texts=2,
    )
    lucky = best_by_construction(scores, scored.settings)
    return {
        "note": scored.note,
        "orientation": scored.settings.orientation,
        "lucky": named(list(lucky["model"])),
        "figures": {title: figure_address(figure) for title, figure in figures.items()},
        "table": table,
    }
