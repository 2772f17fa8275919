"""Join accuracy, latency and memory into one row per candidate."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_rows import build_candidates, check_proposed, map_raw_configurations
from workflow_lib.analysis.candidate_tables import CANDIDATES, RAW_CONFIGURATIONS
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.search.proposal_tables import PROPOSALS
from workflow_lib.spaces.grid_config import GridSpace, networks_of
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 5


class CandidatesArguments(Arguments):
    """Flags of the stage."""

    space: GridSpace = Field(description="the search space (JSON)")
    baselines: list[str] = Field(description="architecture ids of the baselines")
    folds: int = Field(description="number of folds that each candidate must have")
    same_split: bool = Field(default=False, description="all folds use the same split, so errors are over seeds only")
    classes: list[str] = Field(description="class names, in the order of the network's outputs")
    scores: Path = Field(description="fold_scores.parquet of gather_table")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    proposals: Path | None = Field(
        default=None, description="table of propose_candidates for the last round, after a search"
    )
    allow_missing: bool = Field(default=False, description="allow proposed candidates without scores")
    candidates: list[Path] = Field(description="output: one row per candidate (.parquet, .csv)")
    raw: list[Path] = Field(description="output: architecture of each raw configuration (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = CandidatesArguments.parse(__doc__, argv)
    scores = FOLD_SCORES.read(arguments.scores)
    proposals = PROPOSALS.read(arguments.proposals) if arguments.proposals else None
    if proposals is not None:
        check_proposed(scores, proposals, arguments.baselines, arguments.allow_missing)
    candidates = build_candidates(
        scores,
        NETWORKS.read(arguments.networks),
        LATENCIES.read(arguments.latencies),
        arguments.classes,
        arguments.baselines,
        arguments.folds,
        arguments.same_split,
    )
    if proposals is not None:
        candidates["search_s"] = proposals["search_s"].max()
    raw = map_raw_configurations(networks_of(arguments.space))
    for path in arguments.candidates:
        CANDIDATES.write(candidates, path)
    for path in arguments.raw:
        RAW_CONFIGURATIONS.write(raw, path)


if __name__ == "__main__":
    run_stage(main)
