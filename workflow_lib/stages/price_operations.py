"""Price the operations of cells: count a quantity, or predict the cost on a device, over all cells of a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.devices import kind_of, parse_settings
from workflow_lib.search.cell_tables import CELL_COSTS
from workflow_lib.search.derivation import cost_rows
from workflow_lib.spaces.cell_costs import COUNTED, CellCosts
from workflow_lib.spaces.cell_spaces import CELL_SPACES, AssembledSpaceName
from workflow_lib.spaces.skeleton_config import SkeletonConfig

CONTRACT = 2


class PriceArguments(Arguments):
    """Flags of the stage."""

    space: AssembledSpaceName = Field(description="search space of the networks")
    size: SkeletonConfig
    settings: str = Field(default="", description="settings of the device (JSON), if the quantity is a device")
    inputs: int = Field(ge=1, description="number of input channels")
    classes: int = Field(ge=2, description="number of classes")
    chip_size_px: int = Field(ge=1, description="height and width of a chip (pixels)")
    channels: str = Field(description="name of the channel set")
    quantity: str = Field(description="parameters, multiply_adds, or the name of a device")
    skeleton: Literal["searched", "trained"] = Field(
        description="which skeleton: that of the searched or of the trained networks"
    )
    predictor: Path | None = Field(default=None, description="predictor of the device, if the quantity is a device")
    output: Path = Field(description="output: price of each operation")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PriceArguments.parse(__doc__, argv)
    rows = cost_rows(CELL_SPACES[arguments.space], _price(arguments))
    ids = {name: getattr(arguments, name) for name in ("channels", "quantity", "skeleton")}
    CELL_COSTS.write(rows.assign(**ids), arguments.output)


def _price(arguments: PriceArguments) -> CellCosts:
    network = (arguments.size.skeleton, arguments.inputs, arguments.classes, arguments.chip_size_px)
    if arguments.quantity in COUNTED:
        return CELL_SPACES[arguments.space].count(arguments.quantity, *network)
    # Imported here because it imports torch, which counting does not need.
    from workflow_lib.latency.operation_prices import price_cells

    assert arguments.predictor is not None
    settings = parse_settings(arguments.settings)
    operation_price = kind_of(settings).operation_price
    assert operation_price is not None
    price = operation_price(settings, arguments.predictor, arguments.quantity)
    return price_cells(arguments.space, *network, price)


if __name__ == "__main__":
    run_stage(main)
