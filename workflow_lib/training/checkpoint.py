"""Checkpoints of long trainings, from which a killed job resumes."""

import hashlib
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.files import atomic_path
from workflow_lib.core.sealed import DamagedFileError, load, seal

INTERVAL_S = 60.0
"""Minimum time between checkpoints (seconds); shorter trainings are cheaper to repeat than to save."""


class Checkpoint:
    """A checkpoint file next to a job's output; its name includes a digest of everything the training depends on.

    Args:
        output: file that the job writes when it is done.
        content: files that the training depends on; their bytes enter the digest.
        values: all other inputs that the training depends on; their text enters the digest. The versions of torch and
            of the stage contracts are always included.
    """

    def __init__(self, output: Path, content: Sequence[Path], values: object) -> None:
        digest = hashlib.sha256(f"{values} {torch.__version__} {CONTRACTS}".encode())
        for file in content:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        self._pattern = f".{output.stem}.*.checkpoint"
        self._path = output.with_name(f".{output.stem}.{digest.hexdigest()[:16]}.checkpoint")
        self._last_save_s = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """Load the state that an earlier job saved last.

        Returns:
            The state, or None if there is no checkpoint or it is damaged; damage is reported on standard error.
        """
        try:
            return load_tensors(self._path, device)
        except FileNotFoundError:
            return None
        except (OSError, DamagedFileError) as error:
            print(f"{error}; starting from the beginning", file=sys.stderr, flush=True)
            return None

    @property
    def due(self) -> bool:
        """Whether the last save is at least `INTERVAL_S` ago."""
        return time.monotonic() - self._last_save_s >= INTERVAL_S

    def save(self, state: dict[str, Any]) -> None:
        """Save the state that the next epoch depends on."""
        save_tensors(state, self._path)
        self._last_save_s = time.monotonic()

    def remove(self) -> None:
        """Remove this checkpoint and obsolete ones of the same output."""
        for path in self._path.parent.glob(self._pattern):
            path.unlink(missing_ok=True)


def save_tensors(state: dict[str, Any], path: Path) -> None:
    """Write tensors to a sealed file, atomically; the state is serialised in memory first.

    torch.save on a path would report a full disk as a RuntimeError.
    """
    content = io.BytesIO()
    torch.save(state, content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())
        seal(temporary)


def load_tensors(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a file that `save_tensors` wrote.

    Raises:
        DamagedFileError: if the file is not as it was written.
        OSError: if the file cannot be read.
    """
    state: dict[str, Any] = load(path, lambda stream: torch.load(stream, map_location=device, weights_only=True))
    return state
