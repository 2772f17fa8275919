"""An exponential moving average of a network's weights, which replaces them at the end of the training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class WeightAverage:
    """Averages all weights and running statistics over the steps; device work only, so that steps can be replayed.

    The average starts at zero, and is divided by the total weight of the steps so far, as Adam's moments are. Short
    trainings are therefore not biased towards the initial weights.

    Args:
        network: network that is trained; its tensors are read in place.
        decay: weight of the average so far in each step, in (0, 1).

    Source: Polyak and Juditsky 1992, with exponential weights; correction of Kingma and Ba 2015, section 3.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        tensors = [*network.parameters(), *network.buffers()]
        self._tensors = [tensor.detach() for tensor in tensors if tensor.is_floating_point()]
        self._averages = [torch.zeros_like(tensor) for tensor in self._tensors]
        self._decay = decay
        self._steps = torch.zeros((), dtype=torch.float64, device=self._tensors[0].device)

    def update(self) -> None:
        """Include the present weights."""
        torch._foreach_lerp_(self._averages, self._tensors, 1 - self._decay)
        self._steps += 1

    def apply(self) -> None:
        """Replace the network's weights by their average; at least one update must have been made."""
        total = 1 - self._decay ** float(self._steps)
        for tensor, average in zip(self._tensors, self._averages, strict=True):
            tensor.copy_(average / total)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Context in which the network has the average weights."""
        present = [tensor.clone() for tensor in self._tensors]
        self.apply()
        try:
            yield
        finally:
            torch._foreach_copy_(self._tensors, present)

    def state_dict(self) -> dict[str, Any]:
        """State from which the training can resume."""
        return {"averages": self._averages, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        for average, value in zip(self._averages, state["averages"], strict=True):
            average.copy_(value)
        self._steps.copy_(state["steps"])
