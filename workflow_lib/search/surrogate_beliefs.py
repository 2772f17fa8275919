"""What a finished surrogate search believes of all candidates, and how its front grew."""

from collections.abc import Sequence

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
from workflow_lib.search.surrogate_search import describe_candidates, without_outliers
from workflow_lib.spaces.space import Space

Numbers = NDArray[np.float64]


def believe(space: Space, known: pd.DataFrame, trained: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Tabulate the expected accuracy of every candidate of a search, and whether it belongs on the front.

    Args:
        space: the space of candidates.
        known: rows of `proposal_rounds.known_candidates` within the limits.
        trained: rows of CANDIDATES of the trained candidates.
        objectives: objectives of the front: the accuracy, and costs that are known before training.

    Returns:
        Rows of BELIEFS, in the order of `known`.

    Raises:
        UserError: if fewer than two candidates were trained.
    """
    measured = known.merge(trained[[*KEYS, "accuracy_pct"]], on=KEYS, how="left")["accuracy_pct"].to_numpy(float)
    rows = np.flatnonzero(np.isfinite(measured))
    if len(rows) < 2:
        raise UserError(f"only {len(rows)} trained candidates; a model needs 2", "config: search.candidates")
    costs = besides_accuracy(objectives)
    features = describe_candidates(space, known, [each.name for each in costs])
    posterior = Posterior(features, rows, without_outliers(measured[rows]))
    expected, deviation = posterior.mean.copy(), posterior.deviation
    probability = _front_probability(expected, deviation, to_losses(known, costs), rows)
    expected[rows], deviation[rows] = posterior.left_out()
    probability[rows] = np.nan
    return known[["candidate", *KEYS]].assign(
        trained=np.isfinite(measured),
        accuracy_pct=measured,
        expected_accuracy_pct=expected,
        deviation_pct=deviation,
        front_probability=probability,
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


def front_growth(proposals: pd.DataFrame, trained: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Tabulate the hypervolume of the front after each training.

    Args:
        proposals: rows of PROPOSALS, in the order of the trainings.
        trained: rows of CANDIDATES.
        objectives: objectives of the front.

    Returns:
        Rows of PROGRESS; candidates that failed are left out. The reference point is 10 % beyond the worst values.
    """
    table = proposals.merge(trained, on=KEYS)
    scaled = unit_scaled(to_losses(table, objectives))
    reference = np.full(scaled.shape[1], 1.1)
    volumes = np.array([moocore.hypervolume(scaled[:count], ref=reference) for count in range(1, len(scaled) + 1)])
    return table[["candidate", "round"]].assign(
        trained=np.arange(1, len(table) + 1), hypervolume_pct=100 * np.minimum(volumes / volumes[-1], 1)
    )
