"""All networks that jobs know, by their ids: those of the CROSS space, and networks of cells."""

from workflow_lib.core.spaces import cross, darts, darts_costs, nasbench201, nasbench201_costs
from workflow_lib.core.spaces.cross_costs import Costs
from workflow_lib.core.spaces.cross_costs import costs as cross_costs

PATTERN = rf"(?:{cross.PATTERN}|{nasbench201.PATTERN}|{darts.PATTERN})"
"""Snakemake's constraint of the `architecture` wildcard."""

UNFOLDED_PATTERN = rf"(?:{cross.UNFOLDED_PATTERN}|{nasbench201.PATTERN}|{darts.PATTERN})"
"""What an id looks like that stands for a network of one image at a time."""

Network = cross.Architecture | nasbench201.CellNetwork | darts.CellNetwork


def parse(text: str) -> Network:
    """Read an id.

    Raises:
        ConfigError: if the text is no id.
    """
    match text.split("-")[0]:
        case "cell":
            return nasbench201.CellNetwork.parse(text)
        case "darts":
            return darts.CellNetwork.parse(text)
    return cross.Architecture.parse(text)


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
    of = darts_costs if isinstance(network, darts.CellNetwork) else nasbench201_costs
    work = of.count_multiply_adds(network.skeleton, channels, classes, size_px)
    activations = of.count_activations(network.skeleton, channels, classes, size_px)
    parameters = of.count_parameters(network.skeleton, channels, classes)
    return Costs(*(int(cost.total(network)) for cost in (work, activations, parameters)))
