"""Propose which candidates to train next."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import GridConfig
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.core.search_config import SearchConfig
from workflow_lib.core.seeds import derive_seed
from workflow_lib.core.tables import (
    CELL_SEARCH,
    DERIVED,
    FOLD_SCORES,
    LATENCIES,
    NETWORKS,
    PROPOSALS,
    RANKING,
    UTILIZATIONS,
)
from workflow_lib.search.candidates import network_costs
from workflow_lib.search.rounds import propose_derived, propose_ranked, propose_round


class ProposeArguments(Arguments):
    """Flags of the stage."""

    search: SearchConfig
    grid: GridConfig
    seed: int = Field(description="base seed")
    folds: int = Field(description="how many folds each candidate is trained on")
    networks: Path | None = Field(default=None, description="networks.parquet of gather_table")
    latencies: Path | None = Field(default=None, description="latencies.parquet of gather_table")
    derived: list[Path] = Field(default=[], description="tables of derive_network, instead of these two")
    searches: list[Path] = Field(default=[], description="with them, courses of all searches of search_cell")
    utilizations: Path | None = Field(
        default=None, description="utilizations.parquet of gather_table, if they were measured"
    )
    rankings: list[Path] = Field(
        default=[], description="last tables of rank_subnets, instead of them, if the search takes supernets"
    )
    earlier: Path | None = Field(default=None, description="table of this stage for one round less, if there is one")
    scores: Path | None = Field(
        default=None, description="fold_scores of gather_table: the candidates of all earlier rounds"
    )
    output: Path = Field(description="writes all proposals, of this round and earlier ones")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ProposeArguments.parse(__doc__, argv)
    PROPOSALS.write(_propose(arguments), arguments.output)


def _propose(arguments: ProposeArguments) -> pd.DataFrame:
    batch_sizes = arguments.grid.batch_sizes
    if arguments.derived:
        searched_s = CELL_SEARCH.read_all(arguments.searches)["seconds"].sum()
        return propose_derived(DERIVED.read_all(arguments.derived), batch_sizes).assign(search_s=searched_s)
    if arguments.rankings:
        rankings = RANKING.read_all(arguments.rankings)
        # Each row says what its supernet took from the beginning.
        ranked_s = rankings.groupby(["channels", "variant", "number"])["seconds"].max().sum()
        return propose_ranked(rankings, batch_sizes, arguments.search.candidates).assign(search_s=ranked_s)
    if not arguments.networks or not arguments.latencies:
        raise UserError("what networks cost is needed", "--networks, --latencies", "or --derived, or --rankings")
    costs = network_costs(
        NETWORKS.read(arguments.networks),
        LATENCIES.read(arguments.latencies),
        UTILIZATIONS.read(arguments.utilizations) if arguments.utilizations else None,
    )
    return propose_round(
        arguments.search,
        arguments.grid,
        derive_seed(arguments.seed, "propose_candidates") % 2**32,  # NNI takes no more
        costs,
        PROPOSALS.read(arguments.earlier) if arguments.earlier else None,
        FOLD_SCORES.read(arguments.scores) if arguments.scores else None,
        arguments.folds,
    ).assign(search_s=0.0)


if __name__ == "__main__":
    run_stage(main)
