"""GPUs of one host, shared by jobs that know nothing of each other."""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path

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
    """
    folder = Path(tempfile.gettempdir(), f"edgefront-gpus-{os.getuid()}")
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
