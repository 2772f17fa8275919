"""Networks that cannot be built."""

from pathlib import Path

import pytest
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError

NETWORK = {"architecture": "k3-s2-p1-nopool-w32", "inputs": "5", "classes": "2", "chip-size-px": "40"}


def _arguments(folder: Path, **changes: str) -> list[str]:
    values = NETWORK | {name.replace("_", "-"): value for name, value in changes.items()}
    files = {name: folder / "out" / f"{name}.onnx" for name in ("deployed", "paper", "detection")}
    flags = {"channels": "5", "output": folder / "out" / "network.parquet"} | values | files
    return [f"--{name}={value}" for name, value in flags.items()]


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": "k3"}, {"architecture": "k03-s2-p1-nopool-w32"}, {"architecture": "k3-s0-p1-nopool-w32"},
        {"architecture": "k3-s2-p1-nopool-w0"}, {"inputs": "0"}, {"inputs": "five"}, {"classes": "0"},
        {"chip_size_px": "0"},
    ],
    ids=str,
)  # fmt: skip
def test_a_network_that_cannot_be_built_is_refused(changes: dict[str, str], tmp_path: Path) -> None:
    from workflow_lib.stages.export_network import main  # imports torch

    with pytest.raises(UserError):
        main(_arguments(tmp_path, **changes))
    assert not (tmp_path / "out").exists() or files_under(tmp_path / "out") == []


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    arguments = _arguments(tmp_path, architecture="resnet18")
    assert_refused(run_stage("export_network", *arguments, cwd=tmp_path), "resnet18", "not an architecture id")
