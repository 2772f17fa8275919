"""The size of networks of cells."""

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton


class SkeletonConfig(Section):
    """The size of networks of cells."""

    width: int = Field(
        default=8,
        ge=1,
        description="networks of cells: channels of the first stage; the other stages have 2 and 4 times as many",
    )
    cells: int = Field(default=1, ge=1, description="networks of cells: cells per stage")
    stem_strides: int = Field(
        default=2, ge=0, description="networks of cells: number of stem convolutions with stride 2"
    )

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton that the networks are built from."""
        return Skeleton(self.width, self.cells, self.stem_strides)
