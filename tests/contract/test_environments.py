"""A rule's conda environment has what its stage imports, directly or not, also inside functions."""

import ast
import re
import sys
from functools import cache

import pytest
import yaml
from test_structure import ROOT, RULES

MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in (ROOT / "workflow_lib").rglob("*.py")
}
PACKAGES = {"nn_meter": "nn-meter", "sklearn": "scikit-learn", "yaml": "pyyaml"}
"""Name to import -> name to install, where they differ."""


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of the library, and first names of all others."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    own = {name for name in found if name in MODULES}
    return frozenset(own | {name.split(".")[0] for name in found if not name.startswith("workflow_lib")})


def needed(stage: str) -> set[str]:
    """Packages that a stage and all that it imports need."""
    seen = {stage}
    waiting = [stage]
    while waiting:
        found = imports(waiting.pop()) - seen
        seen |= found
        waiting += [name for name in found if name in MODULES]
    others = {name for name in seen if name not in MODULES} - set(sys.stdlib_module_names)
    return {PACKAGES.get(name, name) for name in others}


@pytest.mark.parametrize("rule", RULES)
def test_an_environment_has_what_its_stage_imports(rule: str) -> None:
    found = re.search(r'"\.\./envs/(\w+\.yaml)"', RULES[rule])
    assert found
    packages = yaml.safe_load((ROOT / "envs" / found[1]).read_text())["dependencies"][-1]["pip"]
    assert needed(f"workflow_lib.stages.{rule}") <= {package.split("==")[0] for package in packages}
