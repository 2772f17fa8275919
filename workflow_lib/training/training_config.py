"""The configuration of one training."""

from math import cos, pi
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from workflow_lib.core.section import Section

if TYPE_CHECKING:
    from workflow_lib.config import Config


TRAINING_PASSES = 3
"""Cost of a training step in forward passes: the forward pass, and a backward pass for weights and one for inputs."""


class TrainingConfig(Section):
    """How one network is trained."""

    epochs: int = Field(default=5, ge=1, description="passes over the training chips")
    learning_rate: float = Field(default=1e-3, gt=0, description="Adam's learning rate")
    schedule: Literal["constant", "cosine"] = Field(
        default="constant",
        description="schedule of the learning rate; cosine lowers it towards 0 from epoch to epoch, which reduces the "
        "variance of the accuracy",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each target that is spread over all classes"
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

    def rate(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0 (Loshchilov and Hutter 2017, equation 5, without restarts).

        >>> [round(TrainingConfig(epochs=4, learning_rate=1.0, schedule="cosine").rate(epoch), 3) for epoch in range(4)]
        [1.0, 0.854, 0.5, 0.146]
        """
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + cos(pi * epoch / self.epochs)) / 2

    def check_within(self, config: "Config", key: str) -> None:
        """Check against other sections; see `Section.check_within`."""
        has_cells = config.assembled and config.assembled.space != "mobilenet"
        if not has_cells and (self.drop_path or self.auxiliary_weight):
            raise ValueError(
                f"{key}.drop_path and {key}.auxiliary_weight are for networks of cells, which this run has none of"
            )
