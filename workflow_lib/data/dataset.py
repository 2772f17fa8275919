"""The imported chips, and one network's view of them: its channels, scaled, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import load_array
from workflow_lib.data.chip_tables import CHIPS
from workflow_lib.data.chips import open_chips

Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Scaling:
    """Per-channel shift and scale, in the order of a network's channels: (value - mean) / deviation."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def fit(cls, moments: NDArray[np.float64], rows: Rows, channels: Sequence[int]) -> "Scaling":
        """Pool the moments of the training chips, and of no others.

        Args:
            moments: (chips, bands, 2) mean and variance of each chip's bands.
            rows: chips to pool.
            channels: bands to pool.
        """
        means, variances = np.moveaxis(moments[rows][:, channels], -1, 0)
        mean = means.mean(0)
        deviation = np.sqrt(variances.mean(0) + means.var(0))
        return cls(mean.astype(np.float32), np.where(deviation == 0, 1, deviation).astype(np.float32))


@dataclass(frozen=True)
class ChipView:
    """Channels of the chip array.

    Args:
        chips: (chips, height, width, bands) memory-mapped array.
        channels: the bands a network sees, in its order.
        scaling: applied to every batch; None where the array is normalised already.
    """

    chips: NDArray[np.float32]
    channels: Sequence[int]
    scaling: Scaling | None = None

    def batch(self, rows: Rows) -> NDArray[np.float32]:
        """Gather chips: (len(rows), height, width, channels) float32, contiguous."""
        pixels = self.chips[rows]  # a copy
        if list(self.channels) != list(range(pixels.shape[-1])):
            pixels = pixels.take(self.channels, axis=-1)
        if self.scaling is not None:
            pixels -= self.scaling.mean
            pixels /= self.scaling.deviation
        return pixels


class DatasetArguments(Arguments):
    """What a stage is told about the imported chips."""

    array: Path = Field(description="chips.npy of import_chips")
    moments: Path = Field(description="moments.npy of import_chips")
    chips: Path = Field(description="chips.parquet of import_chips")
    bands: list[str] = Field(description="what each band of the array is")
    classes: list[str] = Field(description="class names, in the order of the network's outputs")
    normalisation: str = Field(description="how the array was normalised")


@dataclass(frozen=True)
class Dataset:
    """The imported chips.

    Args:
        pixels: (chips, height, width, bands) memory-mapped array.
        moments: (chips, bands, 2) mean and variance of each chip's bands.
        chips: the table of the chips, in the array's order.
        bands: what each band is.
        classes: class names, in the order of the network's outputs.
        normalisation: how the array was normalised.
    """

    pixels: NDArray[np.float32]
    moments: NDArray[np.float64]
    chips: pd.DataFrame
    bands: Sequence[str]
    classes: Sequence[str]
    normalisation: str

    @classmethod
    def open(cls, arguments: DatasetArguments) -> "Dataset":
        """Map the array and read the table.

        Raises:
            UserError: if the files do not belong together.
        """
        pixels, chips = open_chips(arguments.array), CHIPS.read(arguments.chips)
        moments = load_array(arguments.moments)
        if not len(pixels) == len(chips) == len(moments) or pixels.shape[-1] != len(arguments.bands):
            raise UserError(
                f"{pixels.shape} does not fit {len(chips)} chips and bands {arguments.bands}",
                arguments.array,
                "import again",
            )
        if unknown := set(chips["class"]) - set(arguments.classes):
            raise UserError(
                f"has classes {sorted(unknown)} beside {arguments.classes}", arguments.chips, "import again"
            )
        return cls(pixels, moments, chips, arguments.bands, arguments.classes, arguments.normalisation)

    @property
    def labels(self) -> Rows:
        """(chips,) class numbers."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        labels: Rows = self.chips["class"].map(numbers).to_numpy(dtype=np.int64)
        return labels

    @property
    def regions(self) -> NDArray[np.str_]:
        """(chips,) region names."""
        return self.chips["region"].to_numpy(dtype=str)

    def view(self, channels: Sequence[str], training_rows: Rows) -> ChipView:
        """Take channels out; `per_dataset` scaling is fitted to the training rows and no others.

        Args:
            channels: bands and indices, in the network's order.
            training_rows: rows that the network may learn from.

        Raises:
            UserError: if a channel is not among the bands.
        """
        if unknown := set(channels) - set(self.bands):
            raise UserError(
                f"no band is called {', '.join(sorted(unknown))}", "channels", f"known are {', '.join(self.bands)}"
            )
        positions = [self.bands.index(channel) for channel in channels]
        scaling = Scaling.fit(self.moments, training_rows, positions) if self.normalisation == "per_dataset" else None
        return ChipView(self.pixels, positions, scaling)

    def rows(self, folds: pd.DataFrame, fold: int, role: str) -> Rows:
        """Rows of the array that have a role in a fold.

        Args:
            folds: the table of assign_folds.
            fold: its number.
            role: training, validation, buffer or holdout.

        Raises:
            UserError: if there is none, or the folds are not those of these chips.
        """
        rows = folds.loc[(folds["fold"] == fold) & (folds["role"] == role), "chip"].to_numpy(dtype=np.int64)
        if not len(rows):
            raise UserError(f"fold {fold} has no {role} chip", "folds")
        if rows.max() >= len(self.chips):
            raise UserError(f"names chip {rows.max()}, but there are {len(self.chips)}", "folds", "assign them again")
        return rows
