"""A survey of anybody's table, by its command."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stage_runs import Run, assert_refused, files_under, run

from workflow_lib.core.errors import UserError
from workflow_lib.survey.__main__ import main

PAIRS = {
    "on_throughput_accuracy": ("accuracy_pct", "throughput_images_s"),
    "on_tflops_accuracy": ("accuracy_pct", "tflops_s"),
    "on_throughput_tflops": ("throughput_images_s", "tflops_s"),
}
MODELS = pd.DataFrame({
    "model": ["001", "1", "slow", "both", "1e5"],
    "score": [70.0, 80.0, 80.0, 75.0, 60.0],
    "ms": [1.0, 2.0, 3.0, 1.5, 4.0],
})  # fmt: skip


def survey(folder: Path, *flags: str) -> Run:
    return run([sys.executable, "-m", "workflow_lib.survey", *flags], folder)


def test_the_survey_of_93_networks_has_the_published_fronts(tmp_path: Path, shared: Path) -> None:
    """Kosaian and Phanishayee, tables 1 and 2: 11, 5 and 5 networks; TResNet-M alone is on all three fronts."""
    table = shared / "data" / "paper" / "util_survey.csv"
    columns = ["accuracy_pct", "throughput_images_s", "tflops_s"]
    done = survey(tmp_path, f"--table={table}", "--maximise", *columns, "--output=out")
    assert done.code == 0, done.lines
    assert "Efficiency needs a column that is minimised" in done.output
    fronts, published = pd.read_csv(tmp_path / "out/pair_fronts.csv"), pd.read_csv(table)
    for flag, (first, second) in PAIRS.items():
        found = fronts[(fronts["first"] == first) & (fronts["second"] == second)]["model"]
        assert set(found) == set(published.loc[published[flag] == "yes", "model"])
    models = pd.read_parquet(tmp_path / "out/models.parquet")
    assert len(models) == 93 and list(models.loc[models["pair_fronts"] == 3, "model"]) == ["tresnet_m"]
    page = (tmp_path / "out/survey.html").read_text()
    assert "tresnet_m alone is on the front of every pair." in page
    assert "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_names_stay_text_and_the_values_are_those_of_a_sheet_of_paper(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"nets.{suffix}"
    MODELS.to_csv(file, index=False) if suffix == "csv" else MODELS.to_parquet(file)
    done = survey(tmp_path, f"--table={file.name}", "--maximise=score", "--minimise=ms")
    assert done.code == 0 and not done.lines, done.lines
    models = pd.read_csv(tmp_path / "nets_survey/models.csv", dtype={"model": str}, keep_default_na=False)
    assert list(zip(models["model"], models["rank"], strict=True)) == [
        ("1", 0), ("both", 0), ("001", 0), ("slow", 1), ("1e5", 2),
    ]  # fmt: skip
    # Scaled to 0 .. 1 with the reference at 1.1: three steps down from the best score; only "1" covers its square.
    covered = 1.1 * (1.1 - 1 / 3) + (1.1 - 0.25) * (1 / 3 - 1 / 6) + (1.1 - 0.5) * (1 / 6 - 0)
    lost = models.set_index("model")["hypervolume_pct"]["1"]
    assert lost == pytest.approx(100 * 0.25 * (1.1 - 1 / 3) / covered)
    scores = pd.read_csv(tmp_path / "nets_survey/efficiency.csv", dtype={"model": str}).set_index("model")
    # 1e5 needs 4 ms for 60; 001 gives 70 in 1 ms. "both" lies on the line from 001 to 1.
    assert scores["efficiency_pct"]["1e5"] == pytest.approx(25) and scores["efficiency_pct"]["both"] == pytest.approx(
        100
    )
    assert scores["efficiency_pct"]["slow"] == pytest.approx(100 * 2 / 3)


def test_repeats_become_means_deviations_and_shares_of_samples(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [
        {"model": model, "Top-1 (%)": score, "$ms$": ms + generator.normal(0, 0.1)}
        for model, score, ms in (("sure", 90.0, 5.0), ("tie a", 80.0, 4.0), ("tie b", 80.0, 4.0), ("worse", 70.0, 9.0))
        for _ in range(20)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "runs.csv", index=False)
    flags = "--table=runs.csv", "--repeats", "--maximise=Top-1 (%)", "--minimise=$ms$", "--samples=100"
    assert survey(tmp_path, *flags).code == 0
    models = pd.read_csv(tmp_path / "runs_survey/models.csv").set_index("model")
    assert models["value_$ms$"]["sure"] == pytest.approx(5, abs=0.1)
    assert models["front_pct"]["sure"] == 100 and models["front_pct"]["worse"] == 0
    assert 20 < models["front_pct"]["tie a"] < 80 and 20 < models["front_pct"]["tie b"] < 80
    assert "Stochastic dominance" in (tmp_path / "runs_survey/survey.html").read_text()
    before = (tmp_path / "runs_survey/models.csv").read_bytes()
    assert survey(tmp_path, *flags).code == 0 and (tmp_path / "runs_survey/models.csv").read_bytes() == before


def test_what_cannot_be_scored_is_named(tmp_path: Path) -> None:
    text = "model,score,ms\na,70,1\nfree,60,0\nempty,,3\nb,80,NA\nc,75,2\n"
    (tmp_path / "nets.csv").write_text(text)
    assert survey(tmp_path, "--table=nets.csv", "--maximise=score", "--minimise=ms").code == 0
    page = (tmp_path / "nets_survey/survey.html").read_text()
    assert "2 of the models were left out, because a value is missing: b, empty." in page
    assert "Not scored, because a cost is 0 or less, or the benefits are negative or all 0: free." in page
    assert set(pd.read_csv(tmp_path / "nets_survey/efficiency.csv")["model"]) == {"a", "c"}


@pytest.mark.parametrize(
    ("text", "flags", "page"),
    [
        pytest.param(
            "model,acc,lat\nm0,70.487,10.0372\nm1,70.088,10.0682\nm2,70.49,10.0519\nm3,70.6,10.0418\n",
            ["--maximise=acc", "--minimise=lat"], "m0", id="almost equal models",
        ),
        pytest.param(
            "model,c,d,a,b\n0,888.751,0.00475754,0.408059,0\n1,0.0111664,520.909,1.42592,0.0491969\n"
            "2,16.6376,2.84716,0,26.3774\n3,0.403801,26.6902,1,0\n4,50.1812,0.00226002,1,0\n",
            ["--maximise", "a", "b", "--minimise", "c", "d", "--orientation=output"],
            "by a factor above 100,000", id="far apart",
        ),
        pytest.param(
            "model,No.,Model,Pareto rank\nx,1,2,30\ny,2,1,40\n",
            ["--maximise", "No.", "Model", "--minimise", "Pareto rank"],
            '<td class="text">y</td><td>2</td><td>1</td><td>40',
            id="columns named as those of the page",
        ),
        pytest.param(
            "model,a,a (deviation),b\nx,1,2,3\ny,2,1,4\n", ["--maximise", "a", "a (deviation)", "--minimise", "b"], "x",
            id="a column named as a deviation",
        ),
        pytest.param(
            "model,a=b,s\nx,1,0.1\ny,2,0.2\n", ["--maximise", "a=b", "s", "--deviation", "a=b=s"], "in samples",
            id="names with an equals sign",
        ),
        pytest.param(
            "model,a,b\nx,0,0\ny,0,1\n", ["--maximise=a", "--minimise=b"],
            "or the benefits are negative or all 0: x, y.",
            id="nothing can be scored",
        ),
        pytest.param(
            "model,a,b\nx,1,2\ny,,1\ny,3,4\n", ["--maximise=a", "--minimise=b", "--repeats"],
            "1 incomplete measurements were left out", id="incomplete repeats",
        ),
        pytest.param("model,a,b\nx,1,1\ny,1,1\n", ["--maximise=a", "--minimise=b"], "2 of 2 models are", id="twins"),
    ],
)  # fmt: skip
def test_odd_tables_have_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, flags: list[str], page: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.csv").write_text(text)
    main(["--table=nets.csv", "--samples=10", *flags])
    assert page in (tmp_path / "nets_survey/survey.html").read_text()


@pytest.mark.parametrize(
    ("text", "flags", "message"),
    [
        (None, ["--maximise=score"], "a front needs two columns or more"),
        (None, ["--maximise=score", "--minimise=score"], "score is named twice"),
        (
            None,
            ["--maximise=score", "--minimise=kB"],
            "nets.csv: there is no column kB; choose one of model,",
        ),
        (None, ["--maximise=score", "--minimise=ms", "--deviation=kB=s"], "kB=s names no column of the survey"),
        (None, ["--maximise=score", "--minimise=ms", "--name=net"], "there is no column net"),
        ("model,score,ms\na,1,2\na,2,3\n", ["--maximise=score", "--minimise=ms"], "column model names a twice"),
        ("model,score,ms\na,1,2\nb,2,x\n", ["--maximise=score", "--minimise=ms"], "column ms holds 'x' for b"),
        ("model,score,ms\na,1,2\nb,2,inf\n", ["--maximise=score", "--minimise=ms"], "column ms holds 'inf' for b"),
        ("model,score,ms\na,1,2\nb,2,\n", ["--maximise=score", "--minimise=ms"], "1 of the models has a value in each"),
        ("", ["--maximise=score", "--minimise=ms"], "not a readable CSV file"),
        ("model,score,ms\na,1,2\nb,2,1e300\n", ["--maximise=score", "--minimise=ms"], "column ms holds values beyond"),
        (None, ["--maximise=score", "--minimise=m\ns"], "'m\\ns' is no name of a column"),
    ],
)
def test_what_cannot_be_surveyed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, flags: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.csv").write_text(MODELS.to_csv(index=False) if text is None else text)
    with pytest.raises(UserError, match=re.escape(message)):
        main(["--table=nets.csv", *flags])
    assert files_under(tmp_path) == ["nets.csv"]


def test_a_damaged_table_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "nets.parquet").write_bytes(b"PAR1 and nothing more")
    assert_refused(survey(tmp_path, "--table=nets.parquet", "--maximise", "a", "b"), "not a readable Parquet file")
    assert files_under(tmp_path) == ["nets.parquet"]
