"""The configuration of the data: chips, or scenes that chips are cut from."""

from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workflow_lib.core.indices import INDICES
from workflow_lib.core.section import Name, Section

CROSS_CHIPS_PER_CLASS = {"Nebraska": 2022, "Illinois": 1011, "North_Dakota": 613, "California": 2388}
"""Chips per region in each of the two classes; CROSS table 1."""


class Scenes(Section):
    """Scenes of the same bands, which together cover an area."""

    bands: list[Name] = Field(min_length=1, description="what each band is, in order")
    scenes: list[str] = Field(
        default=[],
        description="GeoTIFF or VRT files, or patterns of their names (*, ?); where several have a pixel, the first "
        "by name gives it",
    )


class RasterFolder(Scenes):
    """A folder with one subfolder of GeoTIFF chips per class; or scenes that such chips are cut from."""

    folder: str = Field(description="folder, relative to `data.root`, that holds one subfolder per class")
    resampling: Literal["nearest", "bilinear"] = Field(
        default="bilinear", description="of scenes that do not lie on the chips' pixels"
    )


class GenerateConfig(Section):
    """Synthetic drainage-crossing chips, in place of real ones."""

    full: bool = Field(default=False, description="as many chips as CROSS has (table 1: 12,068), instead of `counts`")
    counts: dict[Name, dict[Name, Annotated[int, Field(ge=0)]]] = Field(
        default={}, description="chips per region (Nebraska, Illinois, North_Dakota, California) and class (F, T)"
    )
    noise: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="grain added to every band, in standard deviations of the band within its chip: the more, the "
        "harder are the chips, and the further apart the networks",
    )

    @property
    def chips(self) -> dict[str, dict[str, int]]:
        """Chips to generate per region and class."""
        if self.full:
            return {region: {"F": count, "T": count} for region, count in CROSS_CHIPS_PER_CLASS.items()}
        return self.counts

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.full == bool(self.counts):
            raise ValueError("generate needs either counts or full: true")
        for region, counts in self.counts.items():
            if region not in CROSS_CHIPS_PER_CLASS:
                raise ValueError(f"generate.counts knows the regions {list(CROSS_CHIPS_PER_CLASS)}, not {region}")
            if set(counts) != {"F", "T"}:
                raise ValueError(f"generate.counts.{region} needs F and T, and has {sorted(counts)}")
        return self


class LandscapeConfig(Section):
    """Generated land in place of real scenes: roads, channels, and the places where they cross."""

    looks: dict[Name, Name] = Field(
        min_length=1,
        description="region, or area of the map -> what its land looks like: Nebraska, Illinois, North_Dakota, "
        "California",
    )
    size_px: int = Field(default=1000, ge=200, le=20000, description="height and width of each (pixels of 1 m)")
    tiles: int = Field(default=2, ge=1, le=10, description="scenes per side that its imagery is divided into")
    roads: int = Field(default=6, ge=1, description="roads of each")
    channels: int = Field(default=6, ge=1, description="drainage channels of each")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if unknown := sorted(set(self.looks.values()) - set(CROSS_CHIPS_PER_CLASS)):
            raise ValueError(f"data.clip.landscape.looks names {unknown}; known are {list(CROSS_CHIPS_PER_CLASS)}")
        return self


class ClipConfig(Section):
    """How chips are cut from the scenes that `data.regions` names, around labelled points."""

    points: dict[Name, str] = Field(
        default={},
        description="region -> its labelled points: GeoPackage or GeoJSON with a column `class`, or CSV (x, y, class)",
    )
    points_layer: dict[Name, str] = Field(
        default={}, description="region -> layer of its GeoPackage, where that has several layers of labelled points"
    )
    points_crs: str | None = Field(default=None, description="CRS of CSV files; null: that of the chips")
    crs: str | None = Field(
        default=None,
        description="CRS of the chips, in metres; null: that of the first scene of a region's first folder",
    )
    resolution_m: float = Field(default=1.0, gt=0, description="side of the chips' pixels (m)")
    false_class: Name | None = Field(
        default=None,
        description="class of samples that are drawn at random, until it has as many as all others together; null: "
        "none are drawn",
    )
    least_distance_m: float = Field(
        default=100.0, ge=0, description="between what is drawn and any labelled point of another class (m)"
    )
    most_distance_m: float | None = Field(
        default=None,
        gt=0,
        description="between what is drawn and the nearest such point (m): near to one, it has more in common with it, "
        "and is harder to tell from it; null: anywhere on the scenes",
    )
    jitter_m: float = Field(
        default=0.0,
        ge=0,
        description="how far a chip's centre may lie from its point, east or north, at random (m): a model that has "
        "only seen centred ones finds no others in whole scenes",
    )
    landscape: LandscapeConfig | None = Field(
        default=None, description="generated land, in place of `points` and of all `scenes`; null: real ones"
    )


class DataConfig(Section):
    """Where the chips are and how they are read."""

    root: str = Field(
        default=".", description="folder that the regions' folders are relative to; not used when chips are generated"
    )
    generate: GenerateConfig | None = Field(
        default=None, description="generate synthetic chips instead of reading real ones"
    )
    clip: ClipConfig | None = Field(
        default=None, description="cut chips from scenes around labelled points, instead of reading chips"
    )
    regions: dict[Name, Annotated[list[RasterFolder], Field(min_length=1)]] = Field(
        min_length=1, description="region -> its raster folders; chips of one region pair by file name"
    )
    classes: list[Name] = Field(description="class subfolders, in the order of the network's outputs")
    chip_size_px: int = Field(default=100, ge=40, le=4096, description="height and width of every chip (pixels)")
    normalisation: Literal["per_chip_band", "per_column", "per_dataset", "none"] = Field(
        default="per_chip_band",
        description="min-max per chip and band; per image column (what CROSS's code does); "
        "standardised with the training folds' statistics; or raw values",
    )
    on_bad_chip: Literal["error", "drop"] = Field(
        default="error", description="end the run at a bad chip, or drop and list it"
    )
    nodata: list[float] = Field(
        default=[],
        description="values that are nodata, whatever the files say, such as [-9999]; 0 counts where all bands of a "
        "file are 0",
    )
    max_nodata_pct: float = Field(
        default=20.0,
        ge=0,
        lt=100,
        description="largest share of nodata pixels in a chip's band (percent); they get the band's mean",
    )

    @cached_property
    def bands(self) -> list[str]:
        """Every channel that all regions can give, in the order of the first region by name, then the indices."""
        regions = [[band for part in parts for band in part.bands] for _, parts in sorted(self.regions.items())]
        bands = [band for band in regions[0] if all(band in other for other in regions)]
        return bands + [index for index in ("ndwi", "ndvi") if set(INDICES[index]) <= set(bands)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.classes)) != len(self.classes) or len(self.classes) < 2:
            raise ValueError("classes needs at least two different names")
        for region, parts in self.regions.items():
            bands = [band for part in parts for band in part.bands]
            if len(set(bands)) != len(bands):
                raise ValueError(f"region {region} gives a band twice: {bands}")
            if set(bands) & set(INDICES):
                raise ValueError(f"region {region}: {sorted(INDICES)} are computed, not read")
        if self.generate and set(self.generate.chips) != set(self.regions):
            raise ValueError(f"generate makes {sorted(self.generate.chips)}, regions names {sorted(self.regions)}")
        if self.generate and self.clip:
            raise ValueError("chips are either generated or cut from scenes: data.generate or data.clip")
        self._check_scenes()
        return self

    def _check_scenes(self) -> None:
        clip, made = self.clip, bool(self.clip and self.clip.landscape)
        for region, parts in self.regions.items():
            for part in parts:
                if bool(part.scenes) != bool(clip and not made):
                    raise ValueError(
                        f"data.regions.{region}, folder {part.folder}: `scenes` belong to data.clip without a landscape"
                    )
        if clip is None:
            return
        folders = [PurePosixPath(part.folder) for parts in self.regions.values() for part in parts]
        if len(set(folders)) < len(folders) or any(path.is_absolute() or ".." in path.parts for path in folders):
            raise ValueError(
                "data.regions: with data.clip chips are put into the folders: each needs its own, relative, without .."
            )
        if set(clip.points) != (set() if made else set(self.regions)):
            raise ValueError(
                f"data.clip.points names {sorted(clip.points)}; it must name each region, or none of a landscape"
            )
        if unknown := sorted(set(clip.points_layer) - set(self.regions)):
            raise ValueError(f"data.clip.points_layer names {unknown}, which are no regions")
        if clip.most_distance_m is not None and clip.most_distance_m <= clip.least_distance_m:
            raise ValueError("data.clip.most_distance_m must be more than least_distance_m")
        if clip.false_class and clip.false_class not in self.classes:
            raise ValueError(f"data.clip.false_class is {clip.false_class}, and data.classes are {self.classes}")
        if clip.landscape and (missing := sorted(set(self.regions) - set(clip.landscape.looks))):
            raise ValueError(f"data.clip.landscape.looks lacks {missing}")
        if clip.landscape and set(self.classes) != {"F", "T"}:
            raise ValueError("data.clip.landscape has crossings, T, and no others: data.classes must be F and T")
