"""A rule's conda environment has what its stage imports, directly or not, also inside functions."""

import re
import sys

import pytest
import yaml
from source_graph import MODULES, ROOT, reached
from test_structure import RULES

PACKAGES = {
    "ai_edge_litert": "ai-edge-litert",
    "ai_edge_quantizer": "ai-edge-quantizer",
    "litert_torch": "litert-torch",
    "nn_meter": "nn-meter",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "pydantic_core": "pydantic",
    "markupsafe": "jinja2",
}
"""Name to import -> name to install, or of the package that brings it along, where they differ."""


def needed(stage: str) -> set[str]:
    """Packages that a stage and all that it imports need."""
    others = {name for name in reached(stage) if name not in MODULES and not name.startswith("workflow_lib")}
    others = {name.split(".")[0] for name in others}
    return {PACKAGES.get(name, name) for name in others - set(sys.stdlib_module_names)}


@pytest.mark.parametrize("rule", RULES)
def test_an_environment_has_what_its_stage_imports(rule: str) -> None:
    found = re.search(r'"(?:\.\./)+envs/(\w+\.yaml)"', RULES[rule])
    assert found
    packages = yaml.safe_load((ROOT / "envs" / found[1]).read_text())["dependencies"][-1]["pip"]
    assert needed(rule) <= {package.split("==")[0] for package in packages}


def test_extensions_are_followed() -> None:
    assert "matplotlib" in needed("plot_figure")
    assert {"nni", "moocore"} <= needed("propose_candidates")
    assert "matplotlib" not in needed("train_fold")
    assert "nn-meter" in needed("detect_kernels")
