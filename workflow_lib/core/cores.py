"""How many cores this process may use: what its affinity, its container and its Slurm allocation leave of the host's.

python -m workflow_lib.core.cores prints it.
"""

import os

import joblib


def available_cores() -> int:
    """Cores that jobs started here may keep busy at a time; at least 1."""
    # Slurm need not bind jobs to cores; joblib knows affinity and the limits of control groups.
    allocated = os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("SLURM_CPUS_ON_NODE")
    cores = int(joblib.cpu_count())
    return max(1, min(cores, int(allocated)) if allocated else cores)


if __name__ == "__main__":
    print(available_cores())
