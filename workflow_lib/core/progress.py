"""Progress lines: one per finished job (done, left, failed, expected end), and some within long jobs."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_REPORT_INTERVAL = 500


def report_progress(stage: str, number: int, count: int, what: str) -> None:
    """Print the progress of a stage to standard error, at the first item and every 500th item after it.

    Args:
        stage: name of the stage.
        number: index of the next item, from 0.
        count: total number of items.
        what: noun for the items, such as "chips".
    """
    if number % _REPORT_INTERVAL == 0:
        print(f"{stage}: {number} of {count} {what}", file=sys.stderr, flush=True)


def _failure(record: Mapping[str, Any]) -> str:
    """Describe a failed job in one line; Snakemake's own messages do not say why it failed, and may be hidden."""
    rule, logs = record.get("rule_name"), record.get("log") or []
    for log in map(str, logs):
        with suppress(OSError):
            lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
            errors = [line for line in lines if line.startswith("error: ")] or [line for line in lines if line.strip()]
            if errors:
                return f"{rule} failed: {errors[-1].removeprefix('error: ')} (log: {log})"
    return f"{rule} failed without a message; logs: {', '.join(map(str, logs)) or 'none'}"


def _warnings(logs: Iterable[str]) -> Iterator[str]:
    """Yield the warnings in the logs of a successful job; Snakemake shows only the logs of failed jobs."""
    for log in logs:
        with suppress(OSError):
            for line in Path(log).read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("warning: "):
                    yield line


class ProgressLog(logging.Handler):
    """A handler of Snakemake's log records that prints the progress of the run to standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._start: float | None = None
        self._failed = 0
        self._logs: dict[Any, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Handle one record: print progress, failures and warnings, and ignore all other events."""
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
