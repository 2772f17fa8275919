"""Value ranges, distributions and nodata shares of each band in each region."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workflow_lib.data.bands import evenly_spaced


def quantiles(values: NDArray[np.float64]) -> list[float]:
    """Return 21 evenly spaced quantiles of values, each of which is one of the values, so that ties stay ties."""
    found: list[float] = np.quantile(values, np.linspace(0, 1, 21), method="inverted_cdf").tolist()
    return found


@dataclass(frozen=True)
class Source:
    """What the files of a band say about it.

    Attributes:
        data_type: data type of the stored pixels.
        scaling: scale and offset; None if the pixels were already scaled when the chip was cut.
        scene_m: pixel size of the scene that the chip was cut from (m); None if the file does not state it.
    """

    data_type: str
    scaling: tuple[float, float] | None
    scene_m: float | None


@dataclass
class _Band:
    """What is known of one band in one region so far."""

    low: float = np.inf
    high: float = -np.inf
    sum: float = 0.0
    valid: int = 0
    pixels: int = 0
    gaps: int = 0
    values: list[NDArray[Any]] = field(default_factory=list)
    contrasts: list[float] = field(default_factory=list)
    sources: set[Source] = field(default_factory=set)

    def add(self, values: NDArray[Any], pixels: int) -> None:
        self.pixels += pixels
        self.gaps += values.size < pixels
        if not values.size:
            return
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        self.sum += float(values.sum(dtype=np.float64))
        self.valid += values.size
        self.values.append(evenly_spaced(values))
        self.contrasts.append(high - low)

    def row(self) -> dict[str, object]:
        row: dict[str, object] = {
            "nodata_pct": 100 * (1 - self.valid / self.pixels),
            "chips_with_nodata": self.gaps,
            "data_type": ", ".join(sorted({source.data_type for source in self.sources})) or None,
            "scene_m": max((source.scene_m for source in self.sources if source.scene_m), default=None),
        }
        if self.valid:
            row |= {
                "minimum": self.low,
                "mean": self.sum / self.valid,
                "maximum": self.high,
                "quantiles": quantiles(np.concatenate(self.values).astype(np.float64)),
                "contrasts": quantiles(np.array(self.contrasts)),
            }
        for scaling in {source.scaling for source in self.sources if source.scaling}:  # one at most: import checks it
            row["scale"], row["offset"] = scaling
        return row


class BandStatistics:
    """Values and nodata shares of each channel in each region, accumulated chip by chip."""

    def __init__(self, channels: list[str]) -> None:
        self._channels = channels
        self._found: dict[tuple[str, str], _Band] = {}

    def add(
        self,
        region: str,
        chip: NDArray[np.floating[Any]],
        bands: list[str],
        valid: NDArray[np.bool_],
        sources: tuple[Source, ...],
    ) -> None:
        """Add the pixels of one chip.

        Args:
            region: region of the chip.
            chip: (height, width, channels) values of the channels.
            bands: names of the bands of `valid`.
            valid: (height, width, bands) mask of the valid pixels of the bands that were read.
            sources: what the files say of each of these bands.
        """
        everywhere = valid.all(-1)  # an index is valid where all bands are
        for position, channel in enumerate(self._channels):
            found = self._found.setdefault((region, channel), _Band())
            mask = everywhere
            if channel in bands:
                mask = valid[..., bands.index(channel)]
                found.sources.add(sources[bands.index(channel)])
            found.add(chip[..., position][mask], mask.size)

    def table(self) -> pd.DataFrame:
        """Return the rows of BANDS."""
        return pd.DataFrame(
            {"region": region, "band": channel, **found.row()} for (region, channel), found in self._found.items()
        )
