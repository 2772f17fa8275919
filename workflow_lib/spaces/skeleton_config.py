"""The size of networks of cells."""

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton


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
