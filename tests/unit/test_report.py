"""The report says what the tables say, first what matters most, and loads nothing."""

import re
from dataclasses import replace
from html import unescape

import pandas as pd
import pytest
from synthetic_run import DEVICES, Run, content_of, make_run, supernets_of, surrogate_of, with_changes

from workflow_lib.core.candidate import KEYS
from workflow_lib.core.provenance import Provenance
from workflow_lib.devices.calibrated import PUBLISHED_DEVICES
from workflow_lib.report.page import render
from workflow_lib.report.recommendation import (
    Difference,
    describe_network,
    forest_verdict,
    recommended_row,
    reference_baseline,
    verdict,
)
from workflow_lib.report.sections import surrogate
from workflow_lib.report.sections.caveats import all_caveats
from workflow_lib.report.tables import (
    baseline_table,
    candidates_only,
    dimensions,
    front_members,
    front_table,
    missing_trainings,
    ranges_table,
    region_counts,
)
from workflow_lib.training.score_tables import TRAINED_RESULT


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run()


def text_of(page: str) -> str:
    """What a reader sees: no tags, no styles, no embedded frames."""
    page = re.sub(r"(?s)<style>.*?</style>|srcdoc=\"[^\"]*\"", "", page)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"front": 1},
        {"front": 30},
        {"candidates": 1086},
        {"objectives": 2},
        {"objectives": 5},
        {"objectives": 5, "auc": False},
        {"folds": {"method": "stratified"}},
    ],
    ids=str,
)
def test_every_front_member_is_in_the_report_and_the_recommended_one_first(case: dict[str, object]) -> None:
    run = make_run(**case)  # type: ignore[arg-type]
    text = text_of(render(content_of(run)))
    members = front_members(run.ranked, run.objectives)
    places = [text.index(candidate) for candidate in members["candidate"]]
    assert places[0] == min(places)
    assert members.iloc[0]["candidate"] == recommended_row(run.ranked)["candidate"]
    assert text.index("Deploy this model") < places[0] < text.index("Pareto front These candidates")


def test_the_answer_holds_the_numbers_of_the_tables(run: Run) -> None:
    text = text_of(render(content_of(run)))
    best = recommended_row(run.ranked)
    baseline = reference_baseline(run.ranked, best)
    assert baseline is not None
    assert baseline["channels"] == best["channels"]
    assert f"{best['accuracy_pct']:.1f} % (95 % interval {best['accuracy_low_pct']:.1f} to" in text
    assert f"{best['latency_mean_ms']:.2f} ms (std over devices {best['latency_device_std_ms']:.2f})" in text
    assert f"{best['memory_bytes'] / 1e6:.2f} MB" in text
    assert f"{baseline['latency_mean_ms'] / best['latency_mean_ms']:.2f} times lower" in text
    assert "70 % of 1,000 resamples of the 5 folds" in text


def test_noise_means_no_winner() -> None:
    noisy = make_run(spread_pct=15, front=6)
    sentence = next(line for line in verdict(content_of(noisy)) if "winner" in line)
    assert sentence.startswith("There is no significant winner in accuracy: 5 of the 5 other front members")
    alone = make_run(front=1)
    assert "It is the only member of the front." in verdict(content_of(alone))


def test_a_clear_difference_is_called_significant(run: Run) -> None:
    ranked = run.ranked.copy()
    folds = pd.Series([[90.0 + i / 10 for i in range(5)]] * len(ranked), index=ranked.index)
    is_best = ranked["recommended"].astype(bool)
    ranked["fold_accuracy_pct"] = folds.where(~is_best, pd.Series([[95.0, 95.2, 95.1, 95.4, 95.3]] * len(ranked)))
    lines = verdict(content_of(run, ranked=ranked))
    assert lines[0].startswith("It is significantly more accurate than the baseline")
    assert not any("winner" in line for line in lines)


def test_paired_differences_ignore_what_the_folds_share() -> None:
    hard_and_easy = [60.0, 95.0, 70.0, 90.0, 80.0]
    shifted = [score + 2 + step for score, step in zip(hard_and_easy, (0.1, -0.1, 0, 0.1, -0.1), strict=True)]
    difference = Difference.between(pd.Series({"fold_accuracy_pct": shifted, "validation_share": 0.25}), hard_and_easy)
    assert difference.clear
    assert difference.mean == pytest.approx(2.0)


def test_hostile_names_are_escaped(run: Run) -> None:
    hostile = "<script>alert('x')</script>"
    page = render(
        content_of(
            run,
            ranked=run.ranked.assign(candidate=[f"{hostile}{row}" for row in range(len(run.ranked))]),
            interactive_front=f'"></iframe>{hostile}',
            files={hostile: hostile},
        )
    )
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#39;x&#39;)" in page
    assert "Nebraska/F/&lt;script&gt;alert(1)&lt;/script&gt;.tif" in page


def test_nothing_is_loaded_from_elsewhere(run: Run) -> None:
    page = render(content_of(run, draw=True, holdout=True))
    outside = re.sub(r"srcdoc=\"[^\"]*\"", "", page)
    assert not re.search(r"https?:|url\(|@import|<link|<script", outside)
    assert all(address.startswith("data:image/") for address in re.findall(r'src="([^"]*)"', outside))
    inside = unescape(re.search(r'srcdoc="([^"]*)"', page)[1])  # type: ignore[index]
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=", inside)


def test_links_and_headings_belong_together(run: Run) -> None:
    page = render(content_of(run))
    assert set(re.findall(r'href="#([^"]*)"', page)) <= set(re.findall(r'id="([^"]*)"', page))


@pytest.mark.parametrize(("measure", "words"), [("accuracy_pct", "Accuracy"), ("cross_entropy", "Cross-entropy")])
def test_rankings_say_what_networks_are_ranked_by(measure: str, words: str) -> None:
    found = supernets_of()
    compared = make_run(ranking_quality={"seeds": 2})
    tables = {"ranking_quality": found["quality"], "difficulty": found["difficulty"].assign(measure=measure)}
    content = content_of(compared, **tables)
    assert f"{words}, Latency, mean over devices" in text_of(render(content))


def test_holdout_is_shown_or_missed(run: Run) -> None:
    without = text_of(render(content_of(run)))
    assert "Choosing the best of 60 candidates by cross-validation accuracy is optimistically biased" in without
    with_scores = text_of(render(content_of(run, holdout=True)))
    assert "Hold-out accuracy (%)" in with_scores
    assert "There are no hold-out scores" not in with_scores
    assert not any("no hold-out" in note for note in all_caveats(content_of(run, holdout=True)))


def test_the_forest_is_compared_on_the_same_channels(run: Run) -> None:
    assert "significantly more accurate: +" in forest_verdict(content_of(run))
    best = recommended_row(run.ranked)["fold_accuracy_pct"]
    forest = run.forest.copy()
    forest["accuracy_pct"] = [best[fold] + (0.5 if fold % 2 else -0.5) for fold in forest["fold"]]
    assert "do not differ significantly in accuracy" in forest_verdict(content_of(run, forest=forest))
    forest["accuracy_pct"] = [min(100.0, best[fold] + 3 + fold / 10) for fold in forest["fold"]]
    assert "Deploy the forest" in forest_verdict(content_of(run, forest=forest))
    assert "was not scored" in forest_verdict(content_of(run, forest=forest[forest["fold"] > 0]))


def test_caveats_count_what_went_wrong() -> None:
    run = make_run(auc=False, folds={"method": "stratified"})
    notes = " ".join(all_caveats(content_of(run)))
    assert "predicted (calibrated), not measured" in notes
    assert "The deployed files are for ONNX Runtime, but these latencies are for other runtimes: cortexA76cpu" in notes
    assert "99.0 % (Pixel4), 99.1 % (Mi9), 99.0 % (Pixel3XL), 83.4 % (Intel Movidius NCS2)" in notes
    assert "a spread over devices that is 16 to 28 % above the published one" in notes
    assert "2 chips were rejected" in notes
    assert "The AUC of 60 of 60 candidates is undefined" in notes
    assert "both sides of a fold" in notes
    uncovered = int((run.latencies["covered_kernels"] < run.latencies["kernels"]).sum())
    assert f"{uncovered} of {len(run.latencies)} latencies omit kernels" in notes


def test_one_split_is_not_called_folds() -> None:
    content = content_of(make_run(folds={"method": "one_split", "count": 5}))
    notes = " ".join(all_caveats(content))
    assert "trained 5 times on one split" in notes
    assert "both sides of a fold" in notes
    assert "once per fold" not in notes
    assert "Nadeau" not in text_of(render(content))


def test_predictors_and_data_are_reported(run: Run) -> None:
    text = text_of(render(content_of(run)))
    assert "Kind of predictor: calibrated" in text
    for position, device in enumerate(DEVICES):
        coverage = "at least 94 % of kernels" if position == 3 else "all kernels"
        published = PUBLISHED_DEVICES[device]
        runs = f"{published.framework} {published.processor} ({published.product})"
        assert f"{device} calibrated {runs} {4 + position}.0 % {coverage}" in text
    counts = region_counts(run.chips, ["F", "T"]).iloc[-1]
    assert f"all regions {counts['F']} {counts['T']} {counts['total']}" in text
    roles = run.folds[run.folds["fold"] == 1]["role"].value_counts()
    assert f"1 {roles['training']} {roles['validation']} {roles['buffer']} {roles['holdout']}" in text
    assert "Python 3.11.7, torch 2.13.0" in text
    assert "288 raw configurations, 180 distinct networks" in text
    assert "build_front/front.csv : the front" in text


def test_the_tables_of_cross(run: Run) -> None:
    ranges = ranges_table(run.ranked, run.objectives).set_index("bound")
    candidates = candidates_only(run.ranked)
    assert ranges.loc["max", "memory_bytes"] == candidates["memory_bytes"].max()
    assert ranges.loc["min", "latency_mean_ms"] == candidates["latency_mean_ms"].min()
    front = front_table(run.ranked, run.objectives)
    assert front["number"].tolist() == list(range(1, len(front) + 1))
    assert front["recommended"].tolist() == [True] + [False] * (len(front) - 1)
    assert front["accuracy_pct"].iloc[1:].is_monotonic_decreasing
    assert not front["candidate"].isin(run.ranked.loc[run.ranked["baseline"], "candidate"]).any()
    unpooled = front["candidate"].str.contains("nopool")
    assert (front["pool_choice"] == unpooled.astype(int)).all()
    assert (front["kernel_size_pool"].isna() == unpooled).all()
    assert len(baseline_table(run.ranked, run.objectives)) == 2
    counts = region_counts(run.chips, ["F", "T"])
    assert counts["total"].iloc[-1] == len(run.chips)


def test_files_that_differ_by_bytes_do_not_look_equal(run: Run) -> None:
    text = text_of(render(content_of(run)))
    members = front_members(run.ranked, run.objectives)
    assert all(f"{size / 1e6:.4f}" in text for size in members["memory_bytes"])


def test_a_run_without_baseline_or_rejected_chips(run: Run) -> None:
    content = content_of(run, ranked=candidates_only(run.ranked), rejected=run.rejected.iloc[:0])
    text = text_of(render(content))
    assert "No baseline was trained." in text
    assert "Rejected chips None." in text


def test_wrong_content_is_refused(run: Run) -> None:
    with pytest.raises(ValueError, match="0 candidates are recommended, expected one"):
        render(content_of(run, ranked=run.ranked.assign(recommended=False)))
    with pytest.raises(KeyError, match="no_such_figure"):
        render(replace(content_of(run), figures={"no_such_figure": b""}))


def test_trainings_that_failed_are_listed() -> None:
    run = make_run()
    content = content_of(run)
    lost = content[TRAINED_RESULT].iloc[0]
    log = f"train_fold/{lost['channels']}/{lost['batch']}/{lost['architecture']}/{lost['fold']}.log"
    before = len(missing_trainings(content))
    assert log not in text_of(render(content))
    text = text_of(render(with_changes(content, trained=content[TRAINED_RESULT].iloc[1:])))
    assert f"Trainings that failed permanently: {before + 1:,}." in text
    assert log in text
    together = make_run(execution={"folds_together": "always"})
    text = text_of(render(content_of(together, trained=content[TRAINED_RESULT].iloc[1:])))
    assert log.replace(f"{lost['fold']}.log", "folds.log") in text


def test_a_run_without_failures_does_not_speak_of_them() -> None:
    run = make_run()
    keys = [*KEYS, "fold"]
    grid = missing_trainings(with_changes(content_of(run), trained=pd.DataFrame(columns=keys)))
    everything = pd.concat([content_of(run)[TRAINED_RESULT].iloc[[0]]] * len(grid), ignore_index=True)
    everything[keys] = grid[keys]
    content = content_of(run, trained=everything)
    assert "failed permanently" not in text_of(render(content))


def test_a_surrogate_search_says_what_it_believes() -> None:
    run = make_run()
    tables = surrogate_of(run)
    content = content_of(run, **tables)
    halved, first, second = surrogate.sentences(content)
    beliefs = tables["beliefs"]
    known, stopped = beliefs[beliefs["trained"]], beliefs["stopped"]
    assert halved == f"{stopped.sum()} candidates were trained for a part of the epochs only."
    error = (known["accuracy_pct"] - known["expected_accuracy_pct"]).abs()
    assert f"the {len(known)} trained candidates have a median error of {error.median():.2f} points" in first
    open_ones = int((beliefs["front_probability"][~stopped] >= 0.05).sum())
    assert f"{open_ones} belong on the front with a probability of at least 5 %" in second
    (table,) = surrogate.likeliest(content).values()
    assert len(table.rows) == 10
    assert not {row[0] for row in table.rows} & set(beliefs["candidate"][stopped])
    assert [row[-1] for row in table.rows] == sorted([row[-1] for row in table.rows], reverse=True)


def test_the_report_says_what_made_its_tables() -> None:
    record = Provenance(
        stage="train_fold", contract=4, arguments=[], data=["0123456789abcdef"], versions=["Python 3.11"],
        hosts=["node7"], seconds=7200, finished="2026-01-02T03:04:05+00:00", jobs=5430,
    )  # fmt: skip
    text = text_of(render(replace(content_of(make_run()), provenance=[record])))
    assert "train_fold node7 0123456789ab 4 5,430 2.0 h 2026-01-02 03:04" in text
    assert "Versions all Python 3.11" in text


def test_cells_are_told_in_words_and_have_no_stem_to_list() -> None:
    cell = "cell-conv3-none.skip-conv1.conv3.pool-w8-n2-s2"
    assert describe_network(cell) == (
        "a network of NAS-Bench-201 cells conv3-none.skip-conv1.conv3.pool: three stages of 2, with 8 to 32 channels, "
        "after a stem of 2 convolutions"
    )
    table = dimensions(pd.Series([cell, "k3-s2-p1-nopool-w48"]))
    assert table["initial_output_feature"].tolist() == [8, 48]
    assert table["kernel_size"].isna().tolist() == [True, False]
    assert table["kernel_size_pool"].isna().all()


def test_what_an_import_left_aside_is_shown_with_its_counts(run: Run) -> None:
    content = content_of(run)
    assert "Import notices" not in text_of(render(content))
    notices = pd.DataFrame({
        "region": ["north", "south"],
        "what": [".png files are not used", "chips that are copies of others"],
        "count": [12, 3],
        "example": ["north/F/<a>.png", "south/T/b.tif"],
    })  # fmt: skip
    text = text_of(render(with_changes(content, notices=notices)))
    for fragment in (
        "Import notices",
        "12",
        ".png files are not used",
        "north/F/<a>.png",
        "3",
        "chips that are copies of others",
    ):
        assert fragment in text
