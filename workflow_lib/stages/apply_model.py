"""Slide a deployed model over whole scenes: a map of probabilities, and the places where it finds something.

Needs onnxruntime, numpy and rasterio, and nothing else.
"""

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.geopackage import write_points
from workflow_lib.data.masks import describe_scaling
from workflow_lib.data.scenes import Grid, Layer, covered
from workflow_lib.field.bundle import Bundle
from workflow_lib.field.description import Description
from workflow_lib.field.detections import as_points, candidates, suppress
from workflow_lib.field.outputs import check_outputs, empty_partial, locked_outputs, partial_folder
from workflow_lib.field.sliding import Windows, describe_file, open_partial, slide, write_probabilities

Scenes = dict[tuple[str, ...], list[Path]]
"""Files by their bands."""

# Each block is read once; GDAL would keep a twentieth of the machine's memory of it.
CONTRACT = 2


_CACHE_MB = 64


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="folder of deploy_model")
    parser.add_argument(
        "--scene", action="append", required=True, metavar="BANDS=FILE",
        help="a GeoTIFF or VRT and its bands, such as --scene dem=dem.tif --scene red,green,blue,nir=aerial.tif; "
        "several with the same bands are tiles of one scene",
    )  # fmt: skip
    parser.add_argument("--probability", type=Path, required=True, help="writes the map (GeoTIFF, a band per class)")
    parser.add_argument("--detections", type=Path, required=True, help="writes the places found (GeoPackage)")
    parser.add_argument("--overlap", type=float, default=0.5, help="share of a window that lies in the next one")
    parser.add_argument("--threshold", type=float, default=0.5, help="least probability of a place that is found")
    parser.add_argument("--classes", nargs="+", help="whose places are wanted; without it all but the background's")
    parser.add_argument("--min-distance-m", type=float, help="between two places; without it half a chip")
    parser.add_argument("--precision", default="fp32", help="fp32, or fp16 or int8 if the bundle has that")
    parser.add_argument("--crs", help="CRS of the map, in metres; without it that of the first scene")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="windows at a time")
    parser.add_argument("--contract", help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if not 0 <= given.overlap < 1:
        raise UserError(f"{given.overlap:g} is no share from 0 to below 1", "--overlap")
    if not 0 <= given.threshold <= 1:
        raise UserError(f"{given.threshold:g} is no probability", "--threshold")
    if given.min_distance_m is not None and not given.min_distance_m >= 0:
        raise UserError(f"{given.min_distance_m:g} is no distance", "--min-distance-m")
    if given.threads < 1:
        raise UserError(f"{given.threads} threads do nothing", "--threads")
    return given


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = _parse(argv)
    bundle = Bundle.open(arguments.bundle, arguments.precision)
    told, given = bundle.description, _read_scenes(arguments.scene)
    scenes, outputs = _needed(told, given), [arguments.probability, arguments.detections]
    described = {file: describe_file(file) for part in given.values() for file in part}
    read = [Path(str(name)) for states in described.values() for name, *_ in states]
    check_outputs(outputs, [*described, *read], arguments.bundle, partial_folder(arguments.probability))
    files = [file for part in scenes.values() for file in part]
    key = {
        "bundle": bundle.name, "precision": arguments.precision, "overlap": arguments.overlap, "crs": arguments.crs,
        "scenes": [[",".join(bands), *(described[file] for file in part)] for bands, part in scenes.items()],
    }  # fmt: skip
    wanted = _wanted(told, arguments.classes)
    grid = Grid.of(files[0], bundle.resolution_m, arguments.crs)
    grid = grid.moved_to(covered(next(iter(scenes.values())), grid.crs))
    with ExitStack() as stack:
        stack.enter_context(locked_outputs(outputs))
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_CACHE_MB))
        layers = _open_layers(told, scenes, grid, stack)
        windows = Windows.over(grid, layers[0], told.size_px, arguments.overlap)
        partial = open_partial(arguments.probability, key)
        bands = [band for part in scenes for band in part]
        blocks = slide(bundle, layers, bands, windows, told.max_nodata_pct, arguments.threads, partial)
        labels, found = [told.classes.index(name) for name in wanted], []
        with atomic_path(arguments.probability) as temporary:
            for block in write_probabilities(temporary, blocks, told.classes, grid, windows):
                found.append(candidates(block, labels, arguments.threshold))
            default = told.size_px * grid.resolution_m / 2
            least = default if arguments.min_distance_m is None else arguments.min_distance_m
            places = suppress(np.concatenate(found), least / (grid.resolution_m * windows.stride_px))
            points = as_points(places, told.classes, grid, windows)
            columns = {"class": str, "probability": float}
            write_points(arguments.detections, "detections", points, columns, grid.crs)
        empty_partial(partial)
        partial.rmdir()


def _read_scenes(texts: Sequence[str]) -> Scenes:
    scenes: Scenes = {}
    for text in texts:
        names, equals, file = text.partition("=")
        if not (equals and names and file):
            raise UserError(f"{text} is not BANDS=FILE", "--scene", "such as dem=dem.tif")
        scenes.setdefault(tuple(names.split(",")), []).append(Path(file))
    given = [band for bands in scenes for band in bands]
    if len(set(given)) != len(given):
        raise UserError(f"{', '.join(given)} name a band twice", "--scene")
    return scenes


def _needed(told: Description, scenes: Scenes) -> Scenes:
    """The scenes that have a band which the model needs: gaps in others say nothing."""
    given = {band for names in scenes for band in names}
    if missing := [band for band in told.bands if band not in given]:
        raise UserError(f"the model needs {', '.join(missing)} as well", "--scene", "name their scenes")
    return {names: files for names, files in scenes.items() if set(names) & set(told.bands)}


def _open_layers(told: Description, scenes: Scenes, grid: Grid, stack: ExitStack) -> list[Layer]:
    """Scenes as the model learned to see them."""
    layers = []
    for names, files in scenes.items():
        methods = {told.resampling[name] for name in names if name in told.resampling}
        if len(methods) > 1:
            raise UserError(f"{', '.join(names)} were resampled in different ways", "--scene", "give each band a file")
        method: Any = methods.pop() if methods else "bilinear"
        layer = stack.enter_context(Layer(files, len(names), grid, method, told.nodata))
        for name, pair in zip(names, layer.scaling, strict=True):
            if name in told.bands and (pair != (1.0, 0.0)) != (name in told.scaled):
                known = "had a scale" if name in told.scaled else "had no scale"
                raise UserError(
                    f"band {name} has {describe_scaling(pair)}, and the chips that the model learned from {known}",
                    files[0],
                )
        layers.append(layer)
    return layers


def _wanted(told: Description, classes: Sequence[str] | None) -> list[str]:
    if classes is None:
        return [name for name in told.classes if name != told.background]
    if unknown := [name for name in classes if name not in told.classes]:
        raise UserError(f"the model knows {', '.join(told.classes)}, not {', '.join(unknown)}", "--classes")
    return list(classes)


if __name__ == "__main__":
    run_stage(main)
