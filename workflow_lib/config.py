"""The whole configuration of a run: every section, and what must hold between them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from workflow_lib.analysis.battery_config import BatteryConfig
from workflow_lib.analysis.comparison_config import ComparisonConfig, RankingQualityConfig
from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.core.section import Distinct, Name, Section, as_config_error
from workflow_lib.costs import all_costs
from workflow_lib.data.data_config import DataConfig
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.devices import default_devices, device_kinds, device_type, kind_of
from workflow_lib.field.field_config import MapConfig, PrecisionsConfig
from workflow_lib.latency.device_kind import DeviceConfig
from workflow_lib.pareto.efficiency_config import EfficiencyConfig
from workflow_lib.pareto.front_config import SCORES, FrontConfig
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.supernet_config import SupernetConfig, VariantName
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.training.training_config import TrainingConfig
from workflow_lib.training.utilization_config import UtilizationConfig

if TYPE_CHECKING:
    Device = DeviceConfig
else:
    Device = device_type()


class ReportConfig(Section):
    """How the report looks."""

    title: str = Field(default="Edgefront report", description="heading of the report")
    dpi: int = Field(default=200, ge=50, le=1200, description="resolution of the PNG figures (dots per inch)")
    beside: Annotated[list[Name], Distinct] = Field(
        default=[],
        description="finished runs on the same chips and folds, of other strategies: all candidates are judged on one "
        "front",
    )

    def check_within(self, config: "Config", key: str) -> None:
        """Refuse what other sections contradict; see `Section.check_within`."""
        if config.run in self.beside:
            raise ValueError(f"{key}.beside names this run itself, {config.run}")


class ExecutionConfig(Section):
    """How jobs are run."""

    warm_worker: bool = Field(
        default=True,
        description="jobs of one Snakemake share a process that has imported what they need; false: each starts anew",
    )
    jobs_per_gpu: int = Field(default=1, ge=1, description="how many training jobs may share one GPU of a host")
    folds_together: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="train all folds of a candidate side by side in one job, with the results that they have alone; "
        "auto: with `training.device: cuda`, where one small network leaves most of a GPU idle, and without racing",
    )


class Config(Section):
    """The whole configuration of one run."""

    run: Name = Field(description="name of the run: its results lie in results/<run>")
    seed: int = Field(default=42, ge=0, lt=2**32, description="base seed of everything random")
    data: DataConfig = Field(description="where the chips are and how they are read")
    folds: FoldsConfig = Field(default=FoldsConfig(), description="training and validation")
    grid: GridConfig = Field(description="what is searched")
    training: TrainingConfig = Field(default=TrainingConfig(), description="how one network is trained")
    keep_weights: bool = Field(default=False, description="keep the weights of every training job beside its scores")
    devices: dict[Name, Device] = Field(
        default_factory=default_devices,
        min_length=1,
        description="device -> how its latency is predicted",
    )
    execution: ExecutionConfig = Field(
        default=ExecutionConfig(), description="how jobs are run; changes no result, and repeats nothing"
    )
    front: FrontConfig = Field(default=FrontConfig(), description="the Pareto front")
    efficiency: EfficiencyConfig = Field(default=EfficiencyConfig(), description="relative efficiency")
    utilization: UtilizationConfig | None = Field(
        default=None,
        description="measure each network's inference with `training.device` and `training.precision`: throughput, "
        "arithmetic intensity, and share of the peak that a large matrix product reaches; null: do not",
    )
    search: SearchConfig = Field(default=SearchConfig(), description="which candidates of the grid are trained")
    supernet: SupernetConfig = Field(default=SupernetConfig(), description="the supernet, where the search takes one")
    cell_search: CellSearchConfig | None = Field(
        default=None, description="of search.strategy: constrained, and of no other"
    )
    ranking_quality: RankingQualityConfig | None = Field(
        default=None,
        description="train supernets in several variants, and compare their rankings with the trained grid's; null: do "
        "not",
    )
    comparison: ComparisonConfig | None = Field(
        default=None,
        description="let every search strategy search the grid that was trained, without training again: how much of "
        "the front each finds, and for how many trainings; null: do not",
    )
    racing: RacingConfig | None = Field(
        default=None,
        description="stop training a candidate as soon as its folds so far show, with its known costs, that another "
        "one dominates it; null: every candidate is trained on all folds",
    )
    battery: BatteryConfig | None = Field(
        default=None,
        description="simulate a device's battery that lives on the most accurate network, on the most frugal one, or "
        "on several between which it switches; null: do not",
    )
    precisions: PrecisionsConfig | None = Field(
        default=None,
        description="write the front's networks also in fp16 and int8, and measure accuracy, bytes and latency of "
        "each; needs keep_weights; null: do not",
    )
    map: MapConfig | None = Field(
        default=None, description="deploy the recommended model and apply it to whole scenes; null: do not"
    )
    report: ReportConfig = Field(default=ReportConfig(), description="figures and report")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.devices_with("latency_ms"):
            raise ValueError("devices: at least one must have a latency; those of unit mJ have an energy only")
        for key, section in self._sections():
            section.check_within(self, key)
        return self

    def _sections(self) -> Iterator[tuple[str, Section]]:
        """Every section of the first level with its key; devices one by one."""
        for name, value in self:
            if isinstance(value, Section):
                yield name, value
            elif isinstance(value, dict):
                yield from ((f"{name}.{inner}", section) for inner, section in value.items())

    def check_prices_operations(self, device: str, key: str) -> None:
        """Refuse a device whose predictor exists only after the networks do, where single operations must be priced.

        Args:
            device: its name.
            key: the key of the configuration that needs it.

        Raises:
            ValueError: naming both.
        """
        if kind_of(self.devices[device]).operation_price is None:
            kinds = " or ".join(name for name, kind in device_kinds().items() if kind.operation_price)
            raise ValueError(
                f"{key} needs a predictor for {device} that exists before the networks do: kind {kinds}, such as a "
                "folder that an earlier run's build_predictor made"
            )

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides results: every key except those that only say how jobs run."""
        values = self.model_dump(mode="json", exclude={"execution"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    @property
    def background(self) -> str | None:
        """The class that is nothing, if the config says so."""
        named = self.map.background if self.map else None
        return named or (self.data.clip.false_class if self.data.clip else None)

    @property
    def assembled(self) -> CellSearchConfig | SupernetConfig | None:
        """What says which networks are searched where they are not the grid's, but put together from priced parts."""
        return self.cell_search or (self.supernet if self.supernet.space != "cross" else None)

    @property
    def supernet_devices(self) -> list[str]:
        """Those whose predictions are `supernet.cost`, in the mean."""
        return self.devices_with("latency_ms" if self.supernet.cost == "latency_mean_ms" else "energy_mj")

    @property
    def latency_devices(self) -> list[str]:
        """Devices that have a latency."""
        return self.devices_with("latency_ms")

    @property
    def validation_files(self) -> list[str]:
        """Tables, below results/<run>, of networks that predictors of this run were validated with."""
        patterns = {name: kind_of(settings).validation for name, settings in self.devices.items()}
        return [pattern.format(device=name) for name, pattern in patterns.items() if pattern]

    @property
    def target_class(self) -> str:
        """The class that a map looks for: the last one that is not the background."""
        return next(label for label in reversed(self.data.classes) if label != self.background)

    @property
    def supernets(self) -> list[tuple[VariantName, int]]:
        """(variant, replicate) of every supernet of a channel set."""
        searched: list[tuple[VariantName, int]] = [("full", 0)] if self.search.strategy == "supernet" else []
        compared = self.ranking_quality
        return searched + (list(product(compared.variants, range(compared.seeds))) if compared else [])

    @property
    def folds_together(self) -> bool:
        """Whether one job trains all folds of a candidate."""
        chosen = self.execution.folds_together
        return chosen == "always" or (chosen == "auto" and self.training.device == "cuda" and not self.racing)

    @property
    def folds_per_job(self) -> int:
        """How many trainings a job of a candidate is."""
        return self.folds.count if self.folds_together else 1

    @cached_property
    def architectures(self) -> list[str]:
        """Ids of the distinct candidate networks; the baseline is not among them."""
        return self.grid.networks.networks()

    @property
    def grid_size(self) -> int:
        """How many candidates the grid has, baselines aside."""
        return len(self.grid.channel_sets) * len(self.grid.batch_sizes) * len(self.architectures)

    def devices_with(self, quantity: str) -> list[str]:
        """Devices that predict a quantity: latency_ms or energy_mj."""
        return [name for name, predictor in self.devices.items() if predictor.quantity == quantity]

    @cached_property
    def objective_names(self) -> list[str]:
        """Columns of the candidates table that can be objectives."""
        meters = self.devices_with("energy_mj")
        return [
            *SCORES,
            "latency_mean_ms",
            "latency_worst_ms",
            *(f"latency_{device}_ms" for device in self.devices_with("latency_ms")),
            *(f"energy_{name}_mj" for name in (["mean", *meters] if meters else [])),
            *all_costs(),
            "training_s",
        ]


def parse_config(values: Mapping[str, Any]) -> Config:
    """Check a configuration.

    Args:
        values: nested mapping as YAML gives it.

    Raises:
        ConfigError: naming the first wrong key and how many more there are.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise as_config_error(error) from None
