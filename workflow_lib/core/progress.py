"""Lines of progress: one per finished job (done, left, failed, expected end), and those inside of long jobs."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_EVERY = 500


def report_some(stage: str, number: int, count: int, what: str) -> None:
    """Say on standard error how far a stage has come: at its first thing, and at every five hundredth after it.

    Args:
        stage: its name.
        number: of the thing that comes next, from 0.
        count: of all.
        what: they are.
    """
    if number % _EVERY == 0:
        print(f"{stage}: {number} of {count} {what}", file=sys.stderr, flush=True)


def _failure(record: Mapping[str, Any]) -> str:
    """One line on a failed job: Snakemake's own messages, which `--quiet rules` hides, do not say why it failed."""
    rule, logs = record.get("rule_name"), record.get("log") or []
    for log in map(str, logs):
        with suppress(OSError):
            lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
            said = [line for line in lines if line.startswith("error: ")] or [line for line in lines if line.strip()]
            if said:
                return f"{rule} failed: {said[-1].removeprefix('error: ')} (log: {log})"
    return f"{rule} failed without a message; logs: {', '.join(map(str, logs)) or 'none'}"


def _warnings(logs: Iterable[str]) -> Iterator[str]:
    """The lines of a job that people should see although it went well: Snakemake shows logs of failed jobs only."""
    for log in logs:
        with suppress(OSError):
            for line in Path(log).read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("warning: "):
                    yield line


class ProgressLog(logging.Handler):
    """Listens to Snakemake's log records and prints the state of the run to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._start: float | None = None
        self._failed = 0
        self._logs: dict[Any, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record; all but progress and failures are left to Snakemake's own handlers."""
        event = getattr(getattr(record, "event", None), "value", None)
        if event == "run_info":
            self._start = time.monotonic()
        elif event == "job_error":
            self._failed += 1
            print(_failure(vars(record)), file=sys.stderr, flush=True)
        elif event == "job_info":
            self._logs[vars(record).get("jobid")] = [str(log) for log in vars(record).get("log") or []]
        elif event == "job_finished":
            for line in _warnings(self._logs.pop(vars(record).get("job_id"), [])):
                print(line, file=sys.stderr, flush=True)
        elif event == "progress":
            print(self._line(vars(record)["done"], vars(record)["total"]), file=sys.stderr, flush=True)

    def _line(self, done: int, total: int) -> str:
        line = f"{done} of {total} jobs done, {total - done - self._failed} left, {self._failed} failed"
        if self._start is None or not 0 < done < total:
            return line
        left = timedelta(seconds=round((time.monotonic() - self._start) / done * (total - done)))
        return f"{line}, expected end {(datetime.now() + left):%Y-%m-%d %H:%M} (in {left})"
