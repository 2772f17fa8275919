"""Slide a deployed model over whole scenes, and write a probability map and the places found.

Requires only onnxruntime, numpy and rasterio.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import rasterio

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.data.geopackage_writer import Points, write_layers
from workflow_lib.data.scenes import Grid, Layer, combined_bounds
from workflow_lib.field.abstention import NO_CLASS, choose_threshold
from workflow_lib.field.areas import areas_of
from workflow_lib.field.bundle import Bundle
from workflow_lib.field.description import Description
from workflow_lib.field.detections import as_points, find_places, suppress
from workflow_lib.field.drift import write_drift
from workflow_lib.field.map_files import lay_out, write_classes, write_probabilities
from workflow_lib.field.outputs import check_outputs, empty_partial, locked_outputs, partial_folder
from workflow_lib.field.remote_scenes import is_address, write_view
from workflow_lib.field.scene_check import Scenes, check_scenes
from workflow_lib.field.sliding import Block, Windows, describe_file, open_partial, slide
from workflow_lib.field.stac_scenes import find_assets

Files = dict[tuple[str, ...], list[Path]]
"""Scene files by the bands that they hold."""

CONTRACT = 3

# A small cache is enough because each block is read once; GDAL's default is a twentieth of the machine's memory.
_CACHE_MB = 64


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="folder written by deploy_model")
    parser.add_argument(
        "--scene", action="append", default=[], metavar="BANDS=FILE",
        help="a GeoTIFF or VRT and its bands, such as --scene dem=dem.tif --scene red,green,blue,nir=aerial.tif; "
        "several files with the same bands are tiles of one scene; a FILE may also be an https:// or s3:// address",
    )  # fmt: skip
    parser.add_argument(
        "--stac", action="append", default=[], metavar="ITEM",
        help="a STAC item, or a collection with items, as file or https:// address: scenes are the assets with the "
        "model's bands",
    )  # fmt: skip
    parser.add_argument("--probability", type=Path, required=True, help="output: the map (GeoTIFF, one band per class)")
    parser.add_argument(
        "--classes-map", type=Path,
        help="output: the most probable class (GeoTIFF with a colour table); default: beside the map, NAME.classes.tif",
    )  # fmt: skip
    parser.add_argument(
        "--detections", type=Path, required=True,
        help="output: the places found, and the areas without a decision or without data (GeoPackage)",
    )  # fmt: skip
    parser.add_argument(
        "--drift", type=Path,
        help="output: how far the scenes are from the training chips (CSV); default: beside the map, NAME.drift.csv",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="store_true",
        help="continue although the scenes differ from the training chips in resolution, units or bands",
    )  # fmt: skip
    parser.add_argument("--overlap", type=float, default=0.5, help="share of a window that overlaps the next one")
    parser.add_argument("--threshold", type=float, default=0.5, help="minimum probability of a reported place")
    parser.add_argument(
        "--max-error-pct", type=float,
        help="abstain where the model is not sure enough to keep the error of decided validation chips below this "
        "(percent, 95 %% confidence); default: never abstain",
    )  # fmt: skip
    parser.add_argument("--classes", nargs="+", help="classes to report; default: all except the background class")
    parser.add_argument(
        "--min-distance-m", type=float, help="minimum distance between two places; default: half a chip"
    )
    parser.add_argument("--precision", help="one of those in the bundle; default: that of the candidate")
    parser.add_argument(
        "--public-key", type=Path,
        help="refuse a bundle that is not signed with the private key of this public key (PEM); needs the package "
        "cryptography; default: only checksums are verified",
    )  # fmt: skip
    parser.add_argument("--crs", help="CRS of the map, in metres; default: that of the first scene")
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="number of windows classified at a time"
    )
    parser.add_argument("--contract", help=argparse.SUPPRESS)
    given = parser.parse_args(argv)
    given.classes_map = given.classes_map or given.probability.with_suffix(".classes.tif")
    given.drift = given.drift or given.probability.with_suffix(".drift.csv")
    if not 0 <= given.overlap < 1:
        raise UserError(f"{given.overlap:g} is not a share", "--overlap", "give a number from 0 to below 1")
    if not 0 <= given.threshold <= 1:
        raise UserError(f"{given.threshold:g} is not a probability", "--threshold", "give a number from 0 to 1")
    if given.min_distance_m is not None and not given.min_distance_m >= 0:
        raise UserError(f"{given.min_distance_m:g} is not a distance", "--min-distance-m", "give a number of 0 or more")
    if given.max_error_pct is not None and not 0 < given.max_error_pct <= 100:
        raise UserError(
            f"{given.max_error_pct:g} is not a share", "--max-error-pct", "give a number above 0, up to 100"
        )
    if given.threads < 1:
        raise UserError(f"{given.threads} is not a number of threads", "--threads", "give 1 or more")
    return given


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    with TemporaryDirectory() as views:
        _apply(_parse(argv), Path(views))


def _apply(arguments: argparse.Namespace, views: Path) -> None:
    """Make a map; virtual rasters of remote scenes are kept in a folder."""
    bundle = Bundle.open(arguments.bundle, arguments.precision, arguments.public_key)
    model, given = bundle.description, _read_scenes(arguments, bundle.description.bands, views)
    scenes = _used_scenes(model, given)
    outputs = [arguments.probability, arguments.classes_map, arguments.detections, arguments.drift]
    file_states = {file: describe_file(file, views) for part in given.values() for file in part}
    source_files = [Path(str(name)) for states in file_states.values() for name, *_ in states]
    check_outputs(outputs, [*file_states, *source_files], arguments.bundle, partial_folder(arguments.probability))
    files = [file for part in scenes.values() for file in part]
    key = {
        "bundle": bundle.name, "precision": bundle.precision, "overlap": arguments.overlap, "crs": arguments.crs,
        "scenes": [[",".join(bands), *(file_states[file] for file in part)] for bands, part in scenes.items()],
    }  # fmt: skip
    reported, abstain_below = _reported_classes(model, arguments.classes), _abstain_below(model, arguments)
    grid = Grid.of(files[0], bundle.resolution_m, arguments.crs)
    grid = grid.moved_to(combined_bounds(next(iter(scenes.values())), grid.crs))
    with ExitStack() as stack:
        stack.enter_context(locked_outputs(outputs))
        stack.enter_context(rasterio.Env(GDAL_CACHEMAX=_CACHE_MB))
        layers = _open_layers(model, scenes, grid, stack)
        windows = Windows.over(grid, layers[0].layer, model.size_px, arguments.overlap)
        drifts = check_scenes(model, layers, windows, arguments.force)
        partial = open_partial(arguments.probability, key)
        bands = [band for part in scenes for band in part]
        opened = [part.layer for part in layers]
        sliding = slide(bundle, opened, bands, windows, model.max_nodata_pct, arguments.threads, partial)
        blocks: Iterator[Block] = stack.enter_context(closing(sliding))  # its reader ends before the layers close
        drawn, chosen = partial / "probabilities.tif", partial / "classes.tif"
        blocks = write_probabilities(drawn, blocks, model.classes, grid, windows)
        blocks = write_classes(chosen, blocks, model.classes, grid, windows, abstain_below)
        labels = [model.classes.index(name) for name in reported]
        found = np.concatenate([find_places(block, labels, arguments.threshold, abstain_below) for block in blocks])
        half_chip_m = model.size_px * grid.resolution_m / 2
        min_distance_m = half_chip_m if arguments.min_distance_m is None else arguments.min_distance_m
        places = suppress(found, min_distance_m / (grid.resolution_m * windows.stride_px))
        points = as_points(places, model.classes, grid, windows)
        with ExitStack() as written:  # the maps and the drift appear together
            probability, classes_map, drift = (
                written.enter_context(atomic_path(path))
                for path in (arguments.probability, arguments.classes_map, arguments.drift)
            )
            lay_out(drawn, probability, "average")
            lay_out(chosen, classes_map, "mode")
            write_drift(drifts, arguments.probability.stem, drift)
        places_found = Points("detections", {"class": str, "probability": float}, points)
        areas = areas_of(chosen, {len(model.classes): "abstained", NO_CLASS: "no_data"})
        write_layers(arguments.detections, [places_found, *areas], grid.crs)
        empty_partial(partial)
        partial.rmdir()


def _abstain_below(model: Description, arguments: argparse.Namespace) -> float:
    """Return the probability below which the model abstains; 0 if it never does."""
    if arguments.max_error_pct is None:
        return 0.0
    choice = choose_threshold(model.selection, arguments.max_error_pct)
    decision = f"abstains below a probability of {choice.threshold:g}" if choice.threshold else "need not abstain"
    print(
        f"apply_model: {decision}: {choice.decided_pct:.0f} % of the validation chips were decided, "
        f"{choice.error_pct:.2f} % of them wrongly (at most {choice.error_high_pct:.2f} % with 95 % confidence)",
        file=sys.stderr,
    )
    return choice.threshold


def _read_scenes(arguments: argparse.Namespace, wanted: Sequence[str], views: Path) -> Files:
    found: list[tuple[tuple[str, ...], str]] = []
    for text in arguments.scene:
        names, equals, file = text.partition("=")
        if not (equals and names and file):
            raise UserError(f"{text} is not BANDS=FILE", "--scene", "write for example dem=dem.tif")
        found.append((tuple(names.split(",")), file))
    for item in arguments.stac:
        found += find_assets(item, [band for band in wanted if not any(band in bands for bands, _ in found)])
    if not found:
        raise UserError("there are no scenes", "--scene", "give scenes, or a STAC item by --stac")
    scenes: Files = {}
    for bands, file in found:
        scenes.setdefault(bands, []).append(write_view(file, views) if is_address(file) else Path(file))
    given = [band for bands in scenes for band in bands]
    if len(set(given)) != len(given):
        raise UserError(f"a band occurs twice in {', '.join(given)}", "--scene", "give each band once")
    return scenes


def _used_scenes(model: Description, scenes: Files) -> Files:
    """Select the scenes that have a band which the model needs; nodata in other scenes must not matter."""
    given = {band for names in scenes for band in names}
    if missing := [band for band in model.bands if band not in given]:
        raise UserError(f"the model also needs {', '.join(missing)}", "--scene", "add scenes with these bands")
    return {names: files for names, files in scenes.items() if set(names) & set(model.bands)}


def _open_layers(model: Description, scenes: Files, grid: Grid, stack: ExitStack) -> list[Scenes]:
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
        layers.append(Scenes(names, files, layer))
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
