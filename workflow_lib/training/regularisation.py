"""What networks of cells have only while they train: paths that are left out at random, and a second head."""

from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from workflow_lib.spaces.darts.darts_module import DartsNet
from workflow_lib.spaces.nasbench201.nasbench201_module import CellNet
from workflow_lib.training.training_config import TrainingConfig

_POOLED_PX, _NARROW, _WIDE = 2, 128, 768


class Learner:
    """A network, and the loss that it is trained by.

    Networks without cells are trained by their own loss alone, whatever the settings.

    Args:
        network: freshly initialised, on its device.
        training: settings.
        chips: of an epoch.

    Attributes:
        network: as given; what only its training has hangs on it until `release`.
        trained: it, and beside it what else has weights.
    """

    def __init__(self, network: nn.Module, training: TrainingConfig, chips: int) -> None:
        self.network, self._smoothing = network, training.label_smoothing
        self._weight = training.auxiliary_weight
        self._drop_path: DropPath | None = None
        self._auxiliary: AuxiliaryHead | None = None
        if isinstance(network, CellNet | DartsNet):
            self._drop_path = DropPath(network, chips, training.drop_path) if training.drop_path else None
            self._auxiliary = AuxiliaryHead(network) if training.auxiliary_weight else None
        self.trained = nn.ModuleList([network, *([self._auxiliary] if self._auxiliary else [])])

    def begin(self, generator: np.random.Generator, progress: float) -> None:
        """Begin an epoch.

        Args:
            generator: what the paths that are left out are drawn from.
            progress: share of the training that is done when it ends.
        """
        if self._drop_path:
            self._drop_path.begin(generator, progress)

    def losses(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the next chips, and what a step lowers: with a second head, the weighted sum of both."""
        if self._drop_path:
            self._drop_path.advance(len(inputs))
        loss = cross_entropy(self.network(inputs), targets, label_smoothing=self._smoothing)
        if not self._auxiliary:
            return loss, loss
        other = cross_entropy(self._auxiliary.classify(), targets, label_smoothing=self._smoothing)
        return loss, loss + self._weight * other

    def release(self) -> nn.Module:
        """The network alone, as it is deployed."""
        for part in (self._drop_path, self._auxiliary):
            if part:
                part.release()
        return self.network


class DropPath:
    """Leaves operations on edges of cells out, each for each chip by itself; those that stay count as much more.

    Which ones is drawn for a whole epoch and counted on the device, so that a replayed step finds its own.

    Args:
        network: of cells.
        chips: of an epoch.
        rate: probability in the last epoch; it rises to it from epoch to epoch.

    Source: Zoph et al. 2018 (scheduled drop path), as in the code of DARTS.
    """

    def __init__(self, network: nn.Module, chips: int, rate: float) -> None:
        device = next(network.parameters()).device
        paths = [part for name, part in network.named_modules() if _is_path(name, part)]
        self._rate = rate
        self._weights = torch.ones(chips, len(paths), device=device)
        self._position = torch.zeros((), dtype=torch.long, device=device)
        self._now = self._weights[:0]
        self._hooks = [path.register_forward_hook(partial(self._weigh, number)) for number, path in enumerate(paths)]

    def begin(self, generator: np.random.Generator, progress: float) -> None:
        """Draw an epoch's paths."""
        rate = self._rate * progress
        kept = generator.random(self._weights.shape) >= rate
        self._weights.copy_(torch.from_numpy(kept / (1 - rate)))
        self._position.zero_()

    def advance(self, size: int) -> None:
        """Go on to the next chips."""
        self._now = self._weights[self._position + torch.arange(size, device=self._position.device)]
        self._position += size

    def _weigh(self, number: int, _path: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output * self._now[:, number, None, None, None].to(output.dtype)

    def release(self) -> None:
        """Leave the network as it was."""
        for hook in self._hooks:
            hook.remove()


def _is_path(name: str, part: nn.Module) -> bool:
    """Whether a module is an operation on an edge of a cell; skips that change nothing are never left out."""
    return name.rsplit(".", 1)[-1].startswith("edge_") and not isinstance(part, nn.Identity)


class AuxiliaryHead(nn.Module):
    """A second head, on what the block two thirds up the network gives.

    Args:
        network: of cells.

    Source: Liu, Simonyan and Yang 2019, in its code, whose pooling takes sides of 8 pixels; this one takes any.
    """

    def __init__(self, network: CellNet | DartsNet) -> None:
        super().__init__()
        blocks, classes = network.blocks, network.fc.out_features
        self._seen: Tensor | None = None
        self._hook = blocks[2 * len(blocks) // 3].register_forward_hook(self._see)
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(_POOLED_PX),
            nn.Conv2d(network.fc.in_features, _NARROW, 1, bias=False),  # the last stage begins there
            nn.BatchNorm2d(_NARROW),
            nn.ReLU(),
            nn.Conv2d(_NARROW, _WIDE, _POOLED_PX, bias=False),
            nn.BatchNorm2d(_WIDE),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(_WIDE, classes),
        ).to(network.fc.weight.device)

    def _see(self, _block: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._seen = output

    def classify(self) -> Tensor:
        """Logits of the images that the network saw last: (n, classes)."""
        logits: Tensor = self.head(cast(Tensor, self._seen))
        self._seen = None
        return logits

    def release(self) -> None:
        """Leave the network as it was."""
        self._hook.remove()
