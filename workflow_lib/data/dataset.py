"""The imported chips, and batches of the scaled channels that one network sees."""

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
    """Standardisation of a network's channels: (value - mean) / deviation.

    Attributes:
        mean: (channels,) mean of each channel.
        deviation: (channels,) standard deviation of each channel; 1 for constant channels.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    @classmethod
    def fit(cls, moments: NDArray[np.float64], rows: Rows, channels: Sequence[int]) -> "Scaling":
        """Fit the standardisation to some chips, usually the training chips, from their moments.

        Args:
            moments: (chips, bands, 2) mean and variance of each chip's bands.
            rows: (n,) row numbers of these chips.
            channels: band numbers, in the order of the network's channels.

        >>> moments = np.array([[[1.0, 4.0]], [[3.0, 4.0]], [[9.0, 9.0]]])
        >>> Scaling.fit(moments, np.array([0, 1]), [0]).mean.tolist()
        [2.0]
        """
        means, variances = np.moveaxis(moments[rows][:, channels], -1, 0)
        mean = means.mean(0)
        deviation = np.sqrt(variances.mean(0) + means.var(0))
        return cls(mean.astype(np.float32), np.where(deviation == 0, 1, deviation).astype(np.float32))


@dataclass(frozen=True)
class ChipView:
    """The channels of the chip array that a network sees.

    Args:
        chips: (chips, height, width, bands) memory-mapped array.
        channels: band numbers, in the order of the network's channels.
        scaling: scaling that is applied to every batch; None if the array is already normalised.
    """

    chips: NDArray[np.float32]
    channels: Sequence[int]
    scaling: Scaling | None = None

    def batch(self, rows: Rows) -> NDArray[np.float32]:
        """Gather a batch of chips.

        Args:
            rows: (n,) row numbers of the chips.

        Returns:
            (n, height, width, channels) float32 array, contiguous.
        """
        pixels = self.chips[rows]  # a copy
        if list(self.channels) != list(range(pixels.shape[-1])):
            pixels = pixels.take(self.channels, axis=-1)
        if self.scaling is not None:
            pixels -= self.scaling.mean
            pixels /= self.scaling.deviation
        return pixels


class DatasetArguments(Arguments):
    """Arguments of a stage that reads the imported chips."""

    array: Path = Field(description="chips.npy of import_chips")
    moments: Path = Field(description="moments.npy of import_chips")
    chips: Path = Field(description="chips.parquet of import_chips")
    bands: list[str] = Field(description="names of the bands of the array")
    classes: list[str] = Field(description="class names, in the order of the network's outputs")
    normalisation: str = Field(description="normalisation of the array, as in data.normalisation")


@dataclass(frozen=True)
class Dataset:
    """The imported chips.

    Args:
        pixels: (chips, height, width, bands) memory-mapped array.
        moments: (chips, bands, 2) mean and variance of each chip's bands.
        chips: table of the chips, in the order of the array.
        bands: name of each band.
        classes: class names, in the order of the network's outputs.
        normalisation: normalisation of the array, as in `data.normalisation`.
    """

    pixels: NDArray[np.float32]
    moments: NDArray[np.float64]
    chips: pd.DataFrame
    bands: Sequence[str]
    classes: Sequence[str]
    normalisation: str

    @classmethod
    def open(cls, arguments: DatasetArguments) -> "Dataset":
        """Map the array into memory and read the tables.

        Raises:
            UserError: if the files do not match each other.
        """
        pixels, chips = open_chips(arguments.array), CHIPS.read(arguments.chips)
        moments = load_array(arguments.moments)
        if not len(pixels) == len(chips) == len(moments) or pixels.shape[-1] != len(arguments.bands):
            raise UserError(
                f"shape {pixels.shape} does not match {len(chips)} chips and bands {arguments.bands}",
                arguments.array,
                "import again",
            )
        if unknown := set(chips["class"]) - set(arguments.classes):
            raise UserError(
                f"has classes {sorted(unknown)}, which are not among {arguments.classes}",
                arguments.chips,
                "import again",
            )
        return cls(pixels, moments, chips, arguments.bands, arguments.classes, arguments.normalisation)

    @property
    def labels(self) -> Rows:
        """(chips,) class numbers."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        labels: Rows = self.chips["class"].map(numbers).to_numpy(dtype=np.int64)
        return labels

    @property
    def scaled_bands(self) -> set[str]:
        """Bands whose files state a scale or offset, which was applied."""
        return {band for names in self.chips.get("scaled", []) if names is not None for band in names}

    @property
    def regions(self) -> NDArray[np.str_]:
        """(chips,) region names."""
        return self.chips["region"].to_numpy(dtype=str)

    def view(self, channels: Sequence[str], training_rows: Rows) -> ChipView:
        """Select channels; `per_dataset` scaling is fitted to the training rows only.

        Args:
            channels: names of bands and indices, in the network's order.
            training_rows: (n,) rows that the network may learn from.

        Raises:
            UserError: if a channel is not one of the bands.
        """
        if unknown := set(channels) - set(self.bands):
            raise UserError(
                f"unknown bands: {', '.join(sorted(unknown))}", "channels", f"known bands are {', '.join(self.bands)}"
            )
        positions = [self.bands.index(channel) for channel in channels]
        scaling = Scaling.fit(self.moments, training_rows, positions) if self.normalisation == "per_dataset" else None
        return ChipView(self.pixels, positions, scaling)

    def rows(self, folds: pd.DataFrame, fold: int, role: str) -> Rows:
        """Return the rows of the array that have a role in a fold.

        Args:
            folds: table of assign_folds.
            fold: fold number.
            role: training, set_aside, validation, buffer or holdout.

        Returns:
            (n,) row numbers.

        Raises:
            UserError: if there is no such row, or the folds belong to other chips.
        """
        rows = folds.loc[(folds["fold"] == fold) & (folds["role"] == role), "chip"].to_numpy(dtype=np.int64)
        if not len(rows):
            raise UserError(f"fold {fold} has no {role} chip", "folds")
        if rows.max() >= len(self.chips):
            raise UserError(
                f"names chip {rows.max()}, but there are only {len(self.chips)} chips", "folds", "assign them again"
            )
        return rows
