"""What the report says of devices whose latencies others published."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from examples import config

from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.report.sections.latency import caveats, predictors

KNOWN = {"kind": "published", "table": "t.csv", "source": "Someone, 2026", "runtime": "TFLite 2.1"}


class Content(SimpleNamespace):
    """A configuration and the table of latencies."""

    def __getitem__(self, _result: object) -> pd.DataFrame:
        table: pd.DataFrame = self.latencies
        return table


def content(changes: dict[str, object], **columns: object) -> Any:
    rows = [
        {"channels": "5", "architecture": name, "precision": "fp32", "device": "known", "predictor": "published",
         "latency_ms": ms} for name, ms in (("a", 2.0), ("b", 4.0))
    ]  # fmt: skip
    latencies = LATENCIES.complete(pd.DataFrame(rows).assign(**columns))
    return Content(config=config({"devices": {"known": KNOWN}} | changes), latencies=latencies)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"runs": 50}, "measured"),
        ({"runs": 50, "latency_run_std_ms": [0.1, None]}, "measured"),
        ({"latency_run_std_ms": [0.1, 0.4]}, "measured; standard deviation over runs 7.5 % (median)"),
    ],
)
def test_published_latencies_are_measured_by_others(columns: dict[str, object], text: str) -> None:
    given = content({}, **columns)
    (row,) = predictors(given).rows
    assert row[:5] == ["known", "published", "TFLite 2.1", "Someone, 2026", text]
    notes = " ".join(caveats(given))
    assert "Latencies are predicted" not in notes and "no other job" not in notes
    assert "these latencies are for other runtimes: known (TFLite 2.1)" in notes


def test_a_former_name_of_the_deployed_runtime_is_recognised() -> None:
    for runtime in ("TFLite 2.1", "LiteRT", "TensorFlow Lite 2.16"):
        given = content({"litert": {}, "devices": {"known": KNOWN | {"runtime": runtime}}})
        assert "other runtimes" not in " ".join(caveats(given))
    given = content({"litert": {}, "devices": {"known": KNOWN | {"runtime": "OpenVINO 2019"}}})
    assert "known (OpenVINO 2019)" in " ".join(caveats(given))
