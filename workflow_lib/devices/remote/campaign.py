"""All measurements of one remote device: one at a time, kept as they arrive, and never made twice."""

import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pandas as pd

from workflow_lib.core.files import sha256
from workflow_lib.core.sealed import DamagedFileError, read_json, write_json
from workflow_lib.devices.remote import RemoteConfig
from workflow_lib.devices.remote.remote_tables import REMOTE
from workflow_lib.devices.remote.transports import TRANSPORTS, Reading, UnreachableError, program_digest

_FIRST_PAUSE_S: Final = 2.0


def measure_remotely(settings: RemoteConfig, models: Sequence[Path], kept: Path) -> pd.DataFrame:
    """Measure networks on a remote device.

    Args:
        settings: the device.
        models: files of the networks; files of equal content are measured once.
        kept: folder of the measurements made so far; new ones are added as soon as they arrive.

    Returns:
        Rows of REMOTE, one per content.

    Raises:
        UserError: if a measurement fails; those made before are kept.
    """
    by_content = {sha256(model): model for model in models}
    described = json.dumps([settings.conditions, program_digest(settings)], sort_keys=True)
    conditions = hashlib.sha256(described.encode()).hexdigest()[:16]
    kept.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number, (checksum, model) in enumerate(by_content.items(), start=1):
        file = kept / f"{checksum}-{conditions}.json"
        reading = _kept(file)
        if reading is None:
            with _alone(settings, kept.parent):
                reading = _measure(settings, model)
            write_json(file, reading)
            print(
                f"measure_remote: {number} of {len(by_content)}: {reading['latency_ms']:.3f} ms",
                file=sys.stderr,
                flush=True,
            )
        rows.append({"file_sha256": checksum} | reading)
    table = REMOTE.complete(pd.DataFrame(rows))
    return table[[column.name for column in REMOTE.columns]]


@contextmanager
def _alone(settings: RemoteConfig, folder: Path) -> Iterator[None]:
    """Wait until no other job of this run measures on the same board, which several devices may name."""
    board = hashlib.sha256(f"{settings.by} {settings.host}".encode()).hexdigest()[:16]
    with (folder / f".{board}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _kept(file: Path) -> Reading | None:
    """Read an earlier measurement; a damaged file is measured again."""
    try:
        return read_json(file)
    except (FileNotFoundError, DamagedFileError):
        return None


def _measure(settings: RemoteConfig, model: Path) -> Reading:
    """Measure one network; if the device cannot be reached, try again after a pause that doubles each time."""
    measure = TRANSPORTS[settings.by]
    for attempt in range(settings.attempts - 1):
        try:
            return measure(settings, model)
        except UnreachableError as error:
            pause = _FIRST_PAUSE_S * 2**attempt
            print(f"measure_remote: {error}; trying again in {pause:g} s", file=sys.stderr, flush=True)
            time.sleep(pause)
    return measure(settings, model)
