"""Sources of training batches: the shared memory map of the chips, or a device that holds all chips."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workflow_lib.data.dataset import ChipView, Rows
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


@dataclass(frozen=True)
class Holes:
    """The squares that cutout sets to zero in one epoch.

    Attributes:
        centres: (n, 2) row and column of the hole in the epoch's i-th chip; a hole may extend beyond the chip.
        side_px: side of the holes (pixels).
    """

    centres: NDArray[np.int64]
    side_px: int


def cut_out(images: Tensor, centres: Tensor, side_px: int) -> Tensor:
    """Set a square of each image to zero.

    Args:
        images: (n, channels, height, width) images.
        centres: (n, 2) row and column of each square's centre, on the device of the images.
        side_px: side of the squares (pixels).

    >>> cut_out(torch.ones(1, 1, 3, 3), torch.tensor([[0, 0]]), side_px=2)[0, 0].tolist()
    [[0.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    """
    inside = [
        ((torch.arange(length, device=images.device) - centres[:, axis, None] + side_px // 2) // side_px) == 0
        for axis, length in enumerate(images.shape[-2:])
    ]
    return images * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


class Feed(Protocol):
    """An iterator over the batches of an epoch."""

    def begin(self, order: Rows, holes: Holes | None = None) -> None:
        """Begin an epoch.

        Args:
            order: (n,) indices of the training chips in the order of the epoch.
            holes: squares to set to zero in these chips, if any.
        """

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Get the next chips: (size, channels, height, width) in channels-last memory, and (size,) class numbers."""


class HostFeed:
    """Gathers each batch from the memory map, so that a job's memory does not grow with the number of chips.

    Args:
        view: the chips.
        rows: (n,) rows of the view to train on.
        labels: (n,) class numbers of these rows.
    """

    def __init__(self, view: ChipView, rows: Rows, labels: Labels) -> None:
        self._view, self._rows, self._targets = view, rows, torch.from_numpy(labels)
        self._order, self._position = rows[:0], 0
        self._holes: Holes | None = None

    def begin(self, order: Rows, holes: Holes | None = None) -> None:
        """Begin an epoch; see `Feed.begin`."""
        self._order, self._holes, self._position = order, holes, 0

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Gather the next chips; see `Feed.next`."""
        places = slice(self._position, self._position + size)
        chosen = self._order[places]
        self._position += size
        images = to_images(self._view.batch(self._rows[chosen]))
        if self._holes:
            images = cut_out(images, torch.from_numpy(self._holes.centres[places]), self._holes.side_px)
        return images, self._targets[chosen]


class DeviceFeed:
    """Gathers each batch on the device.

    The position in the epoch is also stored on the device, so that a replayed step finds its batch without the host.

    Args:
        chips: chips in the memory of the device.
        rows: (n,) rows of the chips to train on.
        labels: (n,) class numbers of these rows.
    """

    def __init__(self, chips: ResidentChips, rows: Rows, labels: Labels) -> None:
        device = chips.pixels.device
        self._pixels = chips.pixels
        self._rows, self._targets = torch.from_numpy(rows).to(device), torch.from_numpy(labels).to(device)
        self._order = torch.zeros(len(rows), dtype=torch.long, device=device)
        self._centres = torch.zeros((len(rows), 2), dtype=torch.long, device=device)
        self._side_px = 0
        self._position = torch.zeros((), dtype=torch.long, device=device)

    def begin(self, order: Rows, holes: Holes | None = None) -> None:
        """Begin an epoch; the host does not wait for the copies."""
        self._copy(order, self._order)
        if holes:
            self._side_px = holes.side_px
            self._copy(holes.centres, self._centres)
        self._position.zero_()

    def _copy(self, numbers: Rows, target: Tensor) -> None:
        host = torch.from_numpy(numbers)
        target.copy_(host.pin_memory() if target.is_cuda else host, non_blocking=True)

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Gather the next chips by device work alone; see `Feed.next`."""
        places = self._position + torch.arange(size, device=self._position.device)
        chosen = self._order[places]
        self._position += size
        images = to_images(self._pixels[self._rows[chosen]])
        if self._side_px:
            images = cut_out(images, self._centres[places], self._side_px)
        return images, self._targets[chosen]


def to_images(pixels: NDArray[np.float32] | Tensor) -> Tensor:
    """View pixels as an (n, channels, height, width) tensor in channels-last memory, without a copy.

    Args:
        pixels: (n, height, width, channels) pixels.
    """
    return torch.as_tensor(pixels).permute(0, 3, 1, 2)
