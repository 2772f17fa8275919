"""How a search space is declared; quick to import, because planning reads every declaration.

A new space is one module or package in `workflow_lib/spaces`. It may import torch only inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from torch import nn

    from workflow_lib.spaces.network_counts import Costs
    from workflow_lib.spaces.space import Space

LAST = 1000
"""The position of a space that says nothing about its place."""


@dataclass(frozen=True)
class SpaceDeclaration:
    """One search space; its name is that of its module.

    Args:
        title: what its networks are, in the plural, such as "networks of DARTS cells".
        label: its name where there is little room.
        pattern: regular expression of the ids of its networks. Ids hold letters, digits, dots and hyphens, and no two
            spaces share an id.
        parse: id -> network; the text of the network is its id. Raises ConfigError for a text that is no id.
        build: network, input channels, classes -> torch module, freshly initialised.
        count: network, input channels, classes, side of images (pixels) -> costs, without building the module.
        describe: network -> one phrase for people.
        dimensions: network -> title and value of each of its choices.
        settings: its section of the configuration, for a space that `grid.space` can choose: with a field `name` whose
            only value is the space's name.
        space: settings -> choices, and the id that each configuration builds.
        pattern_in_jobs: pattern of all ids that jobs know; empty: `pattern`.
        counts_exactly: whether `count` gives the costs of the module; otherwise they are assumed, for planning alone.
        checks_output: whether jobs check the shape of a network's output first, because no test of this project does.
        position: order among the spaces.
    """

    title: str
    label: str
    pattern: str
    parse: Callable[[str], Any]
    build: Callable[[Any, int, int], nn.Module]
    count: Callable[[Any, int, int, int], Costs]
    describe: Callable[[Any], str]
    dimensions: Callable[[Any], Mapping[str, int | str]]
    settings: type[Section] | None = None
    space: Callable[[Any], Space] | None = None
    pattern_in_jobs: str = ""
    counts_exactly: bool = True
    checks_output: bool = False
    position: int = LAST
