"""Renamed keys of the configuration: the former name still works, and warns once."""

import subprocess
import sys
from typing import Any

import pytest
from examples import AERIAL, config, config_values

from workflow_lib.core.errors import ConfigError
from workflow_lib.core.section import WARNED_VARIABLE, Section

AREA = {"areas": {"a": {"layers": [{"bands": ["dem", *AERIAL], "scenes": ["a.tif"]}]}}, "background": "F"}


def cells(**keys: object) -> dict[str, Any]:
    return {"search": {"strategy": "constrained"}, "cell_search": {"budgets": {"parameters": [1e6]}} | keys}


FORMER = [
    ({"grid.baseline": "published-mobilenetv2-0.35"}, "grid.baselines", ["published-mobilenetv2-0.35"]),
    ({"report.beside": ["other"]}, "report.compared_runs", ["other"]),
    ({"efficiency.shown": 3}, "efficiency.shown_models", 3),
    ({"battery": {"capacity_mwh": 1, "interval_s": 1, "active_mw": 1, "networks": 4}}, "battery.max_networks", 4),
    ({"keep_weights": True, "precisions": {"smaller": ["int8"]}}, "precisions.formats", ["int8"]),
    ({"keep_weights": True, "precisions": {"most_loss_pct": 1.5}}, "precisions.max_loss_pct", 1.5),
    ({"map": AREA | {"least_distance_m": 5.0}}, "map.min_distance_m", 5.0),
    ({"supernet.judged": 3}, "supernet.evaluated_networks", 3),
    ({"supernet.judge_chips": 7}, "supernet.evaluation_chips", 7),
    ({"supernet.judged_by": "cross_entropy"}, "supernet.metric", "cross_entropy"),
    ({"supernet.kept": 2}, "supernet.kept_networks", 2),
    (cells(least_share=0.5), "cell_search.min_budget_share", 0.5),
    (cells(none_derived=False), "cell_search.allow_none", False),
    (cells(most_skips=2), "cell_search.max_skip_edges", 2),
    (cells(derived_cells=True), "cell_search.mix_first_cells_only", True),
    (cells(sampled=True), "cell_search.sample_operations", True),
]


@pytest.mark.parametrize(("changes", "key", "value"), FORMER, ids=[key for _, key, _ in FORMER])
def test_a_former_key_is_read_as_the_present_one_and_warns_once(
    changes: dict[str, Any],
    key: str,
    value: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(WARNED_VARIABLE, "")
    for _ in range(2):
        found: Any = config(changes)
        for part in key.split("."):
            found = getattr(found, part)
        assert found == value
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: config: the key ") and f"is now called {key.split('.')[-1]};" in warning


def test_every_former_key_of_the_product_is_tried_here() -> None:
    tried = {key.split(".")[-1] for _, key, _ in FORMER}
    sections, declared = [Section], set()
    while sections:
        kind = sections.pop()
        sections += kind.__subclasses__()
        declared |= {present for present in kind.former_keys.values() if present in kind.model_fields}
        assert set(kind.former_keys.values()) <= kind.model_fields.keys(), kind
    assert declared - tried == {"terrain", "max_distance_m"}, "these have a test of their own"


def test_former_keys_of_landscapes_and_samples(capsys: pytest.CaptureFixture[str]) -> None:
    from workflow_lib.data.data_config import ClipConfig, LandscapeConfig

    assert LandscapeConfig.model_validate({"looks": {"a": "Illinois"}}).terrain == {"a": "Illinois"}
    clip = ClipConfig.model_validate({"least_distance_m": 1, "most_distance_m": 2})
    assert (clip.min_distance_m, clip.max_distance_m) == (1, 2)


def test_the_former_and_the_present_name_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="shown is the former name of shown_models: keep only shown_models"):
        config({"efficiency": {"shown": 3, "shown_models": 3}})


def test_processes_that_this_one_starts_do_not_warn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WARNED_VARIABLE, "")
    values = config_values({"efficiency.shown": 3})
    read = f"from workflow_lib.config import parse_config; parse_config({values!r})"
    first = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=True)
    assert "efficiency" not in first.stdout and first.stderr.count("the key shown is now called") == 1
    config({"efficiency.shown": 3})
    again = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True, check=True)
    assert again.stderr == ""
