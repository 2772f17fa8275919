"""The configuration of differentiable cell search within budgets."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import Field, model_validator

from workflow_lib.core.section import Budgets, Distinct, Name
from workflow_lib.spaces.cell_costs import COUNTED
from workflow_lib.spaces.cell_spaces import CELL_SPACES, CellSpaceName
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.skeleton_config import SkeletonConfig

if TYPE_CHECKING:
    from workflow_lib.config import Config


class CellSearchConfig(SkeletonConfig):
    """Searches for cells whose networks are within cost budgets.

    Keys of the differentiable search (`search.strategy: constrained`) do not matter to other strategies.
    """

    former_keys: ClassVar[Mapping[str, str]] = {
        "least_share": "min_budget_share",
        "none_derived": "allow_none",
        "most_skips": "max_skip_edges",
        "derived_cells": "mix_first_cells_only",
        "sampled": "sample_operations",
    }

    space: CellSpaceName = Field(
        default="nasbench201",
        description="nasbench201: one cell of four nodes, with residual blocks between stages; darts: a normal cell, "
        "with a reduction cell between stages",
    )
    budgets: dict[str, Budgets] = Field(
        default={},
        description="limited cost of the whole network per chip (parameters, multiply_adds, or a device name for its "
        "latency in ms or its energy in mJ, whichever it predicts) -> its maximum values; with `search.strategy: "
        "constrained`, each value is searched once per seed",
    )
    min_budget_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="minimum share of the budget that derived and randomly drawn networks should use, if such networks "
        "exist",
    )
    allow_none: bool = Field(
        default=True,
        description="nasbench201 cells may be derived with the operation none on an edge; false: only if no other cell "
        "is within the budget",
    )
    bounds: int = Field(
        default=5,
        ge=2,
        description="number of searches with bounds between the smallest and the largest network; the bound of each "
        "budget is read from this calibration curve (the look-up graph of the paper)",
    )
    seeds: int = Field(default=5, ge=1, description="searches per budget")
    random_networks: int = Field(
        default=0,
        ge=0,
        description="random networks drawn within each budget and trained like the derived ones, for comparison",
    )
    trained_width: int | None = Field(
        default=None,
        ge=1,
        description="width of the derived networks, to which the budgets refer; null: the width of the search",
    )
    trained_cells: int | None = Field(
        default=None, ge=1, description="cells per stage of the derived networks; null: as in the search"
    )
    mix_first_cells_only: bool = Field(
        default=False,
        description="only the first cell of each kind mixes operations; the other cells run the operations that are "
        "currently best",
    )
    shared_operations: bool = Field(
        default=False,
        description="all edges from one node share the weights of an operation, and it runs once",
    )
    bottleneck: int = Field(
        default=1,
        ge=1,
        description="factor by which the channels of cells are reduced during the search; 1: not reduced",
    )
    partial_channels: int = Field(
        default=1,
        ge=1,
        description="one in this many channels passes through the operations of an edge; the others bypass them "
        "(PC-DARTS). 1: all channels pass",
    )
    regions: Annotated[list[Name], Distinct] = Field(
        default=[],
        description="regions whose chips the search uses; empty: all. The derived networks are trained on all regions",
    )
    epochs: int = Field(default=20, ge=1, description="passes over the chips that train the weights")
    sample_operations: bool = Field(
        default=False,
        description="each step runs one operation per edge, sampled from alpha; false: each step runs a mixture of all "
        "operations, which is slower",
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        description="with `sample_operations`: temperature of the sampled operations; a high one spreads the gradient "
        "over all operations",
    )
    final_temperature: float | None = Field(
        default=None,
        gt=0,
        description="temperature in the last epoch, reached linearly (GDAS: 10 to 0.1); null: constant",
    )
    original_norms: bool = Field(
        default=False,
        description="as in the original DARTS, batch norms of searched operations have no scale and shift, and pools "
        "are followed by a norm, so that no operation gains by its scale; false: operations are searched as they are "
        "trained later",
    )
    second_order: bool = Field(
        default=False,
        description="compute the gradient of alpha after a look-ahead step of the weights; three times slower",
    )
    max_skip_edges: int | None = Field(
        default=None,
        ge=0,
        description="maximum number of edges that favour a skip connection: if a search exceeds it after its first "
        "quarter, it has collapsed and ends with the epoch before; this also applies to the calibration "
        "curve. null: no limit",
    )
    batch: int = Field(default=16, ge=2, description="chips per step, for weights and for alpha")
    learning_rate: float = Field(
        default=0.025, gt=0, description="initial learning rate of the weights (SGD, with cosine decay)"
    )
    weight_decay: float = Field(default=3e-4, ge=0, description="weight decay of the weights")
    clip_norm: float = Field(default=5.0, gt=0, description="maximum norm of the gradients of the weights")
    alpha_learning_rate: float = Field(
        default=0.02, gt=0, description="Adam's learning rate for the architecture parameters"
    )
    alpha_weight_decay: float = Field(default=1e-3, ge=0, description="weight decay of the architecture parameters")
    multiplier_rate: float = Field(
        default=0.05,
        gt=0,
        description="increase of the Lagrange multiplier per step and per unit of relative excess cost",
    )

    def min_cost(self, budget: float) -> float:
        """Return the minimum cost of networks within a budget; an infinite budget has none."""
        return self.min_budget_share * budget if isfinite(budget) else -inf

    @property
    def is_enumerated(self) -> bool:
        """Whether the space is so small that a strategy can know the costs of all its networks."""
        return CELL_SPACES[self.space].is_enumerated

    @property
    def skeletons(self) -> Mapping[str, Skeleton]:
        """The skeletons of the networks that are searched, and of those that are derived and trained."""
        width, cells = self.trained_width or self.width, self.trained_cells or self.cells
        return {"searched": self.skeleton, "trained": Skeleton(width, cells, self.stem_strides)}

    @model_validator(mode="after")
    def _check(self) -> Self:
        product = f"bottleneck {self.bottleneck} times partial_channels {self.partial_channels}"
        if self.width % (self.bottleneck * self.partial_channels):
            raise ValueError(f"{product} must divide width {self.width}")
        if self.partial_channels > 1 and self.width < 2 * self.bottleneck * self.partial_channels:
            raise ValueError(f"{product} selects only one channel of width {self.width}: at least two are needed")
        if not self.sample_operations and (self.temperature != 1 or self.final_temperature is not None):
            raise ValueError("temperature and final_temperature need sample_operations")
        if self.sample_operations and (self.second_order or self.mix_first_cells_only):
            raise ValueError("sample_operations cannot be combined with second_order or mix_first_cells_only")
        return self

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        if not self.budgets:
            raise ValueError(f"{key}.budgets is empty: set at least one maximum cost")
        for name in self.budgets:
            self._check_budgeted(config, name, f"{key}.budgets.{name}")
        if unknown := sorted(set(self.regions) - set(config.data.regions)):
            raise ValueError(f"{key}.regions names {unknown}, but data.regions has only {list(config.data.regions)}")
        if held_out := sorted(set(self.regions) & set(config.folds.holdout.regions)):
            raise ValueError(f"{key}.regions names {held_out}, but folds.holdout holds them out: remove them")

    def _check_budgeted(self, config: "Config", name: str, key: str) -> None:
        if name in COUNTED:
            return
        if name not in config.devices:
            raise ValueError(f"{key} is unknown: choose one of {', '.join([*COUNTED, *config.devices])}")
        config.check_prices_operations(name, key)
