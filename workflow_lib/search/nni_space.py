"""The CROSS space as an NNI model space, so that NNI strategies can search the networks that this project trains.

`python -m workflow_lib.search.nni_space --channels 5 --classes 2 --output samples.jsonl` writes every sample of NNI's
grid with the id of its network. An NNI strategy can then look up the measurements of a run of this project. In Python,
`CrossModelSpace(5, 2)` is the model space itself.

NNI (3.0, archived) is imported only here and in `nni_tuners`. The import takes 3 to 6 s and 260 MB, mostly for
pytorch_lightning, an undeclared dependency of `nni.nas`.
"""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import nn

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.errors import ConfigError
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.spaces.cross.cross_architecture import CHOICES, Architecture
from workflow_lib.spaces.cross.cross_module import CrossNet

with warnings.catch_warnings():
    # On import, NNI subclasses every class in torch.nn, and warns about the two that are not modules
    # (Buffer, LinearCrossEntropyOptions). It correctly leaves them unchanged.
    warnings.filterwarnings("ignore", ".*is found to be not a nn.Module.*", RuntimeWarning)
    import nni
    from nni.nas.nn.pytorch import (
        LayerChoice,
        ModelSpace,
        MutableBatchNorm2d,
        MutableConv2d,
        MutableLinear,
    )
    from nni.nas.space import SimplifiedModelSpace


class CrossModelSpace(ModelSpace):  # type: ignore[misc]  # NNI has no types, so its classes are Any
    """The CROSS space as an NNI model space: each dimension of `CHOICES` is an NNI choice of the same name.

    `freeze(sample)`, and NNI's execution engines, return a freshly initialised network. It has the parameter names
    and shapes of `CrossNet(architecture_of(sample), channels, classes)`, and the same outputs for the same weights.

    `GridSearch`, `Random`, `RegularizedEvolution`, `TPE` and `RandomOneShot` can search it. `DARTS` and `GumbelDARTS`
    reject it, because they add outputs, whose sizes differ if the stride is searched. `Proxyless` rejects choices
    inside a layer.

    Args:
        channels: bands of the input images.
        classes: number of outputs (logits).
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        width = _choice("initial_output_feature")
        self.conv1 = MutableConv2d(
            channels,
            width,
            _choice("kernel_size"),
            stride=_choice("stride"),
            padding=_choice("padding"),
            bias=False,
        )
        self.bn1 = MutableBatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.poolchoice = _layer_choice("pool_choice", _pool)
        self.block1 = _block(width, width)
        self.block2 = _block(width, width)
        self.block3 = _block(width, width * 2, stride=2)
        self.block4 = _block(width * 2, width * 2)
        self.block5 = _block(width * 2, width * 4, stride=2)
        self.block6 = _block(width * 4, width * 4)
        self.block7 = _block(width * 4, width * 8, stride=2)
        self.block8 = _block(width * 8, width * 8)
        self.ds2 = _shortcut(width, width * 2)
        self.ds3 = _shortcut(width * 2, width * 4)
        self.ds4 = _shortcut(width * 4, width * 8)
        self.adaptivepool = nn.AdaptiveAvgPool2d(1)
        self.fc = MutableLinear(width * 8, classes)

    # The submodules have the same names as those of CrossNet, so its forward can be reused.
    forward = CrossNet.forward


def architecture_of(sample: Mapping[str, int | str]) -> Architecture:
    """Return the architecture of an NNI sample.

    Args:
        sample: proposal of an NNI strategy for a `CrossModelSpace`: a raw configuration in which the values of the
            three pool dimensions are text.

    Returns:
        Its architecture. The 288 samples of NNI are raw configurations of 180 distinct architectures.

    Raises:
        ConfigError: if a label is missing or unknown, or a value is not in the space.
    """
    configuration = {label: int(value) for label, value in sample.items()}
    if configuration.keys() != CHOICES.keys() or any(value not in CHOICES[key] for key, value in configuration.items()):
        raise ConfigError("not a sample of the CROSS space", str(configuration))
    return Architecture.from_configuration(configuration)


def grid_samples(space: CrossModelSpace) -> Iterator[dict[str, int | str]]:
    """Yield NNI's grid over the space, as `GridSearch(shuffle=False)` submits it.

    Args:
        space: the space; its weights are not used.

    Yields:
        One sample per raw configuration, in the order of NNI, in which the width varies slowest.
    """
    for frozen in SimplifiedModelSpace.from_model(space).grid():
        yield frozen.sample


def _choice(dimension: str) -> Any:
    return nni.choice(dimension, list(CHOICES[dimension]))


def _layer_choice(dimension: str, layer: Callable[[int], nn.Module]) -> Any:
    # Named by value, as text (NNI accepts no other names); named by position, the order of the values would matter.
    return LayerChoice({str(value): layer(value) for value in CHOICES[dimension]}, label=dimension)


def _pool(pool_choice: int) -> nn.Module:
    if pool_choice != 0:
        return nn.Identity()

    def kernel(kernel_size: int) -> Any:
        return _layer_choice("stride_pool", lambda stride: nn.MaxPool2d(kernel_size, stride, padding=1))

    # Whole layers, not one MutableMaxPool2d, which NNI's one-shot strategies reject.
    pool: nn.Module = _layer_choice("kernel_size_pool", kernel)
    return pool


def _block(inputs: Any, outputs: Any, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        MutableConv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
        MutableBatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        MutableConv2d(outputs, outputs, 3, padding=1, bias=False),
        MutableBatchNorm2d(outputs),
    )


def _shortcut(inputs: Any, outputs: Any) -> nn.Sequential:
    return nn.Sequential(MutableConv2d(inputs, outputs, 1, stride=2, bias=False), MutableBatchNorm2d(outputs))


class SamplesArguments(Arguments):
    """The flags of the command."""

    channels: int = Field(ge=1, description="number of bands of the input images")
    classes: int = Field(ge=2, description="number of classes")
    output: Path = Field(description="output file, with one JSON object per line: sample and architecture")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the samples of NNI's grid to a file."""
    arguments = SamplesArguments.parse(__doc__, argv)
    space = CrossModelSpace(arguments.channels, arguments.classes)
    lines = [
        json.dumps({"sample": sample, "architecture": str(architecture_of(sample))}) for sample in grid_samples(space)
    ]
    write_text(arguments.output, "\n".join(lines) + "\n")


if __name__ == "__main__":
    run_stage(main)
