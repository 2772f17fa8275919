"""The relative efficiency of the models of a survey: minimised columns are inputs, maximised ones are outputs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workflow_lib.analysis.efficiency_scores import ScoredModels, score_models
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.efficiency_config import EfficiencyConfig
from workflow_lib.pareto.envelope import Orientation, Returns
from workflow_lib.survey.models import Models

_NAMED = 5


@dataclass(frozen=True)
class Efficiency:
    """What could be scored, and what could not.

    Args:
        scored: scores, samples and dominance; None: no model could be scored.
        settings: how they were scored.
        note: what could not be scored, and why; empty: nothing.
    """

    scored: ScoredModels | None
    settings: EfficiencyConfig
    note: str


def score_survey(models: Models, returns: Returns, orientation: Orientation, samples: int, seed: int) -> Efficiency:
    """Score the efficiency of all models that can be scored.

    Args:
        models: the models.
        returns: returns to scale; see `relative_efficiency`.
        orientation: what is compared, costs or benefits; see `relative_efficiency`.
        samples: number of samples, if there are standard deviations.
        seed: seed of the samples.
    """
    inputs = [column for column in models.columns if models.directions[column] == "min"]
    outputs = [column for column in models.columns if models.directions[column] == "max"]
    name = " ".join(["name", *models.columns])  # no column has this name
    table = pd.DataFrame(models.values, columns=models.columns).assign(**{name: models.names})
    deviations = {column: f"{name} {column}" for column in models.columns}
    table = table.join(pd.DataFrame(models.deviations, columns=list(deviations.values())))
    # Names of columns in a table from elsewhere may hold any character, so they are not checked as names.
    settings = EfficiencyConfig().model_copy(update={
        "inputs": inputs, "outputs": outputs, "training_inputs": [], "deviations": deviations, "returns": returns,
        "orientation": orientation, "samples": samples if models.deviations.any() else 1,
    })  # fmt: skip
    if not (inputs and outputs):
        return Efficiency(None, settings, "Efficiency needs a column that is minimised and one that is maximised.")
    possible = (table[inputs] > 0).all(axis=1) & (table[outputs] >= 0).all(axis=1) & (table[outputs] > 0).any(axis=1)
    note = _note(list(table[name][~possible]))
    if not possible.any():
        return Efficiency(None, settings, note)
    try:
        scored = score_models(table[possible].reset_index(drop=True), name, settings, seed)
    except UserError as error:
        return Efficiency(None, settings, f"Efficiency could not be scored: {error.what}. {note}".strip())
    return Efficiency(scored, settings, note)


def _note(left_out: Sequence[str]) -> str:
    if not left_out:
        return ""
    return f"Not scored, because a cost is 0 or less, or the benefits are negative or all 0: {named(left_out)}."


def named(models: Sequence[str]) -> str:
    """List models; only the first ones, if they are many.

    >>> named(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(models) - _NAMED:,} more" if len(models) > _NAMED else ""
    return ", ".join(models[:_NAMED]) + more
