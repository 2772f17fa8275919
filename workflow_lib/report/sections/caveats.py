"""Section with the caveats of all other sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.report.declaration import SectionDeclaration, all_sections

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def all_caveats(content: ReportContent) -> list[str]:
    """Collect the caveats of all sections of a report, in the order of the sections."""
    sections = all_sections().values()
    return [note for section in sections if section.exists(content.config) for note in section.caveats(content)]


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {"caveats": all_caveats(content)}


SECTION = SectionDeclaration(title="Caveats", position=130, values=values)
