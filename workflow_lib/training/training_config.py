"""The configuration of one training."""

from collections.abc import Mapping
from math import cos, pi
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from workflow_lib.core.section import Section, as_config_error

if TYPE_CHECKING:
    from workflow_lib.config import Config


TRAINING_PASSES = 3
"""Cost of a training step in forward passes: the forward pass, and a backward pass for weights and one for inputs."""


class TrainingConfig(Section):
    """How one network is trained."""

    epochs: int = Field(default=5, ge=1, description="passes over the training chips")
    optimizer: Literal["adam", "sgd"] = Field(
        default="adam", description="adam: Adam, or AdamW with weight decay; sgd: gradient descent with momentum"
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="learning rate of the optimizer")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Nesterov's momentum of `optimizer: sgd`; 0: none")
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        description="weight decay, not applied to biases and batch norms; decoupled for adam (AdamW), added to the "
        "gradient for sgd",
    )
    weight_average: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="decay per step of an exponential moving average of the weights, which replaces them at the end, "
        "such as 0.99; 0: the weights of the last step",
    )
    warmup_epochs: int = Field(
        default=0, ge=0, description="epochs in which the learning rate rises linearly before the schedule starts"
    )
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="schedule of the learning rate; cosine lowers it towards 0 from epoch to epoch, which reduces the "
        "variance of the accuracy",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each target that is spread over all classes"
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="stop once the loss on the chips that `folds.set_aside_share` sets aside has not fallen for this "
        "many epochs, and keep the weights of the epoch with the lowest one; null: train all epochs and keep the last",
    )
    sampling: Literal["shuffled", "balanced"] = Field(
        default="shuffled",
        description="balanced: draw equally many chips of each class in each epoch, repeating those of rare classes; "
        "shuffled: each chip once",
    )
    class_weights: Literal["none", "balanced"] = Field(
        default="none",
        description="balanced: weight each class by the inverse of its share of the training chips; none: all chips "
        "count equally",
    )
    flips: bool = Field(default=False, description="flip each chip randomly along rows and columns in each step")
    rotations: bool = Field(default=False, description="turn each chip randomly by quarter turns in each step")
    shift_px: int = Field(
        default=0,
        ge=0,
        description="maximum random shift of each chip in each step, in rows and columns, with mirrored edges (pixels)",
    )
    gain_jitter: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="maximum relative change of each band of a chip in each step, after normalisation, such as 0.1; "
        "with data.normalisation per_dataset or none, indices are computed from the changed bands",
    )
    offset_jitter: float = Field(
        default=0.0,
        ge=0,
        description="maximum offset of each band of a chip in each step, in units of the normalised values; "
        "for indices see gain_jitter",
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        description="mix each chip and its class with another chip; parameter of the beta distribution of the shares, "
        "such as 0.2; 0: do not",
    )
    band_dropout: float = Field(
        default=0.0, ge=0, lt=1, description="probability that a band of a chip is set to zero in a step"
    )
    cutout_px: int = Field(
        default=0,
        ge=0,
        description="side of a randomly placed square of each chip that is set to zero in each step (pixels)",
    )
    clip_norm: float | None = Field(default=None, gt=0, description="maximum norm of the gradients; null: no limit")
    drop_path: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="networks of cells: probability in the last epoch that a step leaves out an operation for a chip; "
        "it rises linearly from 0",
    )
    auxiliary_weight: float = Field(
        default=0.0,
        ge=0,
        description="networks of cells: weight of the loss of an auxiliary head at two thirds of the depth, used only "
        "in training",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="compute device; auto: CUDA if available"
    )
    precision: Literal["float32", "bf16", "auto"] = Field(
        default="float32",
        description="bf16: autocast to bfloat16, for processors that multiply it in hardware (GPUs since Ampere, CPUs "
        "with AVX512-BF16 or AMX); auto: bf16 on such processors and float32 elsewhere",
    )

    def with_recipe(self, recipes: Mapping[str, Mapping[str, Any]] | None, name: str) -> "TrainingConfig":
        """Return these settings with those of a recipe.

        Args:
            recipes: `grid.recipes`: name -> the replaced keys; None: there are none.
            name: name of the recipe; empty if there are none.

        Raises:
            ConfigError: if a key is unknown or a value is wrong; one line.
        """
        try:
            return TrainingConfig.model_validate({**self.model_dump(), **(recipes or {}).get(name, {})})
        except ValidationError as error:
            raise as_config_error(error) from None

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0 (Loshchilov and Hutter 2017, equation 5, without restarts).

        >>> [round(TrainingConfig(epochs=4, learning_rate=1.0, schedule="cosine").rate(epoch), 3) for epoch in range(4)]
        [1.0, 0.854, 0.5, 0.146]
        """
        if epoch < self.warmup_epochs:
            return self.learning_rate * (epoch + 1) / (self.warmup_epochs + 1)
        if self.schedule == "constant":
            return self.learning_rate
        progress = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
        return self.learning_rate * (1 + cos(pi * progress)) / 2

    def check_within(self, config: "Config", key: str) -> None:
        """Check against other sections; see `Section.check_within`."""
        if self.patience is not None and not config.folds.set_aside_share:
            raise ValueError(f"{key}.patience needs chips that no network is trained on: set folds.set_aside_share")
        if self.sampling == "balanced" and self.class_weights == "balanced":
            raise ValueError(
                f"{key}.sampling and {key}.class_weights are both balanced, which would correct twice; choose one"
            )
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"{key}.warmup_epochs must be fewer than {key}.epochs, {self.epochs}")
        if self.shift_px >= config.data.chip_size_px:
            raise ValueError(f"{key}.shift_px must be less than data.chip_size_px, {config.data.chip_size_px}")
        has_cells = config.assembled and config.assembled.space != "mobilenet"
        if not has_cells and (self.drop_path or self.auxiliary_weight):
            raise ValueError(
                f"{key}.drop_path and {key}.auxiliary_weight are for networks of cells, which this run has none of"
            )
