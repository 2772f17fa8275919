"""Inputs and flags of the rules that make a run's figures and report."""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

from workflow_lib.config import Config
from workflow_lib.core.arguments import flags
from workflow_lib.core.results import Result
from workflow_lib.report.declaration import FigureDeclaration, all_figures, all_sections, reported_results, setting
from workflow_lib.workflow.workflow_run import Run, Wildcards


class ReportJobs:
    """The figures of a run, and the tables that its report shows.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._config = run, run.config

    @cached_property
    def figures(self) -> dict[str, FigureDeclaration]:
        """The figures of this run's report, by name."""
        return {name: figure for name, figure in all_figures().items() if figure.exists(self._config)}

    @property
    def figure_files(self) -> list[str]:
        """PNG files of all figures."""
        return [f"{self._run.folder}/plot_figure/{name}.png" for name in self.figures]

    @property
    def pdf_output(self) -> dict[str, str]:
        """The second output of plot_figure, if this run's figures are also drawn as PDF."""
        return {"pdf": "<results>/plot_figure/{figure}.pdf"} if self._config.report.pdf_figures else {}

    @property
    def pdf_files(self) -> list[str]:
        """PDF files of all figures, if the config wants them."""
        return [str(Path(file).with_suffix(".pdf")) for file in self.figure_files if self._config.report.pdf_figures]

    def figure_inputs(self, wildcards: Wildcards) -> list[str]:
        """List the files that a figure is drawn from, without external files."""
        figure = self._figure(wildcards)
        files = [file for group in figure.files(self._config).values() for file in group]
        return self._run.files_of(*figure.reads) + [file for file in files if file.startswith("results/")]

    def figure_options(self, wildcards: Wildcards) -> Any:
        """Return the flags of plot_figure."""
        figure = self._figure(wildcards)
        settings = {key: setting(self._config, key) for key in figure.settings}
        files = [f"{group}={file}" for group, paths in figure.files(self._config).items() for file in paths]
        return self._run.options(
            "plot_figure",
            f"--figure={wildcards.figure}",
            f"--version={figure.version}",
            *flags(self._config.report, "dpi"),
            *self._run.table_flags(*figure.reads),
            *_flag_with_values("--setting", [f"{key}={_as_json(value)}" for key, value in settings.items()]),
            *_flag_with_values("--file", files),
        )

    def _figure(self, wildcards: Wildcards) -> FigureDeclaration:
        return all_figures()[wildcards.figure]

    @cached_property
    def results(self) -> dict[str, Result]:
        """The results that the report shows, by name."""
        return reported_results(self._config)

    @property
    def tables(self) -> list[str]:
        """Files of all results that the report shows."""
        return self._run.files_of(*self.results.values())

    def report_options(self) -> Any:
        """Return the flags of build_report."""
        keys = [key for key in Config.model_fields if key != "execution"]
        return self._run.options(
            "build_report",
            *flags(self._config, *keys),
            f"--config-digest={self._config.digest}",
            *_flag_with_values("--section", self._sections),
            *self._run.table_flags(*self.results.values()),
        )

    @property
    def _sections(self) -> list[str]:
        """Name and version of each section of this run's report, as "name:version"."""
        existing = {name: section for name, section in all_sections().items() if section.exists(self._config)}
        return [f"{name}:{section.version}" for name, section in existing.items()]


def _flag_with_values(flag: str, values: list[str]) -> list[str]:
    return [flag, *values] if values else []


def _as_json(value: Any) -> str:
    return json.dumps(value, default=lambda section: section.model_dump(mode="json"), sort_keys=True)
