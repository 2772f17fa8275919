"""Decide, after some folds, which candidates are trained on no more."""

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

CONTRACT = 2


class RaceArguments(Arguments):
    """Flags of the stage."""

    racing: RacingConfig
    objectives: list[Objective] = Field(description="of the front")
    count: int = Field(description="folds of the run")
    baseline: str = Field(description="architecture id of the baseline")
    scores: Path = Field(description="fold_scores of gather_table: the candidates in the race, on the folds so far")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    earlier: Path | None = Field(default=None, description="table of this stage for one fold less, if there is one")
    output: Path = Field(description="writes all who are stopped, now and earlier")


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
        arguments.baseline,
    )
    earlier = [RACE.read(arguments.earlier)] if arguments.earlier else []
    RACE.write(pd.concat([*earlier, stopped], ignore_index=True), arguments.output)


if __name__ == "__main__":
    run_stage(main)
