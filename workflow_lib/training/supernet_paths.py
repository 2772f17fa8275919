"""Which networks of a supernet each step trains: random ones, or sets in which every value is used equally often."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice

import numpy as np

from workflow_lib.spaces.space import Space

Paths = Callable[[np.random.Generator], Iterator[Sequence[str]]]
"""Function of a random generator that yields, for each step of an epoch, the ids of the networks to train in it."""


def uniform_path(space: Space) -> Paths:
    """Choose one random network per step (Guo et al. 2020, uniform single path)."""
    return lambda generator: ([space.draw(generator)] for _ in count())


def fair_paths(space: Space) -> Paths:
    """Choose, per step, random networks that use all values of each choice equally often (strict fairness).

    Each choice deals its values from a shuffled deck, and shuffles again when the deck is empty. If all choices have m
    values, a step trains m networks, each value once, as in the paper. If they have different numbers of values, a step
    trains as many networks as the longest has values; at any time, two values of a choice differ by at most one. Decks
    start anew in each epoch, so that a resumed training is the same.

    Source: Chu et al. 2021 (FairNAS), algorithm 1; the decks are ours, for choices of different lengths.
    """
    size = networks_per_fair_step(space)

    def steps(generator: np.random.Generator) -> Iterator[Sequence[str]]:
        decks = {name: _deal(values, generator) for name, values in space.choices.items()}
        while True:
            columns = {name: list(islice(deck, size)) for name, deck in decks.items()}
            yield [space.build({name: column[path] for name, column in columns.items()}) for path in range(size)]

    return steps


def _deal(values: Sequence[int | str], generator: np.random.Generator) -> Iterator[int | str]:
    while True:
        yield from (values[number] for number in generator.permutation(len(values)))


def networks_per_fair_step(space: Space) -> int:
    """Number of networks that a step of `fair_paths` trains."""
    return max(map(len, space.choices.values()))
