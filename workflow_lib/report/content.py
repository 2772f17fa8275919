"""The content of a report, from which its sections are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflow_lib.analysis.candidate_tables import RANKED_RESULT

if TYPE_CHECKING:
    import pandas as pd

    from workflow_lib.config import Config
    from workflow_lib.core.provenance import Provenance
    from workflow_lib.core.results import Result
    from workflow_lib.report.report_stamp import Stamp


@dataclass(frozen=True)
class ReportContent:
    """Everything that the report shows.

    Args:
        config: the run's configuration.
        tables: result name -> table, for every result that the run has and that a section reads. In `ranked`, exactly
            one candidate is recommended.
        figures: figure name -> PNG file with `config.report.dpi` dots per inch.
        interactive_front: HTML page from `front_3d_interactive`.
        stamp: digests of the configuration and of the tables.
        provenance: origin of the tables, one record per stage and contract.
        files: name -> meaning of each table file that accompanies the report.
    """

    config: Config
    tables: Mapping[str, pd.DataFrame]
    figures: Mapping[str, bytes]
    interactive_front: str
    stamp: Stamp
    provenance: Sequence[Provenance] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, result: Result) -> pd.DataFrame:
        return self.tables[result.name]

    def get(self, result: Result) -> pd.DataFrame | None:
        """Return the table of a result, or None if the run does not have it."""
        return self.tables.get(result.name)

    @property
    def candidate_count(self) -> int:
        """Number of candidates, without baselines."""
        return int((~self[RANKED_RESULT]["baseline"].astype(bool)).sum())
