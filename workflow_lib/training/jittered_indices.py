"""Spectral indices of chips whose bands are changed at random: they are computed anew from the changed bands."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from workflow_lib.core.indices import INDICES, RAW_NORMALISATIONS
from workflow_lib.data.dataset import ChipView, Dataset, Rows


@dataclass(frozen=True)
class JitteredIndices:
    """The chips of a training, with the bands that its indices are computed from.

    Attributes:
        view: the channels of the network first, then the bands that only its indices need.
        shown: number of channels of the network.
        formulas: (index, a, b) positions of the channels of view in index = (a - b) / (a + b).
    """

    view: ChipView
    shown: int
    formulas: Sequence[tuple[int, int, int]]

    @classmethod
    def find(
        cls, dataset: Dataset, channels: Sequence[str], training_rows: Rows, view: ChipView
    ) -> "JitteredIndices | None":
        """Find the indices among the channels of a network; None if there are none or raw values are not known.

        Args:
            dataset: the imported chips.
            channels: names of bands and indices, in the network's order.
            training_rows: (n,) rows to which the normalisation is fitted.
            view: these channels of the chips; used as it is if no band must be added.
        """
        known = {name: pair for name, pair in INDICES.items() if set(pair) <= set(dataset.bands)}
        used = [name for name in channels if name in known]
        if not used or dataset.normalisation not in RAW_NORMALISATIONS:
            return None
        names = list(dict.fromkeys([*channels, *(band for name in used for band in known[name])]))
        formulas = [(names.index(name), *map(names.index, known[name])) for name in used]
        extended = view if len(names) == len(channels) else dataset.view(names, training_rows)
        return cls(extended, len(channels), [(i, a, b) for i, a, b in formulas])

    def recompute(self, pixels: Tensor, unchanged: Tensor) -> Tensor:
        """Compute the indices of changed chips.

        Args:
            pixels: (n, height, width, channels of view) normalised chips with changed bands.
            unchanged: the same chips before the change; an index that is not defined keeps its value.

        Returns:
            (n, height, width, channels of the network) normalised chips.
        """
        planes, scaling = list(pixels.unbind(-1)), self.view.scaling
        # Numbers, not tensors: a recorded step on a GPU must not copy from the host.
        shift = scaling.mean.tolist() if scaling else [0.0] * len(planes)
        unit = scaling.deviation.tolist() if scaling else [1.0] * len(planes)
        before = list(unchanged.unbind(-1))
        for index, *bands in self.formulas:
            old = sum(before[band].float() * unit[band] + shift[band] for band in bands)
            rounding = torch.finfo(pixels.dtype).eps * sum(unit[band] + abs(shift[band]) for band in bands)
            # Jitter may make a dark band negative, where an index has no meaning.
            a, b = ((planes[band].float() * unit[band] + shift[band]).clamp(min=0) for band in bands)
            computed = ((a - b) / (a + b) - shift[index]) / unit[index]
            defined = (old > rounding) & (a + b > 0)
            planes[index] = torch.where(defined, computed.to(pixels.dtype), before[index])
        return torch.stack(planes[: self.shown], -1)
