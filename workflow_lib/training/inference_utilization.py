"""How much of a processor's peak a network's inference reaches where this process runs."""

from typing import Any

import pandas as pd
import torch

from workflow_lib.core.errors import UserError
from workflow_lib.export.intensity import Layer, bound_by_memory, count_layers, largest_batch, whole_intensity
from workflow_lib.models.modules import to_module
from workflow_lib.spaces.cross.folded_net import images_at_once
from workflow_lib.training.compute import Compute, use_one_thread

_ROUNDS, _PRODUCTS = 5, 4
_GPU_SHARE = 0.8  # of free memory: libraries want some to work in
_MOST_IMAGES = 8192


def measure_utilization(
    architecture: str, channels: int, classes: int, size_px: int, compute: Compute, limit_bytes: float
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure a network at the largest batch that fits.

    Utilization is throughput x FLOPs / peak, the peak being what a large matrix product reaches in the same precision.

    Args:
        architecture: id of the network.
        channels, size_px: of one image.
        classes: outputs.
        compute: what it runs on.
        limit_bytes: memory that a batch may take on a CPU; on a GPU it is a share of what is free.

    Returns:
        The columns of UTILIZATIONS, and of LAYERS, except channels and architecture.

    Raises:
        UserError: if not even one image fits.

    Source: Kosaian and Phanishayee, A Study on the Intersection of GPU Utilization and CNN Inference, section 3.1.
    """
    threads = use_one_thread()
    network = to_module(architecture, channels, classes).eval()
    once, number_bytes = images_at_once(network), compute.dtype.itemsize
    if compute.device.type == "cuda":
        limit_bytes = _GPU_SHARE * torch.cuda.mem_get_info(compute.device)[0]
    try:
        # What is not multiplied stays float32, so that memory goes by that.
        batch = largest_batch(count_layers(network, channels, size_px, once, 4), limit_bytes, once)
    except ValueError as error:
        raise UserError(str(error), "config: utilization.memory_limit_mb", "allow more") from None
    batch = min(batch, _MOST_IMAGES // once * once)
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
        "precision": compute.precision,
        "threads": threads,
    }
    return row, _table(layers, bound)


def _seconds_and_peak(network: torch.nn.Module, images: torch.Tensor, compute: Compute) -> tuple[float, float]:
    """Of one batch, and of large products between the batches: a busy host slows both, or their ratio says nothing."""
    network = network.to(compute.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    images = images.to(compute.device).to(memory_format=torch.channels_last)
    multiply, flops = compute.large_product()

    def infer() -> None:
        with torch.inference_mode(), compute.autocast():
            network(images)

    infer()  # the first one finds no memory and no kernels
    multiply()
    rounds = [(compute.seconds_of(infer, 1), compute.seconds_of(multiply, _PRODUCTS)) for _ in range(_ROUNDS)]
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
