"""All networks that jobs know, by their ids: those of the CROSS space, and networks of cells."""

from workflow_lib.core.spaces import cross, nasbench201
from workflow_lib.core.spaces.cell_costs import count_activations, count_multiply_adds, count_parameters
from workflow_lib.core.spaces.cross_costs import Costs
from workflow_lib.core.spaces.cross_costs import costs as cross_costs
from workflow_lib.core.spaces.nasbench201 import CellNetwork

PATTERN = rf"(?:{cross.PATTERN}|{nasbench201.PATTERN})"
"""Snakemake's constraint of the `architecture` wildcard."""

UNFOLDED_PATTERN = rf"(?:{cross.UNFOLDED_PATTERN}|{nasbench201.PATTERN})"
"""What an id looks like that stands for a network of one image at a time."""


def parse(text: str) -> cross.Architecture | CellNetwork:
    """Read an id.

    Raises:
        ConfigError: if the text is no id.
    """
    return CellNetwork.parse(text) if text.startswith("cell-") else cross.Architecture.parse(text)


def costs(architecture: str, channels: int, classes: int, size_px: int) -> Costs:
    """What a network costs for one chip, from its id alone: for planning, without torch.

    Args:
        architecture: id.
        channels, classes, size_px: of its chips.

    Raises:
        ConfigError: if the text is no id.
    """
    network = parse(architecture)
    if isinstance(network, cross.Architecture):
        return cross_costs(network, channels, classes, size_px)
    work = count_multiply_adds(network.skeleton, channels, classes, size_px)
    activations = count_activations(network.skeleton, channels, classes, size_px)
    parameters = count_parameters(network.skeleton, channels, classes)
    return Costs(*(int(cost.total(network.cell)) for cost in (work, activations, parameters)))
