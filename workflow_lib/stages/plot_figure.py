"""Draw one figure of the report as PNG and PDF.

To plot a table of your own, run: `--figure front_radar --table ranked=ranked.parquet --output x.png`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from workflow_lib.core.arguments import Arguments, parse_path_lists
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.core.results import parse_table_files
from workflow_lib.core.running import run_stage
from workflow_lib.report.declaration import FigureDeclaration, FigureInput, all_figures
from workflow_lib.report.plots.style import save_figures

CONTRACT = 1


class FigureArguments(Arguments):
    """Flags of the stage."""

    figure: str = Field(description="name of the figure: a module of report/figures")
    version: int = Field(default=1, description="version of the figure's declaration; only Snakemake compares it")
    table: list[str] = Field(default=[], description="tables that the figure shows, as RESULT=FILE")
    setting: list[str] = Field(default=[], description="settings of the figure, as KEY=JSON")
    file: list[str] = Field(default=[], description="additional files, as GROUP=FILE")
    dpi: int = Field(default=200, ge=50, le=1200, description="resolution of a PNG file (dots per inch)")
    output: list[Path] = Field(description="output: the figure (.png, .pdf)")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = FigureArguments.parse(__doc__, argv)
    figures = all_figures()
    if arguments.figure not in figures:
        raise UserError(f"unknown figure {arguments.figure}", "--figure", f"choose from {', '.join(sorted(figures))}")
    figure = figures[arguments.figure]
    given = FigureInput(
        _tables(figure, arguments.table),
        _settings(figure, arguments.setting),
        parse_path_lists(arguments.file, "--file"),
    )
    save_figures(arguments.output, arguments.dpi, lambda _: figure.draw(given))


def _tables(figure: FigureDeclaration, pairs: Sequence[str]) -> dict[str, Any]:
    files = parse_table_files(pairs, "the figure", figure.reads)
    return {result.name: result.read(files[result.name]) for result in figure.reads}


def _settings(figure: FigureDeclaration, pairs: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        key, _, text = pair.partition("=")
        try:
            found[key] = json.loads(text)
        except ValueError:
            raise ConfigError(f"{text!r} is not JSON", f"--setting {key}", "write KEY=JSON") from None
    if missing := [key for key in figure.settings if key not in found]:
        raise ConfigError(f"the figure needs {', '.join(missing)}", "--setting", f"write {missing[0]}=JSON")
    return found


if __name__ == "__main__":
    run_stage(main)
