"""Anybody's table through the real commands: figures come out, and bad tables are refused in one line."""

from pathlib import Path

import pandas as pd
import pytest
from stage_runs import Run, assert_refused, files_under, run_stage

MODELS = pd.DataFrame(
    {"net": ["a", "b", "c"], "ms": [1.0, 2.0, 3.0], "ms_std": [0.1, 0.2, 0.3], "score": [70.0, 80.0, 75.0]}
)


def score(folder: Path, table: str, *flags: str) -> Run:
    return run_stage(
        "score_efficiency", "--table", table, "--name=net", '--inputs=["ms"]', '--outputs=["score"]',
        "--training-inputs=[]", '--deviations={"ms":"ms_std"}', "--samples=50", "--scores", "out/scores.parquet",
        "out/scores.csv", "--sampled=out/samples.parquet", "--dominance=out/dominance.parquet",
        "--summary=out/summary.md", *flags, cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["models.csv", "models.parquet"])
def test_tables_of_both_kinds_are_scored_and_drawn(tmp_path: Path, name: str) -> None:
    if name.endswith(".csv"):
        MODELS.to_csv(tmp_path / name, index=False)
    else:
        MODELS.to_parquet(tmp_path / name)
    result = score(tmp_path, name)
    assert result.code == 0, result.lines
    assert pd.read_csv(tmp_path / "out/scores.csv").set_index("model")["efficiency_pct"]["c"] == pytest.approx(50)
    assert "as good as 50 % a and 50 % b, at 50.0 %" in (tmp_path / "out/summary.md").read_text()
    for figure in ("efficiency_fronts", "efficiency_boxes", "efficiency_dominance"):
        drawn = draw(tmp_path, figure)
        assert drawn.code == 0, drawn.lines
        assert (tmp_path / f"out/{figure}.png").read_bytes().startswith(b"\x89PNG")


def test_flagged_rows_are_left_out(tmp_path: Path) -> None:
    MODELS.assign(old=[True, False, False]).to_csv(tmp_path / "models.csv", index=False)
    assert score(tmp_path, "models.csv", "--without=old").code == 0
    assert set(pd.read_csv(tmp_path / "out/scores.csv")["model"]) == {"b", "c"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "models.csv: no such file"),
        ("", "not a readable CSV file"),
        ("net,ms\na,1\n", "there is no column score"),
        ("net,ms,ms_std,score\na,0,0,1\nb,1,0,1\n", "column ms needs positive numbers, but is 0 for a"),
        ("net,ms,ms_std,score\na,1,,1\n", "column ms_std needs numbers of at least 0"),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "models.csv").write_text(content)
    result = score(tmp_path, "models.csv")
    assert_refused(result, "models.csv", message)
    assert not (tmp_path / "out").exists() or files_under(tmp_path / "out") == []


def test_a_damaged_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "models.parquet").write_bytes(b"PAR1 and nothing more")
    assert_refused(score(tmp_path, "models.parquet"), "models.parquet", "not a readable Parquet file")


@pytest.mark.parametrize("file", ["MODELS.CSV", "models.Csv"])
def test_names_are_text_and_the_suffix_has_no_case(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("net,ms,ms_std,score\n001,1,0,70\n7,2,0,80\n007,3,0,75\nNA,4,0,70\n1e5,5,0,70\n")
    assert score(tmp_path, file).code == 0
    scores = pd.read_csv(tmp_path / "out/scores.csv", dtype=str, keep_default_na=False)
    assert set(scores["model"]) == {"001", "7", "007", "NA", "1e5"}
    assert set(pd.read_parquet(tmp_path / "out/scores.parquet")["model"]) == {"001", "7", "007", "NA", "1e5"}
    assert "nan" not in (tmp_path / "out/summary.md").read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("net,ms,ms_std,score\na,1,0,0\n", "column score is 0 for every model"),
        ("net,ms,ms_std,score\na,1,0,x\n", "column score"),
        ("net,ms,ms_std,score\n,1,0,1\nb,1,0,1\n", "row 1"),
        ("net,ms,ms_std,score\na,1,0,1\na,1,0,1\n", "a"),
        ("net,ms,ms_std,score\na,1,0\n", "line 2 has 3 values for 4 columns"),
        ("net,ms,ms,ms_std,score\na,1,1,0,1\n", "two columns are called 'ms'"),
        ("net;ms;ms_std;score\na;1;0;1\n", "separated by ';'"),
        ("net,ms,ms_std,score\n", ""),
    ],
)
def test_other_tables_that_cannot_be_scored(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "models.csv").write_text(content)
    assert_refused(score(tmp_path, "models.csv"), "models.csv", message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"figure": "efficiency_pie"}, "unknown figure efficiency_pie"),
        ({"suffix": "gif"}, "efficiency_fronts.gif"),
        ({"inputs": '["watts"]'}, "watts was not scored"),
        ({"outputs": '["nothing"]'}, "nothing was not scored"),
        ({"inputs": "ms"}, "'ms' is not JSON"),
        ({"table": "efficiency"}, "'efficiency' has no ="),
        ({"table": "dominance=out/dominance.parquet"}, "the figure needs efficiency"),
    ],
)
def test_figures_and_columns_that_are_not_there_are_named(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    MODELS.to_csv(tmp_path / "models.csv", index=False)
    assert score(tmp_path, "models.csv").code == 0
    assert_refused(draw(tmp_path, **({"figure": "efficiency_fronts"} | changes)), message)
    assert not list(tmp_path.glob("out/*.pdf"))


def draw(
    folder: Path, figure: str, inputs: str = '["ms"]', outputs: str = '["score"]', suffix: str = "png", table: str = ""
) -> Run:
    """Draw a figure of the tables that `score` wrote."""
    tables = [table] if table else [
        "efficiency=out/scores.parquet", "efficiency_samples=out/samples.parquet", "dominance=out/dominance.parquet"
    ]  # fmt: skip
    return run_stage(
        "plot_figure", "--figure", figure, "--table", *tables, "--setting", f"efficiency.inputs={inputs}",
        f"efficiency.outputs={outputs}", "--output", f"out/{figure}.{suffix}", cwd=folder,
    )  # fmt: skip
