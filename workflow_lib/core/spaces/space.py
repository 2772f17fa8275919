"""A finite search space as search strategies see it: named choices, and the network that each configuration builds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

Configuration = Mapping[str, int | str]


@dataclass(frozen=True)
class Space:
    """Named choices.

    Args:
        choices: dimension -> values.
        build: configuration -> id of the network that it builds; several may build the same.
    """

    choices: Mapping[str, Sequence[int | str]]
    build: Callable[[Configuration], str]

    def configurations(self) -> Iterator[Configuration]:
        """Every combination of the choices."""
        for values in product(*self.choices.values()):
            yield dict(zip(self.choices, values, strict=True))

    def networks(self) -> list[str]:
        """Ids of the distinct networks, in the order of their first configurations."""
        return list(dict.fromkeys(map(self.build, self.configurations())))

    def sample(self, generator: np.random.Generator) -> Configuration:
        """Draw a configuration, each choice by itself."""
        return {name: values[int(generator.integers(len(values)))] for name, values in self.choices.items()}
