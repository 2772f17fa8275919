"""What a training step sees: batches from the shared memory map, or from a device that holds all chips."""

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
    """Chips, gathered by their rows: (n, height, width, channels)."""

    def batch(self, rows: Rows) -> NDArray[np.float32] | Tensor:
        """Gather chips."""


class ResidentChips:
    """All chips of a view, held by a device.

    Args:
        view: the chips.
        device: what holds them.
        dtype: in which type; that of the multiplications loses nothing that they would not lose.
    """

    def __init__(self, view: ChipView, device: torch.device, dtype: torch.dtype) -> None:
        count, height, width, _ = view.chips.shape
        self.pixels = torch.empty((count, height, width, len(view.channels)), dtype=dtype, device=device)
        for first in range(0, count, _CHUNK):
            rows = np.arange(first, min(first + _CHUNK, count))
            self.pixels[first : first + _CHUNK] = torch.from_numpy(view.batch(rows)).to(device)
        if self.pixels.is_cuda:
            torch.cuda.synchronize(device)  # other streams than this one will read them

    def batch(self, rows: Rows) -> Tensor:
        """Gather chips: (len(rows), height, width, channels), on the device."""
        return self.pixels[torch.from_numpy(rows).to(self.pixels.device)]


@dataclass(frozen=True)
class Holes:
    """What is cut out of chips.

    Attributes:
        centres: (n, 2) row and column of the hole of the i-th chip of an epoch; it may reach over the chip's edge.
        side_px: of the holes (pixels).
    """

    centres: NDArray[np.int64]
    side_px: int


def cut_out(images: Tensor, centres: Tensor, side_px: int) -> Tensor:
    """Zero a square of each image.

    Args:
        images: (n, channels, height, width).
        centres: (n, 2) rows and columns, on the images' device.
        side_px: of the squares.
    """
    inside = [
        ((torch.arange(length, device=images.device) - centres[:, axis, None] + side_px // 2) // side_px) == 0
        for axis, length in enumerate(images.shape[-2:])
    ]
    return images * ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])


class Feed(Protocol):
    """The batches of an epoch, one after the other."""

    def begin(self, order: Rows, holes: Holes | None = None) -> None:
        """Begin an epoch: positions among the training chips, in the order in which they are wanted; their holes."""

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """The next `size` chips, (size, channels, height, width) in channels-last memory, and their classes."""


class HostFeed:
    """Gathers each batch from the memory map, so that a job's memory does not grow with the chips.

    Args:
        view: the chips.
        rows: (n,) rows of the view to train on.
        labels: (n,) their class numbers.
    """

    def __init__(self, view: ChipView, rows: Rows, labels: Labels) -> None:
        self._view, self._rows, self._targets = view, rows, torch.from_numpy(labels)
        self._order, self._position = rows[:0], 0
        self._holes: Holes | None = None

    def begin(self, order: Rows, holes: Holes | None = None) -> None:
        """Begin an epoch."""
        self._order, self._holes, self._position = order, holes, 0

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Gather the next chips."""
        places = slice(self._position, self._position + size)
        chosen = self._order[places]
        self._position += size
        images = to_images(self._view.batch(self._rows[chosen]))
        if self._holes:
            images = cut_out(images, torch.from_numpy(self._holes.centres[places]), self._holes.side_px)
        return images, self._targets[chosen]


class DeviceFeed:
    """Gathers each batch on the device, and counts there how far it is: a replayed step finds the next batch by itself.

    Args:
        chips: held by the device.
        rows: (n,) rows of the chips to train on.
        labels: (n,) their class numbers.
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

    def _copy(self, numbers: Rows, there: Tensor) -> None:
        host = torch.from_numpy(numbers)
        there.copy_(host.pin_memory() if there.is_cuda else host, non_blocking=True)

    def next(self, size: int) -> tuple[Tensor, Tensor]:
        """Gather the next chips, by work on the device alone."""
        places = self._position + torch.arange(size, device=self._position.device)
        chosen = self._order[places]
        self._position += size
        images = to_images(self._pixels[self._rows[chosen]])
        if self._side_px:
            images = cut_out(images, self._centres[places], self._side_px)
        return images, self._targets[chosen]


def to_images(pixels: NDArray[np.float32] | Tensor) -> Tensor:
    """View (n, height, width, channels) pixels as an (n, channels, height, width) tensor in channels-last memory."""
    return torch.as_tensor(pixels).permute(0, 3, 1, 2)
