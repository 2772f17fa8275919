"""What a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from workflow_lib.core.config import Config
from workflow_lib.core.provenance import Provenance
from workflow_lib.core.report_stamp import Stamp


@dataclass(frozen=True)
class ReportContent:
    """Everything that the report shows.

    Args:
        config: the run's configuration.
        ranked: FRONT, all candidates and baselines; one candidate is recommended.
        chips, bands, rejected, notices, folds: the tables of these names.
        forest: FOREST_SCORES of the reference classifier.
        latencies: LATENCIES of all networks and devices.
        efficiency: EFFICIENCY of the candidates.
        trained: FOLD_SCORES of all trainings.
        holdout: HOLDOUT_SCORES of the front's members; None: there is no hold-out.
        utilizations: UTILIZATIONS of all networks; None: they were not measured.
        proposals: PROPOSALS of the search; None: the whole grid was trained.
        comparison: COMPARISON of search strategies; None: they were not compared.
        runs: RUNS, of this run and others; None: there are no others.
        ranking_quality, difficulty: tables of these names; None: supernets were not compared.
        derived, graphs: DERIVED, LOOKUP_GRAPH of all channel sets; None: no cell was searched.
        battery: BATTERY of all channel sets; None: no battery was simulated.
        packed: PACKED of all channel sets; None: there is no supernet to switch in.
        samples: SAMPLES of all regions; None: no chip was cut from scenes.
        precisions: PRECISIONS of the front's members; None: there is fp32 alone.
        map_scores: MAP_SCORES of all areas; None: there is no map.
        race: RACE of those who were stopped; None: there was no race.
        figures: name -> PNG; the names are the keys of `workflow_lib.report.page.CAPTIONS`, and the PNGs have
            `config.report.dpi` dots per inch.
        interactive_front: the page of `front_3d_interactive`.
        stamp: digests of the configuration and of the tables.
        provenance: what made the tables, one record per stage and contract.
        files: file name -> what it holds, of the tables beside the report.
    """

    config: Config
    ranked: pd.DataFrame
    chips: pd.DataFrame
    bands: pd.DataFrame
    rejected: pd.DataFrame
    notices: pd.DataFrame
    folds: pd.DataFrame
    forest: pd.DataFrame
    latencies: pd.DataFrame
    efficiency: pd.DataFrame
    trained: pd.DataFrame
    holdout: pd.DataFrame | None
    utilizations: pd.DataFrame | None
    proposals: pd.DataFrame | None
    comparison: pd.DataFrame | None
    runs: pd.DataFrame | None
    ranking_quality: pd.DataFrame | None
    difficulty: pd.DataFrame | None
    derived: pd.DataFrame | None
    graphs: pd.DataFrame | None
    battery: pd.DataFrame | None
    packed: pd.DataFrame | None
    samples: pd.DataFrame | None
    precisions: pd.DataFrame | None
    map_scores: pd.DataFrame | None
    race: pd.DataFrame | None
    figures: Mapping[str, bytes]
    interactive_front: str
    stamp: Stamp
    provenance: Sequence[Provenance] = ()
    files: Mapping[str, str] = field(default_factory=dict)
