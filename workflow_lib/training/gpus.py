"""Assignment of a host's GPUs to jobs that do not know of each other."""

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
"""Environment variable with the number of jobs that may share one GPU; 1 if it is not set."""

_WAIT_S = 0.5


def claim(gpus: Sequence[str]) -> int:
    """Wait for a GPU with a free share, and claim the share until this process ends.

    The claim is a kernel lock, not the existence of a file: it ends with the process, so a crash leaves nothing locked.

    Args:
        gpus: identifiers of the GPUs visible to this process, unique on the host.

    Returns:
        Index of the claimed GPU in `gpus`.

    Raises:
        UserError: if the folder of the locks belongs to another user or is accessible to others.
    """
    folder = _private_folder(Path(tempfile.gettempdir(), f"edgefront-gpus-{os.getuid()}"))
    shares = int(os.environ.get(JOBS_PER_GPU, "1"))
    waiting = False
    while True:
        # All first shares come before any second share, so that jobs spread over GPUs before they share one.
        for share, number in product(range(shares), range(len(gpus))):
            if hold(folder / f"{gpus[number]}.{share}"):
                return number
        if not waiting:
            print(f"waiting for one of {len(gpus)} GPUs", file=sys.stderr, flush=True)
        waiting = True
        time.sleep(_WAIT_S)


def _private_folder(folder: Path) -> Path:
    """Create the folder or check that only this user can access it: locks are written to, so links would be unsafe."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077 or not stat.S_ISDIR(found.st_mode):
        raise UserError("is another user's or open to others", folder, "remove it, or set TMPDIR")
    return folder
