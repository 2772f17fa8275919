"""All tables that the library declares, by the names of their constants."""

from importlib import import_module
from pathlib import Path

import workflow_lib
from workflow_lib.core.schema import Table

_LIBRARY = Path(workflow_lib.__file__).parent


def declared_tables() -> dict[str, Table]:
    """Constant name -> table, of every module whose name ends in `_tables`."""
    found: dict[str, Table] = {}
    for file in sorted(_LIBRARY.rglob("*_tables.py")):
        module = import_module(".".join(["workflow_lib", *file.relative_to(_LIBRARY).with_suffix("").parts]))
        found |= {name: value for name, value in vars(module).items() if isinstance(value, Table)}
    return found
