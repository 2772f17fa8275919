"""The order in which an epoch goes through the training chips."""

from typing import Literal

import numpy as np

from workflow_lib.data.dataset import Rows
from workflow_lib.training.metrics import Labels


def epoch_order(labels: Labels, sampling: Literal["shuffled", "balanced"], generator: np.random.Generator) -> Rows:
    """Draw the chips of an epoch, as many as there are training chips.

    Args:
        labels: (n,) class numbers of the training chips.
        sampling: shuffled: each chip once; balanced: equally many chips of each class, each chip of a class being
            drawn once before one of them is drawn again.
        generator: source of the random numbers.

    Returns:
        (n,) indices of the training chips, in the order of the epoch.

    >>> order = epoch_order(np.array([0, 0, 0, 0, 0, 1]), "balanced", np.random.default_rng(0))
    >>> sorted(order.tolist())[-3:]
    [5, 5, 5]
    """
    if sampling == "shuffled":
        return generator.permutation(len(labels))
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    shares = np.full(len(members), len(labels) // len(members))
    shares[generator.permutation(len(members))[: len(labels) % len(members)]] += 1
    drawn = [_repeated(chips, share, generator) for chips, share in zip(members, shares, strict=True)]
    return generator.permutation(np.concatenate(drawn))


def _repeated(chips: Rows, count: int, generator: np.random.Generator) -> Rows:
    """Draw `count` chips from a deck that is shuffled anew whenever it is empty."""
    decks = [generator.permutation(chips) for _ in range(-(-count // len(chips)))]
    return np.concatenate(decks)[:count]
