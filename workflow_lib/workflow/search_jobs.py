"""The jobs of searches: supernets, cells within budgets, and what proposals are made from."""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_lib.core.arguments import flags
from workflow_lib.devices import kind_of
from workflow_lib.export.network_tables import NETWORKS_RESULT
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.search.cell_search_config import CellSearchConfig
from workflow_lib.search.cell_tables import budget_files
from workflow_lib.search.supernet_config import VARIANTS
from workflow_lib.search.supernet_tables import RANKINGS_RESULT
from workflow_lib.workflow.workflow_run import Run, Wildcards

TRAINED_NETWORKS = ("space", "width", "cells", "stem_strides", "trained_width", "trained_cells")
"""Keys of cell_search that say which networks are searched and which are trained."""

_AFTER_SEARCH = (
    "budgets", "min_budget_share", "allow_none", "seeds", "random_networks", "trained_width", "trained_cells",
)  # fmt: skip
"""Keys of cell_search that do not decide a single search: how many there are, and what becomes of them."""


class SearchJobs:
    """Jobs of searches.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._config = run, run.config
        self._sets = list(self._config.grid.channel_sets)

    @property
    def proposed_from(self) -> list[str]:
        """The tables that the strategy proposes from."""
        return self._run.files_of(*self._config.search.declaration.results(self._config))

    def proposal_tables(self, _wildcards: Wildcards) -> list[str]:
        """The same as flags."""
        return self._run.table_flags(*self._config.search.declaration.results(self._config))

    def earlier_round(self, wildcards: Wildcards) -> dict[str, str]:
        """The proposals of the round before, and the scores of its candidates."""
        number = int(wildcards.round)
        if not number:
            return {}
        return {
            "earlier": f"{self._run.folder}/propose_candidates/{number - 1}.parquet",
            "scores": f"{self._run.folder}/gather_table/fold_scores_before_{number}.parquet",
        }

    # Supernets

    @property
    def supernet_flags(self) -> list[str]:
        """Flags of every stage that trains a supernet."""
        config = self._config
        return [
            *self._run.dataset_flags,
            *flags(config.supernet, "batch", "learning_rate"),
            *flags(config.training, "device", "precision"),
            *flags(config, "seed"),
        ]

    @property
    def supernet_space(self) -> list[str]:
        """Flags that say which networks a supernet holds."""
        return self.skeleton_flags("searched") if self._config.assembled else flags(self._config.grid.space)

    @property
    def ranked_costs(self) -> Mapping[str, list[str]]:
        """What networks cost, for rankings: tables of those of the grid, or prices of the operations of cells."""
        if not self._config.assembled:
            return self._run.inputs_of(NETWORKS_RESULT, LATENCIES_RESULT)
        folder = f"{self._run.folder}/price_operations/{{channels}}"
        return {"prices": [f"{folder}/{device}/searched.parquet" for device in self._config.supernet_devices]}

    @property
    def last_rankings(self) -> list[str]:
        """The table of each supernet's last ranking."""
        return self._run.files_of(RANKINGS_RESULT)

    @property
    def last_supernet(self) -> str:
        """The supernet of the search after its last ranking, without suffix and with the wildcard {channels}."""
        last = self._config.supernet.rankings("full") - 1
        return f"{self._run.folder}/rank_subnets/{{channels}}/full/0/{last}"

    def before_ranking(self, wildcards: Wildcards) -> dict[str, str]:
        """The supernet that is ranked, and the ranking before."""
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
        """The flags of one ranking of a variant."""
        variant, ranking = wildcards.variant, int(wildcards.ranking)
        last = ranking == self._config.supernet.rankings(variant) - 1
        return [
            f"--second={VARIANTS[variant].second}",
            f"--epochs={self._config.supernet.epochs_of(variant, ranking)}",
            f"--judges-all={str(last and not self._config.assembled).lower()}",
        ]

    # Cells within budgets

    def skeleton_flags(self, which: str) -> list[str]:
        """Flags of the networks that are assembled.

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
        """Quantity -> its budgets; empty without a search for cells."""
        return self._config.cell_search.budgets if self._config.cell_search else {}

    @property
    def bounds(self) -> Sequence[int]:
        """Numbers of the bounds of the look-up graph."""
        return range(self._config.cell_search.bounds) if self._config.cell_search else []

    def budget_searches(self, channels: str, suffix: str) -> list[str]:
        """What the searches at budgets write.

        Args:
            channels: channel set, or a wildcard.
            suffix: of the files.
        """
        if not self._config.cell_search:
            return []
        return [f"{self._run.folder}/{path}" for path in budget_files(self._config, channels, suffix)]

    def search_flags(self) -> list[str]:
        """Flags of a single search."""
        keys = [key for key in CellSearchConfig.model_fields if key not in _AFTER_SEARCH]
        return flags(self._config.cell_search, *keys)

    def budget_flag(self, wildcards: Wildcards) -> list[str]:
        """The budget of a search, if it has one."""
        if wildcards.target != "budget":
            return []
        return [f"--budget={self.budgets[wildcards.quantity][int(wildcards.number)]}"]

    def lookup_graph(self, wildcards: Wildcards) -> dict[str, str]:
        """The look-up graph that a search at a budget reads its bound from."""
        graph = f"{self._run.folder}/build_lookup_graph/{wildcards.channels}/{wildcards.quantity}.parquet"
        return {"lookup_graph": graph} if wildcards.target == "budget" else {}

    def operation_predictor(self, wildcards: Wildcards) -> dict[str, str]:
        """The predictor of the device whose operations are priced."""
        device = wildcards.quantity
        if device not in self._config.devices:
            return {}
        pattern = kind_of(self._config.devices[device]).inputs["predictor"]
        return {"predictor": f"{self._run.folder}/{pattern.format(device=device)}"}

    def price_options(self, wildcards: Wildcards) -> Any:
        """Flags of price_operations."""
        config, quantity = self._config, wildcards.quantity
        device = config.devices.get(quantity)
        return self._run.options(
            "price_operations",
            *self.skeleton_flags(wildcards.skeleton),
            *([f"--settings={device.model_dump_json()}"] if device else []),
            self._run.inputs_flag(wildcards),
            f"--classes={len(config.data.classes)}",
            *flags(config.data, "chip_size_px"),
        )
