"""Costs of a network: one module each, named after its column and discovered here; see `models.cost_declaration`."""

from workflow_lib.core.discovery import discover
from workflow_lib.models.cost_declaration import CostDeclaration


def all_costs() -> dict[str, CostDeclaration]:
    """Map each column to its declaration, in the order of the table NETWORKS."""
    found: dict[str, CostDeclaration] = discover("costs", "COST")
    return dict(sorted(found.items(), key=lambda item: item[1].position))
