"""A finite search space as search strategies see it: named choices, and the network that each configuration builds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rules import this
    import numpy as np

Configuration = Mapping[str, int | str]


@dataclass(frozen=True)
class Space:
    """Named choices.

    Args:
        choices: dimension -> values.
        build: configuration -> id of the network that it builds; several may build the same.
        parse: id -> a configuration that builds it.
        connected: id -> whether the network's output sees its input.
    """

    choices: Mapping[str, Sequence[int | str]]
    build: Callable[[Configuration], str]
    parse: Callable[[str], Configuration]
    connected: Callable[[str], bool] = lambda _: True

    @property
    def size(self) -> int:
        """How many configurations there are."""
        return prod(map(len, self.choices.values()))

    def configurations(self) -> Iterator[Configuration]:
        """Every combination of the choices."""
        for values in product(*self.choices.values()):
            yield dict(zip(self.choices, values, strict=True))

    def networks(self) -> list[str]:
        """Ids of the distinct networks, in the order of their first configurations."""
        return list(dict.fromkeys(map(self.build, self.configurations())))

    def holds(self, network: str) -> bool:
        """Whether the choices can build a network of the space that this one is a part of."""
        return all(value in self.choices[name] for name, value in self.parse(network).items())

    def neighbours(self, network: str) -> list[str]:
        """Ids of the other networks that differ in one choice from what `parse` gives, in the space's order."""
        own = self.parse(network)
        changed = (self.build({**own, name: value}) for name, values in self.choices.items() for value in values)
        return [other for other in dict.fromkeys(changed) if other != network]

    def draw(self, generator: "np.random.Generator") -> str:
        """Draw the id of a network whose output sees its input, each choice by itself."""
        while not self.connected(network := self.build(self.sample(generator))):
            pass
        return network

    def sample(self, generator: "np.random.Generator") -> Configuration:
        """Draw a configuration, each choice by itself."""
        return {name: values[int(generator.integers(len(values)))] for name, values in self.choices.items()}
