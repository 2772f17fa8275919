"""Configuration of the folds and the hold-out."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from workflow_lib.core.section import Name, Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


class HoldoutConfig(Section):
    """An outer hold-out, set aside before the folds."""

    method: Literal["none", "share", "region", "spatial_block"] = Field(
        default="none",
        description="none: no test set; share: a stratified share of the chips; region: whole regions; spatial_block: "
        "spatial blocks",
    )
    share: float = Field(
        default=0.2, gt=0, lt=1, description="share of the chips that `share` and `spatial_block` hold out"
    )
    regions: list[Name] = Field(default=[], description="regions that `region` holds out")


class FoldsConfig(Section):
    """How chips are divided into training and validation."""

    method: Literal["stratified", "region", "spatial_block", "one_split"] = Field(
        default="stratified",
        description="stratified: shuffled and stratified by class; region: leave one region out; spatial_block: blocks "
        "on the ground; one_split: a single split on which every candidate is trained `count` times with "
        "different seeds, so that the spread is between seeds only",
    )
    count: int = Field(
        default=5,
        ge=2,
        le=100,
        description="number of folds; with `region`, the number of regions that are not held out",
    )
    validation_share: float = Field(
        default=0.5, gt=0, lt=1, description="share of the chips used for validation in `one_split`"
    )
    block_m: float = Field(default=1000.0, gt=0, description="side of a spatial block (m)")
    buffer_m: float = Field(
        default=0.0,
        ge=0,
        description="with spatial folds, training chips whose footprint is this close to a validation footprint are "
        "left out (m); 0: only those that touch one",
    )
    set_aside_share: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="share of each fold's training chips that no network is trained on, so that `training.patience` "
        "can choose the epoch and a supernet can judge its networks without the validation chips; whole blocks of "
        "`block_m` with spatial folds; 0: none",
    )
    holdout: HoldoutConfig = Field(
        default=HoldoutConfig(), description="test set that is held out from the search and from training"
    )

    @property
    def training_share(self) -> float:
        """Return the share of the chips that a network is trained on, not counting buffer and hold-out."""
        outside = 1 - (self.validation_share if self.same_split else 1 / self.count)
        return outside * (1 - self.set_aside_share)

    @property
    def same_split(self) -> bool:
        """Return whether all folds have the same chips and differ in their seeds only."""
        return self.method == "one_split"

    @property
    def spatial(self) -> bool:
        """Return whether training and validation chips are separated on the ground."""
        return self.method in ("region", "spatial_block")

    def check_within(self, config: "Config", key: str) -> None:
        """Reject values that contradict other sections; see `Section.check_within`."""
        regions = config.data.regions
        if unknown_regions := set(self.holdout.regions) - set(regions):
            raise ValueError(f"{key}.holdout.regions names {sorted(unknown_regions)}, which data.regions does not")
        if set(self.holdout.regions) == set(regions):
            raise ValueError(f"{key}.holdout.regions names every region, so none is left for training")
        if (self.holdout.method == "region") != bool(self.holdout.regions):
            raise ValueError(f"{key}.holdout.regions and {key}.holdout.method: region must be set together")
        if self.buffer_m and not self.spatial and self.holdout.method not in ("region", "spatial_block"):
            raise ValueError(f"{key}.buffer_m needs spatial folds: set {key}.method to region or spatial_block")
        if self.spatial and self.holdout.method == "share":
            raise ValueError(
                f"{key}.holdout.method: share leaks neighbouring chips; with spatial folds use region or spatial_block"
            )
        recipes = (config.grid.recipes or {}).values()
        patience = [config.training.patience, *(values.get("patience") for values in recipes)]
        if self.set_aside_share and not any(patience) and not config.supernets:
            raise ValueError(
                f"{key}.set_aside_share takes chips from the training, but nothing uses them: set training.patience or "
                f"{key}.set_aside_share: 0"
            )
        if self.method == "region" and self.count != (left := len(regions) - len(self.holdout.regions)):
            raise ValueError(f"{key}.count is {self.count}, but method region gives {left} folds, one per region")
