"""Measure the utilization of a network's inference on this machine, as a share of the processor's peak."""

from typing import Any

import pandas as pd
import torch

from workflow_lib.core.errors import UserError
from workflow_lib.export.intensity import Layer, bound_by_memory, count_layers, largest_batch, whole_intensity
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.cross.folded_net import folded_images
from workflow_lib.training.compute import Compute, use_one_thread

_ROUNDS, _PRODUCTS = 5, 4
_GPU_SHARE = 0.8  # share of free memory; libraries need the rest as workspace
_MOST_IMAGES = 8192


def measure_utilization(
    architecture: str, channels: int, classes: int, size_px: int, compute: Compute, limit_bytes: float
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure a network at the largest batch that fits into memory.

    Utilization is throughput x FLOPs / peak, where the peak is that of a large matrix product in the same precision.

    Args:
        architecture: id of the network.
        channels: bands of the input images.
        classes: number of outputs (logits).
        size_px: side of the input images (pixels).
        compute: device and precision to measure.
        limit_bytes: memory limit of a batch on a CPU; on a GPU, a share of the free memory is used instead.

    Returns:
        The columns of UTILIZATIONS and the rows of LAYERS, both without channels and architecture.

    Raises:
        UserError: if not even one image fits.

    Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 3.1.
    """
    threads = use_one_thread()
    network = to_module(architecture, channels, classes).eval()
    multiple, number_bytes = folded_images(network), compute.dtype.itemsize
    if compute.device.type == "cuda":
        limit_bytes = _GPU_SHARE * torch.cuda.mem_get_info(compute.device)[0]
    try:
        # Values that are not multiplied stay float32, so the memory is computed with 4 bytes per number.
        batch = largest_batch(count_layers(network, channels, size_px, multiple, 4), limit_bytes, multiple)
    except ValueError as error:
        raise UserError(str(error), "config: utilization.memory_limit_mb", "raise it") from None
    batch = min(batch, _MOST_IMAGES // multiple * multiple)
    layers = count_layers(network, channels, size_px, batch, number_bytes)
    seconds, peak = _seconds_and_peak(network, torch.rand(batch, channels, size_px, size_px), compute)
    bandwidth = compute.bandwidth_bytes_per_s()
    flops = sum(layer.flops for layer in layers)
    bound = bound_by_memory(layers, peak / bandwidth)
    row = {
        "batch_images": batch,
        "images_per_s": batch / seconds,
        "flops_per_image": flops / batch,
        "utilization_pct": 100 * flops / seconds / peak,
        "intensity": whole_intensity(layers),
        "memory_bound_pct": 100 * sum(layer.flops for layer, slow in zip(layers, bound, strict=True) if slow) / flops,
        "peak_flops_per_s": peak,
        "bandwidth_bytes_per_s": bandwidth,
        "compute_device": compute.name,
        "compute_precision": compute.precision,
        "threads": threads,
    }
    return row, _table(layers, bound)


def _seconds_and_peak(network: torch.nn.Module, images: torch.Tensor, compute: Compute) -> tuple[float, float]:
    """Measure the time of one batch, and the peak throughput by large products between the batches.

    They alternate so that a busy host slows both; otherwise their ratio would be meaningless.
    """
    network = network.to(compute.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    images = images.to(compute.device).to(memory_format=torch.channels_last)
    multiply, flops = compute.large_product()

    def infer() -> None:
        with torch.inference_mode(), compute.autocast():
            network(images)

    infer()  # warm-up: the first pass allocates memory and selects kernels
    multiply()
    rounds = [(compute.min_seconds(infer, 1), compute.min_seconds(multiply, _PRODUCTS)) for _ in range(_ROUNDS)]
    seconds, product = map(min, zip(*rounds, strict=True))
    return seconds, flops / product


def _table(layers: list[Layer], bound: list[bool]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "layer": layer.name,
            "kind": layer.kind,
            "flops": layer.flops,
            "input_bytes": layer.input_bytes,
            "weight_bytes": layer.weight_bytes,
            "output_bytes": layer.output_bytes,
            "intensity": layer.intensity,
            "memory_bound": slow,
        }
        for layer, slow in zip(layers, bound, strict=True)
    )
