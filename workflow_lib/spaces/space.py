"""A finite search space: named choices, and the network that each configuration builds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rules import this module, so it must not import NumPy
    import numpy as np

Configuration = Mapping[str, int | str]


@dataclass(frozen=True)
class Space:
    """A finite search space.

    Args:
        choices: dimension -> possible values.
        build: configuration -> id of the network that it builds; several configurations may build the same network.
        parse: id -> a configuration that builds the network.
        connected: id -> whether the network's output depends on its input.
        allowed: ids of the networks that may be chosen; None: all.

    >>> space = Space({"depth": [1, 2], "width": [8, 16]}, lambda c: f"d{c['depth']}w{c['width']}",
    ...               lambda text: {"depth": int(text[1]), "width": int(text[3:])})
    >>> space.size, space.neighbours("d1w8")
    (4, ['d2w8', 'd1w16'])
    """

    choices: Mapping[str, Sequence[int | str]]
    build: Callable[[Configuration], str]
    parse: Callable[[str], Configuration]
    connected: Callable[[str], bool] = lambda _: True
    allowed: frozenset[str] | None = None

    @property
    def size(self) -> int:
        """Number of configurations."""
        return prod(map(len, self.choices.values()))

    def configurations(self) -> Iterator[Configuration]:
        """Iterate over every combination of the choices."""
        for values in product(*self.choices.values()):
            yield dict(zip(self.choices, values, strict=True))

    def networks(self) -> list[str]:
        """Ids of the distinct networks that are allowed, in the order of their first configurations."""
        return list(filter(self.allows, dict.fromkeys(map(self.build, self.configurations()))))

    def allows(self, network: str) -> bool:
        """Whether a network may be chosen."""
        return self.allowed is None or network in self.allowed

    def holds(self, network: str) -> bool:
        """Whether the choices of this space can build a network; `parse` must accept its id."""
        return all(value in self.choices[name] for name, value in self.parse(network).items())

    def neighbours(self, network: str) -> list[str]:
        """Ids of the networks that differ from a network's configuration in one choice, in the space's order."""
        configuration = self.parse(network)
        changed = (
            self.build({**configuration, name: value}) for name, values in self.choices.items() for value in values
        )
        return [other for other in dict.fromkeys(changed) if other != network]

    def draw(self, generator: "np.random.Generator") -> str:
        """Draw the id of a connected network: independent uniform choices, redrawn until it is connected."""
        while not self.connected(network := self.build(self.sample(generator))):
            pass
        return network

    def sample(self, generator: "np.random.Generator") -> Configuration:
        """Draw a configuration; each choice is independent and uniform."""
        return {name: values[int(generator.integers(len(values)))] for name, values in self.choices.items()}
