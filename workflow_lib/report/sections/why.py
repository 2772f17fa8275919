"""Section that explains the choice of the recommended candidate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.report.declaration import SectionDeclaration

if TYPE_CHECKING:
    from workflow_lib.report.content import ReportContent


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "accuracy_is_objective": any(objective.name == "accuracy_pct" for objective in content.config.front.objectives),
    }


SECTION = SectionDeclaration(
    title="Why this model",
    position=20,
    values=values,
)
