"""Discovery of extensions by their location: one module or sub-package per extension."""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

_LIBRARY = Path(__file__).parents[1]


@cache
def discover(package: str, constant: str) -> dict[str, Any]:
    """Collect the declarations of all extensions in a package.

    A module or sub-package is an extension if it assigns the constant. Its name is the extension's name. Modules are
    imported in the order of their names. They must be quick to import, because planning a run reads all declarations.

    Args:
        package: dotted name below `workflow_lib`, such as "report.figures".
        constant: name that each extension assigns, such as "FIGURE".

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
