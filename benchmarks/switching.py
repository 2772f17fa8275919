"""Compare switching between networks of one supernet with loading each network from its own file, in alternation.

Prints the median time of both (microseconds), their ratio, and the bytes that each way keeps.

Run: python benchmarks/switching.py [--rounds 50] [--quick]
"""

import argparse
import io
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from workflow_lib.models.shared_weights import make_supernet
from workflow_lib.models.switchable import Switchable, batch_norm_statistics
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.cross.cross_module import to_module
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton

NETWORKS = ["k3-s2-p1-pool3s2-w32", "k3-s2-p1-pool3s2-w48", "k5-s2-p3-pool3s2-w64", "k5-s2-p1-nopool-w64"]


def main() -> None:
    """Print times, ratio and sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="few rounds, only to check that the benchmark runs")
    arguments = parser.parse_args()
    supernet = make_supernet("cross", cross.CHOICES, Skeleton(), 5, 2).eval()
    runtime = Switchable(supernet, {name: batch_norm_statistics(supernet.extract(name)) for name in NETWORKS})
    files = {}
    for name in NETWORKS:
        files[name] = io.BytesIO()
        torch.save(supernet.extract(name).state_dict(), files[name])
    switched, loaded = [], []
    for number in range(2 if arguments.quick else arguments.rounds):
        name = NETWORKS[number % len(NETWORKS)]
        start = time.perf_counter()
        runtime.switch(name)
        switched.append(1e6 * (time.perf_counter() - start))
        start = time.perf_counter()
        files[name].seek(0)
        to_module(name, 5, 2).load_state_dict(torch.load(files[name], weights_only=True))
        loaded.append(1e6 * (time.perf_counter() - start))
    shared = sum(tensor.numel() * tensor.element_size() for tensor in supernet.state_dict().values())
    apart = sum(len(file.getbuffer()) for file in files.values())
    medians = [statistics.median(times) for times in (switched, loaded)]
    print(f"switching: {medians[0]:.1f} us (slowest {max(switched):.1f}); loading from memory: {medians[1]:,.0f} us")
    print(f"ratio {medians[1] / medians[0]:,.0f}")
    print(f"kept: {shared / 1e6:.1f} MB shared, {apart / 1e6:.1f} MB in {len(NETWORKS)} files")


if __name__ == "__main__":
    main()
