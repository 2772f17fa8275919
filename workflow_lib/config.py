"""The whole configuration of a run: all sections, and the checks across sections."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from workflow_lib.analysis.battery_config import BatteryConfig
from workflow_lib.analysis.comparison_config import ComparisonConfig, RankingQualityConfig
from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.core.candidate import TRAINED, Candidate
from workflow_lib.core.section import Distinct, Name, Section, as_config_error
from workflow_lib.costs import all_costs
from workflow_lib.data.data_config import DataConfig
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.devices import default_devices, device_kinds, device_type, kind_of
from workflow_lib.field.field_config import LiteRtConfig, MapConfig, PrecisionsConfig
from workflow_lib.latency.device_kind import DeviceConfig
from workflow_lib.pareto.efficiency_config import EfficiencyConfig
from workflow_lib.pareto.front_config import SCORES, FrontConfig, besides_accuracy
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.supernet_config import SupernetConfig, VariantName
from workflow_lib.spaces.cell_costs import cost_column
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.training.training_config import TrainingConfig
from workflow_lib.training.utilization_config import UtilizationConfig

if TYPE_CHECKING:
    Device = DeviceConfig
else:
    Device = device_type()


class ReportConfig(Section):
    """How the report looks."""

    former_keys: ClassVar[Mapping[str, str]] = {"beside": "compared_runs"}

    title: str = Field(default="Edgefront report", description="heading of the report")
    dpi: int = Field(default=200, ge=50, le=1200, description="resolution of PNG figures (dots per inch)")
    pdf_figures: bool = Field(
        default=True,
        description="whether each figure is also drawn as PDF, for publications; PDF files of earlier runs stay as "
        "they are",
    )
    compared_runs: Annotated[list[Name], Distinct] = Field(
        default=[],
        description="other finished runs on the same chips and folds; the report ranks the candidates of all these "
        "runs on one front",
    )

    def check_within(self, config: "Config", key: str) -> None:
        """Check this section against the other sections; see `Section.check_within`."""
        if config.run in self.compared_runs:
            raise ValueError(f"{key}.compared_runs names this run itself, {config.run}")


class ExecutionConfig(Section):
    """How jobs are run."""

    warm_worker: bool = Field(
        default=True,
        description="fork jobs from a preloaded worker process, so that they start faster; false: start a new Python "
        "process for each job",
    )
    jobs_per_gpu: int = Field(
        default=1, ge=1, description="maximum number of training jobs that share one GPU of a host"
    )
    folds_together: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="train all folds of a candidate side by side in one job; results are the same as in separate jobs. "
        "auto: do so if `training.device` is cuda and no decision is taken between folds, because one "
        "small network leaves most of a GPU idle",
    )


class Config(Section):
    """The whole configuration of one run."""

    run: Name = Field(description="name of the run; its results are stored in results/<run>")
    seed: int = Field(default=42, ge=0, lt=2**32, description="base seed from which all random numbers are derived")
    data: DataConfig = Field(description="location and format of the chips")
    folds: FoldsConfig = Field(default=FoldsConfig(), description="division into training and validation data")
    grid: GridConfig = Field(description="candidates: channel sets, batch sizes and architectures")
    training: TrainingConfig = Field(default=TrainingConfig(), description="how each network is trained")
    model_licence: str | None = Field(
        default=None,
        min_length=1,
        description="licence of the deployed model, as an SPDX identifier such as CC-BY-4.0, which its files state; "
        "null: not stated",
    )
    keep_weights: bool = Field(default=False, description="keep the weights of every training job")
    devices: dict[Name, Device] = Field(
        default_factory=default_devices,
        min_length=1,
        description="device name -> how its latency is predicted or measured",
    )
    execution: ExecutionConfig = Field(
        default=ExecutionConfig(),
        description="how jobs are run; these keys do not affect results, and changing them reruns nothing",
    )
    front: FrontConfig = Field(default=FrontConfig(), description="the Pareto front")
    efficiency: EfficiencyConfig = Field(
        default=EfficiencyConfig(), description="relative efficiency (data envelopment analysis)"
    )
    utilization: UtilizationConfig | None = Field(
        default=None,
        description="measure the inference of each network with `training.device` and `training.precision`: "
        "throughput, arithmetic intensity, and the share of the peak throughput of a large matrix "
        "product; null: do not measure",
    )
    search: SearchConfig = Field(default=SearchConfig(), description="which candidates of the grid are trained")
    supernet: SupernetConfig = Field(
        default=SupernetConfig(), description="settings of the supernet, if the search uses one"
    )
    cell_search: CellSearchConfig | None = Field(
        default=None,
        description="networks of cells within budgets replace those of the grid: found by differentiable search "
        "(`search.strategy: constrained`), or by a surrogate search in which all budgets share the trainings "
        "(`surrogate`); null: the networks of the grid",
    )
    ranking_quality: RankingQualityConfig | None = Field(
        default=None,
        description="train supernets in several variants and compare their rankings with the ranking of the trained "
        "grid; null: do not",
    )
    comparison: ComparisonConfig | None = Field(
        default=None,
        description="replay the search strategies, except halving, supernet and constrained, on the trained grid, "
        "without further training, and report how much of the front each finds with how many trainings; null: do not",
    )
    racing: RacingConfig | None = Field(
        default=None,
        description="stop training a candidate once its completed folds and its known costs show that another "
        "candidate dominates it; null: train every candidate on all folds",
    )
    battery: BatteryConfig | None = Field(
        default=None,
        description="simulate the battery of a device that runs the most accurate network, the most frugal one, or "
        "switches between several; null: do not",
    )
    precisions: PrecisionsConfig | None = Field(
        default=None,
        description="convert the networks on the front to fp16 and int8 as well, and measure accuracy, file size and "
        "latency of each; needs keep_weights; null: do not",
    )
    litert: LiteRtConfig | None = Field(
        default=None,
        description="convert the deployed network to LiteRT files as well (`make litert` installs the converter); "
        "null: do not",
    )
    map: MapConfig | None = Field(
        default=None, description="deploy the recommended model and apply it to whole scenes; null: do not"
    )
    report: ReportConfig = Field(default=ReportConfig(), description="figures and report")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.devices_with("latency_ms"):
            raise ValueError("devices: at least one must have a latency; devices with unit mJ have only an energy")
        for key, section in self._sections():
            section.check_within(self, key)
        return self

    def _sections(self) -> Iterator[tuple[str, Section]]:
        """Yield each top-level section with its key; devices are yielded one by one."""
        for name, value in self:
            if isinstance(value, Section):
                yield name, value
            elif isinstance(value, dict):
                yield from ((f"{name}.{inner}", section) for inner, section in value.items())

    def check_prices_operations(self, device: str, key: str) -> None:
        """Check that a device can price single operations, which needs a predictor before the networks exist.

        Args:
            device: name of the device.
            key: configuration key that needs the prices.

        Raises:
            ValueError: if it cannot; the message names the key and the device.
        """
        if kind_of(self.devices[device]).operation_price is None:
            kinds = " or ".join(name for name, kind in device_kinds().items() if kind.operation_price)
            raise ValueError(
                f"{key} needs a predictor for {device} that exists before the networks: use kind {kinds}, for example "
                "with the folder that build_predictor wrote in an earlier run"
            )

    def training_of(self, recipe: str) -> TrainingConfig:
        """Return the settings of the trainings with a recipe.

        Args:
            recipe: a name of `grid.recipe_names`.

        Raises:
            ConfigError: if the recipe has an unknown key or a wrong value.
        """
        return self.training.with_recipe(self.grid.recipes, recipe)

    @property
    def digest(self) -> str:
        """SHA-256 of all keys that affect results: all sections but `execution`."""
        values = self.model_dump(mode="json", exclude={"execution"})
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    @property
    def background(self) -> str | None:
        """The background class (nothing of interest), if the configuration names one."""
        named = self.map.background if self.map else None
        return named or (self.data.clip.false_class if self.data.clip else None)

    @property
    def deployed_precisions(self) -> list[str]:
        """Precisions of the network files in a bundle, fp32 first."""
        return [TRAINED, *(self.precisions.formats if self.precisions else self.grid.converted)]

    @property
    def assembled(self) -> CellSearchConfig | SupernetConfig | None:
        """The section that defines the networks of a search that assembles them from priced parts; else None."""
        return self.cell_search or (self.supernet if self.supernet.space != "cross" else None)

    @property
    def budget_columns(self) -> dict[str, str]:
        """Quantity with budgets of the cell search -> column of its cost; empty without a cell search."""
        budgets = self.cell_search.budgets if self.cell_search else {}
        return {quantity: cost_column(quantity, quantity in self.energy_devices) for quantity in budgets}

    @property
    def searched_costs(self) -> list[str]:
        """Columns of the costs that a search weighs against the accuracy."""
        if self.cell_search:
            return list(self.budget_columns.values())
        return [objective.name for objective in besides_accuracy(self.front.objectives)]

    @property
    def supernet_devices(self) -> list[str]:
        """Devices whose predictions are averaged into `supernet.cost`."""
        return self.devices_with("latency_ms" if self.supernet.cost == "latency_mean_ms" else "energy_mj")

    @property
    def latency_devices(self) -> list[str]:
        """Devices that predict a latency."""
        return self.devices_with("latency_ms")

    @property
    def energy_devices(self) -> list[str]:
        """Devices that predict an energy."""
        return self.devices_with("energy_mj")

    @property
    def validation_files(self) -> list[str]:
        """Tables, below results/<run>, of the networks that validate this run's predictors."""
        patterns = {name: kind_of(settings).validation for name, settings in self.devices.items()}
        precisions = [TRAINED, *self.grid.converted]
        return [
            pattern.format(device=name, precision=precision)
            for name, pattern in patterns.items()
            if pattern
            for precision in precisions
        ]

    @property
    def target_class(self) -> str:
        """The class that a map looks for: the last one that is not the background."""
        return next(label for label in reversed(self.data.classes) if label != self.background)

    @property
    def supernets(self) -> list[tuple[VariantName, int]]:
        """(variant, replicate) of each supernet that is trained per channel set."""
        searched: list[tuple[VariantName, int]] = []
        if self.search.strategy == "supernet":
            searched = [("full", 0)]
        elif self.search.shares_weights:
            searched = [("fair", 0)]
        compared = self.ranking_quality
        return searched + (list(product(compared.variants, range(compared.seeds))) if compared else [])

    @property
    def folds_together(self) -> bool:
        """Whether one job trains all folds of a candidate."""
        chosen = self.execution.folds_together
        one_by_one = self.racing or self.search.folds_at_a_time
        return chosen == "always" or (chosen == "auto" and self.training.device == "cuda" and not one_by_one)

    @property
    def folds_per_job(self) -> int:
        """Number of trainings in one training job."""
        return self.folds.count if self.folds_together else 1

    @property
    def search_rounds(self) -> int:
        """Number of rounds in which the search proposes trainings."""
        return self.search.rounds(self.folds.count)

    @cached_property
    def architectures(self) -> list[str]:
        """Ids of the distinct candidate networks, without the baseline."""
        return [*self.grid.networks.networks(), *self.grid.extra_networks]

    @property
    def grid_size(self) -> int:
        """Number of candidates in the grid, without baselines."""
        settings = len(self.grid.batch_sizes) * len(self.grid.recipe_names)
        return len(self.grid.channel_sets) * settings * len(self.architectures)

    def combinations(self, networks: Sequence[str]) -> list[Candidate]:
        """Return the candidates of some networks: with every channel set, batch size and recipe.

        A trained model has a channel set of its own. It is not trained, so it is one row, with the first batch size and
        the first recipe.
        """
        grid = self.grid
        settings = grid.batch_sizes[0], grid.recipe_names[0]
        every = product(grid.channel_sets, grid.batch_sizes, networks, grid.recipe_names)
        return [
            Candidate(channels, batch, network, recipe)
            for channels, batch, network, recipe in every
            if network not in grid.own_channels or (grid.own_channels[network], *settings) == (channels, batch, recipe)
        ]

    def pairs(self, networks: Sequence[str]) -> list[tuple[str, str]]:
        """Return (channel set, network) of some networks, with every channel set; a trained model has its own only."""
        own = self.grid.own_channels
        every = product(self.grid.channel_sets, networks)
        return [(channels, network) for channels, network in every if own.get(network, channels) == channels]

    def devices_with(self, quantity: str) -> list[str]:
        """List the devices that predict a quantity, "latency_ms" or "energy_mj"."""
        return [name for name, predictor in self.devices.items() if predictor.quantity == quantity]

    @property
    def score_names(self) -> list[str]:
        """Columns of the candidate table for which higher is better."""
        return [*SCORES, *(f"{kind}_{label}_pct" for label in self.data.classes for kind in ("precision", "recall"))]

    @property
    def only_accuracy_is_unknown(self) -> bool:
        """Whether accuracy_pct is an objective, and all other objectives are known before training."""
        names = {objective.name for objective in self.front.objectives}
        return "accuracy_pct" in names and not names & ({*self.score_names, "training_s"} - {"accuracy_pct"})

    @cached_property
    def objective_names(self) -> list[str]:
        """Columns of the candidate table that can be objectives."""
        meters = self.devices_with("energy_mj")
        return [
            *self.score_names,
            "latency_mean_ms",
            "latency_worst_ms",
            *(f"latency_{device}_ms" for device in self.devices_with("latency_ms")),
            *(f"energy_{name}_mj" for name in (["mean", *meters] if meters else [])),
            *(f"file_{name}_bytes" for name, device in self.devices.items() if kind_of(device).measures_files),
            *all_costs(),
            "training_s",
        ]


def parse_config(values: Mapping[str, Any]) -> Config:
    """Validate a configuration.

    Args:
        values: nested mapping, as parsed from YAML.

    Raises:
        ConfigError: if a key is wrong; the message names the first problem and counts the others.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise as_config_error(error) from None
