"""Renders the report as one HTML page that needs no network access."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.content import ReportContent
from workflow_lib.report.declaration import SectionDeclaration, all_figures, all_sections
from workflow_lib.report.page_parts import data_address, page_environment
from workflow_lib.report.recommendation import recommended_row
from workflow_lib.report.tables import front_members

_SCREEN_DPI = 112


@dataclass(frozen=True)
class _RenderedSection:
    """A section of the page with its subsections."""

    name: str
    title: str
    in_navigation: bool
    body: Markup
    parts: list["_RenderedSection"]


def render(content: ReportContent) -> str:
    """Render the report.

    Args:
        content: tables, figures and configuration of the run.

    Returns:
        A complete HTML document with embedded figures and interactive front.

    Raises:
        KeyError: if a figure is not declared.
        ValueError: if not exactly one candidate is recommended.
    """
    recommended_row(content[RANKED_RESULT])
    environment = page_environment("templates", "sections")
    return environment.get_template("report.html.j2").render(
        title=content.config.report.title,
        run=content.config.run,
        stamp=content.stamp,
        candidates=content.candidate_count,
        members=len(front_members(content[RANKED_RESULT], content.config.front.objectives)),
        sections=_sections(environment, content, _pictures(environment, content)),
    )


def _pictures(environment: Environment, content: ReportContent) -> dict[str, Markup]:
    """Render every figure of the run as HTML, ordered by position."""
    declared, template = all_figures(), environment.get_template("figure.html.j2")
    if unknown := set(content.figures) - set(declared):
        raise KeyError(f"figure {min(unknown)} is not declared")
    return {
        name: Markup(template.render(name=name, caption=figure.caption, **_embedded(content, name)))  # noqa: S704
        for name, figure in declared.items()
        if name in content.figures
    }


def _embedded(content: ReportContent, name: str) -> dict[str, Any]:
    """Return a figure's data URL, and its width in CSS pixels, which gives all figures the same text size."""
    png = content.figures[name]
    width = int.from_bytes(png[16:20], "big")  # a PNG's first chunk starts with its width
    return {"address": data_address(png, "png"), "width_px": round(width / content.config.report.dpi * _SCREEN_DPI)}


def _sections(
    environment: Environment, content: ReportContent, pictures: Mapping[str, Markup]
) -> list[_RenderedSection]:
    existing = {name: section for name, section in all_sections().items() if section.exists(content.config)}
    write = partial(_write, environment, content, pictures)

    def part(name: str, section: SectionDeclaration) -> _RenderedSection:
        inner = [part(other, one) for other, one in existing.items() if one.parent == name]
        return _RenderedSection(name, section.title, section.in_navigation, write(name, section), inner)

    return [part(name, section) for name, section in existing.items() if not section.parent]


def _write(
    environment: Environment,
    content: ReportContent,
    pictures: Mapping[str, Markup],
    name: str,
    section: SectionDeclaration,
) -> Markup:
    """Render the body of a section: its template, then the figures that the template does not place."""
    declared = all_figures()
    unplaced = [figure for figure in pictures if declared[figure].section == name]

    def picture(figure: str) -> Markup:
        if figure in unplaced:
            unplaced.remove(figure)
        return pictures.get(figure, Markup())

    body = _template(environment, name)(content, section, picture)
    return Markup("\n").join([body, *(pictures[figure] for figure in unplaced)])


def _template(
    environment: Environment, name: str
) -> Callable[[ReportContent, SectionDeclaration, Callable[[str], Markup]], Markup]:
    show = environment.get_template("show.html.j2").module.show  # type: ignore[attr-defined]
    template = f"{name}.html.j2"

    def write(content: ReportContent, section: SectionDeclaration, picture: Callable[[str], Markup]) -> Markup:
        if template in environment.list_templates():
            text = environment.get_template(template).render(show=show, picture=picture, **section.values(content))
        else:
            text = environment.get_template("plain_section.html.j2").render(
                show=show, sentences=section.sentences(content), tables=section.values(content)
            )
        return Markup(text)  # noqa: S704 (the template escaped it)

    return write
