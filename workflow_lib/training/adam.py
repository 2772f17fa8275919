"""Adam and AdamW."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from workflow_lib.training.fused_optimizer import FusedOptimizer

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class Adam(FusedOptimizer):
    """Adam; with weight decay AdamW, whose decay is decoupled: per step and unit of the step size.

    Args:
        network, learning_rate, weight_decay: see `FusedOptimizer`.

    Source: Kingma and Ba 2015, Loshchilov and Hutter 2019 (AdamW); betas and epsilon are torch's.
    """

    def __init__(self, network: nn.Module, learning_rate: float, weight_decay: float = 0.0) -> None:
        super().__init__(network, learning_rate, weight_decay)
        self._means, self._squares = ([torch.zeros_like(view) for view in self._views] for _ in range(2))
        self._steps = [torch.zeros((), device=view.device) for view in self._views]

    def _count(self, numbers: Sequence[int]) -> None:
        torch._foreach_add_([self._steps[number] for number in numbers], 1)

    def _step_group(
        self, numbers: Sequence[int], views: list[Tensor], gradients: list[Tensor], weight_decay: float
    ) -> None:
        means, squares, steps = (
            [tensors[number] for number in numbers] for tensors in (self._means, self._squares, self._steps)
        )
        kernel = torch._fused_adamw_ if weight_decay else torch._fused_adam_
        kernel(
            views, gradients, means, squares, [], steps, lr=self._rate, beta1=_BETAS[0], beta2=_BETAS[1],
            weight_decay=weight_decay, eps=_EPSILON, amsgrad=False, maximize=False,
        )  # fmt: skip

    def state_dict(self) -> dict[str, list[Tensor]]:
        """State from which the training can resume."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}
