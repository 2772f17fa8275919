"""Refuse scenes that a model was not made for: wrong resolution, units or bands."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from workflow_lib.core.errors import UserError
from workflow_lib.core.indices import INDICES
from workflow_lib.data.masks import describe_scaling
from workflow_lib.data.scenes import Layer
from workflow_lib.field.description import Description
from workflow_lib.field.drift import BandDrift, measure_drift, swapped_bands
from workflow_lib.field.input_contract import BandContract
from workflow_lib.field.sliding import Windows
from workflow_lib.field.window_sample import sample_windows

MAX_COARSER = 1.5
"""Pixels of scenes may be larger than those of the training scenes by this factor."""

MAX_CONTRAST_RATIO = 8.0
"""Values within a window may vary more, or less, than within a training chip by this factor."""

MAX_OUTSIDE_PCT = 50.0
"""Share of values that may lie outside of the range of the training chips (percent)."""

_HINT = "give the scenes that the model was made for, or go on with --force (map.areas.<name>.force)"


@dataclass(frozen=True)
class Scenes:
    """Scenes of one layer.

    Args:
        bands: their bands.
        files: the files.
        layer: the files as one raster.
    """

    bands: Sequence[str]
    files: Sequence[Path]
    layer: Layer


@dataclass(frozen=True)
class Problem:
    """A reason not to apply the model."""

    what: str
    where: Path


def check_scenes(model: Description, scenes: Sequence[Scenes], windows: Windows, force: bool) -> list[BandDrift]:
    """Compare scenes with the training chips, before the model is applied.

    Args:
        model: the model; if its bundle states no contracts, only the scaling of the scenes is compared.
        scenes: the scenes.
        windows: the windows of the map.
        force: warn of problems instead of raising an error.

    Returns:
        The differences, in the order of the model's bands; none if no window has data.

    Raises:
        UserError: if the scenes have the wrong resolution, units or bands; all problems are printed before.
    """
    if not model.contracts:
        _warn("the bundle does not state what its training chips looked like, so the scenes are not compared with them")
        _report(list(chain.from_iterable(_other_scaling(model, part) for part in scenes)), force)
        return []
    problems = list(chain.from_iterable(_coarse_pixels(model, part) for part in scenes))
    samples = sample_windows(
        [part.layer for part in scenes],
        [band for part in scenes for band in part.bands],
        windows,
        model.max_nodata_pct,
    )
    if not samples:
        _warn("no window with data was found to compare with the training chips")
    drifts = [measure_drift(band, samples[band], model.contracts[band]) for band in model.bands if samples]
    places = {band: part for part in scenes for band in part.bands}
    unlike = {drift.band: problem for drift in drifts if (problem := _unlike(drift, model, places))}
    moved = {drift.band: drift for drift in drifts if drift.has_moved}
    exchanged = {
        (first, second): Problem(_describe_exchanged(moved[first], moved[second]), places[first].files[0])
        for first, second in swapped_bands(samples, model.contracts, moved)
    }
    in_pairs = set(chain.from_iterable(exchanged))
    problems += [*exchanged.values(), *(problem for band, problem in unlike.items() if band not in in_pairs)]
    explained = in_pairs | unlike.keys()
    for band, drift in moved.items():
        if band not in explained:
            _warn(_describe_moved(drift, model))
    _report(problems, force)
    return drifts


def _report(problems: Sequence[Problem], force: bool) -> None:
    if not problems:
        return
    first, *others = problems
    for problem in problems if force else others:
        _warn(f"{problem.where}: {problem.what}")
    if not force:
        more = f" (and {len(others)} more, see above)" if others else ""
        raise UserError(first.what + more, first.where, _HINT)


def _warn(text: str) -> None:
    print(f"apply_model: warning: {text}", file=sys.stderr, flush=True)


def _other_scaling(model: Description, scenes: Scenes) -> Iterator[Problem]:
    """Find bands whose file states a scale although the training files stated none, or the other way round."""
    for name, pair in zip(scenes.bands, scenes.layer.scaling, strict=True):
        if name in model.bands and (pair != (1.0, 0.0)) != (name in model.scaled):
            trained_on = "had a scale" if name in model.scaled else "had no scale"
            yield Problem(
                f"band {name} has {describe_scaling(pair)}, but the model's training chips {trained_on}",
                scenes.files[0],
            )


def _coarse_pixels(model: Description, scenes: Scenes) -> Iterator[Problem]:
    bands = [band for band in scenes.bands if band in model.contracts]
    expected = min((size for band in bands if (size := model.contracts[band].resolution_m)), default=None)
    for file, found in zip(scenes.files, scenes.layer.resolutions_m, strict=True):
        if expected and found > MAX_COARSER * expected:
            yield Problem(
                f"{_named(bands)}: pixels are {found:.3g} m on the ground, but {expected:.3g} m in training", file
            )


def _unlike(drift: BandDrift, model: Description, places: Mapping[str, Scenes]) -> Problem | None:
    """Say why a band has other units than in training, or is not the band that it should be."""
    scenes, contract = places[drift.band], model.contracts[drift.band]
    usual = f"in training it is {drift.trained_low:.4g} to {drift.trained_high:.4g} ({contract.data_type})"
    here = f"{drift.found_low:.4g} to {drift.found_high:.4g} ({scenes.layer.stored_type})"
    scaling = _missing_scaling(drift.band, scenes, contract)
    tests = [
        (
            drift.contrast_ratio == 0,
            f"is constant ({drift.found_median:.4g}) in most windows, and {usual}: is it an alpha or mask band?",
        ),
        (
            drift.contrast_ratio and not 1 / MAX_CONTRAST_RATIO <= drift.contrast_ratio <= MAX_CONTRAST_RATIO,
            f"is {here} and varies {drift.contrast_ratio or 0:.3g} times as much within a window as in training; "
            f"{usual}{scaling}",
        ),
        (
            _is_absolute(drift.band, model) and drift.outside_pct > MAX_OUTSIDE_PCT,
            f"is {here}: {drift.outside_pct:.0f} % of the values are outside of the {contract.minimum:.4g} to "
            f"{contract.maximum:.4g} of all training chips; {usual}{scaling}",
        ),
    ]
    found = next((text for applies, text in tests if applies), None)
    return Problem(f"band {drift.band} {found}", scenes.files[0]) if found else None


def _is_absolute(band: str, model: Description) -> bool:
    """Whether the network sees the level of a band; if each chip is normalised by itself, only in indices."""
    return model.method in ("per_dataset", "none") or any(band in INDICES.get(name, ()) for name in model.channels)


def _missing_scaling(band: str, scenes: Scenes, contract: BandContract) -> str:
    """Describe a scale and offset that differ from those in training."""
    here = scenes.layer.scaling[scenes.bands.index(band)]
    trained = None if contract.scale is None or contract.offset is None else (contract.scale, contract.offset)
    if trained is None or here == trained:
        return ""
    return f"; the file states {describe_scaling(here)}, those of training {describe_scaling(trained)}"


def _describe_exchanged(first: BandDrift, second: BandDrift) -> str:
    ranges = (
        f"{drift.band} is {drift.found_low:.4g} to {drift.found_high:.4g}, in training {drift.trained_low:.4g} to "
        f"{drift.trained_high:.4g}"
        for drift in (first, second)
    )
    return f"bands {first.band} and {second.band} look exchanged: {'; '.join(ranges)}"


def _describe_moved(drift: BandDrift, model: Description) -> str:
    seen = "" if _is_absolute(drift.band, model) else "; the network sees only contrasts, since windows are normalised"
    return (
        f"band {drift.band} has another distribution than in training: {drift.found_low:.4g} to {drift.found_high:.4g} "
        f"(median {drift.found_median:.4g}), in the most similar region {drift.region} {drift.trained_low:.4g} to "
        f"{drift.trained_high:.4g} ({drift.trained_median:.4g}); stability index {drift.psi:.2f}, limit "
        f"{drift.psi_limit:.2f}{seen}"
    )


def _named(bands: Sequence[str]) -> str:
    return ("band " if len(bands) == 1 else "bands ") + ", ".join(bands)
