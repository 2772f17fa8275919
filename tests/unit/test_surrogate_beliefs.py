"""What a surrogate search says it believes: predictions of left-out candidates, and probabilities, checked anew."""

from pathlib import Path

import moocore
import numpy as np
import pandas as pd
import pytest
from examples import config
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor

from workflow_lib.core.candidate import KEYS
from workflow_lib.core.errors import UserError
from workflow_lib.pareto.dominance import to_losses
from workflow_lib.search.gaussian_process import Posterior
from workflow_lib.search.searched_candidates import SearchedCandidates, candidate_space, known_candidates
from workflow_lib.search.surrogate_beliefs import believe, best_within, front_growth, tabulate_beliefs
from workflow_lib.search.surrogate_search import describe_candidates, without_outliers
from workflow_lib.search.surrogate_tables import BELIEFS, PROGRESS, WITHIN_BUDGETS

RUN = config({"grid.space": {"name": "compact", "block": ["basic", "sep"], "width": [8, 16, 32], "stages": [3, 4]}})
OBJECTIVES = RUN.front.objectives[:2]


def known() -> pd.DataFrame:
    names = RUN.grid.networks.networks()
    table = pd.MultiIndex.from_product([RUN.grid.channel_sets, names], names=["channels", "architecture"])
    work = 1e6 * np.arange(1, len(table) + 1)
    costs = table.to_frame(index=False).assign(
        precision="fp32", multiply_adds=work, parameters=work / 9, latency_mean_ms=work / 1e6
    )
    return known_candidates(candidate_space(RUN.grid), costs)


def searched(budgets: dict[str, list[float]] | None = None) -> SearchedCandidates:
    return SearchedCandidates(candidate_space(RUN.grid), known(), OBJECTIVES, budgets or {})


def trained(count: int = 9) -> pd.DataFrame:
    """Some candidates, and an accuracy that rises with the latency."""
    rows = known().iloc[:: len(known()) // count].head(count).reset_index(drop=True)
    noise = np.random.default_rng(0).normal(0, 0.5, len(rows))
    return rows.assign(accuracy_pct=90 + 2 * np.log(rows["latency_mean_ms"]) + noise)


def trainings(own: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Proposals and scores on two folds, one of which is harder."""
    scores = [own[KEYS].assign(fold=fold, accuracy_pct=own["accuracy_pct"] + 2 * fold - 1) for fold in range(2)]
    return own[KEYS].assign(round=0, folds=2, part=1), pd.concat(scores, ignore_index=True)


def test_left_out_values_are_predicted_as_by_a_model_without_them() -> None:
    features, values = np.random.default_rng(1).normal(size=(12, 3)), np.random.default_rng(2).normal(80, 5, 12)
    posterior = Posterior(features, np.arange(12), values)
    mean, deviation = posterior.left_out()
    whole = GaussianProcessRegressor(posterior.kernel + posterior_noise(posterior), optimizer=None)
    scaled = (values - values.mean()) / values.std()
    for row in range(12):
        others = np.delete(np.arange(12), row)
        whole.fit(features[others], scaled[others])
        (expected,), (spread,) = whole.predict(features[[row]], return_std=True)
        assert mean[row] == pytest.approx(values.mean() + values.std() * expected)
        assert deviation[row] == pytest.approx(values.std() * spread)


def test_beliefs_are_of_all_candidates_and_as_declared() -> None:
    table, own = known(), trained()
    beliefs = tabulate_beliefs(believe(searched(), *trainings(own)))
    BELIEFS.check(beliefs, Path("beliefs"))
    assert beliefs["candidate"].tolist() == table["candidate"].tolist()
    measured = beliefs[beliefs["trained"]]
    assert measured.merge(own, on=KEYS)["accuracy_pct_x"].tolist() == pytest.approx(own["accuracy_pct"].tolist())
    assert measured["folds"].eq(2).all()
    assert measured["front_probability"].isna().all()
    others = beliefs[~beliefs["trained"]]
    assert others["front_probability"].between(0, 1).all()
    assert others["deviation_pct"].gt(0).all()
    cheapest = others[others["cost"] < own["latency_mean_ms"].min()]
    median = believe_means(table, own)
    floor = norm.sf(np.median(median), cheapest["expected_accuracy_pct"], cheapest["deviation_pct"])
    assert cheapest["front_probability"].to_numpy() == pytest.approx(floor), "nothing trained is as cheap"


def test_probabilities_by_hand() -> None:
    """A candidate beats the best expected accuracy at no higher cost, by its own normal distribution."""
    table, own = known(), trained()
    beliefs = tabulate_beliefs(believe(searched(), *trainings(own)))
    row = int(beliefs.index[~beliefs["trained"] & (beliefs["cost"] > 20)][0])
    posterior_means = believe_means(table, own)
    cheaper = beliefs["trained"] & (beliefs["cost"] <= beliefs["cost"][row])
    level = max(posterior_means[cheaper].max(), np.median(posterior_means))
    mean, deviation = beliefs.loc[row, ["expected_accuracy_pct", "deviation_pct"]].astype(float)
    assert beliefs["front_probability"][row] == pytest.approx(norm.sf(level, mean, deviation))


def test_one_trained_candidate_is_too_few() -> None:
    with pytest.raises(UserError, match="only 1 trained candidates"):
        believe(searched(), *trainings(trained().head(1)))


def test_candidates_that_were_stopped_early_are_known_to_the_model_and_not_called_untrained() -> None:
    own = trained(12)
    finished, stopped = own.head(6), own.tail(6)
    proposals, scores = trainings(finished)
    early = trainings(own.assign(accuracy_pct=own["accuracy_pct"] - 20))[1]
    both = pd.concat([trainings(own)[0].assign(part=3), proposals], ignore_index=True)
    beliefs = believe(searched(), both, scores, {3: early})
    table = tabulate_beliefs(beliefs)
    BELIEFS.check(table, Path("beliefs"))
    assert set(table["candidate"][table["trained"]]) == set(finished["candidate"])
    assert set(table["candidate"][table["stopped"]]) == set(stopped["candidate"])
    expected = table.set_index("candidate")["expected_accuracy_pct"][stopped["candidate"]].to_numpy()
    assert expected == pytest.approx(stopped["accuracy_pct"].to_numpy(), abs=1), "with the gain of the finished ones"


def test_the_front_grows_to_its_whole_hypervolume() -> None:
    own = trained()
    proposals = own[KEYS].assign(round=np.arange(len(own)) // 4, folds=2, part=1)
    progress = front_growth(proposals, own.drop(index=2), OBJECTIVES)  # the third one failed
    PROGRESS.check(progress, Path("progress"))
    assert progress["trained"].tolist() == list(range(1, 9))
    assert progress["hypervolume_pct"].is_monotonic_increasing
    assert progress["hypervolume_pct"].iloc[-1] == 100
    losses = to_losses(own.drop(index=2), OBJECTIVES)
    scaled = (losses - losses.min(0)) / np.ptp(losses, axis=0)
    volumes = [moocore.hypervolume(scaled[:count], ref=[1.1, 1.1]) for count in (3, 8)]
    assert progress["hypervolume_pct"][2] == pytest.approx(100 * volumes[0] / volumes[1])


def test_the_best_within_budgets_is_the_one_that_is_believed_to_be_most_accurate() -> None:
    table, own = known(), trained()
    lowest, middle = float(table["latency_mean_ms"].min()), float(own["latency_mean_ms"].iloc[4])
    budgets = {"latency_mean_ms": [lowest / 2, middle], "parameters": [float(own["parameters"].max())]}
    rows = best_within(believe(searched(budgets), *trainings(own)))
    WITHIN_BUDGETS.check(rows, Path("within"))
    assert rows["cost"].tolist() == ["latency_mean_ms"] * 2 + ["parameters"]
    cheap = own["latency_mean_ms"].to_numpy() <= middle
    assert rows["trained"].tolist() == [0, cheap.sum(), 9]
    nothing, first, second = rows.itertuples(index=False)
    assert (pd.isna(nothing.candidate), nothing.possible) == (True, 0)
    means = believe_means(table, own)[np.flatnonzero(table["candidate"].isin(own["candidate"]))]
    names = table["candidate"][table["candidate"].isin(own["candidate"])].to_numpy()
    allowed = np.isin(names, own["candidate"][cheap])
    assert first.candidate == names[allowed][means[allowed].argmax()]
    assert second.believed_accuracy_pct == pytest.approx(means.max())


def test_a_candidate_that_lacks_folds_is_no_best_within_a_budget() -> None:
    table, own = known(), trained()
    proposals, scores = trainings(own)
    best = own["accuracy_pct"].idxmax()
    lucky = (scores[KEYS] == own.loc[best, KEYS]).all(axis=1) & (scores["fold"] == 1)
    proposals.loc[best, "folds"] = 1
    budgets = {"latency_mean_ms": [float(table["latency_mean_ms"].max())]}
    beliefs = believe(searched(budgets), proposals, scores[~lucky])
    row = best_within(beliefs).iloc[0]
    assert row["candidate"] != own["candidate"][best]
    assert row["trained"] == 9


def believe_means(table: pd.DataFrame, own: pd.DataFrame) -> np.ndarray:
    rows = np.flatnonzero(table["candidate"].isin(own["candidate"]))
    features = describe_candidates(candidate_space(RUN.grid), table, ["latency_mean_ms"])
    return Posterior(features, rows, without_outliers(own["accuracy_pct"].to_numpy())).mean


def posterior_noise(posterior: Posterior) -> object:
    from sklearn.gaussian_process.kernels import WhiteKernel

    return WhiteKernel(posterior.noise)
