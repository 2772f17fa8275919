"""Kept predictions: comparisons chip by chip, calibration, doubtful labels, cascades, and their storage."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from examples import SMALL, UNPOOLED, fold_scores
from scipy.stats import binom

from workflow_lib.analysis.calibration import calibrate, calibration_error_pct, fit_temperature, with_temperature
from workflow_lib.analysis.combined_networks import combine, handed_over
from workflow_lib.analysis.kept_predictions import KeptPredictions
from workflow_lib.analysis.label_errors import find_suspects, likely_errors
from workflow_lib.analysis.paired_chips import bootstrap_mean, compare_with, holm, mcnemar_p
from workflow_lib.core.candidate import Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.stages import gather_table
from workflow_lib.training.metrics import predictions
from workflow_lib.training.score_tables import FOLD_SCORES, FOREST_PREDICTIONS, PREDICTIONS, TRAINING

FIRST, SECOND = (str(Candidate("5", 16, network)) for network in (SMALL, UNPOOLED))
NO_FORESTS = pd.DataFrame(columns=[column.name for column in FOREST_PREDICTIONS.columns])


def rows(network: str, probabilities: np.ndarray, chips: list[list[int]], classes: int = 2) -> pd.DataFrame:
    """Rows of PREDICTIONS, one per list of chips; `probabilities` has a row per chip of the chip array."""
    return pd.DataFrame(
        {"channels": "5", "batch": 16, "architecture": network, "recipe": "", "precision": "fp32", "fold": fold}
        | predictions(np.array(members), probabilities[members])
        for fold, members in enumerate(chips)
    )


def keep(probabilities: dict[str, np.ndarray], labels: np.ndarray, chips: list[list[int]]) -> KeptPredictions:
    frames = [rows(network, values, chips) for network, values in probabilities.items()]
    return KeptPredictions(pd.concat(frames, ignore_index=True), NO_FORESTS, labels, len(chips))


def of_first_class(shares: list[float]) -> np.ndarray:
    return np.stack([shares, 1 - np.array(shares)], axis=1)


def test_mcnemar_by_hand() -> None:
    assert mcnemar_p(8, 2) == pytest.approx(2 * binom.cdf(2, 10, 0.5))
    assert mcnemar_p(0, 0) == 1
    assert mcnemar_p(3, 3) == 1


def test_holm_never_exceeds_one() -> None:
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_paired_comparison_by_hand() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1])
    first, second = of_first_class([0.9, 0.9, 0.9, 0.2, 0.1, 0.1]), of_first_class([0.9, 0.1, 0.1, 0.2, 0.1, 0.6])
    kept = keep({SMALL: first, UNPOOLED: second}, labels, [[0, 2, 4], [1, 3, 5]])
    row = compare_with(kept, FIRST, [SECOND], np.arange(6), seed=1).iloc[0]
    assert (row["only_candidate"], row["only_other"], row["chips"]) == (3, 0, 6)
    assert row["difference_pct"] == pytest.approx(50)
    assert row["mcnemar_p"] == pytest.approx(0.25)
    assert row["low_pct"] < 50 < row["high_pct"]


def test_bootstrap_of_independent_chips_has_the_usual_width() -> None:
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_mean(values, np.arange(400), 4000, seed=0)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.05)


def test_bootstrap_draws_whole_clusters() -> None:
    """Ten copies of 40 values carry the information of 40 values."""
    values = np.random.default_rng(0).normal(size=40)
    alone = bootstrap_mean(values, np.arange(40), 4000, seed=0)
    copied = bootstrap_mean(np.tile(values, 10), np.tile(np.arange(40), 10), 4000, seed=0)
    assert copied == pytest.approx(alone)


def test_each_chip_scored_by_several_seeds_has_no_mcnemar_test() -> None:
    labels = np.array([0, 1])
    kept = keep({SMALL: np.eye(2), UNPOOLED: np.eye(2)[::-1]}, labels, [[0, 1], [0, 1]])
    row = compare_with(kept, FIRST, [SECOND], np.arange(2), seed=1).iloc[0]
    assert row["difference_pct"] == 100 and "mcnemar_p" not in row
    assert kept.parts.tolist() == [0, 1, 0, 1]


def test_candidates_without_all_folds_are_left_out() -> None:
    frame = pd.concat([rows(SMALL, np.eye(2), [[0], [1]]), rows(UNPOOLED, np.eye(2), [[0]])], ignore_index=True)
    assert KeptPredictions(frame, NO_FORESTS, np.array([0, 1]), 2).names == [FIRST]


def test_predictions_of_other_chips_are_refused() -> None:
    frame = pd.concat([rows(SMALL, np.eye(3), [[0], [1]]), rows(UNPOOLED, np.eye(3), [[0], [2]])], ignore_index=True)
    with pytest.raises(UserError, match="other chips"):
        KeptPredictions(frame, NO_FORESTS, np.array([0, 1, 0]), 2)


def test_temperature_restores_what_was_distorted() -> None:
    generator = np.random.default_rng(0)
    honest = of_first_class(list(generator.uniform(0.02, 0.98, 20_000)))
    truth = (generator.random(20_000) > honest[:, 0]).astype(int)
    assert fit_temperature(with_temperature(honest, 1 / 3), truth) == pytest.approx(3, rel=0.05)
    assert calibration_error_pct(honest, truth) < 1.5
    assert calibration_error_pct(with_temperature(honest, 1 / 3), truth) > 8


def test_calibration_error_by_hand() -> None:
    probabilities = of_first_class([0.9, 0.9, 0.6, 0.6])
    # Bin of 0.9: accuracy 0.5, gap 0.4. Bin of 0.6: accuracy 1, gap 0.4.
    assert calibration_error_pct(probabilities, np.array([0, 1, 0, 0])) == pytest.approx(40)


def test_temperature_is_scored_on_other_parts() -> None:
    """Where the labels are noise, a temperature cannot help on other chips, and none is near 1."""
    generator = np.random.default_rng(1)
    kept = keep(
        {SMALL: of_first_class(list(generator.choice([0.01, 0.99], 2000)))},
        generator.integers(2, size=2000),
        [list(range(1000)), list(range(1000, 2000))],
    )
    row = calibrate(kept, [FIRST]).iloc[0]
    assert row["temperature"] > 10
    assert row["error_pct"] == pytest.approx(49, abs=4)
    assert row["calibrated_cross_entropy"] == pytest.approx(np.log(2), abs=0.02)


def noisy_labels(flipped: float, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    truth = generator.integers(classes, size=3000)
    logits = generator.normal(size=(3000, classes)) + 3 * np.eye(classes)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = generator.random(3000) < flipped
    return probabilities, np.where(wrong, (truth + 1) % classes, truth), wrong


def test_likely_errors_are_those_of_cleanlab() -> None:
    probabilities, given, _ = noisy_labels(0.08)
    from cleanlab.count import compute_confident_joint

    _, indices = compute_confident_joint(given, probabilities, return_indices_of_off_diagonals=True)
    assert np.flatnonzero(likely_errors(probabilities, given)).tolist() == sorted(indices)


def test_suspects_hold_most_flipped_labels_in_their_first_5_percent() -> None:
    probabilities, given, flipped = noisy_labels(0.03)
    chips = pd.DataFrame(
        {"chip": range(3000), "region": "West", "file": "a.tif", "x": 0.0, "y": 0.0, "crs": "EPSG:32614"}
    )
    frame = rows(SMALL, probabilities, [list(range(0, 3000, 2)), list(range(1, 3000, 2))])
    suspects = find_suspects(KeptPredictions(frame, NO_FORESTS, given, 2), [FIRST], chips, ["A", "B", "C"])
    assert suspects["rank"].tolist() == list(range(1, 3001))
    assert flipped[suspects["chip"].head(150)].sum() >= 0.5 * flipped.sum()
    assert (suspects["class"].map({"A": 0, "B": 1, "C": 2}).to_numpy() == given[suspects["chip"]]).all()


def test_a_cascade_by_hand() -> None:
    labels = np.zeros(8, dtype=int)
    small = of_first_class([0.9, 0.9, 0.8, 0.4, 0.9, 0.9, 0.8, 0.4])
    large = of_first_class([0.1, 0.9, 0.9, 0.9] * 2)
    kept = keep({SMALL: small, UNPOOLED: large}, labels, [[0, 1, 2, 3], [4, 5, 6, 7]])
    front = pd.DataFrame(
        {
            "candidate": [FIRST, SECOND],
            "accuracy_pct": [75.0, 75.0],
            "latency_mean_ms": [1.0, 4.0],
            "memory_bytes": [10, 40],
            "validation_share": [0.5, 0.5],
        }
    )
    table = combine(kept, front).set_index("target_pct")
    # The threshold of 30 % lies between 0.4 and 0.8: one chip in four is handed over, and the large network is right.
    assert table.loc[30, ["handed_over_pct", "accuracy_pct", "latency_mean_ms", "memory_bytes"]].tolist() == [
        25,
        100,
        2,
        50,
    ]
    assert bool(table.loc[30, "extends_front"])
    # The ensemble averages 0.9 and 0.1 to a tie, which goes to the first class, and 0.4 and 0.9 to 0.65.
    assert table.loc[100, ["kind", "accuracy_pct", "latency_mean_ms"]].tolist() == ["ensemble", 100, 5]


def test_the_threshold_is_not_fitted_to_the_chips_that_it_divides() -> None:
    confidence, parts = np.array([0.5, 0.6, 0.7, 0.8]), np.array([0, 0, 1, 1])
    assert handed_over(confidence, parts, 0.5).tolist() == [True, True, False, False]


def test_a_front_of_one_member_has_no_combination() -> None:
    kept = keep({SMALL: np.eye(2)}, np.array([0, 1]), [[0], [1]])
    assert combine(kept, pd.DataFrame({"candidate": [FIRST], "latency_mean_ms": [1.0]}).assign(
        accuracy_pct=1.0, memory_bytes=1, validation_share=0.5)).empty  # fmt: skip


def test_gathering_divides_a_training_into_scores_and_predictions(tmp_path: Path) -> None:
    whole = pd.concat([fold_scores([90.0]), rows(SMALL, np.eye(2), [[0, 1]])[["chips", "probabilities"]]], axis=1)
    TRAINING.write(whole, tmp_path / "part.parquet")
    for table in (FOLD_SCORES, PREDICTIONS):
        flags = [f"--table={table.name}", f"--output={tmp_path / table.name}.parquet"]
        command = [sys.executable, "-m", "workflow_lib.stages.gather_table", *flags]
        process = subprocess.run(command, input=f"{tmp_path / 'part.parquet'}\n", text=True, check=False)
        assert process.returncode == 0
        assert len(table.read(tmp_path / f"{table.name}.parquet")) == 1
    assert set(gather_table.TABLES) >= {"predictions", "forest_predictions"}


def test_half_precision_survives_storage(tmp_path: Path) -> None:
    frame = rows(SMALL, of_first_class([0.25, 1e-7, 1 - 2e-4]), [[0, 1, 2]])
    PREDICTIONS.write(frame, tmp_path / "a.parquet")
    stored = PREDICTIONS.read(tmp_path / "a.parquet")["probabilities"].iloc[0]
    assert stored.dtype == np.float16
    assert stored[:2].tolist() == [0.25, 0.75] and stored[2] > 0
