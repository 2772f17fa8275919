"""Declarations of the report's figures and sections; quick to import, because planning reads every declaration.

A new figure is one file in `report/figures`. A new section is one file in `report/sections`, with a template next to it
if sentences and tables are not enough. Neither may import pandas, matplotlib or torch before it is drawn or written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any

from workflow_lib.core.discovery import discover
from workflow_lib.core.results import Result, always
from workflow_lib.pareto.front_config import Objective

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from workflow_lib.config import Config
    from workflow_lib.report.content import ReportContent
    from workflow_lib.report.text_table import TextTable

LAST = 1000
"""Default position: after all figures or sections that declare one."""


@dataclass(frozen=True)
class FigureInput:
    """The data that a figure is drawn from.

    Attributes:
        tables: result name -> table.
        settings: configuration key, such as "front.objectives" -> its value in JSON form.
        files: group -> files that are not tables, such as rasters.
    """

    tables: Mapping[str, pd.DataFrame]
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def __getitem__(self, result: Result) -> pd.DataFrame:
        return self.tables[result.name]

    @property
    def objectives(self) -> list[Objective]:
        """Objectives of the front; requires the setting "front.objectives"."""
        return [Objective(**values) for values in self.settings["front.objectives"]]


@dataclass(frozen=True)
class FigureDeclaration:
    """One figure, named after its module.

    Args:
        title: a few words, for lists of figures.
        caption: explanation for the reader, in one to three sentences.
        section: name of the report section that shows it.
        draw: function that draws it. It imports matplotlib and pandas inside its body.
        reads: results that it is drawn from; the figure exists in runs that have all of them.
        settings: configuration keys that it depends on, such as "front.objectives".
        files: function of the configuration that lists further files by group.
        when: further condition on the configuration for the figure to exist.
        position: order among the figures of its section.
        version: raise it when the figure changes, so that finished runs draw it again.
    """

    title: str
    caption: str
    section: str
    draw: Callable[[FigureInput], Figure]
    reads: tuple[Result, ...] = ()
    settings: tuple[str, ...] = ()
    files: Callable[[Config], Mapping[str, Sequence[str]]] = lambda _: {}
    when: Callable[[Config], bool] = always
    position: int = LAST
    version: int = 1

    def exists(self, config: Config) -> bool:
        """Whether a run with this configuration has the figure."""
        return all(result.when(config) for result in self.reads) and self.when(config)


@dataclass(frozen=True)
class SectionDeclaration:
    """One section of the report, named after its module; the name is also its HTML anchor.

    If a template `<name>.html.j2` exists next to the module, it renders everything below the heading from `values`.
    Otherwise the section consists of the paragraphs of `sentences`, the tables of `values`, and its figures. Figures
    that a template does not place are appended.

    Args:
        title: heading of the section.
        reads: results that it needs; the section exists in runs that have all of them.
        optional: results that it also uses if a run has them.
        parent: name of the section that contains it as a subsection; empty: none.
        position: order among the sections, or among the subsections of its parent.
        when: further condition on the configuration for the section to exist.
        values: variables of its template; without a template, title -> `TextTable`.
        sentences: its paragraphs, if it has no template.
        caveats: limitations that a reader must know before relying on the numbers.
        in_navigation: whether the navigation at the top of the page links to it.
        version: raise it when the section changes, so that the reports of finished runs are rewritten.
    """

    title: str
    reads: tuple[Result, ...] = ()
    optional: tuple[Result, ...] = ()
    parent: str = ""
    position: int = LAST
    when: Callable[[Config], bool] = always
    values: Callable[[ReportContent], Mapping[str, TextTable | Any]] = lambda _: {}
    sentences: Callable[[ReportContent], Sequence[str]] = lambda _: ()
    caveats: Callable[[ReportContent], Sequence[str]] = lambda _: ()
    in_navigation: bool = True
    version: int = 1

    def exists(self, config: Config) -> bool:
        """Whether the report of a run with this configuration has the section."""
        return all(result.when(config) for result in self.reads) and self.when(config)

    def results(self, config: Config) -> list[Result]:
        """Results that the section reads in a run with this configuration; empty if the run lacks the section."""
        if not self.exists(config):
            return []
        return [*self.reads, *(result for result in self.optional if result.when(config))]


def all_figures() -> dict[str, FigureDeclaration]:
    """Return all declared figures by name, ordered by position."""
    found: dict[str, FigureDeclaration] = discover("report.figures", "FIGURE")
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def all_sections() -> dict[str, SectionDeclaration]:
    """Return all declared sections by name, ordered by position."""
    found: dict[str, SectionDeclaration] = discover("report.sections", "SECTION")
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def setting(config: Config, key: str) -> Any:
    """Look up a configuration key, or a property of a section, by its dotted name, such as "data.bands"."""
    return reduce(getattr, key.split("."), config)


def reported_results(config: Config) -> dict[str, Result]:
    """Return the results that the report of a configuration shows, by name."""
    return {result.name: result for section in all_sections().values() for result in section.results(config)}
