"""Adam for networks in channels-last memory."""

from typing import Any

import torch
from torch import Tensor, nn


class Adam:
    """torch's fused Adam, on the same memory seen as contiguous tensors.

    The fused kernel copies gradients in channels-last memory at every step (torch 2.13), and takes values of other
    weights where a gradient's memory is laid out unlike its weight's.

    Args:
        network: whose weights it changes; their gradients must be laid out as they are, as torch's own are.
        learning_rate: step size.

    Source: Kingma and Ba 2015; betas and epsilon are torch's.
    """

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        self._weights = list(network.parameters())
        self._views = [_contiguous(weights.detach()) for weights in self._weights]
        on_gpu = any(view.is_cuda for view in self._views)
        # On a GPU a tensor: a recorded step reads it anew each time.
        rate = torch.tensor(learning_rate, device=self._views[0].device) if on_gpu else learning_rate
        self._adam = torch.optim.Adam(self._views, lr=rate, fused=True, capturable=on_gpu)

    def set_rate(self, learning_rate: float) -> None:
        """Take steps of this size from now on."""
        for group in self._adam.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate

    def step(self) -> None:
        """Take a step along the gradients."""
        for view, weights in zip(self._views, self._weights, strict=True):
            # In a cell, what leads nowhere has no gradient; Adam leaves it as it is.
            view.grad = None if weights.grad is None else _contiguous(weights.grad)
        self._adam.step()
        self._adam.zero_grad()  # or the gradients would live on beside the next ones

    def state_dict(self) -> dict[str, Any]:
        """Its moments, to go on from."""
        return self._adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self._adam.load_state_dict(state)


def _contiguous(tensor: Tensor) -> Tensor:
    """See channels-last memory as a contiguous tensor, without a copy."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor
