"""Adam and AdamW for networks in channels-last memory."""

from typing import Any

import torch
from torch import Tensor, nn

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8


class Adam:
    """torch's fused Adam kernel, called on contiguous views of channels-last memory.

    It calls the kernel behind `torch.optim.Adam(fused=True)` directly, because that class has three problems. It copies
    gradients in channels-last memory at every step (torch 2.13). It uses values of the wrong weights if a gradient's
    memory layout differs from its weight's. And it imports torch's compiler, which takes a second in every job.

    Args:
        network: network whose weights are trained; each gradient must have its weight's memory layout, as torch's do.
        learning_rate: step size.
        weight_decay: decoupled weight decay, per step and unit of the step size; biases and norms do not decay.

    Source: Kingma and Ba 2015, Loshchilov and Hutter 2019 (AdamW); betas and epsilon are torch's.
    """

    def __init__(self, network: nn.Module, learning_rate: float, weight_decay: float = 0.0) -> None:
        self._weights = list(network.parameters())
        self._decays = [weight_decay if weights.dim() > 1 else 0.0 for weights in self._weights]
        self._views = [_contiguous(weights.detach()) for weights in self._weights]
        self._means, self._squares = ([torch.zeros_like(view) for view in self._views] for _ in range(2))
        self._steps = [torch.zeros((), device=view.device) for view in self._views]
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
        torch._foreach_add_([self._steps[number] for number in trained], 1)
        for decay in sorted({self._decays[number] for number in trained}):
            self._step_group([number for number in trained if self._decays[number] == decay], decay)

    def _step_group(self, numbers: list[int], decay: float) -> None:
        """Take a step of those weights that share a weight decay."""
        gradients = [
            _contiguous(gradient) for number in numbers if (gradient := self._weights[number].grad) is not None
        ]
        views, means, squares, steps = (
            [tensors[number] for number in numbers]
            for tensors in (self._views, self._means, self._squares, self._steps)
        )
        kernel = torch._fused_adamw_ if decay else torch._fused_adam_
        kernel(
            views, gradients, means, squares, [], steps, lr=self._rate, beta1=_BETAS[0], beta2=_BETAS[1],
            weight_decay=decay, eps=_EPSILON, amsgrad=False, maximize=False,
        )  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """Moments and step counts, from which the training can resume."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for tensors, key in ((self._means, "means"), (self._squares, "squares"), (self._steps, "steps")):
            for tensor, value in zip(tensors, state[key], strict=True):
                tensor.copy_(value)


def _contiguous(tensor: Tensor) -> Tensor:
    """View channels-last memory as a contiguous tensor, without a copy."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor
