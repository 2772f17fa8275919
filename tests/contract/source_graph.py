"""Which modules of the library a stage runs, read from the source: imports, and extensions that are found by place."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow_lib"
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in LIBRARY.rglob("*.py")
}
EXTENSION_PACKAGES = ("report.sections", "report.figures", "devices", "costs", "search.strategies", "spaces")
REGISTRIES_RUN = {
    "build_report": ("report.sections",),
    "plot_figure": ("report.figures",),
    "predict_latency": ("devices",),
    "measure_latency": ("devices",),
    "price_operations": ("devices", "spaces"),
    "export_network": ("costs", "spaces"),
    "convert_network": ("costs", "spaces"),
    "export_litert": ("spaces",),
    "score_converted": ("spaces",),
    "propose_candidates": ("search.strategies",),
    "compare_strategies": ("search.strategies",),
    "train_fold": ("spaces",),
    "train_part": ("spaces",),
    "score_holdout": ("spaces",),
    "measure_precisions": ("spaces",),
    "measure_utilization": ("spaces",),
    "deploy_model": ("spaces",),
    "deploy_litert": ("spaces",),
}
"""Stage -> packages whose extensions it runs, beyond reading their declarations."""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _run_on_import(nodes: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """Statements outside of functions, and not for the type checker alone."""
    for node in nodes:
        yield node
        if isinstance(node, ast.ClassDef | ast.If | ast.Try | ast.With) and not _is_for_types(node):
            yield from _run_on_import([part for part in ast.iter_child_nodes(node) if isinstance(part, ast.stmt)])


@cache
def imported_at_once(module: str) -> frozenset[str]:
    """What importing a module imports."""
    return frozenset(_imports(_run_on_import(tree(module).body)))


@cache
def imported_at_last(module: str) -> frozenset[str]:
    """What a module imports, also when its functions are called."""
    for_types = {id(part) for node in ast.walk(tree(module)) if _is_for_types(node) for part in ast.walk(node)}
    return frozenset(_imports(node for node in ast.walk(tree(module)) if id(node) not in for_types))


def extensions(package: str) -> set[str]:
    """The modules of a registry's package, sub-packages included."""
    return {name for name in MODULES if name.startswith(f"workflow_lib.{package}.")}


@cache
def discovered(module: str) -> frozenset[str]:
    """The registries that a module reads: `discover("report.figures", ...)`."""
    calls = [node for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    names = [call.args[0].value for call in calls if getattr(call.func, "id", "") == "discover" and call.args]  # type: ignore[attr-defined]
    found = [one for package in names for one in extensions(str(package)) if one.count(".") == package.count(".") + 2]
    return frozenset(found)


def reached(stage: str) -> set[str]:
    """All that a stage imports, packages of others included; extensions that it does not run are only declared."""
    run = {name for package in REGISTRIES_RUN.get(stage, ()) for name in extensions(package)}
    declared = {name for package in EXTENSION_PACKAGES for name in extensions(package)} - run
    seen: set[str] = set()
    waiting = [(module, True) for module in {*run, f"workflow_lib.stages.{stage}"}]
    done: set[tuple[str, bool]] = set()
    while waiting:
        module, runs = waiting.pop()
        if (module, runs) in done:
            continue
        done.add((module, runs))
        seen.add(module)
        if module not in MODULES:
            continue
        found = imported_at_last(module) if runs else imported_at_once(module)
        known = [name for name in found if name in MODULES or not name.startswith("workflow_lib")]
        waiting += [(name, runs and name not in declared) for name in known]
        waiting += [(name, False) for name in discovered(module)]
    return seen
