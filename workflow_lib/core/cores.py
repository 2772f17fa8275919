"""The number of cores that this process may use, within its CPU affinity, container and Slurm allocation.

`python -m workflow_lib.core.cores` prints it.
"""

import os

import joblib


def available_cores() -> int:
    """Return the number of cores that jobs started here may use at the same time; at least 1."""
    # Slurm does not always bind jobs to cores. joblib respects CPU affinity and cgroup limits.
    allocated = os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("SLURM_CPUS_ON_NODE")
    cores = int(joblib.cpu_count())
    return max(1, min(cores, int(allocated)) if allocated else cores)


if __name__ == "__main__":
    print(available_cores())
