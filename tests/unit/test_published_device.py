"""Latencies that others published: every network needs one row, and other rows do not matter."""

from pathlib import Path

import pandas as pd
import pytest

from workflow_lib.core.errors import UserError
from workflow_lib.devices.published.published_table import read_published

NETWORKS = pd.DataFrame(
    [
        {"channels": channels, "architecture": architecture, "precision": precision}
        for channels in ("5", "007")
        for architecture in ("a", "b")
        for precision in ("fp32", "int8")
    ]
)
PLAIN = NETWORKS[NETWORKS["precision"] == "fp32"]


def published(folder: Path, text: str, networks: pd.DataFrame) -> pd.DataFrame:
    (folder / "t.csv").write_text(text)
    found = read_published(folder / "t.csv", networks)
    return found.set_index(["channels", "architecture", "precision"])["latency_ms"]


def test_a_row_holds_for_all_channel_sets_and_float32_if_it_does_not_say(tmp_path: Path) -> None:
    found = published(tmp_path, "architecture,latency_ms,who\na,1.5,me\nb,2,me\nother,9,me\n", PLAIN)
    assert found.to_dict() == {
        ("5", "a", "fp32"): 1.5, ("5", "b", "fp32"): 2.0, ("007", "a", "fp32"): 1.5, ("007", "b", "fp32"): 2.0,
    }  # fmt: skip


def test_rows_say_channels_and_precision(tmp_path: Path) -> None:
    rows = [
        f"{channels},{architecture},{precision},{number}"
        for number, (channels, architecture, precision) in enumerate(NETWORKS.itertuples(index=False), start=1)
    ]
    found = published(tmp_path, "\n".join(["channels,architecture,precision,latency_ms", *rows]), NETWORKS)
    assert found.tolist() == list(range(1, 9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("architecture,latency_ms\na,1\n", "networks of this run have no latency: 2 \\(first: 5 b fp32\\)"),
        ("architecture,latency_ms\na,1\na,2\nb,1\n", "networks of this run are given twice: 2"),
        ("channels,architecture,latency_ms\n5,a,1\n,a,2\n,b,1\n", "given twice: 1"),
        ("architecture,latency_ms\na,0\nb,1\n", "latency_ms"),
        ("architecture,latency_ms\na,-1\nb,1\n", "latency_ms"),
        ("architecture,latency_ms\na,nan\nb,1\n", "latency_ms"),
        ("architecture,latency_ms\n", "no rows"),
        ("network,latency_ms\na,1\n", "architecture"),
        ("", "t.csv"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        published(tmp_path, text, PLAIN)
    assert "\n" not in str(caught.value)
