"""Real commands for tests: run a stage as a rule does, and say what a refusal must look like."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import workflow_lib

PROJECT = Path(workflow_lib.__file__).parents[1]
STAGES = sorted(path.stem for path in (PROJECT / "workflow_lib" / "stages").glob("[a-z]*.py"))
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}

_PROGRESS = re.compile(r"\w+: \d+ of \d+ .*")


@dataclass(frozen=True)
class Run:
    """How a command ended; `lines` is its standard error without lines of progress."""

    code: int
    lines: list[str]
    output: str


def command(stage: str, *flags: str | Path) -> list[str]:
    return [sys.executable, "-m", f"workflow_lib.stages.{stage}", *map(str, flags)]


def run(
    arguments: list[str],
    cwd: Path,
    stdin: bytes = b"",
    environment: Mapping[str, str] = ENVIRONMENT,
    before: Callable[[], None] | None = None,
) -> Run:
    """Run a command to its end; `before` is called in its process first."""
    done = subprocess.run(
        arguments, cwd=cwd, input=stdin, capture_output=True, env=environment, timeout=120, preexec_fn=before
    )
    lines = done.stderr.decode(errors="replace").splitlines()
    return Run(done.returncode, [line for line in lines if not _PROGRESS.fullmatch(line)], done.stdout.decode())


def run_stage(stage: str, *flags: str | Path, cwd: Path, stdin: bytes = b"") -> Run:
    return run(command(stage, *flags), cwd, stdin)


def assert_refused(result: Run, *fragments: str) -> None:
    """Exit code 2 and one line that begins with `error: ` and holds every fragment."""
    assert len(result.lines) == 1, "\n".join(result.lines)
    assert result.lines[0].startswith("error: ")
    for fragment in fragments:
        assert fragment in result.lines[0]
    assert result.code == 2


def files_under(folder: Path) -> list[str]:
    """Every file and folder, hidden ones too: what a stage left behind."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
