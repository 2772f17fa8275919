"""Score the relative efficiency of the models in a table: from this run, or from any CSV or Parquet file."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.efficiency_scores import describe, score_models
from workflow_lib.analysis.efficiency_tables import DOMINANCE, EFFICIENCY, EFFICIENCY_SAMPLES
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.csv_files import parse_flags
from workflow_lib.core.errors import UserError
from workflow_lib.core.files import write_text
from workflow_lib.core.running import run_stage
from workflow_lib.core.seeds import derive_seed
from workflow_lib.core.table_files import read_any
from workflow_lib.pareto.efficiency_config import EfficiencyConfig

SUMMARY_MODELS = 10
"""Number of models that the summary names."""


CONTRACT = 3


class EfficiencyArguments(Arguments):
    """Flags of the stage."""

    efficiency: EfficiencyConfig
    seed: int = Field(default=42, description="base seed of the run")
    table: Path = Field(description="table with one row per model (.parquet, .csv)")
    name: str = Field(default="candidate", description="column with the names of the models")
    without: str | None = Field(default=None, description="column of flags; rows where it is true are excluded")
    scores: list[Path] = Field(description="output: the scores (.parquet, .csv)")
    sampled: Path = Field(description="output: score samples of the shown models (.parquet)")
    dominance: Path = Field(description="output: stochastic dominance between the shown models (.parquet)")
    summary: Path = Field(description="output: summary of the most efficient models (Markdown)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = EfficiencyArguments.parse(__doc__, argv)
    table = read_any(arguments.table)
    if arguments.without:
        if arguments.without not in table:
            raise UserError(f"there is no column {arguments.without}", arguments.table)
        excluded = parse_flags(table[arguments.without], arguments.table)
        table = table[~excluded].reset_index(drop=True)
    try:
        scored = score_models(
            table, arguments.name, arguments.efficiency, derive_seed(arguments.seed, "score_efficiency")
        )
    except UserError as error:
        raise UserError(error.what, arguments.table, error.fix) from None
    for path in arguments.scores:
        EFFICIENCY.write(scored.scores, path)
    EFFICIENCY_SAMPLES.write(scored.samples, arguments.sampled)
    DOMINANCE.write(scored.dominance, arguments.dominance)
    write_text(arguments.summary, describe(scored.scores, SUMMARY_MODELS, arguments.efficiency.orientation))


if __name__ == "__main__":
    run_stage(main)
