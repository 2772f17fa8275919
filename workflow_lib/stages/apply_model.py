"""Slide a deployed model over whole scenes, and write a probability map and the places found.

Requires only onnxruntime, numpy and rasterio.
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
from workflow_lib.data.scenes import Grid, Layer, combined_bounds
from workflow_lib.field.bundle import Bundle
from workflow_lib.field.description import Description
from workflow_lib.field.detections import as_points, find_places, suppress
from workflow_lib.field.outputs import check_outputs, empty_partial, locked_outputs, partial_folder
from workflow_lib.field.sliding import Windows, describe_file, open_partial, slide, write_probabilities

Scenes = dict[tuple[str, ...], list[Path]]
"""Scene files by the bands that they hold."""

CONTRACT = 2

# A small cache is enough because each block is read once; GDAL's default is a twentieth of the machine's memory.
_CACHE_MB = 64


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="folder written by deploy_model")
    parser.add_argument(
        "--scene", action="append", required=True, metavar="BANDS=FILE",
        help="a GeoTIFF or VRT and its bands, such as --scene dem=dem.tif --scene red,green,blue,nir=aerial.tif; "
        "several files with the same bands are tiles of one scene",
    )  # fmt: skip
    parser.add_argument("--probability", type=Path, required=True, help="output: the map (GeoTIFF, one band per class)")
    parser.add_argument("--detections", type=Path, required=True, help="output: the places found (GeoPackage)")
    parser.add_argument("--overlap", type=float, default=0.5, help="share of a window that overlaps the next one")
    parser.add_argument("--threshold", type=float, default=0.5, help="minimum probability of a reported place")
    parser.add_argument("--classes", nargs="+", help="classes to report; default: all except the background class")
    parser.add_argument(
        "--min-distance-m", type=float, help="minimum distance between two places; default: half a chip"
    )
    parser.add_argument("--precision", default="fp32", help="fp32, or fp16 or int8 if the bundle includes it")
    parser.add_argument("--crs", help="CRS of the map, in metres; default: that of the first scene")
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="number of windows classified at a time"
    )
    parser.add_argument("--contract", help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    if not 0 <= given.overlap < 1:
        raise UserError(f"{given.overlap:g} is not a share", "--overlap", "give a number from 0 to below 1")
    if not 0 <= given.threshold <= 1:
        raise UserError(f"{given.threshold:g} is not a probability", "--threshold", "give a number from 0 to 1")
    if given.min_distance_m is not None and not given.min_distance_m >= 0:
        raise UserError(f"{given.min_distance_m:g} is not a distance", "--min-distance-m", "give a number of 0 or more")
    if given.threads < 1:
        raise UserError(f"{given.threads} is not a number of threads", "--threads", "give 1 or more")
    return given


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = _parse(argv)
    bundle = Bundle.open(arguments.bundle, arguments.precision)
    model, given = bundle.description, _read_scenes(arguments.scene)
    scenes, outputs = _used_scenes(model, given), [arguments.probability, arguments.detections]
    file_states = {file: describe_file(file) for part in given.values() for file in part}
    source_files = [Path(str(name)) for states in file_states.values() for name, *_ in states]
    check_outputs(outputs, [*file_states, *source_files], arguments.bundle, partial_folder(arguments.probability))
    files = [file for part in scenes.values() for file in part]
    key = {
        "bundle": bundle.name, "precision": arguments.precision, "overlap": arguments.overlap, "crs": arguments.crs,
        "scenes": [[",".join(bands), *(file_states[file] for file in part)] for bands, part in scenes.items()],
    }  # fmt: skip
    reported_classes = _reported_classes(model, arguments.classes)
    grid = Grid.of(files[0], bundle.resolution_m, arguments.crs)
    grid = grid.moved_to(combined_bounds(next(iter(scenes.values())), grid.crs))
    with ExitStack() as stack:
        stack.enter_context(locked_outputs(outputs))
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_CACHE_MB))
        layers = _open_layers(model, scenes, grid, stack)
        windows = Windows.over(grid, layers[0], model.size_px, arguments.overlap)
        partial = open_partial(arguments.probability, key)
        bands = [band for part in scenes for band in part]
        blocks = slide(bundle, layers, bands, windows, model.max_nodata_pct, arguments.threads, partial)
        labels, found = [model.classes.index(name) for name in reported_classes], []
        with atomic_path(arguments.probability) as temporary:
            for block in write_probabilities(temporary, blocks, model.classes, grid, windows):
                found.append(find_places(block, labels, arguments.threshold))
            half_chip_m = model.size_px * grid.resolution_m / 2
            min_distance_m = half_chip_m if arguments.min_distance_m is None else arguments.min_distance_m
            places = suppress(np.concatenate(found), min_distance_m / (grid.resolution_m * windows.stride_px))
            points = as_points(places, model.classes, grid, windows)
            columns = {"class": str, "probability": float}
            write_points(arguments.detections, "detections", points, columns, grid.crs)
        empty_partial(partial)
        partial.rmdir()


def _read_scenes(texts: Sequence[str]) -> Scenes:
    scenes: Scenes = {}
    for text in texts:
        names, equals, file = text.partition("=")
        if not (equals and names and file):
            raise UserError(f"{text} is not BANDS=FILE", "--scene", "write for example dem=dem.tif")
        scenes.setdefault(tuple(names.split(",")), []).append(Path(file))
    given = [band for bands in scenes for band in bands]
    if len(set(given)) != len(given):
        raise UserError(f"a band occurs twice in {', '.join(given)}", "--scene", "give each band once")
    return scenes


def _used_scenes(model: Description, scenes: Scenes) -> Scenes:
    """Select the scenes that have a band which the model needs; nodata in other scenes must not matter."""
    given = {band for names in scenes for band in names}
    if missing := [band for band in model.bands if band not in given]:
        raise UserError(f"the model also needs {', '.join(missing)}", "--scene", "add scenes with these bands")
    return {names: files for names, files in scenes.items() if set(names) & set(model.bands)}


def _open_layers(model: Description, scenes: Scenes, grid: Grid, stack: ExitStack) -> list[Layer]:
    """Open the scenes so that they are read in the same way as the training chips."""
    layers = []
    for names, files in scenes.items():
        methods = {model.resampling[name] for name in names if name in model.resampling}
        if len(methods) > 1:
            raise UserError(
                f"{', '.join(names)} need different resampling methods", "--scene", "give each band its own file"
            )
        method: Any = methods.pop() if methods else "bilinear"
        layer = stack.enter_context(Layer(files, len(names), grid, method, model.nodata))
        for name, pair in zip(names, layer.scaling, strict=True):
            if name in model.bands and (pair != (1.0, 0.0)) != (name in model.scaled):
                trained_on = "had a scale" if name in model.scaled else "had no scale"
                raise UserError(
                    f"band {name} has {describe_scaling(pair)}, but the model's training chips {trained_on}",
                    files[0],
                    "give a scene in the units of the training data",
                )
        layers.append(layer)
    return layers


def _reported_classes(model: Description, classes: Sequence[str] | None) -> list[str]:
    if classes is None:
        return [name for name in model.classes if name != model.background]
    if unknown := [name for name in classes if name not in model.classes]:
        raise UserError(
            f"the model has no class {', '.join(unknown)}", "--classes", f"choose from {', '.join(model.classes)}"
        )
    return list(classes)


if __name__ == "__main__":
    run_stage(main)
