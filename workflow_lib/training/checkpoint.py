"""How far a long training has come, so that a killed one goes on from there."""

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

# Shorter trainings are cheaper to repeat than to look after.
INTERVAL_S = 60.0


class Checkpoint:
    """One file beside a job's output, named after all that the training depends on.

    Args:
        output: what the job writes when it is done.
        content: files that the training reads, and which change it.
        values: everything else that changes it, but for versions of torch and of contracts; their text counts.
    """

    def __init__(self, output: Path, content: Sequence[Path], values: object) -> None:
        digest = hashlib.sha256(f"{values} {torch.__version__} {CONTRACTS}".encode())
        for file in content:
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        self._others = f".{output.stem}.*.checkpoint"
        self._path = output.with_name(f".{output.stem}.{digest.hexdigest()[:16]}.checkpoint")
        self._saved = time.monotonic()

    def load(self, device: torch.device) -> dict[str, Any] | None:
        """What an earlier job saved last; None if nothing, or if it is damaged, which is said."""
        try:
            return load_tensors(self._path, device)
        except FileNotFoundError:
            return None
        except (OSError, DamagedFileError) as error:
            print(f"{error}; starting anew", file=sys.stderr, flush=True)
            return None

    @property
    def due(self) -> bool:
        """Whether the last one is long enough ago."""
        return time.monotonic() - self._saved >= INTERVAL_S

    def save(self, state: dict[str, Any]) -> None:
        """Save all that the next epoch depends on."""
        save_tensors(state, self._path)
        self._saved = time.monotonic()

    def remove(self) -> None:
        """Remove it, and those of trainings that are wanted no more."""
        for path in self._path.parent.glob(self._others):
            path.unlink(missing_ok=True)


def save_tensors(state: dict[str, Any], path: Path) -> None:
    """Write a sealed file of tensors, atomically. torch itself would call a full disk a RuntimeError."""
    content = io.BytesIO()
    torch.save(state, content)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getbuffer())
        seal(temporary)


def load_tensors(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `save_tensors` wrote.

    Raises:
        DamagedFileError: if the file is not as it was written.
        OSError: if it cannot be read.
    """
    state: dict[str, Any] = load(path, lambda stream: torch.load(stream, map_location=device, weights_only=True))
    return state
