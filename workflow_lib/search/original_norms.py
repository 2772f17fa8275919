"""Batch norms of searched operations as in the original DARTS."""

from torch import Tensor, nn

from workflow_lib.search.mixed_cells import MixedNet, MixedNodes


class Normalised(nn.Module):
    """A layer whose output is normalised by the statistics of the batch, without scale and shift.

    Args:
        layer: the layer.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """Run the layer and normalise each channel.

        Args:
            x: (n, c, h, w) feature map.
        """
        return nn.functional.batch_norm(self.layer(x), None, None, training=True)


def use_original_norms(network: MixedNet) -> None:
    """Take scale and shift from all norms of searched operations, and put a norm behind each pool, in place.

    With scale and shift, an operation can grow its output instead of its alpha, so alpha says less about its use.

    Args:
        network: network of mixed cells.

    Source: Liu, Simonyan and Yang 2019 (DARTS), appendix A.1.1, and the authors' code for the pools.
    """
    for nodes in [module for module in network.modules() if isinstance(module, MixedNodes)]:
        for name, operation in nodes.operations():
            if isinstance(operation, nn.AvgPool2d | nn.MaxPool2d):
                setattr(nodes, name, Normalised(operation))
            for layer in [part for part in operation.modules() if isinstance(part, nn.BatchNorm2d)]:
                layer.affine = False
                layer.register_parameter("weight", None)
                layer.register_parameter("bias", None)
