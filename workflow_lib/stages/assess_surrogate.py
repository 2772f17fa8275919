"""Tabulate what a surrogate search believes of every candidate, how its front grew, and what is within budgets."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import CANDIDATES
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.section import Budgets
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.search.searched_candidates import searched_candidates
from workflow_lib.search.strategy_declaration import all_strategies
from workflow_lib.search.surrogate_beliefs import believe, best_within, front_growth, tabulate_beliefs
from workflow_lib.search.surrogate_tables import BELIEFS, PROGRESS, WITHIN_BUDGETS
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 2


class BeliefArguments(Arguments):
    """Flags of the stage."""

    grid: GridConfig
    cells: CellSearchConfig | None = Field(
        default=None, description="section cell_search, if networks of cells replace those of the grid"
    )
    cost_columns: dict[str, str] = Field(default={}, description="quantity with budgets of the cells -> its column")
    limits: dict[str, float] = Field(default={}, description="column -> maximum value of a candidate's cost")
    budgets: dict[str, Budgets] = Field(default={}, description="column -> maximum values of a candidate's cost")
    objectives: list[Objective] = Field(description="objectives of the front")
    candidates: Path = Field(description="candidates.parquet of build_candidates")
    scores: Path = Field(description="fold_scores.parquet of gather_table")
    proposals: Path = Field(description="last table of propose_candidates")
    table: list[str] = Field(description="tables of the known costs, as RESULT=FILE")
    beliefs: list[Path] = Field(description="output: one row per candidate of the space (.parquet, .csv)")
    progress: Path = Field(description="output: one row per trained candidate")
    within: list[Path] = Field(description="output: one row per budget (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = BeliefArguments.parse(__doc__, argv)
    candidates = CANDIDATES.read(arguments.candidates)
    trained = candidates[~candidates["baseline"]]
    tables = all_strategies()["surrogate"].read(arguments.table, arguments.cells is not None)
    searched = searched_candidates(
        arguments.grid,
        arguments.cells,
        arguments.limits,
        arguments.budgets,
        arguments.cost_columns,
        arguments.objectives,
        tables,
    )
    proposals = PROPOSALS.read(arguments.proposals)
    beliefs = believe(searched, proposals, FOLD_SCORES.read(arguments.scores))
    rows, best = tabulate_beliefs(beliefs), best_within(beliefs)
    for path in arguments.beliefs:
        BELIEFS.write(rows, path)
    for path in arguments.within:
        WITHIN_BUDGETS.write(best, path)
    growth = front_growth(proposals, trained, searched.objectives)
    PROGRESS.write(growth, arguments.progress)


if __name__ == "__main__":
    run_stage(main)
