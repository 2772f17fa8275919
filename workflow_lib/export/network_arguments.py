"""Flags of the stages that build one network of a run."""

from pydantic import Field

from workflow_lib.core.arguments import Arguments


class NetworkArguments(Arguments):
    """The network, and the sizes that its channel set and the chips give it."""

    architecture: str = Field(description="architecture id")
    inputs: int = Field(ge=1, description="number of input channels")
    classes: int = Field(ge=2, description="number of classes")
    chip_size_px: int = Field(ge=40, description="height and width of a chip (pixels)")
