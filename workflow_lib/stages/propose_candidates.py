"""Propose the candidates to train next."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.search.proposal_rounds import propose_round
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.search.search_arguments import SearchArguments
from workflow_lib.search.searched_candidates import training_settings
from workflow_lib.search.shared_accuracy import supernet_seconds
from workflow_lib.search.strategy_declaration import ProposalInput
from workflow_lib.search.supernet_tables import RANKINGS_RESULT
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 6


class ProposeArguments(SearchArguments):
    """Flags of the stage."""

    folds: int = Field(description="number of folds of the run")
    round_number: int = Field(ge=0, description="number of the round, from 0")
    earlier: Path | None = Field(default=None, description="table of this stage for the previous round, if any")
    scores: Path | None = Field(
        default=None, description="fold_scores.parquet of gather_table: candidates of all earlier rounds"
    )
    older_scores: list[Path] = Field(
        default=[],
        description="the same of the rounds before, the latest first, for candidates that train for a part of the "
        "epochs first",
    )
    output: Path = Field(description="output: proposals of this round and all earlier ones")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ProposeArguments.parse(__doc__, argv)
    strategy, tables = arguments.search.declaration, arguments.tables()
    if strategy.propose:
        given = ProposalInput(tables, training_settings(arguments.grid), arguments.search)
        PROPOSALS.write(strategy.propose(given).assign(folds=arguments.folds, part=1), arguments.output)
    else:
        PROPOSALS.write(_propose_round(arguments, tables), arguments.output)


def _propose_round(arguments: ProposeArguments, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return propose_round(
        arguments.search,
        arguments.candidates_of(tables),
        derive_seed(arguments.seed, "propose_candidates") % 2**32,  # NNI accepts 32-bit seeds only
        arguments.round_number,
        PROPOSALS.read(arguments.earlier) if arguments.earlier else None,
        FOLD_SCORES.read(arguments.scores) if arguments.scores else None,
        arguments.folds,
        [FOLD_SCORES.read(path) for path in arguments.older_scores],
    ).assign(search_s=supernet_seconds(tables[RANKINGS_RESULT.name]) if RANKINGS_RESULT.name in tables else 0.0)


if __name__ == "__main__":
    run_stage(main)
