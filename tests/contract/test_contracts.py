"""Asks, when the code behind a stage changes, whether its results change meaning.

They do: raise `CONTRACT` in the stage's module. They do not: say so in CHANGELOG.md. Either way record the new digest:
make record

The digest is over the modules that compute the stage's results: not over configuration, schemas, declarations, the
report's words or the machinery in `core`, whose effects other tests guard. It is over the text of the source without
comments, docstrings and spaces, which is the same under every version of Python.
"""

import ast
import hashlib
import io
import json
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest
from source_graph import EXTENSION_PACKAGES, LIBRARY, MODULES, REGISTRIES_RUN, extensions, imported_at_last

from workflow_lib.core.contracts import CONTRACTS

RECORD = Path(__file__).with_name("contracts.json")
_NOT_RESULTS = re.compile(
    r"workflow_lib\.((core|workflow|worker)\b.*|config|report(?!\.plots).*)"
    r"|.*(_config|_tables|_declaration|device_kind|scene_paths|grid_config)$"
)


def behind(stage: str) -> set[str]:
    """The modules that compute a stage's results, transitively."""
    extra = [one for package in REGISTRIES_RUN.get(stage, ()) if package != "spaces" for one in extensions(package)]
    declared = {one for package in EXTENSION_PACKAGES for one in extensions(package)} - set(extra)
    declared -= {one for one in declared if one.startswith("workflow_lib.spaces.")}
    waiting, found = [f"workflow_lib.stages.{stage}", *extra], set[str]()
    while waiting:
        module = waiting.pop()
        if module in MODULES and module not in found | declared and not _NOT_RESULTS.fullmatch(module):
            found.add(module)
            waiting += imported_at_last(module)
    return {module for module in found if MODULES[module].name != "__init__.py" or module in extra}


@cache
def code(module: str) -> str:
    return without_prose(MODULES[module].read_text())


def without_prose(text: str) -> str:
    """Source without docstrings, comments, line breaks, spaces and trailing commas."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    cut = [
        (starts[token.start[0] - 1] + token.start[1], starts[token.end[0] - 1] + token.end[1])
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(text)):
        for part in getattr(node, "body", None) or [] if isinstance(getattr(node, "body", None), list) else []:
            if (
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Constant)
                and isinstance(part.value.value, str)
            ):
                cut.append((starts[part.lineno - 1], starts[part.end_lineno or part.lineno]))
    for start, end in sorted(cut, reverse=True):
        text = text[:start] + text[end:]
    text = re.sub(r"^CONTRACT = \d+$", "", text, flags=re.MULTILINE)
    return re.sub(r",(?=[)\]}])", "", re.sub(r"\s+", "", text))


def digest(stage: str) -> str:
    text = "\n".join(f"{module}\n{code(module)}" for module in sorted(behind(stage)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def current() -> dict[str, dict[str, object]]:
    return {stage: {"contract": CONTRACTS[stage], "digest": digest(stage)} for stage in CONTRACTS}


@pytest.mark.parametrize("stage", CONTRACTS)
def test_the_code_behind_a_stage_is_the_recorded_one(stage: str) -> None:
    recorded = json.loads(RECORD.read_text()).get(stage)
    assert recorded == current()[stage], (
        f"the code behind {stage} changed. If its results change meaning, raise CONTRACT in "
        f"workflow_lib/stages/{stage}.py; if not, say so in CHANGELOG.md. Then: make record"
    )


def test_prose_and_layout_are_not_code_and_constants_are() -> None:
    first = without_prose('"""One."""\nX = [1, 2]\n')
    assert first == without_prose('"""Two."""\n# why\nX =  [\n    1,\n    2,\n]\n')
    assert first != without_prose('"""One."""\nX = [1, 3]\n')
    assert without_prose("def f():\n    '''A.'''\n    return 'a # b'\n") == "deff():return'a#b'"


def test_a_stage_depends_on_its_own_feature() -> None:
    assert "workflow_lib.training.loop" in behind("train_fold")
    assert "workflow_lib.training.loop" not in behind("build_front")
    assert all(LIBRARY in MODULES[module].parents for module in behind("plot_figure"))
    assert not any(module.startswith("workflow_lib.core") for stage in CONTRACTS for module in behind(stage))


if __name__ == "__main__":
    RECORD.write_text(json.dumps(current(), indent=2) + "\n")
