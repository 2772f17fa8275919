"""Seeds that depend on what they are for, and on nothing else."""

import hashlib


def derive_seed(base: int, purpose: str, *ids: object) -> int:
    """Derive an independent seed for one purpose.

    Args:
        base: the run's base seed.
        purpose: what the random numbers are for, such as "train_fold".
        ids: what tells this use from the others of the same purpose.

    Returns:
        An integer in [0, 2**63), the same on every machine and in every process.
    """
    text = "\x1f".join([str(base), purpose, *map(str, ids)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
