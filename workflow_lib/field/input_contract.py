"""What each band looked like in the training chips: the contract between a model and the scenes it is applied to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_lib.field.json_reader import Reader, are_ascending, is_number, is_positive

KEY = "contract"


@dataclass(frozen=True)
class RegionValues:
    """The values of a band in the chips of one region.

    Attributes:
        chips: number of chips.
        quantiles: evenly spaced quantiles of the values, from 0 to 1.
        contrasts: the same of the chips' largest minus smallest value.
    """

    chips: int
    quantiles: Sequence[float]
    contrasts: Sequence[float]


@dataclass(frozen=True)
class BandContract:
    """A band in the training chips.

    Attributes:
        data_type: data types of the chips' files, joined by commas.
        scale: scale that the files stated and that was applied; None: they stated none, or the chips were cut from
            scenes and scaled before.
        offset: the same for the offset.
        resolution_m: pixel size of the coarsest scene that chips were cut from, otherwise that of the chips (m).
        minimum: smallest value, after scale and offset.
        maximum: largest value.
        regions: the values in each training region.
    """

    data_type: str
    scale: float | None
    offset: float | None
    resolution_m: float | None
    minimum: float
    maximum: float
    regions: Mapping[str, RegionValues]


def read_contracts(given: Reader, bands: Sequence[str]) -> dict[str, BandContract]:
    """Read the contracts of all bands; none if the bundle does not state them.

    Args:
        given: the section `input` of a `bundle.json`.
        bands: the bands of the model.

    Raises:
        WrongValueError: if a value is wrong.
    """
    if KEY not in given:
        return {}
    return {band: _read(given.section(KEY).section(band)) for band in bands}


def _read(band: Reader) -> BandContract:
    def optional(key: str, is_valid: Any, expected: str) -> Any:
        return band.take(key, lambda value: value is None or is_valid(value), f"{expected}, or null")

    regions = band.section("regions")
    if not regions.keys:
        band.take("regions", bool, "at least one region")
    return BandContract(
        data_type=band.take("data_type", lambda value: isinstance(value, str), "a string"),
        scale=optional("scale", is_number, "a number"),
        offset=optional("offset", is_number, "a number"),
        resolution_m=optional("resolution_m", is_positive, "a positive number of metres"),
        minimum=band.take("minimum", is_number, "a number"),
        maximum=band.take("maximum", is_number, "a number"),
        regions={name: _read_region(regions.section(name)) for name in regions.keys},
    )


def _read_region(region: Reader) -> RegionValues:
    return RegionValues(
        region.take("chips", lambda value: is_positive(value) and isinstance(value, int), "a number of chips"),
        region.take("quantiles", are_ascending, "ascending numbers"),
        region.take("contrasts", are_ascending, "ascending numbers"),
    )
