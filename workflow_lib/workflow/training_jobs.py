"""Jobs that train candidates, and the tables that gather their results."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

from workflow_lib.core.arguments import flags
from workflow_lib.core.candidate import KEYS, Candidate
from workflow_lib.devices import kind_of
from workflow_lib.workflow.job_functions import per_job
from workflow_lib.workflow.run_candidates import Candidates
from workflow_lib.workflow.workflow_run import Run, Wildcards

GATHERED = "fold_scores"
"""Name of the table of all trainings; a suffix denotes the trainings known before a fold or a round."""


class TrainingJobs:
    """Inputs, flags and results of the jobs of one candidate.

    Args:
        run: the run.
        candidates: candidates of the run.
        race: fold -> the table that race_folds writes for it; makes Snakemake wait for that job.
    """

    def __init__(self, run: Run, candidates: Candidates, race: Callable[[int], str]) -> None:
        self._run, self._config, self._candidates, self._race = run, run.config, candidates, race
        self._folds = range(self._config.folds.count)

    @property
    def folds_of_job(self) -> str:
        """Values of the flag --fold: a job trains one fold or all folds."""
        return " ".join(map(str, self._folds)) if self._config.folds_together else "{wildcards.fold}"

    @property
    def file_of_job(self) -> str:
        """Name of a job's log, without suffix."""
        return "folds" if self._config.folds_together else "{fold}"

    def per_fold(self, path: str) -> list[str]:
        """List the files of a job, one per fold that it trains.

        Args:
            path: path of one file, with the wildcard {fold}.
        """
        if not self._config.folds_together:
            return [path]
        return [path.replace("{fold}", str(fold)) for fold in self._folds]

    @property
    def continued(self) -> list[str]:
        """Outputs of the job that trains a candidate to the end after a part of its epochs."""
        return self.per_fold(f"{self._run.folder}/train_fold/{{channels}}/{{batch}}/{{architecture}}/{{fold}}.parquet")

    def weights(self, path: str) -> dict[str, list[str]]:
        """Return the output for weights, if they are kept; see `per_fold`."""
        return {"weights": self.per_fold(path)} if self._config.keep_weights else {}

    @cached_property
    def options(self) -> Any:
        """Flags of a training job that come from the configuration, except its batch size."""
        return self._options("train_fold")

    @cached_property
    def part_options(self) -> Any:
        """Flags of a job that trains for a part of the epochs; see `options`."""
        return self._options("train_part")

    def _options(self, stage: str) -> Any:
        if not self._config.grid.recipes:
            return self._options_with(stage, "")
        by_recipe = {name: self._options_with(stage, name) for name in self._config.grid.recipe_names}
        return per_job(lambda wildcards: by_recipe[_candidate(wildcards).recipe])

    def _options_with(self, stage: str, recipe: str) -> Any:
        config = self._config
        named = [f"--recipe={recipe}"] if recipe else []
        return self._run.options(
            stage,
            *self._run.dataset_flags,
            *flags(config.training_of(recipe)),
            *flags(config, "seed"),
            *named,
        )

    @cached_property
    def batch(self) -> Any:
        """Batch size of a training job."""
        return per_job(lambda wildcards: _candidate(wildcards).batch) if self._config.grid.recipes else "{batch}"

    @property
    def resources(self) -> dict[str, Any]:
        """Resources of a training job."""
        count = self._config.folds_per_job
        return self._attempt | self._run.training(_candidate, trainings=count, held=count)

    def scores(self, folds: int, rounds: int | None = None) -> list[str]:
        """List the score files of all candidates on the first folds, up to where a search or a race stopped each.

        Args:
            folds: number of folds.
            rounds: number of search rounds; None: all.
        """
        stopped_after: dict[Candidate, int] = {}
        racing = self._config.racing
        if racing and folds > racing.first_folds:
            from workflow_lib.search.proposal_tables import RACE

            for fold in range(racing.first_folds, folds):
                race = self._run.read_table(RACE, Path(self._race(fold)))
                stopped = (Candidate(*row) for row in race[KEYS].itertuples(index=False))
                stopped_after = dict(zip(stopped, race["after_folds"], strict=True))
        rounds = self._config.search_rounds if rounds is None else rounds
        trained, part, stage = self._candidates.trained(rounds), self._config.search.part(rounds - 1), "train_fold"
        if part > 1:  # a search judges its candidates, without baselines, before they are trained to the end
            trained, stage = self._candidates.proposed(rounds) or {}, f"train_part/{part}"
        return [
            f"{self._run.folder}/{stage}/{each.folder}/{fold}.parquet"
            for each, count in trained.items()
            for fold in range(min(folds, count, stopped_after.get(each, folds)))
        ]

    def converted_scores(self) -> list[str]:
        """List the score files of all trainings whose networks are converted to other precisions."""
        return [
            f"{self._run.folder}/score_converted/{path.parent}/{precision}/{path.name}"
            for path in (Path(part).relative_to(self._run.folder, "train_fold") for part in self._all_scores())
            for precision in self._config.grid.precisions_of(path.parent.name)[1:]
        ]

    def _all_scores(self) -> list[str]:
        return self.scores(len(self._folds))

    def _every_precision(self) -> list[str]:
        return [*self._all_scores(), *self.converted_scores()]

    @property
    def conversion_resources(self) -> dict[str, Any]:
        """Resources of a job that converts and scores one trained network."""
        return self._attempt | self._run.training(_candidate)

    @property
    def _attempt(self) -> dict[str, Any]:
        """The number of the attempt, with which `Run.failure_marker` recognises the last one."""
        return {"attempt": lambda wildcards, attempt: attempt} if self._config.grid.allow_missing else {}

    def kept_weights(self, _wildcards: Wildcards = None) -> list[str]:
        """List the weights of all trainings, if kept. They are a target, so that enabling keep_weights takes effect."""
        if not self._config.keep_weights:
            return []
        return [part.removesuffix(".parquet") + ".pt" for part in self._all_scores()]

    def _forests(self) -> list[str]:
        """List the files of the reference classifiers."""
        sets = list(self._config.grid.channel_sets)
        return [
            f"{self._run.folder}/train_forest/{channels}/{fold}.parquet"
            for channels, fold in product(sets, self._folds)
        ]

    @cached_property
    def gathered(self) -> Mapping[str, Callable[[], list[str]]]:
        """Each table of gather_table that does not depend on a fold or a round -> the files that it gathers."""
        folder, networks = self._run.folder, self._candidates.networks
        pairs = self._config.pairs(networks)
        folders = [f"{channels}/{network}" for channels, network in pairs]
        tables: dict[str, Callable[[], list[str]]] = {
            GATHERED: self._every_precision,
            "predictions": self._every_precision,
            "forest_scores": self._forests,
            "forest_predictions": self._forests,
            "networks": lambda: [
                *(f"{folder}/export_network/{network}/network.parquet" for network in folders),
                *(
                    f"{folder}/convert_network/{channels}/{network}/{precision}.parquet"
                    for channels, network in pairs
                    for precision in self._config.grid.precisions_of(network)[1:]
                ),
            ],
            "latencies": lambda: [
                f"{folder}/{kind_of(settings).rule}/{channels}/{network}/{precision}/{device}.parquet"
                for device, settings in self._config.devices.items()
                for channels, network in pairs
                for precision in self._config.grid.precisions_of(network)
            ],
        }
        if self._config.utilization:
            fold = self._config.utilization.fold
            folded = [f"{network}-f{fold}" for network in networks] if fold else []
            measured = [f"{channels}/{network}" for channels, network in self._config.pairs([*networks, *folded])]
            for table, suffix in {"utilizations": ".parquet", "layers": ".layers.parquet"}.items():
                files = [f"{folder}/measure_utilization/{network}{suffix}" for network in measured]
                tables[table] = partial(list, files)
        return tables

    @cached_property
    def earlier(self) -> Mapping[str, Callable[[], list[str]]]:
        """Tables of the trainings known before a fold of a race or a search round; a run never has both."""
        racing, folds = self._config.racing, len(self._folds)
        first = racing.first_folds if racing else folds
        races = {f"{GATHERED}_before_{fold}": partial(self.scores, fold) for fold in range(first, folds)}
        rounds = {
            f"{GATHERED}_before_{number}": partial(self.scores, folds, number)
            for number in range(1, self._config.search_rounds)
        }
        return races | rounds

    def parts(self, wildcards: Wildcards) -> list[str]:
        """List the files that a table of gather_table gathers."""
        return {**self.gathered, **self.earlier}[wildcards.table]()

    def gather_options(self, wildcards: Wildcards) -> Any:
        """Return the flags of gather_table; with `grid.allow_missing`, trainings may be missing."""
        missing = self._config.grid.allow_missing and wildcards.table.startswith((GATHERED, "predictions"))
        return self._run.options("gather_table", *(["--allow-missing"] if missing else []))


def _candidate(wildcards: Wildcards) -> Candidate:
    return Candidate.of(wildcards.channels, wildcards.batch, wildcards.architecture)
