"""Settings of the conversion of trained networks to 8-bit integers."""

from typing import Any

from pydantic import Field

from workflow_lib.core.section import Section


class ConversionConfig(Section):
    """How trained networks are converted to int8."""

    calibration_chips: int = Field(
        default=64, ge=1, description="number of training chips from which int8 takes the ranges of activations"
    )
    fine_tuning_loss_pct: float | None = Field(
        default=None,
        ge=0,
        description="a network whose int8 file loses more accuracy than this on training chips (percentage points) is "
        "trained for one more epoch with the rounding of int8 (quantization-aware fine-tuning); null: never",
    )

    @property
    def to_int8(self) -> bool:
        """Whether networks are converted to int8."""
        raise NotImplementedError

    def check_within(self, config: Any, key: str) -> None:
        """Reject settings that contradict each other or other sections; see `Section.check_within`."""
        super().check_within(config, key)
        if self.fine_tuning_loss_pct is None:
            return
        if not self.to_int8:
            raise ValueError(f"{key}.fine_tuning_loss_pct is for int8, which {key} does not ask for: remove it")
        for name in config.grid.recipe_names:
            training = config.training_of(name)
            if "balanced" in (training.sampling, training.class_weights):
                raise ValueError(
                    f"{key}.fine_tuning_loss_pct counts all chips alike, but the training balances classes: remove it"
                )
