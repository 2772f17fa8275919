"""Decide, after some folds, which candidates to stop training."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.analysis.race import race
from workflow_lib.analysis.racing_config import RacingConfig
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.proposal_tables import RACE
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 4


class RaceArguments(Arguments):
    """Flags of the stage."""

    racing: RacingConfig
    objectives: list[Objective] = Field(description="objectives of the front")
    count: int = Field(description="number of folds of the run")
    baselines: list[str] = Field(description="architecture ids of the baselines")
    scores: Path = Field(description="fold_scores of gather_table: remaining candidates on the folds so far")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    earlier: Path | None = Field(default=None, description="table of this stage for the previous fold, if any")
    output: Path = Field(description="output: all candidates stopped now or earlier")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = RaceArguments.parse(__doc__, argv)
    stopped = race(
        FOLD_SCORES.read(arguments.scores),
        NETWORKS.read(arguments.networks),
        LATENCIES.read(arguments.latencies),
        arguments.objectives,
        arguments.racing,
        arguments.count,
        arguments.baselines,
    )
    earlier = [RACE.read(arguments.earlier)] if arguments.earlier else []
    RACE.write(pd.concat([*earlier, stopped], ignore_index=True), arguments.output)


if __name__ == "__main__":
    run_stage(main)
