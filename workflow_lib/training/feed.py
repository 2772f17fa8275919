"""Sources of training batches: the shared memory map of the chips, or a device that holds all chips."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.training import augmentation
from workflow_lib.training.augmentation import Draws
from workflow_lib.training.jittered_indices import JitteredIndices
from workflow_lib.training.metrics import Labels

_CHUNK = 256


class Chips(Protocol):
    """A set of chips that can be gathered by row."""

    def batch(self, rows: Rows) -> NDArray[np.float32] | Tensor:
        """Gather the chips of some rows: (len(rows), height, width, channels)."""


class ResidentChips:
    """All chips of a view in the memory of a device.

    Args:
        view: the chips.
        device: device that holds the chips.
        dtype: type of the pixels; the type that the training multiplies in loses no further precision.
    """

    def __init__(self, view: ChipView, device: torch.device, dtype: torch.dtype) -> None:
        count, height, width, _ = view.chips.shape
        self.pixels = torch.empty((count, height, width, len(view.channels)), dtype=dtype, device=device)
        for first in range(0, count, _CHUNK):
            rows = np.arange(first, min(first + _CHUNK, count))
            self.pixels[first : first + _CHUNK] = torch.from_numpy(view.batch(rows)).to(device)
        if self.pixels.is_cuda:
            torch.cuda.synchronize(device)  # other streams will read the chips

    def batch(self, rows: Rows) -> Tensor:
        """Gather the chips of some rows on the device: (len(rows), height, width, channels)."""
        return self.pixels[torch.from_numpy(rows).to(self.pixels.device)]


class Feed(Protocol):
    """An iterator over the batches of an epoch."""

    def begin(self, order: Rows, draws: Draws) -> None:
        """Begin an epoch.

        Args:
            order: (n,) indices of the training chips in the order of the epoch.
            draws: random changes of these chips; see `augmentation.draw`.
        """

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Get the next chips: (size, channels, height, width) in channels-last memory, and (size,) class numbers."""


class HostFeed:
    """Gathers each batch from the memory map, so that a job's memory does not grow with the number of chips.

    Args:
        view: the chips.
        rows: (n,) rows of the view to train on.
        labels: (n,) class numbers of these rows.
        cutout_px: side of the cutout square (pixels).
        indices: indices that are computed anew from changed bands.
    """

    def __init__(
        self,
        view: ChipView,
        rows: Rows,
        labels: Labels,
        cutout_px: int = 0,
        indices: JitteredIndices | None = None,
    ) -> None:
        self._view, self._rows, self._targets = view, rows, torch.from_numpy(labels)
        self._order, self._position, self._cutout_px = rows[:0], 0, cutout_px
        self._indices = indices
        self._draws: dict[str, Tensor] = {}

    def begin(self, order: Rows, draws: Draws) -> None:
        """Begin an epoch; see `Feed.begin`."""
        self._order, self._position = order, 0
        self._draws = {name: torch.from_numpy(numbers) for name, numbers in draws.items()}

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Gather the next chips; see `Feed.next`."""
        places = slice(self._position, self._position + size)
        chosen = self._order[places]
        self._position += size
        pixels = torch.from_numpy(self._view.batch(self._rows[chosen]))
        draws = {name: numbers[places] for name, numbers in self._draws.items()}
        return to_images(augmentation.apply(pixels, draws, self._cutout_px, self._indices)), self._targets[chosen]


class DeviceFeed:
    """Gathers each batch on the device.

    The position in the epoch is also stored on the device, so that a replayed step finds its batch without the host.

    Args:
        chips: chips in the memory of the device.
        rows: (n,) rows of the chips to train on.
        labels: (n,) class numbers of these rows.
        cutout_px: side of the cutout square (pixels).
        indices: indices that are computed anew from changed bands.
    """

    def __init__(
        self,
        chips: ResidentChips,
        rows: Rows,
        labels: Labels,
        cutout_px: int = 0,
        indices: JitteredIndices | None = None,
    ) -> None:
        device = chips.pixels.device
        self._pixels = chips.pixels
        self._rows, self._targets = torch.from_numpy(rows).to(device), torch.from_numpy(labels).to(device)
        self._order = torch.zeros(len(rows), dtype=torch.long, device=device)
        self._draws: dict[str, Tensor] = {}
        self._cutout_px, self._indices = cutout_px, indices
        self._position = torch.zeros((), dtype=torch.long, device=device)

    def begin(self, order: Rows, draws: Draws) -> None:
        """Begin an epoch; the host does not wait for the copies."""
        self._copy(order, self._order)
        for name, numbers in draws.items():
            # A recorded step reads the same memory in every epoch.
            if name not in self._draws:
                self._draws[name] = torch.zeros_like(torch.from_numpy(numbers), device=self._order.device)
            self._copy(numbers, self._draws[name])
        self._position.zero_()

    def _copy(self, numbers: NDArray[Any], target: Tensor) -> None:
        host = torch.from_numpy(numbers)
        target.copy_(host.pin_memory() if target.is_cuda else host, non_blocking=True)

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Gather the next chips by device work alone; see `Feed.next`."""
        places = self._position + torch.arange(size, device=self._position.device)
        chosen = self._order[places]
        self._position += size
        draws = {name: numbers[places] for name, numbers in self._draws.items()}
        pixels = augmentation.apply(self._pixels[self._rows[chosen]], draws, self._cutout_px, self._indices)
        return to_images(pixels), self._targets[chosen]


def to_images(pixels: NDArray[np.float32] | Tensor) -> Tensor:
    """View pixels as an (n, channels, height, width) tensor in channels-last memory, without a copy.

    Args:
        pixels: (n, height, width, channels) pixels.
    """
    return torch.as_tensor(pixels).permute(0, 3, 1, 2)
