"""Mixup: each chip is mixed with another one of its batch, and so are their classes."""

import numpy as np
import torch
from torch import Tensor


class Mixup:
    """Mixes each chip of a batch with its predecessor.

    The shares are drawn for a whole epoch. They and the position in the epoch are stored on the device, so that a
    replayed step finds its shares without the host.

    Args:
        chips: number of chips in an epoch.
        alpha: both parameters of the beta distribution of the shares; higher values mix more.
        device: device of the training.

    Source: Zhang et al. 2018, equation 2; differs from it in: the larger share belongs to the chip itself.
    """

    def __init__(self, chips: int, alpha: float, device: torch.device) -> None:
        self._alpha = alpha
        self._shares = torch.ones(chips, device=device)
        self._position = torch.zeros((), dtype=torch.long, device=device)
        self._batch_shares = self._shares[:0]

    def begin(self, generator: np.random.Generator) -> None:
        """Draw the shares of an epoch."""
        shares = generator.beta(self._alpha, self._alpha, len(self._shares))
        self._shares.copy_(torch.from_numpy(np.maximum(shares, 1 - shares)))
        self._position.zero_()

    def mix_images(self, images: Tensor) -> Tensor:
        """Mix the next chips of the epoch; (n, channels, height, width) in channels-last memory."""
        self._batch_shares = self._shares[self._position + torch.arange(len(images), device=self._position.device)]
        self._position += len(images)
        return self._mix(images).contiguous(memory_format=torch.channels_last)

    def mix_targets(self, targets: Tensor) -> Tensor:
        """Mix the (n, classes) targets of the chips that were mixed last."""
        return self._mix(targets)

    def _mix(self, values: Tensor) -> Tensor:
        shares = self._batch_shares.to(values.dtype).view(-1, *[1] * (values.dim() - 1))
        return values * shares + values.roll(1, 0) * (1 - shares)
