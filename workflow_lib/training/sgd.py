"""Stochastic gradient descent with Nesterov's momentum."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from workflow_lib.training.fused_optimizer import FusedOptimizer


class Sgd(FusedOptimizer):
    """Stochastic gradient descent; weight decay is added to the gradient.

    Args:
        network, learning_rate, weight_decay: see `FusedOptimizer`.
        momentum: Nesterov's momentum; 0: none.

    Source: Sutskever et al. 2013, as in torch.
    """

    def __init__(
        self, network: nn.Module, learning_rate: float, weight_decay: float = 0.0, momentum: float = 0.0
    ) -> None:
        super().__init__(network, learning_rate, weight_decay)
        self._momentum = momentum
        self._velocities = [torch.zeros_like(view) for view in self._views]

    def _step_group(
        self, numbers: Sequence[int], views: list[Tensor], gradients: list[Tensor], weight_decay: float
    ) -> None:
        velocities = [self._velocities[number] for number in numbers] if self._momentum else []
        torch._fused_sgd_(
            views, gradients, velocities, weight_decay=weight_decay, momentum=self._momentum, lr=self._rate,
            dampening=0.0, nesterov=self._momentum > 0, maximize=False, is_first_step=False,
        )  # fmt: skip

    def state_dict(self) -> dict[str, list[Tensor]]:
        """State from which the training can resume."""
        return {"velocities": self._velocities}
