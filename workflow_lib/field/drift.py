"""How far the values of scenes are from those of the training chips, band by band."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workflow_lib.field.input_contract import BandContract
from workflow_lib.field.window_sample import WindowSample

# Shares below it would make the index depend on single values.
_MIN_SHARE = 1e-3
_BINS = 10
# By convention, an index above 0.25 is a major change (Siddiqi 2006, Credit Risk Scorecards).
_MAJOR = 0.25
# 99 % quantile of chi-squared with `_BINS` - 1 degrees of freedom.
_CHANCE = 21.67
_LEVELS = (0.05, 0.5, 0.95)
_FOUND = ("found_low", "found_median", "found_high")
_TRAINED = ("trained_low", "trained_median", "trained_high")


@dataclass(frozen=True)
class BandDrift:
    """A band of the scenes, compared with the training chips.

    Attributes:
        band: its name.
        windows: number of windows that were compared.
        region: the most similar training region.
        psi: population stability index against that region: 0 for equal distributions.
        psi_limit: index that marks a major change.
        outside_pct: share of values outside of all training chips' range (percent).
        windows_outside_pct: share of windows whose median is outside of that range (percent).
        contrast_ratio: median contrast of a window, divided by that of the most similar region's chips; None if the
            latter is 0.
        found_low, found_median, found_high: 5 %, 50 % and 95 % quantile of the values in the scenes.
        trained_low, trained_median, trained_high: the same in the most similar region.
    """

    band: str
    windows: int
    region: str
    psi: float
    psi_limit: float
    outside_pct: float
    windows_outside_pct: float
    contrast_ratio: float | None
    found_low: float
    found_median: float
    found_high: float
    trained_low: float
    trained_median: float
    trained_high: float

    @property
    def has_moved(self) -> bool:
        """Whether the distribution differs more than by convention and by chance."""
        return self.psi > self.psi_limit


def stability_index(values: NDArray[np.float64], quantiles: Sequence[float]) -> float:
    """Compute the population stability index of values: sum of (found - expected) ln(found / expected) over ten bins.

    Args:
        values: any number of values.
        quantiles: evenly spaced quantiles of the expected distribution, from 0 to 1; equal ones share a bin.

    Source: Siddiqi 2006, Credit Risk Scorecards; Yurdakul and Naranjo 2020 for its distribution.

    >>> values, quantiles = np.arange(100.0), list(range(101))
    >>> round(stability_index(values, quantiles), 3), round(stability_index(values + 50, quantiles), 1)
    (0.002, 2.9)
    """
    steps = len(quantiles) - 1
    edges = np.unique(np.array(quantiles)[np.linspace(0, steps, _BINS + 1).round().astype(int)][1:-1])
    expected = (np.searchsorted(quantiles, edges, side="right") - 1) / steps
    found = np.searchsorted(np.sort(values, axis=None), edges, side="right") / values.size
    first, second = (
        np.maximum(np.diff(np.concatenate([[0.0], below, [1.0]])), _MIN_SHARE) for below in (found, expected)
    )
    return float(((first - second) * np.log(first / second)).sum())


def measure_drift(band: str, sample: WindowSample, contract: BandContract) -> BandDrift:
    """Compare a band of the scenes with the training region that it resembles most.

    Args:
        band: name of the band.
        sample: its values in the scenes.
        contract: its values in the training chips.
    """
    psi, name = _least_index(sample, contract)
    region, windows = contract.regions[name], len(sample.contrasts)
    outside = (sample.values < contract.minimum) | (sample.values > contract.maximum)
    medians = np.median(sample.values, axis=1)
    found, trained = np.quantile(sample.values, _LEVELS), np.quantile(region.quantiles, _LEVELS)
    contrast, usual = float(np.median(sample.contrasts)), float(np.median(region.contrasts))
    return BandDrift(
        band,
        windows,
        name,
        psi=psi,
        # Windows and chips are the independent units: the values within one resemble each other.
        psi_limit=max(_MAJOR, _CHANCE * (1 / windows + 1 / region.chips)),
        outside_pct=float(100 * outside.mean()),
        windows_outside_pct=float(100 * ((medians < contract.minimum) | (medians > contract.maximum)).mean()),
        contrast_ratio=contrast / usual if usual else None,
        **dict(zip(_FOUND, map(float, found), strict=True)),
        **dict(zip(_TRAINED, map(float, trained), strict=True)),
    )


def swapped_bands(
    samples: Mapping[str, WindowSample], contracts: Mapping[str, BandContract], moved: Mapping[str, BandDrift]
) -> list[tuple[str, str]]:
    """Find pairs of bands that each resemble the other's training values far more than their own.

    Args:
        samples: values of each band in the scenes.
        contracts: values of each band in the training chips.
        moved: the bands whose distribution has moved.
    """

    def index(found: str, trained: str) -> float:
        return _least_index(samples[found], contracts[trained])[0]

    return [
        (first, second)
        for first, second in combinations(moved, 2)
        if index(first, second) + index(second, first) < (moved[first].psi + moved[second].psi) / 2
    ]


def _least_index(sample: WindowSample, contract: BandContract) -> tuple[float, str]:
    """Return the stability index against the training region that a band resembles most, and this region."""
    return min((stability_index(sample.values, part.quantiles), name) for name, part in contract.regions.items())


def write_drift(drifts: Sequence[BandDrift], area: str, path: Path) -> None:
    """Write a table of the bands.

    Args:
        drifts: the bands.
        area: name of the map, for the first column; the others are those of `BandDrift`.
        path: the file (CSV); the caller makes it atomic.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ["area", *(part.name for part in fields(BandDrift))], lineterminator="\n")
        rows.writeheader()
        rows.writerows({"area": area} | asdict(drift) for drift in drifts)
