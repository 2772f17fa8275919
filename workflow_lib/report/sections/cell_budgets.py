"""Section on cell searches within budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report import words
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import MISSING
from workflow_lib.report.text_table import TextTable, make_table
from workflow_lib.search.cell_tables import DERIVED_RESULT, LOOKUP_GRAPHS_RESULT
from workflow_lib.spaces.cell_costs import COUNTED

if TYPE_CHECKING:
    import pandas as pd

    from workflow_lib.report.content import ReportContent


def derived(content: ReportContent) -> TextTable:
    """Tabulate the networks found within each budget, and their accuracy after individual training."""
    from workflow_lib.report.tables import with_candidates

    frame = with_candidates(content[DERIVED_RESULT], content[RANKED_RESULT])
    keys, meters = ["channels", "quantity", "budget"], content.config.energy_devices
    groups = [group for _, group in frame[frame["origin"] == "search"].groupby(keys, sort=False)]
    best = [group.sort_values("accuracy_pct", na_position="first").iloc[-1] for group in groups]
    random = frame[frame["origin"] == "random"]
    drawn = [random.loc[(random[keys] == row[keys]).all(axis=1), "accuracy_pct"] for row in best]
    return make_table(
        {
            "Channels": [row["channels"] for row in best],
            "Best network": [row["architecture"] for row in best],
            "Budget": [_amount(row["budget"], row["quantity"], meters) for row in best],
            "Cost of the best network": [_amount(row["cost"], row["quantity"], meters) for row in best],
            "Searches": [len(group) for group in groups],
            "Mean share of the budget (%)": [
                f"{100 * (group['cost'] / group['budget']).mean():.0f}" for group in groups
            ],
            "Searches whose most probable network met the budget": [
                int((group["plain_cost"] <= group["budget"]).sum()) for group in groups
            ],
            "Accuracy (%)": [_spread(group["accuracy_pct"]) for group in groups],
            "Best accuracy (%)": [_number(group["accuracy_pct"].max()) for group in groups],
            "Random networks": [str(len(values)) for values in drawn],
            "Median accuracy of random networks (%)": [_number(values.median()) for values in drawn],
            "Best accuracy of random networks (%)": [_number(values.max()) for values in drawn],
            "Epochs": [_span(group["epochs"]) for group in groups],
            "Maximum number of skip edges": [f"{group['skips'].max()} of {group['edges'].iloc[0]}" for group in groups],
        },
        texts=2,
    )


def _span(values: pd.Series) -> str:
    low, high = int(values.min()), int(values.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _amount(value: float, quantity: str, meters: Sequence[str]) -> str:
    """Format an amount of parameters or multiply-adds, or a latency or energy on a device."""
    if quantity in COUNTED:
        return f"{value:,.0f} {quantity.replace('_', '-')}"
    return f"{value:.3g} {'mJ' if quantity in meters else 'ms'} on {quantity}"


def _number(value: float) -> str:
    import numpy as np

    return MISSING if np.isnan(value) else f"{value:.1f}"


def _spread(values: pd.Series) -> str:
    """Format the mean and standard deviation over searches."""
    return MISSING if values.isna().all() else f"{values.mean():.1f} ± {values.std(ddof=0):.1f}"


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "derived": derived(content),
        "derivation": words.derivation(content.config),
        "has_random": bool(content.config.cell_search and content.config.cell_search.random_networks),
        "graph_falls": int(content[LOOKUP_GRAPHS_RESULT]["falls"].sum()),
    }


SECTION = SectionDeclaration(
    title="Cells within budgets",
    reads=(
        DERIVED_RESULT,
        LOOKUP_GRAPHS_RESULT,
        RANKED_RESULT,
    ),
    parent="search_space",
    position=62,
    values=values,
)
