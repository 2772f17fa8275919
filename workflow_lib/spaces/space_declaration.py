"""The declaration of a search space.

A new space is one module or package in `workflow_lib/spaces`. It may import torch only inside functions: planning reads
every declaration, so declarations must import quickly.
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
"""The position of a space that does not declare one."""


@dataclass(frozen=True)
class SpaceDeclaration:
    """One search space; its name is the name of its module.

    Args:
        title: plural noun phrase for its networks, such as "networks of DARTS cells".
        label: short name.
        pattern: regular expression of the ids of its networks. Ids consist of letters, digits, dots and hyphens, and
            no two spaces share an id.
        parse: id -> network; `str(network)` is its id. Raises ConfigError for a text that is not an id.
        build: (network, input channels, classes) -> torch module, freshly initialised.
        count: (network, input channels, classes, side of the images in pixels) -> costs, without building the module.
        describe: network -> one-phrase description.
        dimensions: network -> title and value of each of its choices.
        settings: configuration section of a space that `grid.space` can select; its field `name` has the space's name
            as its only value.
        space: settings -> the search space: its choices, and the id that each configuration builds.
        pattern_in_jobs: regular expression of all ids that jobs accept; empty: `pattern`.
        counts_exactly: whether `count` gives the module's true costs; false: they are assumptions for planning only.
        checks_output: whether jobs first check the shape of a network's output, because no test of this project does.
        is_trained: whether its networks are trained; false: they have their weights when they are built.
        position: sort key among the spaces.
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
    is_trained: bool = True
    position: int = LAST
