"""Every stage explains itself, quickly: --help names all flags and loads nothing heavy that the stage does not need."""

import importlib
import sys
from pathlib import Path

import pytest
from stage_runs import STAGES, run

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.section import Section

TRAINS = {
    "train_fold",
    "train_part",
    "train_supernet",
    "rank_subnets",
    "prune_supernet",
    "pack_networks",
    "search_cell",
    "score_holdout",
    "deploy_model",
    "deploy_litert",
    "export_network",
    "convert_network",
    "score_converted",
    "export_litert",
    "quantize_litert",
    "measure_utilization",
    "measure_precisions",
}
NEVER_ON_IMPORT = {"nn_meter", "nni", "pytorch_lightning"}
# Runs the module as `python -m` does, and says on standard error what it loaded.
HELP = """
import runpy, sys
sys.argv = [sys.argv[1], "--help"]
try:
    runpy.run_module("workflow_lib.stages." + sys.argv[0], run_name="__main__")
finally:
    print(*sorted({name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def _flags(stage: str) -> list[str]:
    module = importlib.import_module(f"workflow_lib.stages.{stage}")
    declared = [
        value for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Arguments) and value.__module__ == module.__name__
    ]  # fmt: skip
    if not declared:  # apply_model does without pydantic
        return []
    arguments = declared[0]  # those of the rule; a second class is for use by hand
    names: list[str] = []
    for name, field in arguments.model_fields.items():
        kind = field.annotation
        names += kind.model_fields if isinstance(kind, type) and issubclass(kind, Section) else [name]
    return [f"--{name.replace('_', '-')}" for name in names]


@pytest.mark.parametrize("stage", STAGES)
def test_help_names_every_flag(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        importlib.import_module(f"workflow_lib.stages.{stage}").main(["--help"])
    assert ending.value.code == 0
    text = capsys.readouterr().out
    assert [flag for flag in _flags(stage) if f"{flag} " not in text] == []


@pytest.mark.parametrize("stage", [*sorted(set(STAGES) - TRAINS), "train_fold"])
def test_help_loads_no_more_than_the_stage_needs(stage: str, tmp_path: Path) -> None:
    result = run([sys.executable, "-c", HELP, stage], tmp_path)
    assert result.code == 0
    assert len(result.lines) == 1, result.lines
    loaded = set(result.lines[0].split())
    assert not loaded & NEVER_ON_IMPORT
    assert stage in TRAINS or "torch" not in loaded
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stage", STAGES)
def test_flags_that_are_missing_or_unknown_are_named(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    main = importlib.import_module(f"workflow_lib.stages.{stage}").main
    with pytest.raises(SystemExit) as ending:
        main([])
    assert ending.value.code == 2
    assert "the following arguments are required: " in capsys.readouterr().err
