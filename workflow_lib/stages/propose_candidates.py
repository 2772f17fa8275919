"""Propose the candidates to train next."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.results import parse_table_files
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.network_costs import network_costs
from workflow_lib.search.proposal_rounds import propose_round, training_settings
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.search.strategy_declaration import ProposalInput
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 4


class ProposeArguments(Arguments):
    """Flags of the stage."""

    search: SearchConfig
    grid: GridConfig
    seed: int = Field(description="base seed of the run")
    folds: int = Field(description="number of folds that each candidate is trained on")
    objectives: list[Objective] = Field(description="objectives of the front")
    table: list[str] = Field(description="tables that the strategy reads, as RESULT=FILE")
    earlier: Path | None = Field(default=None, description="table of this stage for the previous round, if any")
    scores: Path | None = Field(
        default=None, description="fold_scores.parquet of gather_table: candidates of all earlier rounds"
    )
    output: Path = Field(description="output: proposals of this round and all earlier ones")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ProposeArguments.parse(__doc__, argv)
    tables, strategy = _read_tables(arguments), arguments.search.declaration
    if strategy.propose:
        given = ProposalInput(tables, training_settings(arguments.grid), arguments.search)
        PROPOSALS.write(strategy.propose(given), arguments.output)
    else:
        PROPOSALS.write(_propose_round(arguments, tables), arguments.output)


def _read_tables(arguments: ProposeArguments) -> Mapping[str, pd.DataFrame]:
    strategy = arguments.search.declaration
    files = parse_table_files(arguments.table, "the strategy", strategy.reads)
    results = [*strategy.reads, *strategy.optional]
    return {result.name: result.read(files[result.name]) for result in results if result.name in files}


def _propose_round(arguments: ProposeArguments, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return propose_round(
        arguments.search,
        arguments.grid,
        derive_seed(arguments.seed, "propose_candidates") % 2**32,  # NNI accepts 32-bit seeds only
        network_costs(tables["networks"], tables["latencies"], tables.get("utilizations")),
        PROPOSALS.read(arguments.earlier) if arguments.earlier else None,
        FOLD_SCORES.read(arguments.scores) if arguments.scores else None,
        arguments.folds,
        arguments.objectives,
    ).assign(search_s=0.0)


if __name__ == "__main__":
    run_stage(main)
