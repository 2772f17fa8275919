"""Let every search strategy search the grid that was trained, and say what each finds of the front."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import GridConfig, Objective
from workflow_lib.core.running import run_stage
from workflow_lib.core.search_config import ComparisonConfig, SearchConfig
from workflow_lib.core.tables import CANDIDATES, COMPARISON, LATENCIES, NETWORKS, UTILIZATIONS
from workflow_lib.search.candidates import network_costs
from workflow_lib.search.comparison import compare_on_grid


class ComparisonArguments(Arguments):
    """Flags of the stage."""

    comparison: ComparisonConfig
    grid: GridConfig
    round_candidates: int = Field(description="candidates that are trained before a strategy proposes again")
    latency_target_ms: float | None = Field(default=None, description="of the reward; without it the grid's median")
    latency_weight: float = Field(description="of the reward")
    objectives: list[Objective] = Field(description="of the front")
    seed: int = Field(description="base seed")
    table: Path = Field(description="candidates.parquet of build_candidates")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    utilizations: Path | None = Field(
        default=None, description="utilizations.parquet of gather_table, if they were measured"
    )
    output: list[Path] = Field(description="writes one row per evaluation, to each path (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ComparisonArguments.parse(__doc__, argv)
    candidates = CANDIDATES.read(arguments.table)
    costs = network_costs(
        NETWORKS.read(arguments.networks),
        LATENCIES.read(arguments.latencies),
        UTILIZATIONS.read(arguments.utilizations) if arguments.utilizations else None,
    )
    search = SearchConfig(
        round_candidates=arguments.round_candidates,
        latency_target_ms=arguments.latency_target_ms,
        latency_weight=arguments.latency_weight,
    )
    table = compare_on_grid(
        candidates[~candidates["baseline"]].reset_index(drop=True),
        costs,
        arguments.grid,
        search,
        arguments.comparison,
        arguments.objectives,
        arguments.seed,
    )
    for path in arguments.output:
        COMPARISON.write(table, path)


if __name__ == "__main__":
    run_stage(main)
