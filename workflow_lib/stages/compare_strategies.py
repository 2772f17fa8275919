"""Run every search strategy on the trained grid and measure how much of the front each one finds."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import CANDIDATES
from workflow_lib.analysis.comparison_config import ComparisonConfig
from workflow_lib.analysis.comparison_tables import COMPARISON
from workflow_lib.analysis.strategy_comparison import compare_on_grid
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.running import run_stage
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.pareto.front_config import Objective
from workflow_lib.search.network_costs import network_costs
from workflow_lib.search.search_config import SearchConfig
from workflow_lib.spaces.grid_config import GridConfig
from workflow_lib.training.utilization_tables import UTILIZATIONS

CONTRACT = 3


class ComparisonArguments(Arguments):
    """Flags of the stage."""

    comparison: ComparisonConfig
    grid: GridConfig
    round_candidates: int = Field(description="number of candidates trained before a strategy proposes again")
    latency_target_ms: float | None = Field(
        default=None, description="latency target of the reward (ms); default: the grid's median"
    )
    latency_weight: float = Field(description="weight of latency in the reward")
    objectives: list[Objective] = Field(description="objectives of the front")
    seed: int = Field(description="base seed of the run")
    table: Path = Field(description="candidates.parquet of build_candidates")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    utilizations: Path | None = Field(
        default=None, description="utilizations.parquet of gather_table, if utilization was measured"
    )
    output: list[Path] = Field(description="output: one row per evaluation (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ComparisonArguments.parse(__doc__, argv)
    candidates = CANDIDATES.read(arguments.table)
    searched = ~candidates["baseline"] & (candidates["precision"] == TRAINED)
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
        candidates[searched].reset_index(drop=True),
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
