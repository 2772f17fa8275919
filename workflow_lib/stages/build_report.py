"""Write the report that a person reads, and the tables that go with it."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.core.arguments import Arguments
from workflow_lib.core.config import Config
from workflow_lib.core.files import write_text
from workflow_lib.core.provenance import behind
from workflow_lib.core.report_stamp import Stamp, digest_tables
from workflow_lib.core.running import run_stage
from workflow_lib.core.tables import (
    BANDS,
    BATTERY,
    CHIPS,
    COMPARISON,
    DERIVED,
    DIFFICULTY,
    EFFICIENCY,
    FOLD_SCORES,
    FOLDS,
    FOREST_SCORES,
    FRONT,
    HOLDOUT_SCORES,
    LATENCIES,
    LOOKUP_GRAPH,
    MAP_SCORES,
    NOTICES,
    PACKED,
    PRECISIONS,
    PROPOSALS,
    RACE,
    RANKING_QUALITY,
    REJECTED,
    RUNS,
    SAMPLES,
    UTILIZATIONS,
    write_csv,
)
from workflow_lib.report.content import ReportContent
from workflow_lib.report.page import render
from workflow_lib.report.tables import baseline_table, provenance_table, ranges_table, region_counts


class ReportArguments(Arguments):
    """Flags of the stage."""

    config: Config
    chips: Path = Field(description="chips.parquet of import_chips")
    bands: Path = Field(description="bands.parquet of import_chips")
    rejected: Path = Field(description="rejected.parquet of import_chips")
    notices: Path = Field(description="notices.parquet of import_chips")
    folds_table: Path = Field(description="folds.parquet of assign_folds")
    ranked: Path = Field(description="ranked.parquet of build_front")
    scores: Path = Field(description="fold_scores.parquet of gather_table")
    networks: Path = Field(description="networks.parquet of gather_table")
    forest: Path = Field(description="forest_scores.parquet of gather_table")
    latencies: Path = Field(description="latencies.parquet of gather_table")
    efficiency_table: Path = Field(description="efficiency.parquet of score_efficiency")
    holdout: Path | None = Field(default=None, description="scores.parquet of score_holdout, if there is a hold-out")
    utilizations: Path | None = Field(
        default=None, description="utilizations.parquet of gather_table, if they were measured"
    )
    proposals: Path | None = Field(
        default=None, description="table of propose_candidates for the last round, if there was a search"
    )
    runs: Path | None = Field(default=None, description="runs.parquet of compare_runs, if there are others")
    comparison_table: Path | None = Field(
        default=None, description="comparison.parquet of compare_strategies, if they were compared"
    )
    quality: Path | None = Field(default=None, description="quality.parquet of compare_supernets, if they ran")
    difficulty: Path | None = Field(default=None, description="difficulty.parquet of compare_supernets")
    derived: list[Path] = Field(default=[], description="tables of derive_network, if cells were searched")
    graphs: list[Path] = Field(default=[], description="tables of build_lookup_graph, if cells were searched")
    batteries: list[Path] = Field(default=[], description="tables of simulate_battery, if batteries were simulated")
    packed: list[Path] = Field(default=[], description="tables of pack_networks, if the search took a supernet")
    samples: list[Path] = Field(default=[], description="tables of sample_points, if chips were cut from scenes")
    precisions_table: Path | None = Field(default=None, description="table of measure_precisions, if it ran")
    map_scores: Path | None = Field(default=None, description="scores.parquet of score_map, if there is a map")
    race: Path | None = Field(default=None, description="table of race_folds for the last fold, if there was a race")
    figures: list[Path] = Field(description="figures of the plot_* stages (PNG)")
    interactive: Path = Field(description="front_3d.html of plot_figures")
    config_digest: str = Field(description="digest of the configuration, which the report carries")
    stamped: list[Path] = Field(description="all tables of the report, whose digest it carries")
    page: Path = Field(description="writes the report (HTML)")
    provenance: Path = Field(description="writes what made the tables")
    region_counts: Path = Field(description="writes the chips per region and class (CROSS table 1)")
    ranges: Path = Field(description="writes the range of each objective (CROSS table 3)")
    baselines: Path = Field(description="writes the baselines (CROSS table 5)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ReportArguments.parse(__doc__, argv)
    config = arguments.config
    ranked, chips = FRONT.read(arguments.ranked), CHIPS.read(arguments.chips)
    tables = (
        arguments.chips, arguments.folds_table, arguments.scores, arguments.forest, arguments.networks,
        arguments.latencies, arguments.proposals, arguments.race, arguments.ranked, arguments.efficiency_table,
        arguments.holdout,
    )  # fmt: skip
    records = behind(table for table in tables if table)
    content = ReportContent(
        config=config,
        ranked=ranked,
        chips=chips,
        bands=BANDS.read(arguments.bands),
        rejected=REJECTED.read(arguments.rejected),
        notices=NOTICES.read(arguments.notices),
        folds=FOLDS.read(arguments.folds_table),
        forest=FOREST_SCORES.read(arguments.forest),
        latencies=LATENCIES.read(arguments.latencies),
        efficiency=EFFICIENCY.read(arguments.efficiency_table),
        trained=FOLD_SCORES.read(arguments.scores),
        holdout=HOLDOUT_SCORES.read(arguments.holdout) if arguments.holdout else None,
        utilizations=UTILIZATIONS.read(arguments.utilizations) if arguments.utilizations else None,
        proposals=PROPOSALS.read(arguments.proposals) if arguments.proposals else None,
        runs=RUNS.read(arguments.runs) if arguments.runs else None,
        comparison=COMPARISON.read(arguments.comparison_table) if arguments.comparison_table else None,
        ranking_quality=RANKING_QUALITY.read(arguments.quality) if arguments.quality else None,
        difficulty=DIFFICULTY.read(arguments.difficulty) if arguments.difficulty else None,
        derived=DERIVED.read_all(arguments.derived) if arguments.derived else None,
        graphs=LOOKUP_GRAPH.read_all(arguments.graphs) if arguments.graphs else None,
        battery=BATTERY.read_all(arguments.batteries) if arguments.batteries else None,
        packed=PACKED.read_all(arguments.packed) if arguments.packed else None,
        samples=SAMPLES.read_all(arguments.samples) if arguments.samples else None,
        precisions=PRECISIONS.read(arguments.precisions_table) if arguments.precisions_table else None,
        map_scores=MAP_SCORES.read(arguments.map_scores) if arguments.map_scores else None,
        race=RACE.read(arguments.race) if arguments.race else None,
        figures={path.stem: path.read_bytes() for path in arguments.figures},
        interactive_front=arguments.interactive.read_text(encoding="utf-8"),
        provenance=records,
        stamp=Stamp(arguments.config_digest, digest_tables(arguments.stamped)),
        files={
            str(arguments.ranked): "all candidates with rank, front frequency and recommendation",
            str(arguments.scores): "the scores of every training",
            str(arguments.latencies): "the latency of every network on every device",
            str(
                arguments.efficiency_table
            ): "the relative efficiency of all candidates, and whom each is measured against",
            str(arguments.forest): "the scores of the reference classifier",
            str(arguments.chips): "the chips, with class, region, place and row in the array",
            str(arguments.folds_table): "the role of every chip in every fold",
            str(arguments.rejected): "the chips that were dropped, and why",
        },
    )
    write_csv(arguments.provenance, provenance_table(records))
    write_csv(arguments.region_counts, region_counts(chips, config.data.classes))
    write_csv(arguments.ranges, ranges_table(ranked, config.front.objectives))
    write_csv(arguments.baselines, baseline_table(ranked, config.front.objectives))
    write_text(arguments.page, render(content))


if __name__ == "__main__":
    run_stage(main)
