"""Lookup tables: what each operation costs at each shape on one device, so that a network costs the sum of its own.

Spaces that are too large to predict every network of them (15,625 cells, 10^17 chains) have few operations. What no
module does, such as sums of branches, is in no table; a device that fuses across operations is slower in the table than
in truth. `benchmarks/latency_estimators.py` says by how much.

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
from workflow_lib.latency.host import Host, measure_network
from workflow_lib.latency.kernels import FUSION_RULES, detect_kernels
from workflow_lib.latency.predictors import Predictor
from workflow_lib.latency.pricing import price_kernels
from workflow_lib.models.counting import count_multiply_adds, count_parameters, is_layer


@dataclass(frozen=True)
class Operation:
    """What runs as one: a layer, or a sequence of layers, at one input shape.

    Attributes:
        spelling: how torch spells it.
        channels: of its input; features, if it is a vector.
        side_px: of its input; 0: a vector.
        module: one that does it; not part of what it is.
    """

    spelling: str
    channels: int
    side_px: int
    module: nn.Module = field(compare=False, repr=False)


Price = Callable[[Operation], float]
"""What one operation costs."""


def operations_of(network: nn.Module, channels: int, size_px: int) -> list[Operation]:
    """The operations of a network, in the order in which they run; one that runs twice is there twice.

    Args:
        network: any; not modified.
        channels, size_px: of its input image.
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
    """Modules that run as one: layers, and sequences of nothing but layers."""
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
        prices: operation -> what it costs, in one unit.
    """

    prices: Mapping[Operation, float]

    @classmethod
    def fill(cls, operations: Sequence[Operation], price: Price) -> "LookupTable":
        """Price each distinct operation once."""
        return cls({operation: price(operation) for operation in dict.fromkeys(operations)})

    def estimate(self, operations: Sequence[Operation]) -> float:
        """What a network of these operations costs.

        Raises:
            UserError: if one is not in the table.
        """
        if unknown := [operation for operation in operations if operation not in self.prices]:
            raise UserError(
                f"no price for {unknown[0].spelling} of {unknown[0].channels} x {unknown[0].side_px} px, and "
                f"{len(set(unknown)) - 1} others",
                "lookup table",
                "fill it with networks that have them",
            )
        return sum(self.prices[operation] for operation in operations)


def predicted(
    predictor: Predictor, fusion_rules: Path = FUSION_RULES, fallback: Predictor | None = None, strict: bool = True
) -> Price:
    """Prices by a predictor of kernels, in its unit: latency, or energy.

    What an operation costs is what it adds after poolings, with which devices fuse nothing: nn-Meter takes no graph of
    one operator.

    Args:
        predictor: of one device.
        fusion_rules: of that device, nn-Meter's format.
        fallback: prices what the predictor has no price for.
        strict: refuse what neither has a price for; otherwise it is free.
    """

    def price(operation: Operation) -> float:
        if not operation.side_px:
            return total(operation, _FromMap(operation.module))
        before = nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1))
        return total(operation, nn.Sequential(before, operation.module)) - total(operation, before)

    def total(operation: Operation, module: nn.Module) -> float:
        kernels = _on_file(operation, module, export_for_detection, partial(detect_kernels, fusion_rules=fusion_rules))
        prices = price_kernels(kernels, predictor, fallback)
        if strict and not (prices.covered | prices.filled).all():
            raise UserError(f"no price for {operation.spelling}", f"device {predictor.device}", "give a fallback")
        return float(prices.values.sum())

    return price


def measured(host: Host) -> Price:
    """Latencies (ms) where this process runs."""

    def price(operation: Operation) -> float:
        taken = _on_file(operation, _alone(operation), export_deployed, partial(measure_network, host=host))
        return float(taken["latency_ms"])

    return price


def parameters(operation: Operation) -> float:
    """Number of trainable parameters."""
    return count_parameters(operation.module)


def multiply_adds(operation: Operation) -> float:
    """Multiply-adds for one image."""
    return count_multiply_adds(_alone(operation), operation.channels, max(1, operation.side_px))


def _on_file(operation: Operation, module: nn.Module, export: Callable[..., None], use: Callable[[Path], Any]) -> Any:
    """Export a module for an operation's input, and use the file."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "operation.onnx")
        export(module, operation.channels, max(1, operation.side_px), path)
        return use(path)


def _alone(operation: Operation) -> nn.Module:
    return operation.module if operation.side_px else _FromMap(operation.module)


class _FromMap(nn.Module):
    """Gives a module of vectors an image of one pixel, which is what can be exported."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.module(x.view(x.shape[0], -1))
        return output
