"""The configuration: every key, its type, unit, default and meaning."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from math import cos, isqrt, pi
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from workflow_lib.core.data_config import DataConfig, FoldsConfig, Scenes
from workflow_lib.core.errors import ConfigError
from workflow_lib.core.indices import INDICES
from workflow_lib.core.search_config import (
    CellSearchConfig,
    ComparisonConfig,
    RankingQualityConfig,
    SearchConfig,
    SupernetConfig,
)
from workflow_lib.core.section import Distinct, Name, Section
from workflow_lib.core.spaces import cross
from workflow_lib.core.spaces.cell_costs import COUNTED

CALIBRATED_DEVICES = (
    "cortexA76cpu_tflite21",
    "adreno640gpu_tflite21",
    "adreno630gpu_tflite21",
    "myriadvpu_openvino2019r2",
)
"""Devices that nn-Meter has published predictions for."""

SCORES = ("accuracy_pct", "f1_pct", "auc")
"""Columns of the candidates table of which more is better."""

DEVIATIONS = ("accuracy_error_pct", "accuracy_fold_std_pct", "latency_device_std_ms")
"""Columns of it that say how much others vary."""


def _check_architecture(text: str) -> str:
    try:
        architecture = cross.Architecture.parse(text)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    if architecture.fold > 1:
        raise ValueError(f"{text} takes {architecture.fold} images at once: it has no latency of one")
    return str(architecture)


ArchitectureId = Annotated[str, AfterValidator(_check_architecture)]


class SpaceConfig(Section):
    """The CROSS search space: ResNet-18 with a searched stem; one list of values per dimension."""

    kernel_size: Annotated[list[Literal[3, 5]], Distinct] = Field(
        default=[3, 5], min_length=1, description="stem kernel (pixels)"
    )
    stride: Annotated[list[Literal[1, 2]], Distinct] = Field(
        default=[1, 2], min_length=1, description="stem stride (pixels)"
    )
    padding: Annotated[list[Literal[1, 2, 3]], Distinct] = Field(
        default=[1, 2, 3], min_length=1, description="stem padding (pixels)"
    )
    pool_choice: Annotated[list[Literal[0, 1]], Distinct] = Field(
        default=[0, 1], min_length=1, description="0: max-pooling, 1: none"
    )
    kernel_size_pool: Annotated[list[Literal[2, 3]], Distinct] = Field(
        default=[2, 3], min_length=1, description="max-pooling kernel (pixels)"
    )
    stride_pool: Annotated[list[Literal[1, 2]], Distinct] = Field(
        default=[1, 2], min_length=1, description="max-pooling stride (pixels)"
    )
    initial_output_feature: Annotated[list[Literal[32, 48, 64]], Distinct] = Field(
        default=[32, 48, 64],
        min_length=1,
        description="stem width (channels); the stages have 1, 2, 4 and 8 times as many",
    )

    @property
    def choices(self) -> dict[str, list[int]]:
        """Dimension -> values, in the space's order."""
        values = self.model_dump()
        return {dimension: values[dimension] for dimension in cross.CHOICES}


class GridConfig(Section):
    """What is searched: channel sets x batch sizes x architectures."""

    channel_sets: dict[Name, Annotated[list[Name], Field(min_length=1)]] = Field(
        min_length=1, description="name -> bands and indices (ndvi, ndwi) that a network sees"
    )
    batch_sizes: Annotated[list[Annotated[int, Field(ge=2)]], Distinct] = Field(
        min_length=1, description="training batch sizes (chips)"
    )
    space: SpaceConfig = Field(default=SpaceConfig(), description="the architectures")
    baseline: ArchitectureId = Field(
        default=str(cross.BASELINE),
        description="trained and predicted like a candidate, drawn beside the front, never part of it",
    )
    allow_missing: bool = Field(
        default=False,
        description="a training that fails for good, tried three times, fails alone: its candidate is left out of "
        "everything, and the report says so; false: no front without all trainings",
    )


class TrainingConfig(Section):
    """How one network is trained."""

    epochs: int = Field(default=5, ge=1, description="passes over the training chips")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's learning rate")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="of the learning rate: cosine lowers it from epoch to epoch towards 0, so that less of the "
        "accuracy is chance",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each target that is spread over all classes"
    )
    cutout_px: int = Field(
        default=0, ge=0, description="side of a square of each chip, anywhere, that a step sees as zeros (pixels)"
    )
    clip_norm: float | None = Field(default=None, gt=0, description="largest norm of the gradients; null: any")
    drop_path: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="networks of cells: probability that a step leaves an operation out for a chip, in the last "
        "epoch; rises to it from epoch to epoch",
    )
    auxiliary_weight: float = Field(
        default=0.0,
        ge=0,
        description="networks of cells: weight of the loss of a second head, two thirds up, that is there only in "
        "training",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: CUDA where there is one")
    precision: Literal["float32", "bf16", "auto"] = Field(
        default="float32",
        description="bf16: autocast to bfloat16, for processors that multiply it (GPUs since Ampere, CPUs with "
        "AVX512-BF16 or AMX); auto: bf16 there, float32 elsewhere",
    )

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0 (Loshchilov and Hutter 2017, equation 5, without restarts)."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + cos(pi * epoch / self.epochs)) / 2


class PredictorConfig(Section):
    """How the latency, or the energy, on one device is predicted."""

    kind: Literal["calibrated", "package", "built", "measured"] = Field(
        default="calibrated",
        description="calibrated: an analytic model fitted to nn-Meter's published predictions; package: the random "
        "forests of an nn-Meter predictor package; built: forests fitted to kernels that are measured where the job "
        "runs, or elsewhere (`measurements`); measured: every network is measured where its job runs",
    )
    package: str | None = Field(
        default=None,
        description="package: folder or zip of it, or a folder that build_predictor made; without it nn-Meter's "
        "published one is downloaded",
    )
    unit: Literal["ms", "us", "mJ"] | None = Field(
        default=None,
        description="package: what its forests predict; without it what its meta.yaml says. Must be given for mJ: then "
        "the device has an energy, and no latency",
    )
    uncovered: Literal["error", "report", "calibrated"] = Field(
        default="error",
        description="package, built: kernels that it has no forest for, or that its features cannot express (groups, "
        "dilation, flat windows and maps): an error, counted as 0 ms and shown in the report, or (package) priced by "
        "the calibrated model",
    )
    threads: int = Field(default=1, ge=1, description="built, measured: threads of ONNX Runtime")
    provider: Literal["cpu", "cuda"] = Field(
        default="cpu", description="built, measured: what ONNX Runtime runs networks on"
    )
    sample_kernels: int = Field(default=200, ge=10, description="built: how many kernels are measured")
    sample_networks: int = Field(
        default=32, ge=0, description="built: how many whole networks are measured, two fifths of them to calibrate"
    )
    measurements: str | None = Field(
        default=None,
        description="built: CSV of latencies that were measured elsewhere (columns model, latency_ms) of the networks "
        "in results/<run>/export_kernels/<device>",
    )

    @property
    def quantity(self) -> Literal["latency_ms", "energy_mj"]:
        """The column of LATENCIES that the device has."""
        return "energy_mj" if self.unit == "mJ" else "latency_ms"

    @model_validator(mode="after")
    def _check(self) -> Self:
        measuring = {"threads", "provider"}
        belongs = {
            "calibrated": set(),
            "package": {"package", "unit", "uncovered"},
            "built": measuring | {"sample_kernels", "sample_networks", "measurements", "uncovered"},
            "measured": measuring,
        }
        defaults = PredictorConfig.model_construct()
        changed = [name for name, value in self if name != "kind" and value != getattr(defaults, name)]
        if foreign := [name for name in changed if name not in belongs[self.kind]]:
            raise ValueError(f"kind {self.kind} has no {', '.join(foreign)}")
        if self.kind == "built" and self.uncovered == "calibrated":
            raise ValueError("uncovered: calibrated is for packages; choose error or report")
        if self.quantity == "energy_mj" and self.uncovered == "calibrated":
            raise ValueError("uncovered: calibrated prices latency, and unit mJ is energy; choose error or report")
        return self


class Objective(Section):
    """One axis of the Pareto front."""

    name: Name = Field(description="a numeric column of the candidates table, such as accuracy_pct or latency_mean_ms")
    direction: Literal["max", "min"] = Field(description="whether more or less is better")
    tolerance: float = Field(
        default=0.0, ge=0, description="differences up to this count as none on the epsilon-front (the column's unit)"
    )


class FrontConfig(Section):
    """What the front is over."""

    objectives: list[Objective] = Field(
        default=[
            Objective(name="accuracy_pct", direction="max", tolerance=0.5),
            Objective(name="latency_mean_ms", direction="min", tolerance=0.25),
            Objective(name="memory_bytes", direction="min", tolerance=10_000),
        ],
        min_length=2,
        description="the axes of the front",
    )
    resamples: int = Field(
        default=1000, ge=1, description="bootstrap resamples of the folds behind each front frequency"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [objective.name for objective in self.objectives]
        if len(set(names)) != len(names):
            raise ValueError(f"an objective is named twice: {names}")
        return self


class EfficiencyConfig(Section):
    """How models are scored relative to each other (data envelopment analysis)."""

    inputs: Annotated[list[Name], Distinct] = Field(
        default=["latency_mean_ms", "memory_bytes"],
        min_length=1,
        description="what a model costs: columns of the candidates table, positive, less is better",
    )
    outputs: Annotated[list[Name], Distinct] = Field(
        default=["accuracy_pct"], min_length=1, description="what it gives: columns of it, more is better"
    )
    training_inputs: Annotated[list[Name], Distinct] = Field(
        default=["training_s"],
        description="costs of its making: models are scored a second time with these among the inputs",
    )
    deviations: dict[Name, Name] = Field(
        default={"accuracy_pct": "accuracy_error_pct"},
        description="column -> the column with its standard deviation, for the stochastic front; all others are taken "
        "for certain (latency_mean_ms: latency_device_std_ms takes devices for draws)",
    )
    returns: Literal["variable", "constant"] = Field(
        default="variable",
        description="what a model is measured against: averages of others (variable returns to scale, BCC), or those "
        "scaled at will, too (constant, CCR)",
    )
    samples: int = Field(default=1000, ge=10, description="samples of the stochastic front")
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="that no arrow of the dominance diagram is drawn by chance"
    )
    shown: int = Field(
        default=20,
        ge=2,
        le=60,
        description="models in box plots and dominance diagram: those of highest median efficiency",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        columns = [*self.inputs, *self.training_inputs, *self.outputs]
        if len(set(columns)) != len(columns):
            raise ValueError(f"a column is named twice among inputs, training_inputs and outputs: {columns}")
        if training := set(self.deviations) & set(self.training_inputs):
            raise ValueError(f"deviations of {sorted(training)}: costs of training are not drawn; take them out")
        if unknown := set(self.deviations) - set(columns):
            raise ValueError(f"deviations of {sorted(unknown)}, which are neither inputs nor outputs")
        return self


class UtilizationConfig(Section):
    """How much of a processor's peak each network reaches where its job runs."""

    memory_limit_mb: float = Field(
        default=256.0, gt=0, description="memory that a batch may take on a CPU (MB); on a GPU it is what is free"
    )
    fold: int | None = Field(
        default=None,
        ge=4,
        le=64,
        description="also measure every network folded by so many chips, a square (stacked in its channels, widths "
        "times the root): what that does to throughput and utilization; null: do not",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.fold and isqrt(self.fold) ** 2 != self.fold:
            raise ValueError(f"fold is {self.fold}, and must be a square, such as 4 or 9")
        return self


class PrecisionsConfig(Section):
    """The front's networks, and what is deployed, also in smaller numbers."""

    smaller: Annotated[list[Literal["fp16", "int8"]], Distinct] = Field(
        default=["fp16", "int8"],
        min_length=1,
        description="fp16: half as many bytes; int8: a quarter, weights and activations (static quantization)",
    )
    calibration_chips: int = Field(
        default=64, ge=1, description="training chips from which int8 takes the ranges of activations"
    )
    most_loss_pct: float = Field(
        default=2.0, ge=0, description="a network that loses more accuracy than this is marked (points)"
    )


class MapArea(Section):
    """Whole scenes to which the recommended model is applied."""

    layers: list[Scenes] = Field(
        default=[], description="the scenes, with the bands that the model's channels are made of; generated land: none"
    )
    truth: str | None = Field(
        default=None,
        description="points that should be found, as in data.clip.points (CSV: in the CRS of its first scene); null: "
        "nobody knows",
    )


class MapConfig(Section):
    """Where the recommended model is applied, and how what it finds is judged."""

    areas: dict[Name, MapArea] = Field(
        min_length=1, description="area -> its scenes; with data.clip.landscape its land is generated"
    )
    background: Name | None = Field(
        default=None, description="class that is nothing, and not looked for; null: data.clip.false_class"
    )
    precision: Literal["fp32", "fp16", "int8"] = Field(
        default="fp32", description="of the network; fp16, int8: one of precisions.smaller"
    )
    overlap: float = Field(default=0.5, ge=0, lt=1, description="share of a window that lies in the next one")
    threshold: float = Field(default=0.5, ge=0, le=1, description="least probability of a place that is found")
    least_distance_m: float | None = Field(
        default=None, ge=0, description="between two places that are found (m); null: half a chip"
    )
    tolerance_m: float = Field(
        default=25.0, gt=0, description="between a place and the point that it is taken for, at most (m)"
    )


class RacingConfig(Section):
    """Stopping candidates that cannot reach the front any more."""

    first_folds: int = Field(default=3, ge=2, description="folds that every candidate is trained on")
    confidence: float = Field(
        default=0.95,
        gt=0.5,
        lt=1,
        description="that a stopped candidate is dominated; for each candidate, over the whole race",
    )


class BatteryConfig(Section):
    """A field device's battery, and the networks that it switches between."""

    capacity_mwh: float = Field(gt=0, description="of the battery, in terms of energy (mWh)")
    interval_s: float = Field(gt=0, description="from one inference to the next (s)")
    idle_mw: float = Field(default=0.0, ge=0, description="power that the device draws all the time (mW)")
    active_mw: float | None = Field(
        default=None,
        gt=0,
        description="power that a running network adds (mW): an inference takes this times the mean latency; null: it "
        "takes what devices of unit mJ predict",
    )
    networks: int = Field(
        default=3, ge=2, description="to switch between, at most: from the front of accuracy and energy"
    )
    hours: float | None = Field(
        default=None,
        gt=0,
        description="that the battery must last (h): networks are switched by the clock, so that the mean accuracy "
        "until then is as high as can be; null: they are switched by charge, each uses an equal part of it",
    )


class ReportConfig(Section):
    """How the report looks."""

    title: str = Field(default="Edgefront report", description="heading of the report")
    dpi: int = Field(default=200, ge=50, le=1200, description="resolution of the PNG figures (dots per inch)")
    beside: Annotated[list[Name], Distinct] = Field(
        default=[],
        description="finished runs on the same chips and folds, of other strategies: all candidates are judged on one "
        "front",
    )


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
    devices: dict[Name, PredictorConfig] = Field(
        default={name: PredictorConfig() for name in CALIBRATED_DEVICES},
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
        self._check_channels_and_objectives()
        self._check_devices()
        self._check_folds(self.folds)
        self._check_efficiency(self.efficiency)
        if self.comparison and (self.search.strategy != "grid" or self.racing):
            raise ValueError("comparison needs the whole grid trained: search.strategy grid, and no racing")
        if self.ranking_quality and (self.search.strategy != "grid" or self.racing):
            raise ValueError("ranking_quality needs the whole grid trained: search.strategy grid, and no racing")
        if self.ranking_quality and self.supernet.batch not in self.grid.batch_sizes:
            raise ValueError(
                f"ranking_quality compares networks of one batch size: supernet.batch is {self.supernet.batch}, and "
                f"grid.batch_sizes has {self.grid.batch_sizes}"
            )
        if (self.search.strategy == "constrained") != (self.cell_search is not None):
            raise ValueError("cell_search and search.strategy: constrained belong together")
        if self.cell_search and not self.cell_search.budgets:
            raise ValueError("cell_search.budgets names none: how large may networks be?")
        if self.run in self.report.beside:
            raise ValueError(f"report.beside names this run itself, {self.run}")
        if self.cell_search:
            self._check_cell_search(self.cell_search)
        self._check_assembled()
        if self.supernet.cost not in self.objective_names:
            raise ValueError(f"supernet.cost is {self.supernet.cost}, and no device of unit mJ predicts it")
        if self.battery and (self.battery.active_mw is None) == (not self.devices_with("energy_mj")):
            raise ValueError("battery needs the energy of an inference: battery.active_mw, or else a device of unit mJ")
        if self.racing:
            self._check_racing(self.racing)
        if self.precisions and not self.keep_weights:
            raise ValueError("precisions needs the weights of all trainings: set keep_weights: true")
        if self.map:
            self._check_map(self.map)
        if self.grid.baseline in self.architectures:
            raise ValueError(
                f"grid.baseline {self.grid.baseline} is a candidate of grid.space: the baseline stays outside the front"
            )
        return self

    def _check_channels_and_objectives(self) -> None:
        bands = self.data.bands
        for name, channels in self.grid.channel_sets.items():
            if unknown := [channel for channel in channels if channel not in bands]:
                raise ValueError(f"grid.channel_sets.{name} names {unknown}; all regions together give {bands}")
            if len(set(channels)) != len(channels):
                raise ValueError(f"grid.channel_sets.{name} names a channel twice: {channels}")
        for objective in self.front.objectives:
            if objective.name not in self.objective_names:
                raise ValueError(f"front.objectives names {objective.name}; known are {self.objective_names}")

    def _check_devices(self) -> None:
        for device, predictor in self.devices.items():
            if predictor.kind == "calibrated" and device not in CALIBRATED_DEVICES:
                raise ValueError(f"devices.{device}: calibrated predictors exist for {', '.join(CALIBRATED_DEVICES)}")
            published = predictor.package is None or predictor.uncovered == "calibrated"
            if predictor.kind == "package" and published and device not in CALIBRATED_DEVICES:
                raise ValueError(
                    f"devices.{device}: only {', '.join(CALIBRATED_DEVICES)} have published packages and models"
                )
            if device in ("mean", "worst", "device_std", "plain"):
                raise ValueError(f"devices.{device}: the name has a meaning in tables or folders; choose another")
        if not self.devices_with("latency_ms"):
            raise ValueError("devices: at least one must have a latency; those of unit mJ have an energy only")

    def _check_folds(self, folds: FoldsConfig) -> None:
        if unknown_regions := set(folds.holdout.regions) - set(self.data.regions):
            raise ValueError(f"folds.holdout.regions names {sorted(unknown_regions)}, which data.regions does not")
        if set(folds.holdout.regions) == set(self.data.regions):
            raise ValueError("folds.holdout.regions names every region: none is left to train on")
        if (folds.holdout.method == "region") != bool(folds.holdout.regions):
            raise ValueError("folds.holdout.regions and folds.holdout.method: region belong together")
        spatial_holdout = folds.holdout.method in ("region", "spatial_block")
        if folds.buffer_m and not folds.spatial and not spatial_holdout:
            raise ValueError("folds.buffer_m needs spatial folds: set folds.method to region or spatial_block")
        if folds.spatial and folds.holdout.method == "share":
            raise ValueError(
                "folds.holdout.method: share lets neighbours leak; with spatial folds use region or spatial_block"
            )
        if folds.method == "region":
            left = len(self.data.regions) - len(folds.holdout.regions)
            if folds.count != left:
                raise ValueError(f"folds.count is {folds.count}, but method region gives {left} folds, one per region")

    def _check_efficiency(self, efficiency: EfficiencyConfig) -> None:
        costs = [name for name in self.objective_names if name not in SCORES]
        if unknown := [name for name in [*efficiency.inputs, *efficiency.training_inputs] if name not in costs]:
            raise ValueError(f"efficiency.inputs or training_inputs name {unknown}; known costs are {costs}")
        if unknown := [name for name in efficiency.outputs if name not in SCORES]:
            raise ValueError(f"efficiency.outputs names {unknown}; known are {list(SCORES)}")
        if unknown := [name for name in efficiency.deviations.values() if name not in DEVIATIONS]:
            raise ValueError(f"efficiency.deviations names {unknown}; known are {list(DEVIATIONS)}")

    def _check_assembled(self) -> None:
        of_cells = self.assembled and self.assembled.space != "mobilenet"
        if not of_cells and (self.training.drop_path or self.training.auxiliary_weight):
            raise ValueError("training.drop_path and training.auxiliary_weight are for networks of cells: none is here")
        if self.assembled and self.utilization and self.utilization.fold:
            raise ValueError("utilization.fold is for networks of the CROSS space, which are not searched here")
        if self.supernet.space == "cross":
            return
        if self.search.strategy != "supernet":
            raise ValueError(f"supernet.space {self.supernet.space} needs search.strategy: supernet")
        for name in self.supernet_devices:
            self._check_priced(name, "supernet.cost")

    def _check_cell_search(self, search: CellSearchConfig) -> None:
        for name in search.budgets:
            self._check_budgeted(name)
        if unknown := sorted(set(search.regions) - set(self.data.regions)):
            raise ValueError(f"cell_search.regions names {unknown}; data.regions has {list(self.data.regions)}")
        held_out = self.folds.holdout.regions if self.folds.holdout else []
        if taken := sorted(set(search.regions) & set(held_out)):
            raise ValueError(f"cell_search.regions names {taken}, which folds.holdout keeps for the end")

    def _check_budgeted(self, name: str) -> None:
        if name in COUNTED:
            return
        if name not in self.devices:
            raise ValueError(f"cell_search.budgets.{name} is none of {', '.join([*COUNTED, *self.devices])}")
        if self.devices[name].quantity != "latency_ms":
            raise ValueError(f"cell_search.budgets.{name} needs a predictor of milliseconds")
        self._check_priced(name, f"cell_search.budgets.{name}")

    def _check_priced(self, name: str, key: str) -> None:
        if self.devices[name].kind not in ("calibrated", "package"):
            raise ValueError(
                f"{key} needs a predictor for {name} that is there before the networks are: kind calibrated or "
                "package, such as a folder that an earlier run's build_predictor made"
            )

    def _check_map(self, chart: MapConfig) -> None:
        landscape = self.data.clip.landscape if self.data.clip else None
        smaller = self.precisions.smaller if self.precisions else []
        if chart.precision not in ("fp32", *smaller):
            raise ValueError(f"map.precision is {chart.precision}, and precisions.smaller names {smaller}")
        if self.background not in self.data.classes:
            raise ValueError(
                f"map.background is {self.background}: name the class that is nothing, of {self.data.classes}"
            )
        used = {
            band
            for channels in self.grid.channel_sets.values()
            for name in channels
            for band in INDICES.get(name, (name,))
        }
        for name, area in chart.areas.items():
            given = {band for layer in area.layers for band in layer.bands}
            if area.layers and used - given:
                raise ValueError(f"map.areas.{name}: grid.channel_sets needs {sorted(used - given)} as well")
            if landscape and area.truth:
                raise ValueError(f"map.areas.{name}.truth: the true places of generated land are known")
            if landscape and name not in landscape.looks:
                raise ValueError(f"map.areas.{name}: data.clip.landscape.looks does not say what it looks like")
            if bool(landscape) == bool(area.layers):
                raise ValueError(f"map.areas.{name}.layers must name its scenes, and none of generated land")
            if name in self.data.regions:
                raise ValueError(f"map.areas.{name}: a region of that name is trained on; choose another")

    def _check_racing(self, racing: RacingConfig) -> None:
        if self.search.strategy != "grid":
            raise ValueError(f"racing is for the whole grid, and search.strategy is {self.search.strategy}")
        if self.execution.folds_together == "always":
            raise ValueError("racing decides fold by fold: set execution.folds_together to auto or never")
        if racing.first_folds >= self.folds.count:
            raise ValueError(f"racing.first_folds is {racing.first_folds}, of {self.folds.count} folds: none is left")
        names = {objective.name for objective in self.front.objectives}
        if "accuracy_pct" not in names or names & {"f1_pct", "auc", "training_s"}:
            raise ValueError(
                "racing compares accuracies: front.objectives must name accuracy_pct, and beside it only costs that "
                "are known before training"
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
        return [str(architecture) for architecture in cross.architectures(self.grid.space.choices)]

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
            "memory_bytes",
            "paper_memory_bytes",
            "weights_bytes",
            "parameters",
            "multiply_adds",
            "activation_bytes",
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


def as_config_error(error: ValidationError) -> ConfigError:
    """Put pydantic's findings into one line."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"])
    message = {"extra_forbidden": "unknown key", "missing": "missing key"}.get(
        first["type"], first["msg"].removeprefix("Value error, ")
    )
    more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
    return ConfigError(message + more, f"config: {key}" if key else "config", "see config/README.md")
