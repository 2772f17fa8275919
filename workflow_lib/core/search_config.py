"""What a run searches, and by which strategy: sections of the configuration."""

import sys
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from workflow_lib.core.section import Distinct, Name, Section
from workflow_lib.core.spaces.cell_spaces import CellSpaceName, SupernetSpaceName
from workflow_lib.core.spaces.nasbench201 import Skeleton


class SearchConfig(Section):
    """Which candidates of the grid are trained."""

    strategy: Literal[
        "grid", "random", "filter", "flops", "supernet", "reinforce", "evolution", "tpe", "constrained"
    ] = Field(
        default="grid",
        description="grid: all; random; filter: the front of latency and utilization (of throughput and utilization, "
        "where `utilization` measures them), known before training; flops: that of latency and multiply-adds; "
        "supernet: those that a rank-preserving supernet scores highest (`supernet`); reinforce, evolution, tpe: "
        "propose by what earlier ones reached; constrained: networks of cells within budgets (`cell_search`), instead "
        "of the grid's",
    )
    candidates: int = Field(
        default=32,
        ge=1,
        description="candidates to train, baselines aside: at most; filter and flops train whole fronts, as few as "
        "hold so many (1: the front alone)",
    )
    round_candidates: int = Field(
        default=8, ge=1, description="reinforce, evolution, tpe: candidates that are trained before it proposes again"
    )
    latency_target_ms: float | None = Field(
        default=None,
        gt=0,
        description="reinforce, evolution, tpe: their reward is accuracy x (target / mean latency) ^ weight; null: the "
        "median of the grid",
    )
    latency_weight: float = Field(default=0.07, ge=0, description="the weight in that reward; 0: accuracy alone")

    @property
    def learns(self) -> bool:
        """Whether it needs results before it proposes again."""
        return self.strategy in ("reinforce", "evolution", "tpe")

    @property
    def filters(self) -> bool:
        """Whether it takes whole fronts of what is known before training."""
        return self.strategy in ("filter", "flops")

    @property
    def rounds(self) -> int:
        """How often it proposes."""
        return -(-self.candidates // self.round_candidates) if self.learns else 1

    def round_size(self, round_number: int) -> int:
        """How many candidates it proposes at most in a round; whole fronts and the whole grid know no bound."""
        if self.filters or self.strategy == "grid":
            return sys.maxsize
        if not self.learns:
            return self.candidates
        return min(self.round_candidates, self.candidates - round_number * self.round_candidates)


class SkeletonConfig(Section):
    """The size of networks of cells."""

    width: int = Field(
        default=8,
        ge=1,
        description="of networks of cells: channels of the first stage; others have 2 and 4 times more",
    )
    cells: int = Field(default=1, ge=1, description="of networks of cells: cells per stage")
    stem_strides: int = Field(default=2, ge=0, description="of networks of cells: convolutions of stride 2 in the stem")

    @property
    def skeleton(self) -> Skeleton:
        """As networks know it."""
        return Skeleton(self.width, self.cells, self.stem_strides)


class SupernetVariant(NamedTuple):
    """A way to train a supernet.

    Attributes:
        first: which networks the steps of step 1 train: one at random, or strict fairness.
        second: which the steps of step 2 train: the same; one on the front of those that were judged; or the one of
            largest alpha, which learns Pareto ranks and scores networks (others: the Pareto rank by shared weights).
        pruned: whether values are dropped between rankings.
    """

    first: Literal["uniform", "fair"]
    second: Literal["uniform", "fair", "front", "alpha"]
    pruned: bool


VariantName = Literal["uniform", "fair", "without_alpha", "without_pruning", "full"]
VARIANTS: dict[VariantName, SupernetVariant] = {
    "uniform": SupernetVariant("uniform", "uniform", pruned=False),
    "fair": SupernetVariant("fair", "fair", pruned=False),
    "without_alpha": SupernetVariant("fair", "front", pruned=True),
    "without_pruning": SupernetVariant("fair", "alpha", pruned=False),
    "full": SupernetVariant("fair", "alpha", pruned=True),
}
"""The rank-preserving supernet, and what it is compared with."""


class SupernetConfig(SkeletonConfig):
    """The rank-preserving supernet of `search.strategy: supernet`, one per channel set."""

    space: SupernetSpaceName = Field(
        default="cross",
        description="which networks it holds: those of grid.space; or networks of cells (see cell_search.space) or "
        "chains of 21 MobileNetV2 blocks, of which the best by its ranking are trained",
    )
    batch: int = Field(default=16, ge=2, description="training batch size (chips)")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's learning rate, for the shared weights")
    fair_epochs: int = Field(
        default=5, ge=1, description="step 1: epochs in which each step trains every value of every choice"
    )
    ranked_epochs: int = Field(
        default=6,
        ge=1,
        description="step 2: epochs in which the best path is trained, and alpha learns Pareto ranks; they are spread "
        "over the rankings, one before each pruning and one after",
    )
    judged: int = Field(
        default=16,
        ge=2,
        description="networks that are drawn, and judged by the shared weights, in each epoch of step 2",
    )
    judge_chips: int | None = Field(
        default=None, ge=1, description="validation chips, drawn at random, that they are judged on; null: all"
    )
    judged_by: Literal["accuracy_pct", "cross_entropy"] = Field(
        default="accuracy_pct", description="what they are judged by, beside the cost; where all are accurate, by loss"
    )
    cost: Literal["latency_mean_ms", "energy_mean_mj"] = Field(
        default="latency_mean_ms", description="the other objective: mean latency, or energy where a device predicts it"
    )
    prunings: int = Field(
        default=1, ge=0, description="step 3: how often values are dropped that no good network uses, rankings between"
    )
    kept: int = Field(
        default=8, ge=1, description="networks of the first two ranks whose values a pruning keeps, by hypervolume"
    )

    @property
    def skeletons(self) -> Mapping[str, Skeleton]:
        """Of networks of cells, which are trained as they are searched."""
        return {"searched": self.skeleton}

    def rankings(self, variant: VariantName) -> int:
        """How often a variant's networks are ranked."""
        return self.prunings + 1 if VARIANTS[variant].pruned else 1

    def epochs_of(self, variant: VariantName, ranking: int) -> int:
        """Epochs of step 2 before one ranking of a variant."""
        count = self.rankings(variant)
        return self.ranked_epochs * (ranking + 1) // count - self.ranked_epochs * ranking // count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ranked_epochs <= self.prunings:
            raise ValueError(f"{self.ranked_epochs} ranked_epochs for {self.prunings + 1} rankings: each needs one")
        return self


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


class RankingQualityConfig(Section):
    """How well supernets rank the grid that was trained."""

    variants: Annotated[list[VariantName], Distinct] = Field(
        default=list(VARIANTS),
        min_length=1,
        description="uniform: one random path per step; fair: strict fairness; without_alpha, without_pruning: steps 1 "
        "to 3 without either; full: all of them",
    )
    seeds: int = Field(default=3, ge=2, le=100, description="supernets of each variant")


class ComparisonConfig(Section):
    """How well each search strategy would have done on the grid that was trained."""

    candidates: int = Field(
        default=32, ge=1, description="candidates that each may train: at least, because filters take whole fronts"
    )
    seeds: int = Field(default=5, ge=2, le=100, description="searches of each strategy that draws")
