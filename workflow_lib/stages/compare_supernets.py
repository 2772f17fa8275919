"""Compare the rankings of supernets with those of individually trained networks."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.comparison_tables import DIFFICULTY, RANKING_QUALITY, RANKS
from workflow_lib.analysis.ranking_quality import compare_supernets
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.search.supernet_tables import RANKING
from workflow_lib.training.score_tables import FOLD_SCORES

CONTRACT = 4


class QualityArguments(Arguments):
    """Flags of the stage."""

    metric: str = Field(description="metric by which networks are ranked, together with the cost")
    batch: int = Field(description="batch size of the individual trainings")
    scores: Path = Field(description="fold_scores.parquet of gather_table")
    rankings: list[Path] = Field(description="last table of rank_subnets for each supernet")
    networks: Path = Field(description="networks.parquet of gather_table")
    quality: list[Path] = Field(description="output: one row per supernet (.parquet, .csv)")
    difficulty: list[Path] = Field(description="output: how much the networks differ (.parquet, .csv)")
    ranks: Path = Field(description="output: true and estimated rank of each network")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = QualityArguments.parse(__doc__, argv)
    quality, difficulty, ranks = compare_supernets(
        FOLD_SCORES.read(arguments.scores),
        RANKING.read_all(arguments.rankings),
        NETWORKS.read(arguments.networks),
        arguments.metric,
        arguments.batch,
    )
    for path in arguments.quality:
        RANKING_QUALITY.write(quality, path)
    for path in arguments.difficulty:
        DIFFICULTY.write(difficulty, path)
    RANKS.write(ranks, arguments.ranks)


if __name__ == "__main__":
    run_stage(main)
