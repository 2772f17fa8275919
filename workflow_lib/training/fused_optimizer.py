"""Optimizers for networks in channels-last memory, which call torch's fused kernels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class FusedOptimizer(ABC):
    """Takes steps with a fused kernel of torch on contiguous views of channels-last memory.

    Subclasses call the kernels behind `torch.optim` directly, because its classes have three problems. They copy
    gradients in channels-last memory at every step (torch 2.13). They use values of the wrong weights if a gradient's
    memory layout differs from its weight's. And they import torch's compiler, which takes a second in every job.

    Args:
        network: network whose weights are trained; each gradient must have its weight's memory layout, as torch's do.
        learning_rate: step size.
        weight_decay: weight decay; biases and norms do not decay.
    """

    def __init__(self, network: nn.Module, learning_rate: float, weight_decay: float = 0.0) -> None:
        self._weights = list(network.parameters())
        self._decays = [weight_decay if weights.dim() > 1 else 0.0 for weights in self._weights]
        self._views = [_contiguous(weights.detach()) for weights in self._weights]
        on_gpu = any(view.is_cuda for view in self._views)
        # A tensor on a GPU, because a recorded step reads its current value each time.
        self._rate = torch.tensor(learning_rate, device=self._views[0].device) if on_gpu else learning_rate

    def set_rate(self, learning_rate: float) -> None:
        """Set the step size of all further steps."""
        if isinstance(self._rate, Tensor):
            self._rate.fill_(learning_rate)
        else:
            self._rate = learning_rate

    def step(self) -> None:
        """Take a step along the gradients."""
        # Operations of a cell on no path to the output have no gradient; their weights stay unchanged.
        trained = [number for number, weights in enumerate(self._weights) if weights.grad is not None]
        self._count(trained)
        for decay in sorted({self._decays[number] for number in trained}):
            numbers = [number for number in trained if self._decays[number] == decay]
            gradients = [
                _contiguous(gradient) for number in numbers if (gradient := self._weights[number].grad) is not None
            ]
            self._step_group(numbers, [self._views[number] for number in numbers], gradients, decay)

    def _count(self, numbers: Sequence[int]) -> None:  # noqa: B027 (most optimizers count nothing)
        """Count a step of some weights; only optimizers that need the count override this."""

    @abstractmethod
    def _step_group(
        self, numbers: Sequence[int], views: list[Tensor], gradients: list[Tensor], weight_decay: float
    ) -> None:
        """Take a step of those weights that share a weight decay."""

    @abstractmethod
    def state_dict(self) -> dict[str, list[Tensor]]:
        """Name -> tensors that the next step depends on, from which the training can resume."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for name, tensors in self.state_dict().items():
            for tensor, value in zip(tensors, state[name], strict=True):
                tensor.copy_(value)


def _contiguous(tensor: Tensor) -> Tensor:
    """View channels-last memory as a contiguous tensor, without a copy."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor
