"""Measure how fast a deployed model maps scenes: the smallest compact network, a small one of CROSS, and its baseline.

Each network classifies the same overlapping windows on one core in three ways: as this version does; as version 0.1
did, which prepared each window with interleaved channels; and as a user of torch would, with a DataLoader over windows.
Prints millions of mapped pixels per second and the ratios to this version. All three must give the same probabilities.

Run: python benchmarks/map_speed.py [--side 1500] [--quick]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from rasterio.windows import Window

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import field_bundle  # noqa: E402  # a module of the tests
from scene_files import noise, write_scene  # noqa: E402

from workflow_lib.core.indices import INDICES  # noqa: E402
from workflow_lib.data.bands import spectral_index  # noqa: E402
from workflow_lib.field.bundle import Bundle  # noqa: E402
from workflow_lib.models.modules import to_module  # noqa: E402

NETWORKS = ("compact-basic-w8-n1x1-k3s2-pool", "k3-s2-p1-pool3s2-w32", "k7-s2-p3-pool3s2-w64")
BANDS = ["dem", "red", "green", "blue", "nir"]
CHANNELS = [*BANDS, "ndwi", "ndvi"]
SIZE, STRIDE = 100, 50
Probabilities = np.ndarray[Any, Any]


def prepare_interleaved(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Prepare a window as version 0.1 did: (1, channels, height, width) from (bands, height, width)."""
    raw = np.moveaxis(pixels, 0, -1).astype(np.float32)
    valid = np.ones(raw.shape, dtype=bool)
    means = np.where(valid, raw, 0).sum((0, 1), dtype=np.float64) / valid.sum((0, 1))
    raw = np.where(valid, raw, means).astype(raw.dtype)
    planes = []
    for name in CHANNELS:
        first, second = INDICES.get(name, (name, None))
        plane = raw[..., BANDS.index(first)]
        planes.append(spectral_index(plane, raw[..., BANDS.index(second)]) if second else plane)
    chip = np.stack(planes, axis=-1)
    low = chip.min((0, 1), keepdims=True)
    spread = chip.max((0, 1), keepdims=True) - low
    chip = np.asarray((chip - low) / np.where(spread == 0, 1, spread), dtype=np.float32)
    return np.ascontiguousarray(np.moveaxis(chip, -1, 0)[None], dtype=np.float32)


def softmax(logits: np.ndarray[Any, Any]) -> Probabilities:
    """Probabilities of one row of logits."""
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


class Windows(torch.utils.data.Dataset[torch.Tensor]):
    """The windows of a scene, as a user of torch would read them."""

    def __init__(self, file: Path, corners: list[tuple[int, int]]) -> None:
        self._raster, self._corners = rasterio.open(file), corners

    def __len__(self) -> int:
        return len(self._corners)

    def __getitem__(self, number: int) -> torch.Tensor:
        row, column = self._corners[number]
        return torch.from_numpy(prepare_interleaved(self._raster.read(window=Window(column, row, SIZE, SIZE)))[0])


def measure(architecture: str, folder: Path, side: int) -> None:
    """Print the speed of one network."""
    usual = field_bundle.candidate() | {"architecture": architecture, "candidate": f"3_b4_{architecture}"}
    weights = folder / "weights.pt"
    field_bundle.deploy(
        folder / "model", "per_chip_band", smaller=False, row=usual, channels=CHANNELS, size=SIZE, weights=weights
    )
    bundle = Bundle.open(folder / "model")
    file = write_scene(folder / "scene.tif", noise(len(BANDS), side, side), resolution=2.0, tiled=True)
    corners = list(product(range(0, side - SIZE + 1, STRIDE), repeat=2))
    name = bundle.session.get_inputs()[0].name
    network = to_module(architecture, len(CHANNELS), 2).eval()
    network.load_state_dict(torch.load(weights, weights_only=True))

    def scene() -> np.ndarray[Any, Any]:
        with rasterio.open(file) as raster:
            return np.asarray(raster.read().astype(np.float32))

    def cut(pixels: np.ndarray[Any, Any], corner: tuple[int, int]) -> np.ndarray[Any, Any]:
        return pixels[:, corner[0] : corner[0] + SIZE, corner[1] : corner[1] + SIZE]

    def now() -> Probabilities:
        pixels = scene()
        valid = np.ones((len(BANDS), SIZE, SIZE), dtype=bool)
        return np.stack([bundle.probabilities(cut(pixels, corner), valid, BANDS) for corner in corners])

    def before() -> Probabilities:
        pixels = scene()
        inputs = (prepare_interleaved(cut(pixels, corner)) for corner in corners)
        return np.stack([softmax(bundle.session.run(None, {name: one})[0][0]) for one in inputs])

    def with_torch() -> Probabilities:
        loader = torch.utils.data.DataLoader(Windows(file, corners), batch_size=32)
        with torch.inference_mode():
            return torch.cat([network(chips).softmax(1) for chips in loader]).numpy()

    ways: dict[str, Callable[[], Probabilities]] = {"this version": now, "version 0.1": before, "torch": with_torch}
    seconds, results = {}, {}
    for way, work in ways.items():
        start = time.perf_counter()
        results[way] = work()
        seconds[way] = time.perf_counter() - start
    np.testing.assert_array_equal(results["this version"], results["version 0.1"])
    np.testing.assert_allclose(results["this version"], results["torch"], atol=1e-3)
    speeds = {way: len(corners) * STRIDE**2 / 1e6 / duration for way, duration in seconds.items()}
    print(
        f"{architecture}: {', '.join(f'{way} {speed:.2f} Mpx/s' for way, speed in speeds.items())}; "
        f"ratio {seconds['version 0.1'] / seconds['this version']:.2f} to version 0.1, "
        f"{seconds['torch'] / seconds['this version']:.2f} to torch"
    )


def main() -> None:
    """Print the speeds of all networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1500, help="height and width of the scene (pixels)")
    parser.add_argument("--quick", action="store_true", help="use a small scene, only to check that the benchmark runs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for architecture in NETWORKS[:1] if arguments.quick else NETWORKS:
        with tempfile.TemporaryDirectory() as scratch:
            measure(architecture, Path(scratch), 300 if arguments.quick else arguments.side)


if __name__ == "__main__":
    main()
