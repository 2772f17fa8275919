"""Join accuracy, latency and memory: one row per candidate."""

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

CONTRACT = 3


class CandidatesArguments(Arguments):
    """Flags of the stage."""

    space: GridSpace = Field(description="the search space (JSON)")
    baseline: str = Field(description="architecture id of the baseline")
    folds: int = Field(description="how many folds each candidate must have")
    same_split: bool = Field(default=False, description="they have the same chips: errors are those over seeds")
    classes: list[str] = Field(description="class names, in the order of the network's outputs")
    scores: Path = Field(description="fold_scores.parquet of gather_table")
    networks: Path = Field(description="networks.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    proposals: Path | None = Field(
        default=None, description="table of propose_candidates for the last round, if there was a search"
    )
    allow_missing: bool = Field(default=False, description="of these, candidates may lack their scores")
    candidates: list[Path] = Field(description="writes one row per candidate, to each path (.parquet, .csv)")
    raw: list[Path] = Field(description="writes the map from raw configurations to architectures (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = CandidatesArguments.parse(__doc__, argv)
    scores = FOLD_SCORES.read(arguments.scores)
    proposals = PROPOSALS.read(arguments.proposals) if arguments.proposals else None
    if proposals is not None:
        check_proposed(scores, proposals, arguments.baseline, arguments.allow_missing)
    candidates = build_candidates(
        scores,
        NETWORKS.read(arguments.networks),
        LATENCIES.read(arguments.latencies),
        arguments.classes,
        arguments.baseline,
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
