"""Search for a cell by gradient descent while keeping the expected cost of its network within a bound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from pydantic import Field

from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset, DatasetArguments
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import CELL_ALPHA, CELL_SEARCH, LOOKUP_GRAPH
from workflow_lib.search.constrained_search import ConstrainedSearch
from workflow_lib.search.derivation import LookupGraph, alpha_rows, read_costs, spread_bounds
from workflow_lib.search.mixed_cells import SpeedUps, to_mixed
from workflow_lib.search.original_norms import use_original_norms
from workflow_lib.search.search_task import SearchTask, split_in_halves
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.training.checkpoint import Checkpoint
from workflow_lib.training.compute import Compute, use_one_thread
from workflow_lib.training.training_config import TrainingConfig

CONTRACT = 3


_KEYS = ("channels", "quantity", "target", "number", "repeat")


class SearchArguments(DatasetArguments):
    """Flags of the stage."""

    cell_search: CellSearchConfig
    device: str = Field(default="auto", description="auto, cpu or cuda")
    seed: int = Field(description="base seed of the run")
    channels: str = Field(description="name of the channel set")
    select: list[str] = Field(description="bands and indices of the channel set, in order")
    folds: Path = Field(description="folds.parquet of assign_folds; the training chips of fold 0 are used")
    quantity: str = Field(description="the bounded quantity: parameters, multiply_adds, or the name of a device")
    costs: Path = Field(description="table of price_operations for this quantity and searched networks")
    target: Literal["bound", "budget"] = Field(description="bound: one of the look-up graph; budget: one of the config")
    number: int = Field(ge=0, description="number of the bound or of the budget")
    repeat: int = Field(ge=0, description="number of the repeat; repeats differ in their seed")
    budget: float | None = Field(default=None, description="maximum cost of a network; only with --target budget")
    lookup_graph: Path | None = Field(
        default=None, description="table of build_lookup_graph; only with --target budget"
    )
    output: Path = Field(description="output: history of the search")
    alpha: Path = Field(description="output: architecture parameters after each epoch")

    def checkpoint(self, bound: float) -> Checkpoint:
        """Return the checkpoint from which an interrupted search resumes."""
        values = self.model_dump(mode="json"), bound, self.array.stat().st_mtime_ns
        return Checkpoint(self.output, [self.chips, self.folds, self.moments, self.costs], values)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = SearchArguments.parse(__doc__, argv)
    use_one_thread()
    settings = arguments.cell_search
    space = CELL_SPACES[settings.space]
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    inputs, classes = len(arguments.select), len(arguments.classes)
    costs = read_costs(space, [arguments.costs])[arguments.quantity]
    if arguments.lookup_graph and arguments.budget is not None:
        bound = LookupGraph.of(LOOKUP_GRAPH.read(arguments.lookup_graph)).bound(arguments.budget)
    else:
        bound = spread_bounds(costs, settings.bounds)[arguments.number]
    ids = (arguments.channels, arguments.quantity, arguments.target, arguments.number, arguments.repeat)
    seed = derive_seed(arguments.seed, "search_cell", *ids)
    rows = dataset.rows(folds, 0, "training")
    if settings.regions:
        rows = rows[np.isin(dataset.regions, settings.regions)[rows]]
    parts = split_in_halves(rows, dataset.labels, arguments.seed)
    if any(len(np.unique(dataset.labels[part])) < classes for part in parts):
        where = f" of {', '.join(settings.regions)}" if settings.regions else ""
        raise UserError(
            f"fold 0 has {len(rows)} training chips{where}; a search needs at least two of each class",
            "config: cell_search",
        )
    task = SearchTask(dataset.view(arguments.select, rows), *parts, dataset.labels, seed)
    torch.manual_seed(derive_seed(seed, "weights"))
    network = to_mixed(settings.space, inputs, classes, settings.skeletons["searched"], SpeedUps.of(settings))
    if settings.original_norms:
        use_original_norms(network)
    compute = Compute.choose(TrainingConfig.model_validate({"device": arguments.device}))
    search = ConstrainedSearch(network.to(compute.device), task, settings, costs, bound)
    key: dict[str, Any] = dict(zip(_KEYS, ids, strict=True))
    checkpoint = arguments.checkpoint(bound)
    CELL_SEARCH.write(search.run(checkpoint).assign(bound=bound, **key), arguments.output)
    paths = [alpha_rows(space, path).assign(epoch=epoch) for epoch, path in enumerate(np.array(search.paths), start=1)]
    CELL_ALPHA.write(pd.concat(paths, ignore_index=True).assign(**key), arguments.alpha)
    checkpoint.remove()


if __name__ == "__main__":
    run_stage(main)
