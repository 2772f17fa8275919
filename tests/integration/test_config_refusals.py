"""Mistakes in the configuration, through the real command: one line that names the key, before any job runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stage_runs import assert_refused, files_under
from workflow_copy import copy_workflow, demo_config, snakemake

Config = dict[str, Any]
# What is done to the demo's configuration, and what the message must say.
MISTAKES: dict[str, tuple[Callable[[Config], object], list[str]]] = {
    "unknown key": (lambda config: config["training"].update(epoch=3), ["training.epoch", "unknown key"]),
    "unknown section": (lambda config: config.update(trainings={}), ["trainings", "unknown key"]),
    "wrong type": (lambda config: config["training"].update(epochs="many"), ["training.epochs", "integer"]),
    "a list for a section": (lambda config: config.update(training=[1]), ["config: training"]),
    "unknown band": (
        lambda config: config["grid"]["channel_sets"].update(six=["dem", "swir"]), ["grid.channel_sets.six", "swir"],
    ),
    "unknown objective": (
        lambda config: config.update(front={"objectives": [
            {"name": "accuracy_pct", "direction": "max"}, {"name": "latency_ms", "direction": "min"},
        ]}),
        ["front.objectives", "latency_ms"],
    ),
    "a number that is a time": (lambda config: config.update(seed="1:00"), ["config: seed"]),
    "a flag for a number": (lambda config: config.update(seed=True), ["config: seed", "true is not a number"]),
    "a run outside results": (lambda config: config.update(run="../elsewhere"), ["config: run", "../elsewhere"]),
    "a run that is a command": (lambda config: config.update(run="$(touch ran)"), ["config: run"]),
    "no run": (lambda config: config.pop("run"), ["config: run", "missing key"]),
    "no chips": (lambda config: config.pop("data"), ["config: data", "missing key"]),
    "a region without folders": (
        lambda config: config["data"]["regions"].update(Illinois=[]), ["data.regions.Illinois"],
    ),
    "unknown device": (lambda config: config.update(devices={"cortexA77": {}}), ["devices", "cortexA77"]),
    "unknown region to generate": (
        lambda config: config["data"].update(
            generate={"counts": {"Atlantis": {"F": 4, "T": 4}}},
            regions={"Atlantis": config["data"]["regions"]["Nebraska"]},
        ),
        ["Atlantis"],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_workflow(tmp_path_factory.mktemp("scratch") / "edgefront")


@pytest.mark.parametrize(("mistake", "fragments"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_in_one_line(
    mistake: Callable[[Config], object], fragments: list[str], checkout: Path
) -> None:
    config = demo_config()
    mistake(config)
    (checkout / "mine.yaml").write_text(yaml.safe_dump(config))
    result = snakemake(checkout, "-n", "--quiet", "--configfile", "mine.yaml")
    assert_refused(result, *fragments)
    assert not (checkout / "results").exists() or files_under(checkout / "results") == []
    assert not (checkout / "ran").exists()


def test_the_demo_itself_is_accepted(checkout: Path) -> None:
    assert snakemake(checkout, "-n", "--quiet", "--configfile", "config/scenarios/demo.yaml").code == 0
