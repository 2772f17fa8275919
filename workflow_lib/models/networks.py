"""The networks that jobs train and export, by their ids."""

from torch import nn

from workflow_lib.core.spaces import darts as darts_space
from workflow_lib.core.spaces import mobilenet as mobilenet_space
from workflow_lib.core.spaces import nasbench201 as nasbench201_space
from workflow_lib.core.spaces import networks
from workflow_lib.models import cross, darts, mobilenet, nasbench201


def to_module(architecture: str, channels: int, classes: int) -> nn.Module:
    """Build the network of an id, freshly initialised.

    Args:
        architecture: id, see `core.spaces.networks`.
        channels: bands of the input images.
        classes: number of outputs (logits).

    Raises:
        ConfigError: if the text is no id.
    """
    network = networks.parse(architecture)
    if isinstance(network, nasbench201_space.CellNetwork):
        return nasbench201.to_module(str(network.cell), channels, classes, network.skeleton)
    if isinstance(network, darts_space.CellNetwork):
        return darts.to_module(network, channels, classes)
    if isinstance(network, mobilenet_space.Chain):
        return mobilenet.to_module(architecture, channels, classes)
    return cross.to_module(architecture, channels, classes)
