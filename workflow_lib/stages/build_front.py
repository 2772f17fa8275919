"""Find the Pareto front of the candidates, estimate its confidence, and recommend one candidate."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import CANDIDATES, FRONT
from workflow_lib.analysis.ranked_front import rank_candidates
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.pareto.front_config import FrontConfig

CONTRACT = 3


class FrontArguments(Arguments):
    """Flags of the stage."""

    front_config: FrontConfig
    seed: int = Field(description="base seed of the run")
    candidates: Path = Field(description="candidates.parquet of build_candidates")
    ranked: list[Path] = Field(description="output: all candidates with their ranks (.parquet, .csv)")
    front: list[Path] = Field(description="output: only the candidates on the front (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = FrontArguments.parse(__doc__, argv)
    ranked = rank_candidates(
        CANDIDATES.read(arguments.candidates), arguments.front_config, derive_seed(arguments.seed, "build_front")
    )
    for path in arguments.ranked:
        FRONT.write(ranked, path)
    for path in arguments.front:
        FRONT.write(ranked[ranked["on_front"]], path)


if __name__ == "__main__":
    run_stage(main)
