"""What a finished surrogate search believes of all candidates, and how its front grew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import moocore
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from workflow_lib.core.candidate import KEYS
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import to_losses, unit_scaled
from workflow_lib.pareto.front_config import Objective, besides_accuracy
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.searched_candidates import SearchedCandidates, mean_accuracies, names_of
from workflow_lib.search.surrogate_folds import fold_posterior
from workflow_lib.search.surrogate_rungs import final_accuracies
from workflow_lib.search.surrogate_search import describe_candidates, without_outliers
from workflow_lib.search.surrogate_tables import MIN_KNOWN, POSSIBLE, SHARED_ACCURACY, WITHIN_BUDGETS

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Beliefs:
    """What a model of the accuracy believes of all candidates of a search.

    Attributes:
        searched: the candidates.
        measured: (n,) measured accuracies (percent), corrected for the difficulty of the folds where candidates were
            trained on different ones; NaN if it was not trained.
        folds: (n,) number of folds on which each was trained, for all epochs.
        modelled: (k,) rows of the candidates that the model knows: the trained ones, and those that were trained for a
            part of the epochs.
        posterior: the model.
    """

    searched: SearchedCandidates
    measured: Numbers
    folds: NDArray[np.intp]
    modelled: NDArray[np.intp]
    posterior: Posterior

    @property
    def rows(self) -> NDArray[np.intp]:
        """Rows of the trained candidates."""
        return np.flatnonzero(np.isfinite(self.measured))


def believe(
    searched: SearchedCandidates,
    proposals: pd.DataFrame,
    scores: pd.DataFrame,
    part_scores: Mapping[int, pd.DataFrame] = MappingProxyType({}),
) -> Beliefs:
    """Fit the model of the accuracy to the trained candidates, as the search does.

    Args:
        searched: the candidates of the search.
        proposals: rows of PROPOSALS.
        scores: rows of FOLD_SCORES; a candidate that lacks a proposed fold is left out.
        part_scores: n -> the same after 1/n of the epochs.

    Raises:
        UserError: if fewer than two candidates were trained.
    """
    searched = searched.including(names_of(proposals))
    known = searched.known
    proposed = proposals.groupby(KEYS)["folds"].max().reset_index()
    by_candidate = scores.sort_values("fold").groupby(KEYS)["accuracy_pct"].agg(list).rename("accuracies").reset_index()
    table = known[KEYS].merge(proposed, on=KEYS, how="left").merge(by_candidate, on=KEYS, how="left")
    rows = np.flatnonzero(table["accuracies"].str.len() == table["folds"])
    if len(rows) < MIN_KNOWN:
        raise UserError(f"only {len(rows)} trained candidates; a model needs {MIN_KNOWN}", "config: search.candidates")
    costs = [each.name for each in besides_accuracy(searched.objectives)]
    features = describe_candidates(searched.space, known, costs)
    found, posterior = fold_posterior(features, rows, table["accuracies"].iloc[rows].tolist())
    measured, folds, modelled = np.full(len(known), np.nan), np.zeros(len(known), dtype=np.intp), rows
    measured[rows], folds[rows] = found.means, found.counts
    if part_scores:
        tables = {part: mean_accuracies(each, int(folds.max())) for part, each in part_scores.items()}
        observed = {part: dict(zip(names_of(each), each["mean"], strict=True)) for part, each in tables.items()}
        finished = dict(zip(known["candidate"].iloc[rows], found.means.tolist(), strict=True))
        accuracies, variances = final_accuracies({**observed, 1: finished})
        row_of = dict(zip(known["candidate"], range(len(known)), strict=True))
        modelled = np.array([row_of[name] for name in accuracies], dtype=np.intp)
        values, extra = (np.array(list(each.values())) for each in (accuracies, variances))
        posterior = Posterior(features, modelled, without_outliers(values), extra)
    return Beliefs(searched, measured, folds, modelled, posterior)


def tabulate_beliefs(beliefs: Beliefs) -> pd.DataFrame:
    """Tabulate the expected accuracy of every candidate of a search, and whether it belongs on the front.

    Returns:
        Rows of BELIEFS, in the order of the candidates.
    """
    known, measured, rows, posterior = beliefs.searched.known, beliefs.measured, beliefs.rows, beliefs.posterior
    costs = besides_accuracy(beliefs.searched.objectives)
    expected, deviation = posterior.mean.copy(), posterior.deviation
    probability = _front_probability(expected, deviation, to_losses(known, costs), rows)
    finished = np.isin(beliefs.modelled, rows)
    kept = beliefs.modelled[finished]
    expected[kept], deviation[kept] = (each[finished] for each in posterior.left_out())
    probability[rows] = np.nan
    return known[["candidate", *KEYS]].assign(
        trained=np.isfinite(measured),
        stopped=np.isin(np.arange(len(known)), beliefs.modelled) & ~np.isfinite(measured),
        folds=beliefs.folds,
        accuracy_pct=measured,
        expected_accuracy_pct=expected,
        deviation_pct=deviation,
        front_probability=probability,
        **{SHARED_ACCURACY: known.get(SHARED_ACCURACY, np.nan)},
        cost=known[costs[0].name],
    )


def _front_probability(mean: Numbers, deviation: Numbers, costs: Numbers, trained: NDArray[np.intp]) -> Numbers:
    """Return (n,) probabilities to exceed the expected accuracy of all trained candidates of no higher costs.

    Less accurate candidates than the median one count for nothing, as in the search, however cheap they are.
    """
    level = np.full(len(mean), np.median(mean))
    for row in trained:
        covered = (costs[row] <= costs).all(axis=1)
        level[covered] = np.maximum(level[covered], mean[row])
    probability: Numbers = ndtr((mean - level) / deviation)
    return probability


def best_within(beliefs: Beliefs) -> pd.DataFrame:
    """Tabulate the most accurate trained candidate within each budget.

    It is chosen by its expected accuracy given all trainings, because the best of many noisy accuracies is lucky; among
    those with most folds, because only these can be compared and deployed.

    Returns:
        Rows of WITHIN_BUDGETS.
    """
    known, mean, deviation = beliefs.searched.known, beliefs.posterior.mean, beliefs.posterior.deviation
    trained, table = np.isfinite(beliefs.measured), []
    for cost, budgets in beliefs.searched.budgets.items():
        for budget in budgets:
            within = (known[cost] <= budget).to_numpy()
            found, others = np.flatnonzero(within & trained), np.flatnonzero(within & ~trained)
            row = {"cost": cost, "budget": budget, "trained": len(found), "possible": len(others)}
            if len(found):
                whole = found[beliefs.folds[found] == beliefs.folds[found].max()]
                best = whole[mean[whole].argmax()]
                likely = ndtr((mean[others] - mean[best]) / deviation[others]) >= POSSIBLE
                row |= {
                    "possible": int(likely.sum()), "value": known[cost][best], "candidate": known["candidate"][best],
                    "accuracy_pct": beliefs.measured[best], "believed_accuracy_pct": mean[best],
                }  # fmt: skip
            table.append(row)
    return pd.DataFrame(table, columns=[column.name for column in WITHIN_BUDGETS.columns])


def front_growth(proposals: pd.DataFrame, trained: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Tabulate the hypervolume of the front after each training.

    Args:
        proposals: rows of PROPOSALS, in the order of the trainings.
        trained: rows of CANDIDATES.
        objectives: objectives of the front.

    Returns:
        Rows of PROGRESS; candidates that failed, or were not trained on all folds, are left out. The reference point is
        10 % beyond the worst values.
    """
    whole = proposals[proposals["part"] == 1]
    table = whole.drop_duplicates(KEYS).drop(columns="folds").merge(trained, on=KEYS)
    scaled = unit_scaled(to_losses(table, objectives))
    reference = np.full(scaled.shape[1], 1.1)
    volumes = np.array([moocore.hypervolume(scaled[:count], ref=reference) for count in range(1, len(scaled) + 1)])
    return table[["candidate", "round"]].assign(
        trained=np.arange(1, len(table) + 1), hypervolume_pct=100 * np.minimum(volumes / volumes[-1], 1)
    )
