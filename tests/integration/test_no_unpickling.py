"""Data files run no code: nothing in the product unpickles, evaluates or starts a shell."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from stage_runs import PROJECT

SOURCES = sorted((PROJECT / "workflow_lib").rglob("*.py"))
# Module -> its functions that unpickle or evaluate; empty: all of them.
FORBIDDEN: dict[str, set[str]] = {
    "pickle": set(), "dill": set(), "cloudpickle": set(), "shelve": set(), "marshal": set(),
    "joblib": {"load", "Memory", "Parallel"},
    "pandas": {"read_pickle"}, "yaml": {"load", "full_load", "unsafe_load"}, "os": {"system", "popen"},
    "builtins": {"eval", "exec"},
}  # fmt: skip
# Function -> the keyword that makes it safe.
GUARDED = {"numpy.load": ("allow_pickle", False), "torch.load": ("weights_only", True)}


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """Name in the module -> what it stands for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, names)}.{node.attr}"
    return names.get(node.id, f"builtins.{node.id}") if isinstance(node, ast.Name) else "?"


def unsafe_calls(source: str) -> Iterator[str]:
    """Each call in a module that could run what a data file holds."""
    tree = ast.parse(source)
    names = _imported_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = _dotted(node.func, names)
        module, _, function = called.rpartition(".")
        root = module.split(".")[0] if module != "builtins" else module
        is_method = module.startswith("builtins.")  # of a variable: network.eval() is not eval()
        if root in FORBIDDEN and not is_method and (not FORBIDDEN[root] or function in FORBIDDEN[root]):
            yield f"line {node.lineno}: {called}"
        if called in GUARDED:
            name, value = GUARDED[called]
            given = [keyword.value for keyword in node.keywords if keyword.arg == name]
            if not (given and isinstance(given[0], ast.Constant) and given[0].value is value):
                yield f"line {node.lineno}: {called} without {name}={value}"
        for keyword in node.keywords:
            if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                yield f"line {node.lineno}: {called} with a shell"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_module_runs_no_data(path: Path) -> None:
    assert list(unsafe_calls(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle\npickle.load(f)",
        "from pickle import loads as read\nread(b)",
        "import numpy as np\nnp.load(p)",
        "import numpy as np\nnp.load(p, allow_pickle=True)",
        "import numpy as np\nnp.load(p, allow_pickle=flag)",
        "import torch\ntorch.load(p)",
        "import torch as t\nt.load(p, weights_only=False)",
        "import pandas as pd\npd.read_pickle(p)",
        "import joblib\njoblib.load(p)",
        "import os\nos.system(c)",
        "import subprocess\nsubprocess.run(c, shell=True)",
        "eval(text)",
    ],
)
def test_the_search_finds_what_it_looks_for(source: str) -> None:
    assert list(unsafe_calls(source))


def test_the_search_lets_safe_calls_pass() -> None:
    source = "import numpy as np, torch, json, onnx\nnp.load(p, allow_pickle=False)\ntorch.load(p, weights_only=True)\n"
    assert not list(unsafe_calls(source + "json.loads(t)\nonnx.load(p)\nmodel.eval()\n"))
