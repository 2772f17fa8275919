"""Configuration of numeric precisions and of maps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from workflow_lib.core.candidate import Precision
from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.core.indices import INDICES
from workflow_lib.core.section import Distinct, Name, Section
from workflow_lib.data.data_config import Scenes

if TYPE_CHECKING:
    from workflow_lib.config import Config


class PrecisionsConfig(ConversionConfig):
    """The front's networks, and what is deployed, also in smaller numbers."""

    former_keys: ClassVar[Mapping[str, str]] = {"smaller": "formats", "most_loss_pct": "max_loss_pct"}

    formats: Annotated[list[Literal["fp16", "int8"]], Distinct] = Field(
        default=["fp16", "int8"],
        min_length=1,
        description="fp16: half the file size; int8: a quarter of the file size, with quantized weights and "
        "activations (static quantization)",
    )
    max_loss_pct: float = Field(
        default=2.0, ge=0, description="networks that lose more accuracy than this are marked (percentage points)"
    )

    @property
    def to_int8(self) -> bool:
        """Whether networks are converted to int8."""
        return "int8" in self.formats

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse settings that contradict other sections; see `Section.check_within`."""
        super().check_within(config, key)
        if not config.keep_weights:
            raise ValueError(f"{key} needs the weights of all trainings: set keep_weights: true")


class LiteRtConfig(ConversionConfig):
    """The deployed network as LiteRT files, beside its ONNX files."""

    precisions: Annotated[list[Literal["fp32", "fp16", "dynamic", "int8"]], Distinct] = Field(
        default=["fp32", "fp16", "dynamic", "int8"],
        min_length=1,
        description="fp16: half-precision weights; dynamic: int8 weights, with activations that are quantized while "
        "the network runs; int8: int8 weights, activations, input and output, as microcontrollers need them",
    )

    @property
    def to_int8(self) -> bool:
        """Whether the deployed network is converted to int8."""
        return "int8" in self.precisions


class MapArea(Section):
    """Whole scenes to which the recommended model is applied."""

    layers: list[Scenes] = Field(
        default=[],
        description="the scenes, with the bands that form the model's channels; leave empty for generated landscapes",
    )
    truth: str | None = Field(
        default=None,
        description="points to be found, in a format of data.clip.points (CSV files use the CRS of the first scene); "
        "null: unknown",
    )

    force: bool = Field(
        default=False,
        description="apply the model even if the scenes differ from the training chips in resolution, units or bands",
    )

    def check_area(self, config: "Config", name: str, key: str) -> None:
        """Refuse an area that lacks bands or contradicts the generated landscapes.

        Args:
            config: the whole configuration.
            name: name of the area.
            key: config key of this section, for error messages.
        """
        landscape = config.data.clip.landscape if config.data.clip else None
        channels = {channel for names in config.grid.channel_sets.values() for channel in names}
        used = {band for channel in channels for band in INDICES.get(channel, (channel,))}
        given = {band for layer in self.layers for band in layer.bands}
        if self.layers and used - given:
            raise ValueError(f"{key}: grid.channel_sets needs {sorted(used - given)}; add their scenes to layers")
        if landscape and self.truth:
            raise ValueError(f"{key}.truth: the true places of a generated landscape are known; remove this key")
        if landscape and name not in landscape.terrain:
            raise ValueError(f"{key}: data.clip.landscape.terrain has no entry for this area; add one")
        if bool(landscape) == bool(self.layers):
            raise ValueError(f"{key}.layers must list scenes, or be empty if data.clip.landscape generates them")
        if name in config.data.regions:
            raise ValueError(f"{key}: a training region has the same name; choose another")


class MapConfig(Section):
    """Where the recommended model is applied, and how the places it finds are scored."""

    former_keys: ClassVar[Mapping[str, str]] = {"least_distance_m": "min_distance_m"}

    areas: dict[Name, MapArea] = Field(
        min_length=1, description="area name -> its scenes; with data.clip.landscape the scenes are generated"
    )
    background: Name | None = Field(
        default=None, description="class that is not searched for; null: data.clip.false_class"
    )
    precision: Precision | None = Field(
        default=None,
        description="precision of the network that is applied, one of fp32, grid.precisions and precisions.formats; "
        "null: that of the recommended candidate",
    )
    overlap: float = Field(default=0.5, ge=0, lt=1, description="share of a window that overlaps the next one")
    max_error_pct: float | None = Field(
        default=None,
        gt=0,
        le=100,
        description="the model abstains where it is not sure enough to keep the error of decided chips below this "
        "(percent, 95 % confidence); null: never",
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="minimum probability of a reported place")
    min_distance_m: float | None = Field(
        default=None, ge=0, description="minimum distance between two reported places (m); null: half a chip"
    )
    tolerance_m: float = Field(
        default=25.0,
        gt=0,
        description="maximum distance between a reported place and the true point that it is matched with (m)",
    )

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse settings that contradict other sections; see `Section.check_within`."""
        if self.precision not in (None, *config.deployed_precisions):
            raise ValueError(
                f"{key}.precision is {self.precision}, but the bundle has {', '.join(config.deployed_precisions)}: add "
                "it to precisions.formats or grid.precisions"
            )
        if config.background not in config.data.classes:
            raise ValueError(
                f"{key}.background is {config.background}, but must be one of the classes {config.data.classes}"
            )
        for name, area in self.areas.items():
            area.check_area(config, name, f"{key}.areas.{name}")
