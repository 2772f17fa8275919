"""Configuration of the search grid: channel sets, batch sizes and architectures."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Union

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator

from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.errors import ConfigError
from workflow_lib.core.section import CHOICE_TAG, Distinct, Name
from workflow_lib.spaces.cross import CrossConfig
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.networks import all_spaces, parse
from workflow_lib.spaces.space import Space
from workflow_lib.spaces.space_declaration import SpaceDeclaration
from workflow_lib.spaces.trained_model import MODEL_NAME, TrainedModel, TrainedModelConfig

if TYPE_CHECKING:
    from workflow_lib.config import Config


RECIPE_NAME = "[A-Za-z0-9]+"
"""Pattern of the names of recipes; they follow the batch size in the names of candidates."""

SETTING = rf"\d+(?:-{RECIPE_NAME})?"
"""Pattern of `Candidate.setting`."""


def _check_recipe_name(text: str) -> str:
    if not re.fullmatch(RECIPE_NAME, text):
        raise ValueError(f"{text!r} is not a valid name of a recipe: use letters and digits only")
    return text


RecipeName = Annotated[str, AfterValidator(_check_recipe_name)]


def _check_model_name(text: str) -> str:
    if not re.fullmatch(MODEL_NAME, text):
        raise ValueError(f"{text!r} is not a valid name of a model: use letters and digits only")
    return text


ModelName = Annotated[str, AfterValidator(_check_model_name)]


def _check_architecture(text: str) -> str:
    try:
        network = parse(text)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    if not re.fullmatch(network.space.pattern, text):
        raise ValueError(f"{text} is a folded network, which has no latency per image; give a network without folding")
    return str(network)


ArchitectureId = Annotated[str, AfterValidator(_check_architecture)]


def _space_type() -> Any:
    """The type of `grid.space`: the section of the space that `name` or `file` selects; CROSS if neither is given."""
    chosen = {name: space.settings for name, space in all_spaces().items() if space.settings}

    def choose(value: Any) -> str:
        if isinstance(value, dict):
            return CHOICE_TAG + str(value.get("name", "user_file" if "file" in value else "cross"))
        return CHOICE_TAG + str(getattr(value, "name", value))

    members = tuple(Annotated[settings, Tag(CHOICE_TAG + name)] for name, settings in chosen.items())
    return Annotated[Union[members], Discriminator(choose)]  # noqa: UP007 (built from discovered members)


if TYPE_CHECKING:
    GridSpace = Any
else:
    GridSpace = _space_type()


def networks_of(settings: Any) -> Space:
    """Return the search space that the settings describe.

    Args:
        settings: value of `grid.space`.
    """
    space = all_spaces()[settings.name].space
    assert space
    return space(settings)


class GridConfig(ConversionConfig):
    """What is searched: channel sets x batch sizes x architectures."""

    former_keys: ClassVar[Mapping[str, str]] = {"baseline": "baselines"}

    channel_sets: dict[Name, Annotated[list[Name], Field(min_length=1)]] = Field(
        min_length=1, description="name -> bands and indices (ndvi, ndwi) that a network receives"
    )
    batch_sizes: Annotated[list[Annotated[int, Field(ge=2)]], Distinct] = Field(
        min_length=1, description="training batch sizes (chips)"
    )
    space: GridSpace = Field(
        default_factory=lambda: CrossConfig(),
        description="architectures: values of the CROSS space, of the space given by `name`, or {file: ...} for "
        "networks of your own",
    )
    extra_networks: Annotated[list[ArchitectureId], Distinct] = Field(
        default=[],
        description="ids of further candidates, from any search space, such as k3-s2-p1-pool3s2-w32 in addition to "
        "compact networks; only with search.strategy grid",
    )
    baselines: Annotated[list[ArchitectureId], Distinct] = Field(
        default=[str(cross.BASELINE)],
        min_length=1,
        description="networks that are trained and predicted like candidates and shown with the front, but are never "
        "part of it; ids of any search space, such as published-mobilenetv2-0.35",
    )
    trained_models: dict[ModelName, TrainedModelConfig] = Field(
        default={},
        description="name -> a trained model in an ONNX file, which is scored on each fold and costed like a baseline, "
        "but not trained, such as {current: {file: current.onnx, channels: rgb}}",
    )
    recipes: dict[RecipeName, dict[str, Any]] | None = Field(
        default=None,
        min_length=1,
        description="name -> keys of `training` that replace those of the section, such as {epochs: 24, flips: true}; "
        "every network is trained with every recipe, and the names are part of the candidates' names; null: the "
        "section alone",
    )
    precisions: Annotated[list[Precision], Distinct] = Field(
        default=[TRAINED],
        min_length=1,
        description="numbers of the deployed networks: fp32, fp16 (half the file) or int8 (a quarter; weights and "
        "activations are quantized after training). Each is a candidate of its own, with the accuracy, size and "
        "latency of its own file; fp16 and int8 need keep_weights, and devices that measure or learn from measurements",
    )
    allow_missing: bool = Field(
        default=False,
        description="a candidate whose training fails permanently (non-retryable errors are tried once, others three "
        "times) is left out, and the report lists it; false: the run fails",
    )

    @field_validator("baselines", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @cached_property
    def compared_networks(self) -> list[str]:
        """Ids of the networks that are shown with the front but are never part of it: baselines and trained models."""
        return [*self.baselines, *self.own_channels]

    @cached_property
    def own_channels(self) -> Mapping[str, str]:
        """Id of each trained model -> its channel set."""
        return {str(TrainedModel(name)): model.channels for name, model in self.trained_models.items()}

    @property
    def to_int8(self) -> bool:
        """Whether networks are converted to int8."""
        return "int8" in self.precisions

    @property
    def converted(self) -> list[Precision]:
        """Precisions to which every trained network is converted."""
        return [name for name in self.precisions if name != TRAINED]

    def precisions_of(self, network: str) -> list[Precision]:
        """Precisions of a network; a trained model keeps its own."""
        return [TRAINED] if network in self.own_channels else [TRAINED, *self.converted]

    @property
    def recipe_names(self) -> list[str]:
        """Names of the training recipes; one empty name if there is only the section `training`."""
        return list(self.recipes or [""])

    @property
    def declaration(self) -> SpaceDeclaration:
        """Declaration of the search space."""
        return all_spaces()[self.space.name]

    @cached_property
    def networks(self) -> Space:
        """The search space: its choices, and the network that each configuration builds."""
        return networks_of(self.space)

    def check_within(self, config: "Config", key: str) -> None:
        """Check against other sections; see `Section.check_within`."""
        super().check_within(config, key)
        bands = config.data.bands
        for name, channels in self.channel_sets.items():
            if unknown := [channel for channel in channels if channel not in bands]:
                raise ValueError(
                    f"{key}.channel_sets.{name} names {unknown}; all regions have only these bands and indices: {bands}"
                )
            if len(set(channels)) != len(channels):
                raise ValueError(f"{key}.channel_sets.{name} names a channel twice: {channels}")
        for name, model in self.trained_models.items():
            model.check_within(config, f"{key}.trained_models.{name}")
        for name, networks in {"extra_networks": self.extra_networks, "baselines": self.baselines}.items():
            if models := [network for network in networks if not parse(network).space.is_trained]:
                raise ValueError(f"{key}.{name} names {models[0]}: set {key}.trained_models for trained models")
        if TRAINED not in self.precisions:
            raise ValueError(f"{key}.precisions lacks {TRAINED}, which the others are converted from: add it")
        if self.converted and not config.keep_weights:
            raise ValueError(f"{key}.precisions needs the weights of all trainings: set keep_weights: true")
        if self.converted and config.precisions:
            raise ValueError(
                f"{key}.precisions and the section precisions both convert the front's networks: remove the section"
            )
        for name in self.recipes or {}:
            self._check_recipe(name, config, f"{key}.recipes.{name}")
        if self.extra_networks and (config.search.strategy != "grid" or config.comparison or config.ranking_quality):
            raise ValueError(
                f"{key}.extra_networks needs search.strategy grid, without comparison and ranking_quality: other "
                f"strategies only see {key}.space"
            )
        user_file = all_spaces()["user_file"]
        if self.declaration is not user_file:
            for name, networks in {"extra_networks": self.extra_networks, "baselines": self.baselines}.items():
                if unknown := [network for network in networks if parse(network).space is user_file]:
                    raise ValueError(
                        f"{key}.{name} names {unknown}, which need the file that describes them: grid.space"
                    )
        if known := sorted(set(self.extra_networks) & set(self.networks.networks())):
            raise ValueError(f"{key}.extra_networks names {known}, which are candidates of {key}.space already")
        if both := [network for network in self.baselines if network in config.architectures]:
            raise ValueError(
                f"{key}.baselines names {both[0]}, which is also a candidate; baselines must be outside the space, "
                "because they are never part of the front"
            )

    def _check_recipe(self, name: str, config: "Config", key: str) -> None:
        """Check the training that a recipe gives."""
        if "device" in (self.recipes or {})[name]:
            raise ValueError(f"{key} sets the device, which all trainings of a run share: set training.device")
        try:
            config.training_of(name).check_within(config, key)
        except ConfigError as error:
            raise ValueError(f"{key}: {error}") from None
