"""Asks, when the code behind a stage changes, whether its results change meaning.

They do: raise the stage's number in workflow_lib/core/contracts.py. They do not: say so in CHANGELOG.md. Either way
record the new digest: make record
"""

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

import pytest

from workflow_lib.core.contracts import CONTRACTS

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("contracts.json")


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of the project that one imports, directly."""
    tree = ast.parse(source(module).read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("workflow_lib"):
            names |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in names if source(name).exists())


def source(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def behind(stage: str) -> set[str]:
    """All modules of the project that a stage imports, transitively, itself included."""
    found: set[str] = set()
    waiting = [f"workflow_lib.stages.{stage}"]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += imports(module)
    return found


@cache
def code(module: str) -> str:
    return without_prose(source(module).read_text())


def without_prose(text: str) -> str:
    """Code without docstrings, comments and formatting."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            node.body = body[1:]  # type: ignore[attr-defined]
    return ast.dump(tree)


def digest(stage: str) -> str:
    text = "\n".join(
        f"{module}\n{code(module)}" for module in sorted(behind(stage)) if module != "workflow_lib.core.contracts"
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def current() -> dict[str, dict[str, object]]:
    return {stage: {"contract": CONTRACTS[stage], "digest": digest(stage)} for stage in CONTRACTS}


@pytest.mark.parametrize("stage", CONTRACTS)
def test_the_code_behind_a_stage_is_the_recorded_one(stage: str) -> None:
    recorded = json.loads(RECORD.read_text()).get(stage)
    assert recorded == current()[stage], (
        f"the code behind {stage} changed. If its results change meaning, raise its number in "
        "workflow_lib/core/contracts.py; if not, say so in CHANGELOG.md. Then: make record"
    )


def test_a_docstring_is_not_code_and_a_constant_is() -> None:
    first = without_prose('"""One."""\nX = 1\n')
    assert first == without_prose('"""Two."""\n# why\nX =  1\n')
    assert first != without_prose('"""One."""\nX = 2\n')


if __name__ == "__main__":
    RECORD.write_text(json.dumps(current(), indent=2) + "\n")
