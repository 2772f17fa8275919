"""Lookup tables: the cost of each operation at each shape on one device. A network costs the sum of its operations.

They serve spaces with too many networks to predict each one (15,625 cells, 10^17 chains), but few operations. Work that
is not done by a module, such as the sum of branches, is not in the table. For a device that fuses across operations,
the table overestimates; `benchmarks/latency_estimators.py` measures by how much.

Source: Cai et al. 2019 (ProxylessNAS), section 3.3; Pareto Rank-Preserving Supernetwork for HW-NAS, appendix E.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn

from workflow_lib.core.errors import UserError
from workflow_lib.export.onnx_files import export_deployed, export_for_detection
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernels import detect_kernels
from workflow_lib.latency.predictors import Predictor
from workflow_lib.latency.pricing import price_kernels
from workflow_lib.latency.runtimes import Runtime
from workflow_lib.latency.stopwatch import measure_network
from workflow_lib.models.counting import count_multiply_adds, count_parameters, is_layer


@dataclass(frozen=True)
class Operation:
    """A layer or a sequence of layers at one input shape.

    Attributes:
        spelling: torch's `repr` of the module.
        channels: channels of the input map, or length of the input vector.
        side_px: side of the input map; 0 for a vector.
        module: a module that performs the operation; not compared.
    """

    spelling: str
    channels: int
    side_px: int
    module: nn.Module = field(compare=False, repr=False)


Price = Callable[[Operation], float]
"""Function that returns the cost of one operation."""


def operations_of(network: nn.Module, channels: int, size_px: int) -> list[Operation]:
    """List the operations of a network in execution order; an operation that runs twice is listed twice.

    Args:
        network: any network; not modified.
        channels: channels of the input image.
        size_px: height and width of the input image.
    """
    found: list[Operation] = []

    def record(module: nn.Module, inputs: tuple[Any, ...], _output: Any) -> None:
        tensor: Tensor = inputs[0]
        side_px = int(tensor.shape[-1]) if tensor.dim() == 4 else 0
        found.append(Operation(repr(module), int(tensor.shape[1]), side_px, module))

    hooks = [module.register_forward_hook(record) for module in _units(network)]
    was_training = network.training
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, channels, size_px, size_px))
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    return found


def _units(module: nn.Module) -> Iterator[nn.Module]:
    """Iterate over the modules that count as one operation: layers, and sequences that consist of layers only."""
    if isinstance(module, nn.Identity):
        return
    if is_layer(module) or (isinstance(module, nn.Sequential) and all(map(is_layer, module))):
        yield module
        return
    for child in module.children():
        yield from _units(child)


@dataclass(frozen=True)
class LookupTable:
    """Prices of operations.

    Attributes:
        prices: price of each operation, all in the same unit.
    """

    prices: Mapping[Operation, float]

    @classmethod
    def fill(cls, operations: Sequence[Operation], price: Price) -> "LookupTable":
        """Price each distinct operation once."""
        return cls({operation: price(operation) for operation in dict.fromkeys(operations)})

    def estimate(self, operations: Sequence[Operation]) -> float:
        """Sum the prices of a network's operations.

        Raises:
            UserError: if an operation is not in the table.
        """
        if unknown := [operation for operation in operations if operation not in self.prices]:
            raise UserError(
                f"no price for {unknown[0].spelling} of {unknown[0].channels} x {unknown[0].side_px} px, and "
                f"{len(set(unknown)) - 1} others",
                "lookup table",
                "fill it with networks that contain them",
            )
        return sum(self.prices[operation] for operation in operations)


def predicted(
    predictor: Predictor, fusion_rules: Path = FUSION_RULES, fallback: Predictor | None = None, strict: bool = True
) -> Price:
    """Return a function that prices operations with a predictor of kernels, in the predictor's unit.

    The price of an operation is what it adds to two poolings before it, because nn-Meter does not accept a graph of one
    operator. Devices do not fuse poolings with other operators.

    Args:
        predictor: predictor of the device.
        fusion_rules: fusion rules of the device, in nn-Meter's format.
        fallback: predictor for kernels that `predictor` does not cover.
        strict: whether a kernel that neither covers is an error; otherwise it is free.
    """

    def price(operation: Operation) -> float:
        if not operation.side_px:
            return total(operation, _VectorAdapter(operation.module))
        poolings = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1))
        return total(operation, nn.Sequential(poolings, operation.module)) - total(operation, poolings)

    def total(operation: Operation, module: nn.Module) -> float:
        kernels = _on_file(operation, module, export_for_detection, partial(detect_kernels, fusion_rules=fusion_rules))
        prices = price_kernels(kernels, predictor, fallback)
        if strict and not (prices.covered | prices.filled).all():
            raise UserError(f"no price for {operation.spelling}", f"device {predictor.device}", "give a fallback")
        return float(prices.values.sum())

    return price


def measured(runtime: Runtime) -> Price:
    """Return a function that measures the latency of operations on this machine, in ms.

    Args:
        runtime: how to run them; it must read ONNX files.
    """

    def price(operation: Operation) -> float:
        measure = partial(measure_network, runtime=runtime)
        measurement = _on_file(operation, _exportable(operation), export_deployed, measure)
        return float(measurement["latency_ms"])

    return price


def parameters(operation: Operation) -> float:
    """Price an operation by its number of trainable parameters."""
    return count_parameters(operation.module)


def multiply_adds(operation: Operation) -> float:
    """Price an operation by its multiply-adds for one image."""
    return count_multiply_adds(_exportable(operation), operation.channels, max(1, operation.side_px))


def _on_file(operation: Operation, module: nn.Module, export: Callable[..., None], use: Callable[[Path], Any]) -> Any:
    """Export a module for the input shape of an operation, and apply `use` to the file."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "operation.onnx")
        export(module, operation.channels, max(1, operation.side_px), path)
        return use(path)


def _exportable(operation: Operation) -> nn.Module:
    return operation.module if operation.side_px else _VectorAdapter(operation.module)


class _VectorAdapter(nn.Module):
    """Feeds a module that takes vectors from an image of one pixel, because only images can be exported."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.module(x.view(x.shape[0], -1))
        return output
