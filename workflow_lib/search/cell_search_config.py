"""The configuration of differentiable search within budgets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from workflow_lib.core.section import Distinct, Name
from workflow_lib.spaces.cell_costs import COUNTED
from workflow_lib.spaces.cell_spaces import CellSpaceName
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.skeleton_config import SkeletonConfig

if TYPE_CHECKING:
    from workflow_lib.config import Config


Budgets = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1), Distinct]


class CellSearchConfig(SkeletonConfig):
    """Differentiable searches for cells whose networks keep budgets."""

    space: CellSpaceName = Field(
        default="nasbench201",
        description="nasbench201: one cell of four nodes, residual blocks between stages; darts: a normal cell, and a "
        "reduction cell between stages",
    )
    budgets: dict[str, Budgets] = Field(
        default={},
        description="what is limited, of the whole network for one chip (parameters, multiply_adds, or the latency on "
        "one of the devices, in ms), and its largest values: one search each and per seed",
    )
    least_share: float = Field(
        default=0.75, ge=0, le=1, description="of its budget that a derived network uses, where one does"
    )
    none_derived: bool = Field(
        default=True,
        description="a cell of nasbench201 may be derived with none on an edge; false: only where no other keeps the "
        "budget",
    )
    bounds: int = Field(
        default=5,
        ge=2,
        description="searches at bounds between the smallest and the largest network: the look-up graph, from which "
        "each budget's bound is read",
    )
    seeds: int = Field(default=5, ge=1, description="searches of each budget")
    random_networks: int = Field(
        default=0, ge=0, description="networks drawn within each budget and trained like those found: the yardstick"
    )
    trained_width: int | None = Field(
        default=None,
        ge=1,
        description="width of the networks that are derived, and that budgets are of; null: as searched",
    )
    trained_cells: int | None = Field(default=None, ge=1, description="their cells per stage; null: as searched")
    derived_cells: bool = Field(
        default=False, description="only the first cell of each kind mixes operations; in the others the best ones run"
    )
    shared_operations: bool = Field(
        default=False,
        description="an operation has one set of weights for all edges from one node, and runs once",
    )
    bottleneck: int = Field(
        default=1, ge=1, description="cells have so many times fewer channels in the search; 1: as many"
    )
    partial_channels: int = Field(
        default=1,
        ge=1,
        description="one in so many channels goes through the operations of an edge, the others pass by (PC-DARTS); 1: "
        "all go through",
    )
    regions: Annotated[list[Name], Distinct] = Field(
        default=[], description="whose chips the search learns from; none: all. Networks are trained on all regions"
    )
    epochs: int = Field(default=20, ge=1, description="passes over the chips that train weights")
    sampled: bool = Field(
        default=False,
        description="each step runs one operation per edge, drawn by alpha; false: all of them, mixed: slower",
    )
    second_order: bool = Field(
        default=False, description="alpha sees what the next step of the weights makes of it: slower, by three times"
    )
    most_skips: int | None = Field(
        default=None,
        ge=0,
        description="edges that may favour a skip connection: a search that has more after its first quarter "
        "collapses, and ends with the epoch before, also in the look-up graph; null: it goes on",
    )
    batch: int = Field(default=16, ge=2, description="chips per step, of weights and of alpha")
    learning_rate: float = Field(default=0.025, gt=0, description="of the weights, by SGD; falls as a cosine")
    weight_decay: float = Field(default=3e-4, ge=0, description="of the weights")
    clip_norm: float = Field(default=5.0, gt=0, description="largest norm of their gradients")
    alpha_learning_rate: float = Field(default=0.02, gt=0, description="of the architecture parameters, by Adam")
    alpha_weight_decay: float = Field(default=1e-3, ge=0, description="of the architecture parameters")
    multiplier_rate: float = Field(
        default=0.05,
        gt=0,
        description="what the multiplier gains per step and unit of the relative excess of the cost",
    )

    @property
    def skeletons(self) -> Mapping[str, Skeleton]:
        """Of networks of cells that are searched, and of those that are derived and trained."""
        width, cells = self.trained_width or self.width, self.trained_cells or self.cells
        return {"searched": self.skeleton, "trained": Skeleton(width, cells, self.stem_strides)}

    @model_validator(mode="after")
    def _check(self) -> Self:
        both = f"bottleneck {self.bottleneck} times partial_channels {self.partial_channels}"
        if self.width % (self.bottleneck * self.partial_channels):
            raise ValueError(f"{both} does not divide width {self.width}")
        if self.partial_channels > 1 and self.width < 2 * self.bottleneck * self.partial_channels:
            raise ValueError(f"{both} leaves one channel of width {self.width}, always the same: two must go through")
        if self.sampled and (self.second_order or self.derived_cells):
            raise ValueError("sampled goes with neither second_order nor derived_cells")
        return self

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        if not self.budgets:
            raise ValueError(f"{key}.budgets names none: how large may networks be?")
        for name in self.budgets:
            self._check_budgeted(config, name, f"{key}.budgets.{name}")
        if unknown := sorted(set(self.regions) - set(config.data.regions)):
            raise ValueError(f"{key}.regions names {unknown}; data.regions has {list(config.data.regions)}")
        if taken := sorted(set(self.regions) & set(config.folds.holdout.regions)):
            raise ValueError(f"{key}.regions names {taken}, which folds.holdout keeps for the end")

    def _check_budgeted(self, config: "Config", name: str, key: str) -> None:
        if name in COUNTED:
            return
        if name not in config.devices:
            raise ValueError(f"{key} is none of {', '.join([*COUNTED, *config.devices])}")
        if config.devices[name].quantity != "latency_ms":
            raise ValueError(f"{key} needs a predictor of milliseconds")
        config.check_prices_operations(name, key)
