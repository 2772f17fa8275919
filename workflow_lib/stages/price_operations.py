"""Price the operations of cells: what each has of a quantity, or takes on a device, in all cells of a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import PredictorConfig
from workflow_lib.core.running import run_stage
from workflow_lib.core.search_config import SkeletonConfig
from workflow_lib.core.spaces.cell_costs import COUNTED, CellCosts
from workflow_lib.core.spaces.cell_spaces import CELL_SPACES, AssembledSpaceName
from workflow_lib.core.tables import CELL_COSTS
from workflow_lib.search.derivation import cost_rows


class PriceArguments(Arguments):
    """Flags of the stage."""

    space: AssembledSpaceName = Field(description="of the networks")
    size: SkeletonConfig
    predictor_config: PredictorConfig
    inputs: int = Field(ge=1, description="number of input channels")
    classes: int = Field(ge=2, description="number of classes")
    chip_size_px: int = Field(ge=1, description="height and width of a chip (pixels)")
    channels: str = Field(description="name of the channel set")
    quantity: str = Field(description="parameters, multiply_adds, or the name of a device")
    skeleton: Literal["searched", "trained"] = Field(description="whether networks are those searched or those trained")
    predictor: Path | None = Field(default=None, description="predictor of that device")
    output: Path = Field(description="writes the prices")


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
    # Imports torch, which counting does without.
    from workflow_lib.latency.cells import price_cells
    from workflow_lib.latency.lookup import predicted
    from workflow_lib.latency.predictors import read_predictor
    from workflow_lib.latency.pricing import calibrated_fallback

    config, device, path = arguments.predictor_config, arguments.quantity, arguments.predictor
    assert path is not None
    predictor = read_predictor(config.kind, path, device, config.quantity)
    fallback = calibrated_fallback(device) if config.uncovered == "calibrated" else None
    rules = {"fusion_rules": path / "fusion_rules.json"} if config.kind == "package" else {}
    # As latencies of whole networks are: what the calibrated model reproduces as free is free.
    strict = config.kind != "calibrated" and config.uncovered == "error"
    return price_cells(arguments.space, *network, predicted(predictor, fallback=fallback, strict=strict, **rules))


if __name__ == "__main__":
    run_stage(main)
