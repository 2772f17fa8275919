"""Configuration of the data: chips, or scenes from which chips are cut."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from workflow_lib.core.indices import INDICES
from workflow_lib.core.section import Name, Section

CROSS_CHIPS_PER_CLASS = {"Nebraska": 2022, "Illinois": 1011, "North_Dakota": 613, "California": 2388}
"""Number of chips per region in each of the two classes; CROSS table 1."""


class Scenes(Section):
    """Scenes of the same bands, which together cover an area."""

    bands: list[Name] = Field(min_length=1, description="names of the bands, in file order")
    scenes: list[str] = Field(
        default=[],
        description="GeoTIFF or VRT files, or patterns with * and ?; where scenes overlap, the first one by name is "
        "used",
    )


class RasterFolder(Scenes):
    """A folder with one subfolder of GeoTIFF chips per class; or scenes that such chips are cut from."""

    folder: str = Field(description="folder, relative to `data.root`, with one subfolder per class")
    resampling: Literal["nearest", "bilinear"] = Field(
        default="bilinear", description="resampling of scenes whose pixels are not aligned with those of the chips"
    )


class GenerateConfig(Section):
    """Synthetic drainage-crossing chips, in place of real ones."""

    full: bool = Field(
        default=False, description="generate as many chips as CROSS has (table 1: 12,068) instead of `counts`"
    )
    counts: dict[Name, dict[Name, Annotated[int, Field(ge=0)]]] = Field(
        default={},
        description="number of chips per region (Nebraska, Illinois, North_Dakota, California) and class (F, T)",
    )
    noise: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="noise added to every band, in standard deviations of that band within the chip; more noise makes "
        "chips harder to classify and separates the candidates further",
    )

    @property
    def chips(self) -> dict[str, dict[str, int]]:
        """Return the number of chips to generate per region and class."""
        if self.full:
            return {region: {"F": count, "T": count} for region, count in CROSS_CHIPS_PER_CLASS.items()}
        return self.counts

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.full == bool(self.counts):
            raise ValueError("generate needs either counts or full: true")
        for region, counts in self.counts.items():
            if region not in CROSS_CHIPS_PER_CLASS:
                raise ValueError(f"generate.counts names {region}; known regions are {list(CROSS_CHIPS_PER_CLASS)}")
            if set(counts) != {"F", "T"}:
                raise ValueError(f"generate.counts.{region} needs the classes F and T, but has {sorted(counts)}")
        return self


class LandscapeConfig(Section):
    """Generated land in place of real scenes: roads, channels, and the places where they cross."""

    former_keys: ClassVar[Mapping[str, str]] = {"looks": "terrain"}

    terrain: dict[Name, Name] = Field(
        min_length=1,
        description="region or map area -> the landscape that it resembles: Nebraska, Illinois, North_Dakota or "
        "California",
    )
    size_px: int = Field(
        default=1000, ge=200, le=20000, description="height and width of each landscape (pixels of 1 m)"
    )
    tiles: int = Field(
        default=2,
        ge=1,
        le=10,
        description="number of scenes per side into which the imagery of each landscape is divided",
    )
    roads: int = Field(default=6, ge=1, description="number of roads in each landscape")
    channels: int = Field(default=6, ge=1, description="number of drainage channels in each landscape")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if unknown := sorted(set(self.terrain.values()) - set(CROSS_CHIPS_PER_CLASS)):
            raise ValueError(
                f"data.clip.landscape.terrain names {unknown}; known regions are {list(CROSS_CHIPS_PER_CLASS)}"
            )
        return self


class ClipConfig(Section):
    """How chips are cut from the scenes that `data.regions` names, around labelled points."""

    former_keys: ClassVar[Mapping[str, str]] = {
        "least_distance_m": "min_distance_m",
        "most_distance_m": "max_distance_m",
    }

    points: dict[Name, str] = Field(
        default={},
        description="region -> file with its labelled points: GeoPackage or GeoJSON with a column `class`, or CSV with "
        "the columns x, y and class",
    )
    points_layer: dict[Name, str] = Field(
        default={}, description="region -> layer of its GeoPackage; needed if several layers hold labelled points"
    )
    points_crs: str | None = Field(
        default=None, description="CRS of the coordinates in CSV files; null: the CRS of the chips"
    )
    crs: str | None = Field(
        default=None,
        description="CRS of the chips, in metres; null: the CRS of the first scene in the first folder of a region",
    )
    resolution_m: float = Field(default=1.0, gt=0, description="ground resolution of the chips (m per pixel)")
    false_class: Name | None = Field(
        default=None,
        description="class for which random samples are drawn until it has as many chips as all other classes "
        "together; null: draw no samples",
    )
    min_distance_m: float = Field(
        default=100.0,
        ge=0,
        description="minimum distance between a random sample and any labelled point of another class (m)",
    )
    max_distance_m: float | None = Field(
        default=None,
        gt=0,
        description="maximum distance between a random sample and the nearest such point (m); nearby samples resemble "
        "the labelled places and are harder negatives. null: no limit",
    )
    jitter_m: float = Field(
        default=0.0,
        ge=0,
        description="maximum random offset of a chip's centre from its point, to the east and to the north (m); a "
        "model trained only on centred objects misses others in whole scenes",
    )
    landscape: LandscapeConfig | None = Field(
        default=None, description="generate landscapes instead of reading `points` and `scenes`; null: read them"
    )


class DataConfig(Section):
    """Where the chips are and how they are read."""

    root: str = Field(
        default=".", description="folder to which the folders of the regions are relative; not used for generated chips"
    )
    generate: GenerateConfig | None = Field(
        default=None, description="generate synthetic chips instead of reading chips; null: read them"
    )
    clip: ClipConfig | None = Field(
        default=None,
        description="cut chips from scenes around labelled points instead of reading chips; null: read them",
    )
    regions: dict[Name, Annotated[list[RasterFolder], Field(min_length=1)]] = Field(
        min_length=1,
        description="region -> its raster folders; files of the same name in these folders belong to the same chip",
    )
    units: dict[Name, str] = Field(
        default={},
        description="band -> unit of its values, after scale and offset (m, reflectance); the deployed model's files "
        "state them",
    )
    classes: list[Name] = Field(description="class subfolders, in the order of the network's outputs")
    chip_size_px: int = Field(default=100, ge=40, le=4096, description="height and width of every chip (pixels)")
    normalisation: Literal["per_chip_band", "per_column", "per_dataset", "none"] = Field(
        default="per_chip_band",
        description="per_chip_band: min-max scaling of each band of each chip; per_column: min-max scaling of each "
        "image column, as in the CROSS code; per_dataset: standardisation with the statistics of the "
        "training folds; none: raw values",
    )
    on_bad_chip: Literal["error", "drop"] = Field(
        default="error", description="error: a bad chip ends the run; drop: bad chips are left out and listed"
    )
    nodata: list[float] = Field(
        default=[],
        description="values that count as nodata in addition to what the files declare, for example [-9999]; the value "
        "0 counts only where all bands of a file are 0",
    )
    max_nodata_pct: float = Field(
        default=20.0,
        ge=0,
        lt=100,
        description="maximum share of nodata pixels in any band of a chip (percent); nodata pixels are filled with the "
        "mean of the band",
    )

    @cached_property
    def bands(self) -> list[str]:
        """List the channels that all regions provide: bands in the order of the first region by name, then indices."""
        regions = [[band for part in parts for band in part.bands] for _, parts in sorted(self.regions.items())]
        bands = [band for band in regions[0] if all(band in other for other in regions)]
        return bands + [index for index in ("ndwi", "ndvi") if set(INDICES[index]) <= set(bands)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError("classes must have at least two names, all different")
        for region, parts in self.regions.items():
            bands = [band for part in parts for band in part.bands]
            if len(set(bands)) != len(bands):
                raise ValueError(f"region {region} names a band twice: {bands}")
            if set(bands) & set(INDICES):
                raise ValueError(f"region {region}: {sorted(INDICES)} are computed and must not be among the bands")
        given = {band for parts in self.regions.values() for part in parts for band in part.bands}
        if unknown := sorted(set(self.units) - given):
            raise ValueError(f"data.units names {unknown}; the bands of data.regions are {sorted(given)}")
        if self.generate and set(self.generate.chips) != set(self.regions):
            raise ValueError(f"generate makes {sorted(self.generate.chips)}, but regions names {sorted(self.regions)}")
        if self.generate and self.clip:
            raise ValueError("chips are either generated or cut from scenes: set data.generate or data.clip, not both")
        self._check_scenes()
        return self

    def _check_scenes(self) -> None:
        clip, is_generated = self.clip, bool(self.clip and self.clip.landscape)
        for region, parts in self.regions.items():
            for part in parts:
                if bool(part.scenes) != bool(clip and not is_generated):
                    raise ValueError(
                        f"data.regions.{region}, folder {part.folder}: `scenes` must be set if data.clip is used "
                        "without a landscape, and only then"
                    )
        if clip is None:
            return
        folders = [PurePosixPath(part.folder) for parts in self.regions.values() for part in parts]
        if len(set(folders)) < len(folders) or any(path.is_absolute() or ".." in path.parts for path in folders):
            raise ValueError(
                "data.regions: with data.clip, chips are written to the folders, so each must be unique and relative, "
                "without .."
            )
        if set(clip.points) != (set() if is_generated else set(self.regions)):
            raise ValueError(
                f"data.clip.points names {sorted(clip.points)}; it must name every region, or none with a landscape"
            )
        if unknown := sorted(set(clip.points_layer) - set(self.regions)):
            raise ValueError(f"data.clip.points_layer names {unknown}, which are not regions")
        if clip.max_distance_m is not None and clip.max_distance_m <= clip.min_distance_m:
            raise ValueError("data.clip.max_distance_m must be greater than min_distance_m")
        if clip.false_class and clip.false_class not in self.classes:
            raise ValueError(
                f"data.clip.false_class is {clip.false_class}, which is not among data.classes {self.classes}"
            )
        if clip.landscape and (missing := sorted(set(self.regions) - set(clip.landscape.terrain))):
            raise ValueError(f"data.clip.landscape.terrain lacks {missing}")
        if clip.landscape and set(self.classes) != {"F", "T"}:
            raise ValueError("data.clip.landscape has two classes, T (crossings) and F: data.classes must be F and T")
