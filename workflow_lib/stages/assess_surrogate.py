"""Tabulate what a surrogate search believes of every candidate, how its front grew, and what is within budgets."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import CANDIDATES
from workflow_lib.core.running import run_stage
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.search.search_arguments import SearchArguments
from workflow_lib.search.surrogate_beliefs import believe, best_within, front_growth, tabulate_beliefs
from workflow_lib.search.surrogate_tables import BELIEFS, PROGRESS, WITHIN_BUDGETS
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 4


class BeliefArguments(SearchArguments):
    """Flags of the stage."""

    trained: Path = Field(description="candidates.parquet of build_candidates")
    scores: Path = Field(description="fold_scores.parquet of gather_table")
    part_scores: list[Path] = Field(
        default=[], description="the same after each part of the epochs, the longest part first, by successive halving"
    )
    proposals: Path = Field(description="last table of propose_candidates")
    beliefs: list[Path] = Field(description="output: one row per candidate of the space (.parquet, .csv)")
    progress: Path = Field(description="output: one row per trained candidate")
    within: list[Path] = Field(description="output: one row per budget (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = BeliefArguments.parse(__doc__, argv)
    candidates = CANDIDATES.read(arguments.trained)
    trained = candidates[~candidates["baseline"]]
    searched = arguments.candidates_of(arguments.tables())
    proposals = PROPOSALS.read(arguments.proposals)
    rungs = arguments.search.rungs
    parts = {rungs.reduction**number: path for number, path in enumerate(arguments.part_scores, 1)} if rungs else {}
    part_scores = {part: FOLD_SCORES.read(path) for part, path in parts.items()}
    beliefs = believe(searched, proposals, FOLD_SCORES.read(arguments.scores), part_scores)
    rows, best = tabulate_beliefs(beliefs), best_within(beliefs)
    for path in arguments.beliefs:
        BELIEFS.write(rows, path)
    for path in arguments.within:
        WITHIN_BUDGETS.write(best, path)
    growth = front_growth(proposals, trained, searched.objectives)
    PROGRESS.write(growth, arguments.progress)


if __name__ == "__main__":
    run_stage(main)
