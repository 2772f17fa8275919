"""GPUs of one host, shared by jobs that know nothing of each other."""

import os
import stat
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import hold

JOBS_PER_GPU = "EDGEFRONT_JOBS_PER_GPU"
"""Environment variable: how many jobs may share one GPU; 1 without it."""

_WAIT_S = 0.5


def claim(gpus: Sequence[str]) -> int:
    """Wait for a GPU that is free, or that has a share left, and take it until this process ends.

    A lock of the kernel's, not a file's existence: it goes with the process, so a crash leaves nothing locked.

    Args:
        gpus: what is visible to this process, by names that no two GPUs of a host share.

    Returns:
        Its place in the list.

    Raises:
        UserError: if the folder of the locks is another user's, or open to others.
    """
    folder = _private_folder(Path(tempfile.gettempdir(), f"edgefront-gpus-{os.getuid()}"))
    shares = int(os.environ.get(JOBS_PER_GPU, "1"))
    waiting = False
    while True:
        # First shares first, so that jobs spread before they share.
        for share, place in product(range(shares), range(len(gpus))):
            if hold(folder / f"{gpus[place]}.{share}"):
                return place
        if not waiting:
            print(f"waiting for one of {len(gpus)} GPUs", file=sys.stderr, flush=True)
        waiting = True
        time.sleep(_WAIT_S)


def _private_folder(folder: Path) -> Path:
    """A lock is a file that is written to: nobody else may have put a link there."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise UserError("is another user's or open to others", folder, "remove it, or set TMPDIR")
    return folder
