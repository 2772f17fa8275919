"""Write the HTML report and its accompanying tables."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.config import Config
from workflow_lib.core.arguments import Arguments
from workflow_lib.core.files import write_text
from workflow_lib.core.provenance import table_history
from workflow_lib.core.results import parse_table_files
from workflow_lib.core.running import run_stage
from workflow_lib.core.table_files import write_csv
from workflow_lib.data.chip_tables import CHIPS_RESULT
from workflow_lib.report.content import ReportContent
from workflow_lib.report.declaration import reported_results
from workflow_lib.report.page import render
from workflow_lib.report.report_stamp import Stamp, digest_tables
from workflow_lib.report.tables import baseline_table, provenance_table, ranges_table, region_counts

CONTRACT = 5


class ReportArguments(Arguments):
    """Flags of the stage."""

    config: Config
    table: list[str] = Field(description="tables shown in the report, as RESULT=FILE")
    section: list[str] = Field(
        default=[], description="names and versions of the sections; only Snakemake compares them"
    )
    figure: list[Path] = Field(description="figures from plot_figure (PNG)")
    interactive: Path = Field(description="front_3d.html of plot_interactive")
    config_digest: str = Field(description="digest of the configuration, stored in the report")
    page: Path = Field(description="output: the report (HTML)")
    provenance: Path = Field(description="output: provenance of the tables")
    region_counts: Path = Field(description="output: number of chips per region and class (CROSS table 1)")
    ranges: Path = Field(description="output: range of each objective (CROSS table 3)")
    baselines: Path = Field(description="output: the baselines (CROSS table 5)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ReportArguments.parse(__doc__, argv)
    config = arguments.config
    results = reported_results(config)
    files = parse_table_files(arguments.table, "the report", results.values())
    paths = [path for result in results for path in files[result]]
    records = table_history(paths)
    content = ReportContent(
        config=config,
        tables={name: result.read(files[name]) for name, result in results.items()},
        figures={path.stem: path.read_bytes() for path in arguments.figure},
        interactive_front=arguments.interactive.read_text(encoding="utf-8"),
        provenance=records,
        stamp=Stamp(arguments.config_digest, digest_tables(paths)),
        files={str(files[name][0]): result.meaning for name, result in results.items() if result.meaning},
    )
    ranked, objectives = content[RANKED_RESULT], config.front.objectives
    write_csv(arguments.provenance, provenance_table(records))
    write_csv(arguments.region_counts, region_counts(content[CHIPS_RESULT], config.data.classes))
    write_csv(arguments.ranges, ranges_table(ranked, objectives))
    write_csv(arguments.baselines, baseline_table(ranked, objectives))
    write_text(arguments.page, render(content))


if __name__ == "__main__":
    run_stage(main)
