"""The configuration of the rank-preserving supernet."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from workflow_lib.spaces.cell_spaces import SupernetSpaceName
from workflow_lib.spaces.cross import CROSS
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.skeleton_config import SkeletonConfig

if TYPE_CHECKING:
    from workflow_lib.config import Config


class SupernetVariant(NamedTuple):
    """A way to train a supernet.

    Attributes:
        first: networks trained in each step of step 1: a random one, or several by strict fairness.
        second: networks trained in each step of step 2: as in step 1; one on the front of the evaluated networks; or
            the one of largest alpha. Only alpha learns Pareto ranks and scores networks; the other variants score by
            the Pareto rank with shared weights.
        pruned: whether values are removed between rankings.
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
"""The rank-preserving supernet (full), and the variants with which it is compared."""


class SupernetConfig(SkeletonConfig):
    """The rank-preserving supernet of `search.strategy: supernet`, one per channel set."""

    former_keys: ClassVar[Mapping[str, str]] = {
        "judged": "evaluated_networks",
        "judge_chips": "evaluation_chips",
        "judged_by": "metric",
        "kept": "kept_networks",
    }

    space: SupernetSpaceName = Field(
        default="cross",
        description="networks that the supernet contains. cross: those of grid.space; nasbench201 and darts: networks "
        "of cells (see cell_search.space); mobilenet: chains of 21 MobileNetV2 blocks. Unless it is cross, "
        "the networks that it ranks best are trained",
    )
    batch: int = Field(default=16, ge=2, description="training batch size (chips)")
    optimizer: Literal["adam", "sgd"] = Field(default="adam", description="optimizer of the shared weights")
    learning_rate: float = Field(default=1e-3, gt=0, description="learning rate of the optimizer")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="momentum of `optimizer: sgd`; 0: none")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="schedule of the learning rate within step 1, and again within each ranking of step 2",
    )
    fair_epochs: int = Field(
        default=5, ge=1, description="step 1: epochs in which each step trains every value of every choice"
    )
    sandwich: bool = Field(
        default=False,
        description="step 1: each step also trains the largest and the smallest network, by multiply-adds",
    )
    distillation: bool = Field(
        default=False,
        description="step 1, needs sandwich: the other networks of a step learn the class probabilities of the largest "
        "network instead of the classes",
    )
    ranked_epochs: int = Field(
        default=6,
        ge=1,
        description="step 2: epochs in which the best path is trained and alpha learns Pareto ranks; they are divided "
        "among the rankings, one before each pruning and one after the last",
    )
    evaluated_networks: int = Field(
        default=16,
        ge=2,
        description="networks drawn in each epoch of step 2 and evaluated with the shared weights",
    )
    evaluation_chips: int | None = Field(
        default=None,
        ge=1,
        description="number of randomly drawn chips on which they are evaluated, from those that "
        "`folds.set_aside_share` sets aside, or from the validation chips if there are none; null: all",
    )
    metric: Literal["accuracy_pct", "cross_entropy"] = Field(
        default="accuracy_pct",
        description="metric by which they are ranked, together with the cost; cross_entropy is useful if all networks "
        "are accurate",
    )
    cost: Literal["latency_mean_ms", "energy_mean_mj"] = Field(
        default="latency_mean_ms",
        description="the other objective: mean latency, or mean energy if a device predicts it",
    )
    prunings: int = Field(
        default=1,
        ge=0,
        description="step 3: how often values are removed that no good network uses; networks are ranked again after "
        "each pruning",
    )
    pruning: Literal["networks", "values"] = Field(
        default="networks",
        description="networks: a pruning keeps the values of the best networks (kept_networks); values: it keeps the "
        "half of the values of each choice that adds most to the hypervolume",
    )
    kept_networks: int = Field(
        default=8,
        ge=1,
        description="number of networks of the first two ranks, chosen by hypervolume, whose values survive a pruning",
    )

    @property
    def skeletons(self) -> Mapping[str, Skeleton]:
        """The skeleton of networks of cells, which are trained as they are searched."""
        return {"searched": self.skeleton}

    def rankings(self, variant: VariantName) -> int:
        """Return how often the networks of a variant are ranked."""
        return self.prunings + 1 if VARIANTS[variant].pruned else 1

    def epochs_of(self, variant: VariantName, ranking: int) -> int:
        """Return the number of epochs of step 2 before one ranking of a variant.

        >>> SupernetConfig(ranked_epochs=7, prunings=1).epochs_of("full", 0)
        3
        """
        count = self.rankings(variant)
        return self.ranked_epochs * (ranking + 1) // count - self.ranked_epochs * ranking // count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.distillation and not self.sandwich:
            raise ValueError("distillation needs the largest network in each step: set sandwich to true")
        if self.ranked_epochs <= self.prunings:
            raise ValueError(
                f"ranked_epochs is {self.ranked_epochs} and must be at least {self.prunings + 1}, one per ranking"
            )
        return self

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the others; see `Section.check_within`."""
        if self.space == CROSS and config.supernets and config.grid.space.name != CROSS:
            raise ValueError(f"{key}.space cross needs grid.space cross, which is {config.grid.space.name}")
        if self.space != CROSS:
            if config.search.strategy != "supernet":
                raise ValueError(f"{key}.space {self.space} needs search.strategy supernet")
            for device in config.supernet_devices:
                config.check_prices_operations(device, f"{key}.cost")
        if self.cost not in config.objective_names:
            raise ValueError(f"{key}.cost is {self.cost}, but no device predicts it: configure a device of unit mJ")
