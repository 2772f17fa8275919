"""The candidates and networks of a run: those of the grid, or those that its search proposed."""

from functools import cached_property
from pathlib import Path

from workflow_lib.core.candidate import Candidate
from workflow_lib.core.errors import UserError
from workflow_lib.workflow.workflow_run import Run


class Candidates:
    """The candidates of a run.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._config = run, run.config
        self._proposed: dict[int, dict[Candidate, int] | None] = {}

    def proposed(self, rounds: int) -> dict[Candidate, int] | None:
        """Return the candidates that the search proposed in its first rounds, with the number of folds of each.

        If it trains for a part of the epochs first, they are those of the last of these rounds.

        Args:
            rounds: number of rounds.

        Returns:
            None if it has not proposed them yet.
        """
        if rounds not in self._proposed:
            self._proposed[rounds] = self._read(rounds)
        return self._proposed[rounds]

    def _read(self, rounds: int) -> dict[Candidate, int] | None:
        from workflow_lib.search.proposal_tables import PROPOSALS, proposed_folds

        file = Path(self._run.folder, "propose_candidates", f"{rounds - 1}.parquet")
        if not file.exists():
            return None
        return proposed_folds(self._run.read_table(PROPOSALS, file), self._config.search.part(rounds - 1))

    def trained(self, rounds: int) -> dict[Candidate, int]:
        """Return the candidates of the first search rounds, and all baselines, with the number of folds of each.

        Args:
            rounds: number of rounds.

        Raises:
            UserError: if the search has not proposed them yet.
        """
        folds = self._config.folds.count
        if self._config.search.strategy == "grid":
            return dict.fromkeys(self._config.combinations(self.networks), folds)
        chosen = self.proposed(rounds)
        if chosen is None:
            raise UserError(
                f"no proposals for search.strategy {self._config.search.strategy}",
                f"{self._run.folder}/propose_candidates/{rounds - 1}.parquet",
                "start the run with python -m workflow_lib.rounds and Snakemake's options",
            )
        return {**chosen, **dict.fromkeys(self._config.combinations(self._config.grid.compared_networks), folds)}

    @cached_property
    def networks(self) -> list[str]:
        """Networks whose files and latencies are needed: those of the grid, or those that a search assembled."""
        if self._config.assembled:
            proposed = self.proposed(self._config.search_rounds) or {}
            searched = list(dict.fromkeys(candidate.architecture for candidate in proposed))
        else:
            searched = self._config.architectures
        return [*searched, *self._config.grid.compared_networks]
