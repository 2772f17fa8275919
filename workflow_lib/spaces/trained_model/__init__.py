"""A user's trained model in an ONNX file, as a row beside the candidates: `grid.trained_models`.

It is scored on the validation chips of each fold and costed like a network, but never trained here. Its id is
model-<name>. Jobs find its file in the environment variable `EDGEFRONT_MODELS`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.core.files import sha256
from workflow_lib.core.indices import RAW_NORMALISATIONS
from workflow_lib.core.section import Name, Section
from workflow_lib.spaces.cross.cross_architecture import BASELINE
from workflow_lib.spaces.cross.cross_counts import costs
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space_declaration import SpaceDeclaration

if TYPE_CHECKING:
    from torch import nn

    from workflow_lib.config import Config

MODELS_VARIABLE = "EDGEFRONT_MODELS"
"""Environment variable with the files of the models by name, as JSON."""

_PREFIX = "model-"
MODEL_NAME = "[A-Za-z0-9]+"
"""Pattern of the names of models."""


class TrainedModelConfig(Section):
    """A trained model."""

    file: str = Field(
        description="ONNX file with one input, (images, bands, height, width) of chips, and one output, (images, "
        "classes) logits or probabilities; relative to the configuration file"
    )
    channels: Name = Field(description="channel set of `grid.channel_sets` that its input has, in the same order")
    chips: Literal["normalised", "raw"] = Field(
        default="normalised",
        description="normalised: it receives chips as the run's own networks do; raw: it receives them before "
        "`data.normalisation`, because it normalises them itself",
    )

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256(Path(self.file))

    def check_within(self, config: Config, key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        if self.channels not in config.grid.channel_sets:
            raise ValueError(f"{key}.channels is {self.channels}, but grid.channel_sets has no such channel set")
        if not Path(self.file).is_file():
            raise ValueError(f"{key}.file: no such file: {self.file}")
        if self.chips == "raw" and config.data.normalisation not in RAW_NORMALISATIONS:
            raise ValueError(
                f"{key}.chips is raw, but data.normalisation {config.data.normalisation} keeps only normalised chips: "
                "use per_dataset or none"
            )


@dataclass(frozen=True)
class TrainedModel:
    """A trained model; `str(model)` is its id.

    >>> TrainedModel.parse("model-field2024").name
    'field2024'
    """

    name: str

    def __str__(self) -> str:
        return f"{_PREFIX}{self.name}"

    @classmethod
    def parse(cls, text: str) -> TrainedModel:
        """Parse an id; the inverse of `str`.

        Raises:
            ConfigError: if the text is not such an id.
        """
        if not text.startswith(_PREFIX):
            raise ConfigError("not the id of a trained model", text, "expected model-<name>")
        return cls(text.removeprefix(_PREFIX))

    @property
    def settings(self) -> TrainedModelConfig:
        """Its settings, in a job.

        Raises:
            UserError: if the environment does not have them.
        """
        models = json.loads(os.environ.get(MODELS_VARIABLE) or "{}")
        if self.name not in models:
            raise UserError(f"does not name the file of {self}", MODELS_VARIABLE, "add it to grid.trained_models")
        return TrainedModelConfig.model_validate(models[self.name])


def as_variable(models: Mapping[str, TrainedModelConfig]) -> str:
    """Return the value of `MODELS_VARIABLE` for some models; empty if there are none."""
    return json.dumps({name: model.model_dump() for name, model in models.items()}) if models else ""


def build(model: TrainedModel, channels: int, classes: int) -> nn.Module:
    """Build the torch module with the weights of the file.

    Args:
        model: the model.
        channels, classes: not used, because the file has its own; the output is checked afterwards.
    """
    from workflow_lib.spaces.trained_model.onnx_module import OnnxModule

    return OnnxModule(Path(model.settings.file))


def count(_model: TrainedModel, channels: int, classes: int, size_px: int) -> Costs:
    """Assume the costs of the plain ResNet-18, because planning does not read the file."""
    return costs(BASELINE, channels, classes, size_px)


SPACE = SpaceDeclaration(
    title="trained models",
    label="model",
    pattern=_PREFIX + MODEL_NAME,
    parse=TrainedModel.parse,
    build=build,
    count=count,
    describe=lambda model: f"the trained model {model.name}",
    dimensions=lambda model: {"model": model.name},
    counts_exactly=False,
    checks_output=True,
    is_trained=False,
    position=7,
)
