"""What a training minimises: the loss, with mixup, drop path and an auxiliary head."""

from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from workflow_lib.spaces.darts.darts_module import DartsNet
from workflow_lib.spaces.nasbench201.nasbench201_module import CellNet
from workflow_lib.training.metrics import Labels
from workflow_lib.training.mixup import Mixup
from workflow_lib.training.training_config import TrainingConfig

_POOLED_PX, _NARROW, _WIDE = 2, 128, 768


class Learner:
    """A network and the loss that its training minimises.

    Networks without cells are trained without drop path and auxiliary head, whatever the settings.

    Args:
        network: network, freshly initialised and on its device.
        training: settings of the training.
        labels: (n,) class numbers of the training chips.

    Attributes:
        network: the given network; drop path and auxiliary head are attached to it until `release`.
        trained: everything that is trained: the network, and the auxiliary head if there is one.
    """

    def __init__(self, network: nn.Module, training: TrainingConfig, labels: Labels) -> None:
        self.network, self._smoothing = network, training.label_smoothing
        self._weight = training.auxiliary_weight
        self._drop_path: DropPath | None = None
        device = next(network.parameters()).device
        self._mixup = Mixup(len(labels), training.mixup, device) if training.mixup else None
        self._auxiliary: AuxiliaryHead | None = None
        if isinstance(network, CellNet | DartsNet):
            self._drop_path = DropPath(network, len(labels), training.drop_path) if training.drop_path else None
            self._auxiliary = AuxiliaryHead(network) if training.auxiliary_weight else None
        self.trained = nn.ModuleList([network, *([self._auxiliary] if self._auxiliary else [])])
        self._labels, self._balanced = labels, training.class_weights == "balanced"
        self._class_weights: Tensor | None = None

    def begin(self, generator: np.random.Generator, progress: float) -> None:
        """Begin an epoch.

        Args:
            generator: source of randomness of the dropped paths and of mixup.
            progress: share of the training that is completed at the end of the epoch, in (0, 1].
        """
        if self._drop_path:
            self._drop_path.begin(generator, progress)
        if self._mixup:
            self._mixup.begin(generator)

    def losses(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the losses of the next chips.

        Args:
            inputs: (n, channels, height, width) images.
            targets: (n,) class numbers.

        Returns:
            Cross-entropy of the network, and the loss to minimise, which includes the weighted loss of an auxiliary
            head.
        """
        if self._drop_path:
            self._drop_path.advance(len(inputs))
        if self._mixup:
            inputs = self._mixup.mix_images(inputs)
        loss = self._loss(self.network(inputs), targets)
        if not self._auxiliary:
            return loss, loss
        auxiliary_loss = self._loss(self._auxiliary.classify(), targets)
        return loss, loss + self._weight * auxiliary_loss

    def _loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self._balanced and self._class_weights is None:
            self._class_weights = balanced_weights(self._labels, logits.shape[1]).to(logits.device)
        if self._mixup:
            targets = self._mixup.mix_targets(one_hot(targets, logits.shape[1]).to(torch.float32))
        return cross_entropy(logits, targets, weight=self._class_weights, label_smoothing=self._smoothing)

    def release(self) -> nn.Module:
        """Detach drop path and auxiliary head, and return the network as it is deployed."""
        for part in (self._drop_path, self._auxiliary):
            if part:
                part.release()
        return self.network


def balanced_weights(labels: Labels, classes: int) -> Tensor:
    """Compute weights of classes that are inverse to their numbers of chips and average 1 over the chips.

    Args:
        labels: (n,) class numbers of the training chips.
        classes: number of classes; a class without chips has weight 0.

    >>> balanced_weights(np.array([0, 0, 0, 1]), classes=2).tolist()
    [0.6666666865348816, 2.0]
    """
    counts = np.bincount(labels, minlength=classes)
    weights = np.where(counts > 0, len(labels) / np.maximum(counts, 1) / np.count_nonzero(counts), 0)
    return torch.tensor(weights, dtype=torch.float32)


class DropPath:
    """Drops operations on edges of cells at random, independently for each chip, and scales up the others.

    The dropped paths are drawn for a whole epoch. They and the position in the epoch are stored on the device, so that
    a replayed step finds its paths without the host.

    Args:
        network: network of cells.
        chips: number of chips in an epoch.
        rate: drop probability in the last epoch; the probability rises from epoch to epoch.

    Source: Zoph et al. 2018 (scheduled drop path), as in the code of DARTS.
    """

    def __init__(self, network: nn.Module, chips: int, rate: float) -> None:
        device = next(network.parameters()).device
        paths = [part for name, part in network.named_modules() if _is_path(name, part)]
        self._rate = rate
        self.weights = torch.ones(chips, len(paths), device=device)
        self._position = torch.zeros((), dtype=torch.long, device=device)
        self._batch_weights = self.weights[:0]
        self._hooks = [path.register_forward_hook(partial(self._weigh, number)) for number, path in enumerate(paths)]

    def begin(self, generator: np.random.Generator, progress: float) -> None:
        """Draw the dropped paths of an epoch; see `Learner.begin`."""
        rate = self._rate * progress
        kept = generator.random(self.weights.shape) >= rate
        self.weights.copy_(torch.from_numpy(kept / (1 - rate)))
        self._position.zero_()

    def advance(self, size: int) -> None:
        """Advance to the next batch of `size` chips."""
        self._batch_weights = self.weights[self._position + torch.arange(size, device=self._position.device)]
        self._position += size

    def _weigh(self, number: int, path: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        if not path.training:  # judged between two epochs
            return output
        return output * self._batch_weights[:, number, None, None, None].to(output.dtype)

    def release(self) -> None:
        """Remove the hooks from the network."""
        for hook in self._hooks:
            hook.remove()


def _is_path(name: str, part: nn.Module) -> bool:
    """Whether a module is an operation on an edge of a cell; identity skips are never dropped."""
    return name.rsplit(".", 1)[-1].startswith("edge_") and not isinstance(part, nn.Identity)


class AuxiliaryHead(nn.Module):
    """An auxiliary head on the output of the block at two thirds of the network's depth.

    Args:
        network: network of cells.

    Source: code of Liu, Simonyan and Yang 2019; differs from it in: pooling accepts any side, not only 8 pixels.
    """

    def __init__(self, network: CellNet | DartsNet) -> None:
        super().__init__()
        blocks, classes = network.blocks, network.fc.out_features
        self._features: Tensor | None = None
        self._hook = blocks[2 * len(blocks) // 3].register_forward_hook(self._store_features)
        self.head = nn.Sequential(
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(_POOLED_PX),
            nn.Conv2d(network.fc.in_features, _NARROW, 1, bias=False),  # at that depth the last stage has begun
            nn.BatchNorm2d(_NARROW),
            nn.ReLU(),
            nn.Conv2d(_NARROW, _WIDE, _POOLED_PX, bias=False),
            nn.BatchNorm2d(_WIDE),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(_WIDE, classes),
        ).to(network.fc.weight.device)

    def _store_features(self, _block: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._features = output

    def classify(self) -> Tensor:
        """Compute (n, classes) logits of the images of the network's last forward pass."""
        logits: Tensor = self.head(cast(Tensor, self._features))
        self._features = None
        return logits

    def release(self) -> None:
        """Remove the hooks from the network."""
        self._hook.remove()
