"""Early stopping: the epoch with the lowest loss on chips that were set aside inside the fold."""

from typing import Any

import numpy as np
from torch import nn

from workflow_lib.training.metrics import Labels, cross_entropy


class EpochChoice:
    """Remembers the weights of the best epoch so far, and says when to stop.

    Args:
        labels: (n,) class numbers of the chips that were set aside.
        patience: number of epochs without a lower loss after which the training stops.

    Attributes:
        kept_epoch: number of the best epoch, counted from 1; 0 before the first one.

    Source: Prechelt 1998 (early stopping, criterion UP in its simplest form).
    """

    def __init__(self, labels: Labels, patience: int) -> None:
        self._labels, self._patience = labels, patience
        self.kept_epoch, self._lowest, self._epochs = 0, float("inf"), 0
        self._weights: dict[str, Any] = {}

    def judge(self, network: nn.Module, probabilities: np.ndarray[Any, Any]) -> None:
        """Judge the network at the end of an epoch.

        Args:
            network: the network; its weights are copied if it is the best so far.
            probabilities: (n, classes) class probabilities of the chips that were set aside.
        """
        self._epochs += 1
        loss = cross_entropy(self._labels, probabilities)
        if loss < self._lowest:
            self.kept_epoch, self._lowest = self._epochs, loss
            self._weights = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @property
    def finished(self) -> bool:
        """Whether the training stops."""
        return self._epochs - self.kept_epoch >= self._patience

    def restore(self, network: nn.Module) -> None:
        """Give the network the weights of the best epoch."""
        network.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        """State from which the training can resume."""
        return {
            "kept_epoch": self.kept_epoch,
            "lowest": self._lowest,
            "epochs": self._epochs,
            "weights": self._weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.kept_epoch, self._lowest, self._epochs = state["kept_epoch"], state["lowest"], state["epochs"]
        self._weights = state["weights"]
