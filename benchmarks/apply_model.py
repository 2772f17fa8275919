"""Measure memory and time of a deployed model on scenes of two sizes: memory must not grow with the scene.

The scenes have 20,000 x 20,000 pixels, mostly without data, and a quarter of that side. Prints the peak memory and the
duration of each run, and the ratio of the peaks.

Run: python benchmarks/apply_model.py [--side 20000] [--threads 2] [--quick]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from field_bundle import deploy  # noqa: E402  # a module of the tests


def write_scenes(folder: Path, side: int) -> list[str]:
    """Write sparse scenes with data in blocks along the diagonal; return their flags."""
    folder.mkdir()
    random = np.random.default_rng(0)
    flags = []
    for name, bands in {"dem": 1, "red,nir": 2}.items():
        file = folder / f"{bands}.tif"
        with rasterio.open(
            file, "w", driver="GTiff", count=bands, height=side, width=side, dtype="uint8", nodata=0, crs="EPSG:32614",
            transform=Affine(2.0, 0, 600_000, 0, -2.0, 5_000_000), tiled=True, compress="deflate", sparse_ok=True,
        ) as raster:  # fmt: skip
            for start in range(0, side - 512, 1024):
                block = random.integers(1, 256, (bands, 512, 512)).astype(np.uint8)
                raster.write(block, window=((start, start + 512), (start, start + 512)))
        flags.append(f"--scene={name}={file}")
    return flags


def run(bundle: Path, folder: Path, side: int, threads: int) -> tuple[float, float, int]:
    """Apply the model; return peak memory (MB), seconds, and the number of windows with a probability.

    Args:
        bundle: folder of the deployed model.
        folder: folder for the scenes and the outputs.
        side: height and width of the scenes (pixels).
        threads: number of windows classified at a time.
    """
    flags = write_scenes(folder, side)
    outputs = [f"--probability={folder / 'map.tif'}", f"--detections={folder / 'found.gpkg'}"]
    # Not getrusage, which includes the memory of the parent before it started this program.
    code = "import sys; from workflow_lib.stages.apply_model import main; main(sys.argv[1:]);"
    code += "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    command = [sys.executable, "-c", code, str(bundle), *flags, *outputs, f"--threads={threads}"]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    with rasterio.open(folder / "map.tif") as raster:
        windows = int(np.isfinite(raster.read(1)).sum())
    return int(done.stdout) / 1024, seconds, windows


def main() -> None:
    """Print the measurements of both scenes and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="use small scenes, only to check that the benchmark runs")
    arguments = parser.parse_args()
    side = 4000 if arguments.quick else arguments.side
    with tempfile.TemporaryDirectory() as scratch:
        deploy(Path(scratch, "model"), smaller=False)
        peaks = []
        for size in (side // 4, side):
            memory, seconds, windows = run(Path(scratch, "model"), Path(scratch, str(size)), size, arguments.threads)
            peaks.append(memory)
            print(f"{size:,} x {size:,}: peak {memory:,.0f} MB, {windows:,} windows in {seconds:.1f} s", flush=True)
    print(f"ratio of peak memory {peaks[1] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
