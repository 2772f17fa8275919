"""Extensions that are found by their place: one module, or one package, per extension."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

_LIBRARY = Path(__file__).parents[1]


@cache
def discover(package: str, constant: str) -> dict[str, Any]:
    """Collect what the modules of a package declare.

    A module or a sub-package is an extension if it assigns the constant; its name is the extension's name. Modules are
    imported in the order of their names, and must be quick to import: planning a run reads all declarations.

    Args:
        package: dotted name below `workflow_lib`, such as "report.figures".
        constant: the name that each extension assigns, such as "FIGURE".

    Returns:
        Extension name -> its declaration.
    """
    folder = _LIBRARY.joinpath(*package.split("."))
    names = sorted(
        file.stem if file.is_file() else file.name
        for file in folder.iterdir()
        if (file.suffix == ".py" and file.stem != "__init__") or (file / "__init__.py").is_file()
    )
    modules = {name: import_module(f"workflow_lib.{package}.{name}") for name in names}
    return {name: getattr(module, constant) for name, module in modules.items() if hasattr(module, constant)}
