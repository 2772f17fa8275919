"""Remove the values that good networks of a supernet do not need: step 3 of the rank-preserving supernet."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.running import run_stage
from workflow_lib.search.judged_networks import centred
from workflow_lib.search.rank_preservation import error_and_latency
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.search.supernet_pruning import PruningName
from workflow_lib.search.supernet_tables import RANKING

CONTRACT = 3


class PruneArguments(Arguments):
    """Flags of the stage."""

    pruning: PruningName = Field(description="how the values that are kept are chosen: by networks or by values")
    kept_networks: int = Field(
        ge=1, description="number of networks of the first two ranks, chosen by hypervolume, whose values are kept"
    )
    metric: Literal["accuracy_pct", "cross_entropy"] = Field(
        description="metric by which networks are ranked, together with the cost"
    )
    supernet: Path = Field(description="supernet from rank_subnets")
    table: Path = Field(description="scores from rank_subnets")
    output: Path = Field(description="output: the pruned supernet")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PruneArguments.parse(__doc__, argv)
    table = RANKING.read(arguments.table)
    evaluated = table[(table["ranking"] == table["ranking"].max()) & table[arguments.metric].notna()]
    net = StoredSupernet.load(arguments.supernet)
    losses = error_and_latency(centred(evaluated, arguments.metric), arguments.metric, evaluated["cost"])
    pruned = net.pruned(evaluated["architecture"].tolist(), losses, arguments.pruning, arguments.kept_networks)
    for name, values in net.supernet.space.choices.items():
        print(f"{name}: {values} to {pruned.supernet.space.choices[name]}", file=sys.stderr)
    pruned.save(arguments.output)


if __name__ == "__main__":
    run_stage(main)
