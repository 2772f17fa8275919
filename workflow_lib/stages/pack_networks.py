"""Pack the networks that a device switches between into one file and score them with their shared weights."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.battery_tables import BATTERY
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset
from workflow_lib.models.switchable import Turn
from workflow_lib.search.packed import describe_packed, pack
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.search.supernet_tables import PACKED
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.supernet_training import SupernetArguments, evaluate_with_shared_weights

CONTRACT = 3


class PackArguments(SupernetArguments):
    """Flags of the stage."""

    battery: Path = Field(description="table of simulate_battery")
    supernet: Path = Field(description="last supernet from rank_subnets")
    output: Path = Field(description="output: the packed networks")
    table: Path = Field(description="output: scores and sizes of the networks")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = PackArguments.parse(__doc__, argv)
    use_one_thread()
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    rows = dataset.rows(folds, 0, "validation")
    battery = BATTERY.read(arguments.battery)
    names = list(dict.fromkeys(battery["architecture"]))
    turns = battery[battery["policy"] == "adequate"].sort_values("step")[["architecture", "begin_h", "begin_pct"]]
    schedule = [Turn(*turn) for turn in turns.itertuples(index=False)]
    task = arguments.task(dataset, folds, arguments.derived_seed("pack_networks"))
    packed = pack(StoredSupernet.load(arguments.supernet), names, task, schedule)
    scores = evaluate_with_shared_weights(packed.net.supernet, names, task, rows, dataset.labels[rows])
    packed.save(arguments.output)
    PACKED.write(describe_packed(packed, scores).assign(channels=arguments.channels), arguments.table)


if __name__ == "__main__":
    run_stage(main)
