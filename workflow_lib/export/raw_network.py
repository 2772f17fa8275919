"""A network that is complete in itself: from the raw bands of chips to calibrated probabilities, in one ONNX file.

Indices, the rule for missing values, normalisation, softmax and temperature are part of the graph, so that ONNX Runtime
alone classifies chips as this project does.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import onnx
import torch
from onnx import compose
from torch import Tensor, nn
from torch.nn.functional import pad

from workflow_lib.core.indices import INDICES

INPUT: Final = "bands"
OUTPUT: Final = "probabilities"


@dataclass(frozen=True)
class Preparation:
    """What happens to raw bands before the network.

    Attributes:
        bands: names of the raw bands, in the order of the input.
        channels: bands and indices that the network receives, in order.
        method: how chips are normalised; see `data.bands.normalise`.
        mean, deviation: one number per channel for `per_dataset`; otherwise None.
        divisor: number by which a program divides raw values before it passes them on.
    """

    bands: Sequence[str]
    channels: Sequence[str]
    method: str
    mean: Sequence[float] | None = None
    deviation: Sequence[float] | None = None
    divisor: float = 1.0


class PrepareBands(nn.Module):
    """Turns raw bands into the input of a network, with the operations of `data.bands`.

    Args:
        preparation: what to do.
    """

    def __init__(self, preparation: Preparation) -> None:
        super().__init__()
        self._given = preparation
        self.mean: Tensor
        self.deviation: Tensor
        if preparation.mean is not None:
            self.register_buffer("mean", torch.tensor(preparation.mean).reshape(1, -1, 1, 1))
            self.register_buffer("deviation", torch.tensor(preparation.deviation).reshape(1, -1, 1, 1))

    def forward(self, raw: Tensor) -> Tensor:
        """Prepare chips.

        Args:
            raw: (n, bands, height, width) float32 raw values, divided by the divisor; missing values are NaN.

        Returns:
            (n, channels, height, width) float32.
        """
        if self._given.divisor != 1:
            raw = raw * self._given.divisor
        bands = dict(zip(self._given.bands, _fill_missing(raw).unbind(1), strict=True))
        chips = torch.stack(
            [_index(bands, name) if name in INDICES else bands[name] for name in self._given.channels], dim=1
        )
        if self._given.mean is not None:
            return (chips - self.mean) / self.deviation
        if self._given.method == "none":
            return chips
        axes = (2, 3) if self._given.method == "per_chip_band" else (2,)
        low, high = chips.amin(axes, keepdim=True), chips.amax(axes, keepdim=True)
        spread = high - low
        return (chips - low) / torch.where(spread == 0, torch.ones_like(spread), spread)


class ToProbabilities(nn.Module):
    """Turns logits into calibrated probabilities.

    Args:
        temperature: divisor of the logits.
        map_px: side of a map of each probability, whose pixels are all equal; None: plain probabilities.
    """

    def __init__(self, temperature: float, map_px: int | None = None) -> None:
        super().__init__()
        self._temperature, self._map_px = temperature, map_px

    def forward(self, logits: Tensor) -> Tensor:
        """Apply temperature and softmax to (n, classes) logits."""
        probabilities = torch.softmax(logits / self._temperature, dim=1)
        if self._map_px is None:
            return probabilities
        return probabilities[:, :, None, None].expand(-1, -1, self._map_px, self._map_px)


def _fill_missing(raw: Tensor) -> Tensor:
    """Replace missing values by the mean of their band, computed in double precision as `data.bands.fill_nodata`."""
    missing = torch.isnan(raw)
    known = torch.where(missing, torch.zeros_like(raw), raw).double()
    means = known.sum((2, 3), keepdim=True) / (~missing).double().sum((2, 3), keepdim=True)
    return torch.where(missing, means.float(), raw)


def _index(bands: Mapping[str, Tensor], name: str) -> Tensor:
    """Compute an index, as `data.bands.spectral_index`."""
    first, second = (bands[band] for band in INDICES[name])
    index = (first - second) / (first + second)
    undefined = torch.isnan(index) | torch.isinf(index)
    defined = torch.where(undefined, torch.zeros_like(index), index)
    around = pad(defined[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    neighbours = around[:, :-2, 1:-1] + around[:, 2:, 1:-1] + around[:, 1:-1, :-2] + around[:, 1:-1, 2:]
    return torch.where(undefined, neighbours / 4, defined)


def to_raw_network(
    network: onnx.ModelProto, preparation: Preparation, ending: ToProbabilities, metadata: Mapping[str, str]
) -> onnx.ModelProto:
    """Put preparation and probabilities around a network.

    Args:
        network: the network; its batch may be fixed or symbolic, and the result has the same.
        preparation: what happens to raw bands before the network.
        ending: what happens to the logits.
        metadata: what the file tells about itself (`metadata_props`).

    Returns:
        A network from `bands`, (batch, bands, height, width) float32 with NaN for missing values, to `probabilities`,
        (batch, classes) float32, or (batch, classes, side, side) for maps.
    """
    batch, _, height, width = (size.dim_value for size in network.graph.input[0].type.tensor_type.shape.dim)
    classes = network.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    opset = next(entry.version for entry in network.opset_import if entry.domain in ("", "ai.onnx"))
    raw, logits = torch.rand(batch or 2, len(preparation.bands), height, width), torch.rand(batch or 2, classes)
    before = _export(PrepareBands(preparation), raw, (INPUT, "chips"), not batch, opset)
    after = _export(ending, logits, ("logits", OUTPUT), not batch, opset)
    inner = compose.add_prefix(network, "network/")
    for part in (before, after):
        part.ir_version = network.ir_version
        del part.opset_import[:]
        part.opset_import.extend(network.opset_import)
    ends = inner.graph.input[0].name, inner.graph.output[0].name
    whole = compose.merge_models(
        compose.merge_models(before, inner, [("chips", ends[0])]), after, [(ends[1], "logits")]
    )
    del whole.metadata_props[:]
    onnx.helper.set_model_props(whole, dict(metadata))
    onnx.checker.check_model(whole)
    return whole


def _export(part: nn.Module, example: Tensor, names: tuple[str, str], symbolic: bool, opset: int) -> onnx.ModelProto:
    """Export one part; its batch is symbolic, or that of the example."""
    axes = {name: {0: "batch"} for name in names} if symbolic else {}
    with TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns that it is outdated
        file = Path(scratch, "part.onnx")
        torch.onnx.export(
            part.eval(), (example,), str(file), dynamo=False, opset_version=opset, input_names=[names[0]],
            output_names=[names[1]], dynamic_axes=axes,
        )  # fmt: skip
        exported = onnx.load(file)
    return compose.add_prefix(exported, f"{names[1]}/", rename_inputs=False, rename_outputs=False)
