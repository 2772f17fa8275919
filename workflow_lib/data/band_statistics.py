"""Value ranges and nodata shares of each band in each region."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class BandStatistics:
    """Value ranges and nodata shares of each channel in each region, accumulated chip by chip."""

    def __init__(self, channels: list[str]) -> None:
        self._channels = channels
        self._found: dict[tuple[str, str], dict[str, float]] = {}

    def add(self, region: str, chip: NDArray[np.floating[Any]], bands: list[str], valid: NDArray[np.bool_]) -> None:
        """Add the pixels of one chip.

        Args:
            region: region of the chip.
            chip: (height, width, channels) values of the channels.
            bands: names of the bands of `valid`.
            valid: (height, width, bands) mask of the valid pixels of the bands that were read.
        """
        everywhere = valid.all(-1)  # an index is valid where all bands are
        for position, channel in enumerate(self._channels):
            mask = valid[..., bands.index(channel)] if channel in bands else everywhere
            values = chip[..., position][mask]
            found = self._found.setdefault(
                (region, channel), {"low": np.inf, "high": -np.inf, "sum": 0, "valid": 0, "pixels": 0, "gaps": 0}
            )
            found["low"] = min(found["low"], float(values.min(initial=np.inf)))
            found["high"] = max(found["high"], float(values.max(initial=-np.inf)))
            found["sum"] += float(values.sum(dtype=np.float64))
            found["valid"] += values.size
            found["pixels"] += mask.size
            found["gaps"] += values.size < mask.size

    def table(self) -> pd.DataFrame:
        """Return the rows of BANDS."""
        return pd.DataFrame(
            {
                "region": region,
                "band": channel,
                "minimum": found["low"] if found["valid"] else None,
                "mean": found["sum"] / found["valid"] if found["valid"] else None,
                "maximum": found["high"] if found["valid"] else None,
                "nodata_pct": 100 * (1 - found["valid"] / found["pixels"]),
                "chips_with_nodata": int(found["gaps"]),
            }
            for (region, channel), found in self._found.items()
        )
