"""All networks that jobs know, by their ids: those of the CROSS space, networks of cells, chains of blocks."""

from workflow_lib.core.errors import ConfigError
from workflow_lib.core.spaces import (
    cross,
    darts,
    darts_costs,
    mobilenet,
    mobilenet_costs,
    nasbench201,
    nasbench201_costs,
)
from workflow_lib.core.spaces.cross_costs import Costs
from workflow_lib.core.spaces.cross_costs import costs as cross_costs

_OTHERS = f"{nasbench201.PATTERN}|{darts.PATTERN}|{mobilenet.PATTERN}"

PATTERN = f"(?:{cross.PATTERN}|{_OTHERS})"
"""Snakemake's constraint of the `architecture` wildcard."""

UNFOLDED_PATTERN = f"(?:{cross.UNFOLDED_PATTERN}|{_OTHERS})"
"""What an id looks like that stands for a network of one image at a time."""

Assembled = nasbench201.CellNetwork | darts.CellNetwork | mobilenet.Chain
"""Networks whose costs are sums over what was chosen for their edges or blocks."""

Network = cross.Architecture | Assembled


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
        case "mobile":
            return mobilenet.Chain.parse(text)
    return cross.Architecture.parse(text)


def parse_assembled(text: str) -> Assembled:
    """Read an id that is none of the CROSS space.

    Raises:
        ConfigError: if the text is no such id.
    """
    network = parse(text)
    if isinstance(network, cross.Architecture):
        raise ConfigError("neither a network of cells nor a chain of blocks", text)
    return network


def alive(architecture: str) -> str:
    """The id of the same network without operations that lead nowhere; where nothing leads to the output, as it is."""
    network = parse(architecture)
    left = network.alive if isinstance(network, nasbench201.CellNetwork) else network
    return str(left or network)


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
    images = (channels, classes, size_px)
    if isinstance(network, mobilenet.Chain):
        work, activations = mobilenet_costs.count_multiply_adds(*images), mobilenet_costs.count_activations(*images)
        parameters = mobilenet_costs.count_parameters(channels, classes)
    else:
        of = darts_costs if isinstance(network, darts.CellNetwork) else nasbench201_costs
        work, activations = (
            count(network.skeleton, *images) for count in (of.count_multiply_adds, of.count_activations)
        )
        parameters = of.count_parameters(network.skeleton, channels, classes)
    return Costs(*(int(cost.total(network)) for cost in (work, activations, parameters)))
