"""Every module of the library can be the first that is imported: no two import each other."""

import importlib
import sys
from pathlib import Path

import workflow_lib

LIBRARY = Path(workflow_lib.__file__).parent
MODULES = sorted(
    ".".join(("workflow_lib", *file.relative_to(LIBRARY).with_suffix("").parts)).removesuffix(".__init__")
    for file in LIBRARY.rglob("*.py")
    if file.name != "__main__.py"
)


def test_every_module_can_be_imported_first() -> None:
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "workflow_lib"}
    failed = {}
    try:
        for name in MODULES:
            for known in [key for key in sys.modules if key.partition(".")[0] == "workflow_lib"]:
                del sys.modules[known]
            try:
                importlib.import_module(name)
            except ImportError as error:
                failed[name] = str(error)
    finally:
        for known in [key for key in sys.modules if key.partition(".")[0] == "workflow_lib"]:
            del sys.modules[known]
        sys.modules |= before
    assert not failed
