"""Tabulate what a surrogate search believes of every candidate, and how its front grew."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import CANDIDATES
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.network_costs import network_costs
from workflow_lib.search.proposal_rounds import candidate_space, known_candidates, within_limits
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.search.surrogate_beliefs import believe, front_growth
from workflow_lib.search.surrogate_tables import BELIEFS, PROGRESS
from workflow_lib.spaces.grid_config import GridConfig

CONTRACT = 1


class BeliefArguments(Arguments):
    """Flags of the stage."""

    grid: GridConfig
    limits: dict[str, float] = Field(default={}, description="column -> maximum value of a candidate's cost")
    objectives: list[Objective] = Field(description="objectives of the front")
    candidates: Path = Field(description="candidates.parquet of build_candidates")
    proposals: Path = Field(description="last table of propose_candidates")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    beliefs: list[Path] = Field(description="output: one row per candidate of the space (.parquet, .csv)")
    progress: Path = Field(description="output: one row per trained candidate")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = BeliefArguments.parse(__doc__, argv)
    candidates = CANDIDATES.read(arguments.candidates)
    trained = candidates[~candidates["baseline"]]
    costs = network_costs(NETWORKS.read(arguments.networks), LATENCIES.read(arguments.latencies))
    whole = candidate_space(arguments.grid)
    space, known = within_limits(whole, known_candidates(whole, costs), arguments.limits)
    beliefs = believe(space, known, trained, arguments.objectives)
    for path in arguments.beliefs:
        BELIEFS.write(beliefs, path)
    PROGRESS.write(front_growth(PROPOSALS.read(arguments.proposals), trained, arguments.objectives), arguments.progress)


if __name__ == "__main__":
    run_stage(main)
