"""Choose the networks that a field device switches between, and simulate its battery."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.battery_config import BatteryConfig
from workflow_lib.analysis.battery_policies import simulate
from workflow_lib.analysis.battery_tables import BATTERY
from workflow_lib.analysis.candidate_tables import CANDIDATES
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.search.supernet_tables import RANKING
from workflow_lib.spaces.networks import without_dead_operations

CONTRACT = 2


class BatteryArguments(Arguments):
    """Flags of the stage."""

    battery: BatteryConfig
    channels: str = Field(description="name of the device's channel set")
    candidates: Path = Field(description="candidates.parquet of build_candidates")
    ranking: Path | None = Field(
        default=None, description="last table of rank_subnets; only networks that are still in its supernet are chosen"
    )
    output: list[Path] = Field(description="output: the simulated discharges (.parquet, .csv)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = BatteryArguments.parse(__doc__, argv)
    candidates = CANDIDATES.read(arguments.candidates)
    chosen = (candidates["channels"] == arguments.channels) & ~candidates["baseline"]
    if arguments.ranking:  # the supernet computes in fp32
        chosen &= candidates["precision"] == TRAINED
        ranking = RANKING.read(arguments.ranking)
        remaining = ranking.loc[ranking["ranking"] == ranking["ranking"].max(), "architecture"]
        chosen &= candidates["architecture"].isin(remaining.map(without_dead_operations))  # ids as in the proposals
    if not chosen.any():
        raise UserError(f"has no candidate of channels {arguments.channels} to run on a battery", arguments.candidates)
    table = simulate(arguments.battery, candidates[chosen].reset_index(drop=True))
    for output in arguments.output:
        BATTERY.write(table, output)


if __name__ == "__main__":
    run_stage(main)
