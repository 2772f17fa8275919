"""Jobs of searches: supernets, cells within budgets, and the inputs of proposals."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workflow_lib.core.arguments import flags
from workflow_lib.core.candidate import TRAINED
from workflow_lib.devices import kind_of
from workflow_lib.export.network_tables import NETWORKS_RESULT
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import budget_files
from workflow_lib.search.supernet_config import VARIANTS
from workflow_lib.search.supernet_tables import RANKINGS_RESULT
from workflow_lib.workflow.workflow_run import Run, Wildcards

TRAINED_NETWORKS = ("space", "width", "cells", "stem_strides", "trained_width", "trained_cells")
"""Keys of cell_search that define which networks are searched and which are trained."""

_KEYS_BEYOND_ONE_SEARCH = (
    "budgets", "min_budget_share", "allow_none", "seeds", "random_networks", "trained_width", "trained_cells",
)  # fmt: skip
"""Keys of cell_search that do not affect a single search, only the number of searches and the use of their results."""


class SearchJobs:
    """Inputs and flags of the jobs of searches.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._config = run, run.config
        self._sets = list(self._config.grid.channel_sets)

    @property
    def proposed_from(self) -> list[str]:
        """Tables from which the strategy makes its proposals."""
        return self._run.files_of(*self._config.search.declaration.results(self._config))

    def proposal_tables(self, _wildcards: Wildcards) -> list[str]:
        """Return the flag that passes these tables to the stage."""
        return self._run.table_flags(*self._config.search.declaration.results(self._config))

    def earlier_round(self, wildcards: Wildcards) -> dict[str, str | list[str]]:
        """Return the proposals of the previous round and the scores of its candidates; none in the first round.

        If candidates train for a part of the epochs first, the scores of each part are read.
        """
        number, rungs = int(wildcards.round), self._config.search.rungs
        if not number:
            return {}
        scores = f"{self._run.folder}/gather_table/fold_scores_before_{{}}.parquet"
        older = range(number - 1, max(number - rungs.rungs, 0), -1) if rungs else ()
        return {
            "earlier": f"{self._run.folder}/propose_candidates/{number - 1}.parquet",
            "scores": scores.format(number),
            **({"older_scores": list(map(scores.format, older))} if older else {}),
        }

    @property
    def part_scores(self) -> dict[str, list[str]]:
        """Scores of all candidates after each part of the epochs, the longest part first; empty without such parts."""
        rungs, rounds = self._config.search.rungs, self._config.search_rounds
        if not rungs:
            return {}
        numbers = range(rounds - 1, rounds - rungs.rungs, -1)
        return {"part_scores": [f"{self._run.folder}/gather_table/fold_scores_before_{n}.parquet" for n in numbers]}

    # Supernets

    @property
    def supernet_flags(self) -> list[str]:
        """Flags of every stage that trains a supernet."""
        config = self._config
        return [
            *self._run.dataset_flags,
            *flags(config.supernet, "batch", "optimizer", "learning_rate", "momentum", "schedule"),
            *flags(config.training, "device", "precision"),
            *flags(config, "seed"),
        ]

    @property
    def supernet_space(self) -> list[str]:
        """Flags that define which networks a supernet contains."""
        return self.skeleton_flags("searched") if self._config.assembled else flags(self._config.grid.space)

    @property
    def ranked_costs(self) -> Mapping[str, list[str]]:
        """Costs of networks, for rankings: tables of the grid's networks, or prices of the operations of cells."""
        if not self._config.assembled:
            return self._run.inputs_of(NETWORKS_RESULT, LATENCIES_RESULT)
        folder = f"{self._run.folder}/price_operations/{{channels}}"
        return {"prices": [f"{folder}/{device}/searched.parquet" for device in self._config.supernet_devices]}

    @property
    def last_rankings(self) -> list[str]:
        """Tables of the last ranking of each supernet."""
        return self._run.files_of(RANKINGS_RESULT)

    @property
    def last_supernet(self) -> str:
        """Path of the search's supernet after its last ranking, without suffix, with the wildcard {channels}."""
        last = self._config.supernet.rankings("full") - 1
        return f"{self._run.folder}/rank_subnets/{{channels}}/full/0/{last}"

    def before_ranking(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the supernet to rank, and the previous ranking if there is one."""
        channels, variant, number = wildcards.channels, wildcards.variant, wildcards.number
        ranking, folder = int(wildcards.ranking), self._run.folder
        if not ranking:
            first = VARIANTS[variant].first
            return {"supernet": f"{folder}/train_supernet/{channels}/{first}/{number}.pt"}
        before = f"{channels}/{variant}/{number}/{ranking - 1}"
        return {
            "supernet": f"{folder}/prune_supernet/{before}.pt",
            "earlier": f"{folder}/rank_subnets/{before}.parquet",
        }

    def ranking_flags(self, wildcards: Wildcards) -> list[str]:
        """Return the flags of one ranking of a variant."""
        variant, ranking = wildcards.variant, int(wildcards.ranking)
        last = ranking == self._config.supernet.rankings(variant) - 1
        return [
            f"--second={VARIANTS[variant].second}",
            f"--epochs={self._config.supernet.epochs_of(variant, ranking)}",
            f"--evaluates-all={str(last and not self._config.assembled).lower()}",
        ]

    # Cells within budgets

    def skeleton_flags(self, which: str) -> list[str]:
        """Return the flags that define the assembled networks.

        Args:
            which: "searched" or "trained".
        """
        assembled = self._config.assembled
        assert assembled
        skeleton = assembled.skeletons[which]
        return [
            f"--space={assembled.space}",
            f"--width={skeleton.width}",
            f"--cells={skeleton.cells}",
            f"--stem-strides={skeleton.stem_strides}",
        ]

    @property
    def budgets(self) -> Mapping[str, Sequence[float]]:
        """Cost quantity -> its budgets; empty without a cell search."""
        return self._config.cell_search.budgets if self._config.cell_search else {}

    @property
    def bounds(self) -> Sequence[int]:
        """Numbers of the search bounds of the look-up graph."""
        return range(self._config.cell_search.bounds) if self._config.cell_search else []

    def budget_searches(self, channels: str, suffix: str) -> list[str]:
        """List the outputs of the searches at budgets.

        Args:
            channels: channel set, or a wildcard.
            suffix: suffix of the files.
        """
        if self._config.search.strategy != "constrained":
            return []
        return [f"{self._run.folder}/{path}" for path in budget_files(self._config, channels, suffix)]

    @property
    def chosen_cells(self) -> list[str]:
        """The flags with the cells that a strategy chooses from like from a grid, if it does."""
        cells = self._config.cell_search
        if cells is None or self._config.search.strategy == "constrained":
            return []
        return [
            f"--cells={cells.model_dump_json(include={*TRAINED_NETWORKS, 'budgets'})}",
            f"--cost-columns={json.dumps(self._config.budget_columns, sort_keys=True)}",
        ]

    def search_flags(self) -> list[str]:
        """Return the flags of a single search."""
        keys = [key for key in CellSearchConfig.model_fields if key not in _KEYS_BEYOND_ONE_SEARCH]
        return flags(self._config.cell_search, *keys)

    def budget_flag(self, wildcards: Wildcards) -> list[str]:
        """Return the flag with the budget of a search, if it has one."""
        if wildcards.target != "budget":
            return []
        return [f"--budget={self.budgets[wildcards.quantity][int(wildcards.number)]}"]

    def lookup_graph(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the look-up graph from which a search at a budget reads its bound."""
        graph = f"{self._run.folder}/build_lookup_graph/{wildcards.channels}/{wildcards.quantity}.parquet"
        return {"lookup_graph": graph} if wildcards.target == "budget" else {}

    def operation_predictor(self, wildcards: Wildcards) -> dict[str, str]:
        """Return the predictor of the device on which operations are priced."""
        device = wildcards.quantity
        if device not in self._config.devices:
            return {}
        settings = self._config.devices[device]
        pattern = kind_of(settings).inputs(settings, TRAINED)["predictor"]
        return {"predictor": f"{self._run.folder}/{pattern.format(device=device)}"}

    def price_options(self, wildcards: Wildcards) -> Any:
        """Return the flags of price_operations."""
        config, quantity = self._config, wildcards.quantity
        device = config.devices.get(quantity)
        return self._run.options(
            "price_operations",
            *self.skeleton_flags(wildcards.skeleton),
            *([f"--settings={device.model_dump_json()}"] if device else []),
            self._run.inputs_flag(wildcards),
            *self._run.network_flags,
        )
