"""Which networks of a supernet each step trains: random ones, or sets in which every value is used equally often."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import count, islice

import numpy as np

from workflow_lib.spaces.space import Space

Paths = Callable[[np.random.Generator], Iterator[Sequence[str]]]
"""Function of a random generator that yields, for each step of an epoch, the ids of the networks to train in it."""

_MAX_COUNTED = 1000
"""Maximum number of networks of which each is counted to find the largest and the smallest."""


def uniform_path(space: Space) -> Paths:
    """Choose one random network per step (Guo et al. 2020, uniform single path)."""
    return lambda generator: ([space.draw(generator)] for _ in count())


def fair_paths(space: Space, extremes: Sequence[str] = ()) -> Paths:
    """Choose, per step, random networks that use all values of each choice equally often (strict fairness).

    Each choice deals its values from a shuffled deck, and shuffles again when the deck is empty. If all choices have m
    values, a step trains m networks, each value once, as in the paper. If they have different numbers of values, a step
    trains as many networks as the longest has values; at any time, two values of a choice differ by at most one. Decks
    start anew in each epoch, so that a resumed training is the same.

    Args:
        space: choices and their values.
        extremes: networks that every step trains first.

    Source: Chu et al. 2021 (FairNAS), algorithm 1; the decks are ours, for choices of different lengths.
    """
    size = networks_per_fair_step(space)

    def steps(generator: np.random.Generator) -> Iterator[Sequence[str]]:
        decks = {name: _deal(values, generator) for name, values in space.choices.items()}
        while True:
            columns = {name: list(islice(deck, size)) for name, deck in decks.items()}
            fair = [space.build({name: column[path] for name, column in columns.items()}) for path in range(size)]
            yield [*extremes, *fair]

    return steps


def extreme_networks(space: Space, cost: Callable[[str], float]) -> tuple[str, str]:
    """Find the largest and the smallest network of a space; in a large space, by local search.

    Args:
        space: choices and their values.
        cost: function from id to the size of a network.
    """
    generator, cost = np.random.default_rng(0), cache(cost)
    if space.size <= _MAX_COUNTED:
        found = list(filter(space.connected, space.networks()))
    else:
        start = space.draw(generator)
        found = [_climb(space, start, cost), _climb(space, start, lambda name: -cost(name))]
    return max(found, key=cost), min(found, key=cost)


def _climb(space: Space, network: str, worth: Callable[[str], float]) -> str:
    """Set one choice after the other to its best value, until none changes; networks stay connected."""
    before = ""
    while network != before:
        before = network
        for name, values in space.choices.items():
            chosen = space.parse(network)
            others = (space.build({**chosen, name: value}) for value in values)
            network = max(network, *filter(space.connected, others), key=worth)
    return network


def _deal(values: Sequence[int | str], generator: np.random.Generator) -> Iterator[int | str]:
    while True:
        yield from (values[number] for number in generator.permutation(len(values)))


def networks_per_fair_step(space: Space) -> int:
    """Number of networks that a step of `fair_paths` trains."""
    return max(map(len, space.choices.values()))
