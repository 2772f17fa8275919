"""Train a supernet to preserve Pareto ranks and score its networks: step 2 of the rank-preserving supernet."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.data.dataset import Dataset
from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.latency_tables import LATENCIES
from workflow_lib.search.derivation import read_costs
from workflow_lib.search.judged_networks import Judge
from workflow_lib.search.network_costs import network_costs
from workflow_lib.search.ranked_supernet import RankingSettings, alpha_rows, rank_subnets
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.search.supernet_tables import ALPHA, RANKING
from workflow_lib.spaces import networks
from workflow_lib.spaces.cell_costs import CellCosts
from workflow_lib.spaces.cell_spaces import CELL_SPACES
from workflow_lib.spaces.space import Space
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.supernet_training import SupernetArguments, SupernetTrainer

CONTRACT = 5


class SecondStepArguments(SupernetArguments):
    """Flags of the stage."""

    evaluated_networks: int = Field(description="number of networks evaluated after each epoch")
    evaluation_chips: int | None = Field(
        default=None, description="number of validation chips for the evaluation; default: all"
    )
    metric: Literal["accuracy_pct", "cross_entropy"] = Field(
        description="metric by which networks are ranked, together with the cost"
    )
    cost: Literal["latency_mean_ms", "energy_mean_mj"] = Field(description="cost by which networks are ranked")
    variant: str = Field(description="name of the variant")
    second: Literal["uniform", "fair", "front", "alpha"] = Field(description="how the networks to train are chosen")
    epochs: int = Field(ge=1, description="number of epochs at one network per step")
    ranking: int = Field(ge=0, description="number of this ranking; values are pruned between two rankings")
    evaluates_all: bool = Field(default=False, description="evaluate all networks at the end")
    networks: Path | None = Field(default=None, description="networks.parquet of gather_table")
    latencies: Path | None = Field(default=None, description="latencies.parquet of gather_table")
    prices: list[Path] = Field(
        default=[],
        description="for networks of cells, replaces networks and latencies: one table of price_operations per device",
    )
    supernet: Path = Field(description="supernet from train_supernet or prune_supernet")
    earlier: Path | None = Field(default=None, description="table of this stage for the previous ranking, if any")
    output: Path = Field(description="output: the trained supernet")
    table: Path = Field(description="output: the score of every network")
    alpha: Path = Field(description="output: architecture parameters after each epoch")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = SecondStepArguments.parse(__doc__, argv)
    use_one_thread()
    dataset, folds = Dataset.open(arguments), FOLDS.read(arguments.folds)
    # Chips that were set aside score no network later, which validation chips do.
    role = "set_aside" if (folds["role"] == "set_aside").any() else "validation"
    rows = np.random.default_rng(arguments.derived_seed("judge")).permutation(dataset.rows(folds, 0, role))
    rows = np.sort(rows[: arguments.evaluation_chips])
    net = StoredSupernet.load(arguments.supernet)
    cost = _cost(arguments, net.space_name)
    task = arguments.task(dataset, folds, arguments.derived_seed("rank_subnets", arguments.variant, arguments.ranking))
    trainer = SupernetTrainer(net.supernet, task, arguments.training)
    checkpoint = arguments.checkpoint(arguments.output, arguments.supernet, *_tables(arguments))
    earlier = RANKING.read(arguments.earlier) if arguments.earlier else None
    table, learned = rank_subnets(
        trainer,
        Judge(rows, dataset.labels[rows], arguments.metric, cost),
        RankingSettings(arguments.epochs, arguments.second, arguments.evaluated_networks, arguments.evaluates_all),
        checkpoint,
        [] if earlier is None else _earlier_networks(earlier, net.supernet.space),
    )
    table = table.assign(ranking=arguments.ranking)
    if earlier is not None:
        pruned = ~earlier["architecture"].isin(table["architecture"])
        table = pd.concat([table, earlier.loc[pruned, list(table)]], ignore_index=True)
    trained = net.trained(trainer)
    table = table.assign(
        cost=table["architecture"].map(cost),
        network_steps=trained.network_steps,
        seconds=trained.seconds,
    )
    trained.save(arguments.output)
    alphas = alpha_rows(net.supernet.space, learned.alphas).assign(ranking=arguments.ranking)
    key: dict[str, Any] = {"channels": arguments.channels, "variant": arguments.variant, "number": arguments.number}
    ALPHA.write(alphas.assign(**key), arguments.alpha)
    RANKING.write(table.assign(**key), arguments.table)
    checkpoint.remove()


def _earlier_networks(earlier: pd.DataFrame, space: Space) -> list[str]:
    """Return the networks of a space that were evaluated in earlier rankings."""
    evaluated = earlier[earlier["accuracy_pct"].notna() & earlier["architecture"].map(space.holds)]
    return evaluated["architecture"].tolist()


def _tables(arguments: SecondStepArguments) -> list[Path]:
    """Return the tables that the cost is read from."""
    return arguments.prices or [path for path in (arguments.networks, arguments.latencies) if path]


def _cost(arguments: SecondStepArguments, space: str) -> Callable[[str], float]:
    """Return a function from id to cost: from tables for grid networks, else the mean over devices of summed prices."""
    if arguments.prices:
        return partial(_sum_prices, read_costs(CELL_SPACES[space], arguments.prices).values())
    if not arguments.networks or not arguments.latencies:
        raise UserError("the costs of networks are missing", "--networks, --latencies", "give both, or give --prices")
    costs = network_costs(NETWORKS.read(arguments.networks), LATENCIES.read(arguments.latencies))
    searched = costs[(costs["channels"] == arguments.channels) & (costs["precision"] == TRAINED)]
    by_architecture = searched.set_index("architecture")[arguments.cost]
    return by_architecture.to_dict().__getitem__


def _sum_prices(priced: Iterable[CellCosts], architecture: str) -> float:
    network = networks.parse_assembled(networks.without_dead_operations(architecture))
    return statistics.fmean(costs.total(network) for costs in priced)


if __name__ == "__main__":
    run_stage(main)
