"""What jobs ask of a scheduler."""

from typing import Any

import pytest
from examples import SMALL, config

from workflow_lib.config import Config
from workflow_lib.core.candidate import Candidate
from workflow_lib.workflow.resources import training

LARGE = "k5-s1-p3-nopool-w64"


def asked(values: Config, architecture: str, attempt: int = 1, recipe: str = "", **jobs: int) -> tuple[int, int]:
    """Memory (MB) and minutes."""
    channels = next(iter(values.grid.channel_sets))
    found: dict[str, Any] = training(
        values, lambda: 12_000, lambda _: Candidate(channels, 16, architecture, recipe), **jobs
    )
    return found["mem_mb"](None, attempt), found["runtime"](None, attempt)


def with_device(device: str) -> Config:
    values = config()
    return values.model_copy(update={"training": values.training.model_copy(update={"device": device})})


def test_larger_networks_and_later_attempts_ask_for_more() -> None:
    (small_mb, small_min), (large_mb, large_min) = (asked(config(), name) for name in (SMALL, LARGE))
    assert 1000 < small_mb < large_mb
    assert 10 < small_min < large_min
    assert asked(config(), SMALL, attempt=3) == (small_mb * 4, small_min * 4)


def test_recipes_with_more_epochs_ask_for_more_time() -> None:
    values = config({"grid.recipes": {"short": {"epochs": 5}, "long": {"epochs": 50}}})
    (_, short), (_, long) = (asked(values, LARGE, recipe=name) for name in ("short", "long"))
    assert long - 10 == pytest.approx(10 * (short - 10), rel=0.01)


def test_networks_side_by_side_are_all_in_memory() -> None:
    (one_mb, one_min), (five_mb, five_min) = (
        asked(config(), LARGE, trainings=number, held=number) for number in (1, 5)
    )
    assert five_mb - 1000 == pytest.approx(5 * (one_mb - 1000), abs=5)
    assert five_min - 10 == pytest.approx(5 * (one_min - 10), abs=5)
    assert asked(config(), LARGE, trainings=5)[0] == one_mb, "one after the other"


def test_a_gpu_is_asked_for_hours_and_not_for_days() -> None:
    memory_mb, minutes = asked(with_device("cuda"), LARGE, trainings=5, held=5)
    assert memory_mb == 5000, "of the host"
    assert minutes < 6 * 60
    assert training(with_device("cuda"), lambda: 1)["gpu"] == 1
    assert "gpu" not in training(with_device("auto"), lambda: 1)
