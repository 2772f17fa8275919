"""How a figure and a section of the report are declared; quick to import, because planning reads every declaration.

A new figure is one file in `report/figures`, a new section one file in `report/sections` (with a template beside it, if
its own words and tables are not enough). Neither may import pandas, matplotlib or torch before it is drawn or written.
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
"""The position of what says nothing about its place: after all that does."""


@dataclass(frozen=True)
class FigureInput:
    """What a figure is drawn from.

    Attributes:
        tables: result name -> table.
        settings: key of the configuration, such as "front.objectives" -> its value, as JSON gives it.
        files: group -> files that are no tables, such as rasters.
    """

    tables: Mapping[str, pd.DataFrame]
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)

    def __getitem__(self, result: Result) -> pd.DataFrame:
        return self.tables[result.name]

    @property
    def objectives(self) -> list[Objective]:
        """The axes of the front; needs the setting "front.objectives"."""
        return [Objective(**values) for values in self.settings["front.objectives"]]


@dataclass(frozen=True)
class FigureDeclaration:
    """One figure; its name is that of its module.

    Args:
        title: a few words, for lists.
        caption: what a reader sees in it, in one to three sentences.
        section: name of the report's section that shows it.
        draw: draws it. Imports of matplotlib and pandas belong inside.
        reads: results that it is drawn from; it exists in runs that have all of them.
        settings: keys of the configuration that it depends on, such as "front.objectives".
        files: function of the configuration that lists further files by group.
        when: whether a run has it, beside the results.
        position: order among the figures of its section.
        version: raise it when the figure changes, and finished runs draw it again.
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
        """Whether a run of this configuration has the figure."""
        return all(result.when(config) for result in self.reads) and self.when(config)


@dataclass(frozen=True)
class SectionDeclaration:
    """One section of the report; its name is that of its module, and the anchor of links to it.

    With a template `<name>.html.j2` beside the module, the template writes everything below the heading from `values`.
    Without one, the section has the paragraphs of `sentences`, then the tables of `values`, then its figures. Figures
    that a template does not place follow at its end.

    Args:
        title: its heading.
        reads: results that it needs; it exists in runs that have all of them.
        optional: results that it also uses where a run has them.
        parent: name of the section that it belongs to as a subsection; empty: none.
        position: order among the sections, or among the subsections of its parent.
        when: whether a run has it, beside the results.
        values: what its template sees; without a template, title -> `TextTable`.
        sentences: its paragraphs, without a template.
        caveats: what a reader must know before relying on the numbers.
        in_navigation: whether the list of sections at the top links to it.
        version: raise it when the section changes, and the reports of finished runs are written again.
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
        """Whether the report of a run of this configuration has the section."""
        return all(result.when(config) for result in self.reads) and self.when(config)

    def results(self, config: Config) -> list[Result]:
        """What it reads in a run of this configuration; nothing, if the run does not have it."""
        if not self.exists(config):
            return []
        return [*self.reads, *(result for result in self.optional if result.when(config))]


def all_figures() -> dict[str, FigureDeclaration]:
    """Every figure that is declared, in the order of their positions."""
    found: dict[str, FigureDeclaration] = discover("report.figures", "FIGURE")
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def all_sections() -> dict[str, SectionDeclaration]:
    """Every section that is declared, in the order of their positions."""
    found: dict[str, SectionDeclaration] = discover("report.sections", "SECTION")
    return dict(sorted(found.items(), key=lambda item: item[1].position))


def setting(config: Config, key: str) -> Any:
    """The value of a key of the configuration, or of one of its sections' properties, such as "data.bands"."""
    return reduce(getattr, key.split("."), config)


def reported_results(config: Config) -> dict[str, Result]:
    """The results that the report of a configuration shows, by name."""
    return {result.name: result for section in all_sections().values() for result in section.results(config)}
