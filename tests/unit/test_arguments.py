"""Command lines of stages: what `flags` spells, `parse` reads; and how a stage ends."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples import AERIAL, GENERATED, config
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, create_model

from workflow_lib.config import ReportConfig
from workflow_lib.core.arguments import Arguments, flags
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.core.running import run_stage
from workflow_lib.core.section import Section
from workflow_lib.devices.measured import HostConfig
from workflow_lib.devices.sampled import SampledConfig
from workflow_lib.latency.device_kind import DeviceConfig
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.spaces.skeleton_config import SkeletonConfig
from workflow_lib.training.training_config import TrainingConfig

DEFAULTS = config()
CHANGED = config(
    {
        "seed": 7,
        "keep_weights": True,
        "data.root": "-odd folder/with = and 'quotes'",
        "data.regions": {name: [{"folder": name, "bands": ["dem", *AERIAL]}] for name in GENERATED},
        "data.generate.counts": {name: {"F": 3, "T": 0} for name in GENERATED},
        "data.normalisation": "per_column",
        "data.max_nodata_pct": 12.5,
        "folds": {"method": "spatial_block", "count": 3, "block_m": 1e-3, "buffer_m": 1e7},
        "folds.holdout": {"method": "region", "regions": ["Illinois"]},
        "grid.space.padding": [1, 3],
        "grid.space.initial_output_feature": [48],
        "training": {"epochs": 1, "learning_rate": 1e-7, "device": "cpu"},
        "devices": {"myriadvpu_openvino2019r2": {}},
        "front.resamples": 3,
        "utilization": {"memory_limit_mb": 100, "fold": 9},
        "supernet": {"batch": 4, "evaluated_networks": 9},
        "battery": {"capacity_mwh": 1e4, "interval_s": 0.5, "active_mw": 900.0, "hours": 12.0},
        "search": {"latency_target_ms": 5.5, "round_candidates": 3},
        "racing": {"first_folds": 2, "confidence": 0.75},
        "report.title": "100 % of the chips; --count=3",
    }
)

COMPARED = config(
    {"comparison": {"candidates": 3, "seeds": 2}, "ranking_quality": {"variants": ["full"], "seeds": 2}}
    | {"supernet.batch": 8}
)  # never beside racing


SEARCHED = config(
    {
        "search.strategy": "constrained",
        "cell_search": {"budgets": {"multiply_adds": [1e6, 2.5e6]}, "bottleneck": 2, "random_networks": 2},
        "training": {"drop_path": 0.25, "auxiliary_weight": 0.5},
    }
)


def sections_of(value: object, path: str = "config") -> dict[str, Section]:
    """Every section in a value, the value itself included, by its path."""
    if isinstance(value, Section):
        parts: dict[str, object] = {name: getattr(value, name) for name in type(value).model_fields}
    else:
        parts = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    found = {path: value} if isinstance(value, Section) else {}
    for name, part in parts.items():
        found |= sections_of(part, f"{path}.{name}")
    return found


def parse(section_type: type[Section], argv: list[str]) -> Section:
    arguments: Any = create_model("StageArguments", __base__=Arguments, section=(section_type, ...))
    section: Section = arguments.parse("A stage.", argv).section
    return section


SCENES = config(
    {
        "data.generate": None,
        "data.regions": {"west": [{"folder": "w", "bands": ["dem", *AERIAL]}]},
        "data.clip": {
            "false_class": "F",
            "jitter_m": 2.5,
            "landscape": {"terrain": {"west": "Illinois", "new": "Nebraska"}},
        },
        "keep_weights": True,
        "precisions": {"formats": ["int8"]},
        "map": {"areas": {"new": {}}, "precision": "int8", "overlap": 0.25},
        "litert": {"precisions": ["int8", "dynamic"], "calibration_chips": 3},
    }
)
AREA = {"layers": [{"bands": ["dem", *AERIAL], "scenes": ["a*.tif"]}], "truth": "t.csv"}
MAPPED = config({"map": {"areas": {"new": AREA}, "background": "F"}})
DEVICES = config(
    {
        "devices": {
            "a": {"kind": "measured", "threads": 2},
            "b": {"kind": "built", "sample_kernels": 30, "measurements": "b's.csv"},
            "d": {"kind": "remote", "host": "pi@board", "threads": 2, "python": "/opt/a b/python"},
            "e": {"kind": "remote", "by": "command", "command": ["./it's", "{model}"]},
            "f": {"kind": "built", "remote": {"by": "command", "command": ["./it's", "{model}"]}},
            "g": {"kind": "transferred", "base": "e", "sample_networks": 7, "remote": {"host": "pi@board"}},
            "h": {"kind": "published", "table": "t's.csv", "source": "Them, 2020", "runtime": "TFLite 2.1"},
            "c": {"kind": "package", "package": "a folder", "unit": "mJ", "uncovered": "report"},
        }
    }
)
OWN_FILE = Path(__file__).with_name("own_networks.py")
MODELS = {"current": {"file": str(OWN_FILE), "channels": "6", "chips": "normalised"}}
OWN = config({"grid.space": {"file": str(OWN_FILE)}, "grid.trained_models": MODELS})
COMPACT = config({"grid.space": {"name": "compact", "width": [4, 20], "pool": [0, 1]}})
BASES = {Section, ConversionConfig, DeviceConfig, HostConfig, SampledConfig, SearchConfig.__base__}
TRIED = {
    "defaults": DEFAULTS, "changed": CHANGED, "compared": COMPARED, "searched": SEARCHED,
    "scenes": SCENES, "mapped": MAPPED, "devices": DEVICES, "own": OWN, "compact": COMPACT,
    "size": SkeletonConfig(width=12, cells=3, stem_strides=1),
}  # fmt: skip
SECTIONS = {
    f"{kind}: {name}": section for kind, values in TRIED.items() for name, section in sections_of(values).items()
}


def test_every_type_of_section_is_among_those_tried() -> None:
    def all_types(kind: type[Section]) -> set[type[Section]]:
        return {kind}.union(*map(all_types, kind.__subclasses__()))

    assert {type(section) for section in SECTIONS.values()} >= all_types(Section) - BASES


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_a_section_reads_back_from_its_flags(section: Section) -> None:
    assert parse(type(section), flags(section)) == section


@given(
    st.builds(
        TrainingConfig,
        epochs=st.integers(1, 10**9),
        learning_rate=st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False),
        device=st.sampled_from(["auto", "cpu", "cuda"]),
        precision=st.sampled_from(["float32", "bf16"]),
    )
)
def test_numbers_read_back_to_the_last_bit(training: TrainingConfig) -> None:
    assert parse(TrainingConfig, flags(training)) == training


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_reads_back(title: str) -> None:
    assert parse(ReportConfig, flags(ReportConfig(title=title))) == ReportConfig(title=title)


def test_flags_name_their_values_so_that_swapped_ones_differ() -> None:
    assert flags(DEFAULTS.training, "epochs", "device") == ["--epochs=5", "--device=auto"]
    assert flags(DEFAULTS.grid, "batch_sizes") == ["--batch-sizes=[8,16]"]
    assert not any(flag.startswith("--generate") for flag in flags(DEFAULTS.data))


class ExampleArguments(Arguments):
    """One flag of each kind."""

    training: TrainingConfig
    classes: list[str] = Field(description="several values")
    counts: list[int] = Field(default=[], description="several numbers")
    sets: dict[str, list[str]] = Field(default={}, description="a mapping, 100 %")
    output: Path = Field(description="a path")


REQUIRED = ["--classes", "F", "T", "--output", "a/b"]


def test_each_kind_of_flag_is_typed() -> None:
    arguments = ExampleArguments.parse(
        None, [*REQUIRED, "--counts", "1", "2", '--sets={"5":["red","nir"]}', "--epochs=3", "--contract=9"]
    )
    assert arguments == ExampleArguments(
        training=TrainingConfig(epochs=3),
        classes=["F", "T"],
        counts=[1, 2],
        sets={"5": ["red", "nir"]},
        output=Path("a/b"),
    )


@pytest.mark.parametrize(
    "argv",
    [
        [*REQUIRED, "--no-such-flag=1"],
        [*REQUIRED, "--epoch=1"],
        [*REQUIRED, "stray"],
        REQUIRED[:3],
        [*REQUIRED, "--sets={not JSON"],
        [*REQUIRED, '--classes=["F","T"]'],
    ],
    ids=["unknown", "abbreviated", "stray value", "missing", "no JSON", "JSON for several values"],
)
def test_a_wrong_command_line_exits_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        ExampleArguments.parse(None, argv)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "key"),
    [
        (["--epochs=many"], "training.epochs"),
        (["--epochs=0"], "training.epochs"),
        (["--learning-rate=nan"], "training.learning_rate"),
        (["--device=tpu"], "training.device"),
        (["--counts", "1", "two"], "counts.1"),
        (['--sets={"5":"red"}'], "sets.5"),
    ],
)
def test_a_wrong_value_is_a_config_error_that_names_its_key(argv: list[str], key: str) -> None:
    with pytest.raises(ConfigError, match=f"^config: {key}: "):
        ExampleArguments.parse(None, [*REQUIRED, *argv])


def test_help_shows_every_description(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        ExampleArguments.parse("What it does.", ["--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for text in ("What it does.", "a mapping, 100 %", "passes over the training chips"):
        assert text in shown


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def raising(error: Exception) -> Callable[[], None]:
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("it is\nwrong", "chips.npy", "import again"), "error: chips.npy: it is wrong; import again"),
        (FileNotFoundError(2, "No such file or directory", "a.tif"), "error: a.tif: No such file or directory"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_exit_code_2(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run_stage(raising(error))
    assert caught.value.code == 2
    assert capsys.readouterr().err == line + "\n"


def test_a_bug_is_a_traceback_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_stage(raising(ZeroDivisionError("division by zero")))
    assert caught.value.code == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_stage_that_ends_well_does_not_exit() -> None:
    run_stage(lambda: None)
