"""One word joins everything: rule = stage module = results folder = log folder = contract."""

import re
from pathlib import Path

import pytest
import yaml

from workflow_lib.config import Config, parse_config
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.workflow import config_docs as docs

ROOT = Path(__file__).parents[2]
RULES = {
    match["name"]: match["body"]
    for file in sorted((ROOT / "rules").rglob("*.smk"))
    for match in re.finditer(
        r"^(?:rule|checkpoint) (?P<name>\w+):\n(?P<body>(?:    .*\n|\n)+)", file.read_text() + "\n", re.MULTILINE
    )
}


def test_rules_stages_and_contracts_have_the_same_names() -> None:
    stages = {file.stem for file in (ROOT / "workflow_lib" / "stages").glob("*.py")} - {"__init__"}
    assert set(RULES) == stages == set(CONTRACTS)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_s_folders_log_and_command_carry_its_name(rule: str) -> None:
    body = RULES[rule]
    assert re.match(r'    """[A-Z].*\."""\n|    """[A-Z][^"]*\.\n?\s*"""', body), "a docstring of one sentence"
    output = re.search(r"    output:\n((?:        .*\n)+)", body)
    assert output
    folders = set(re.findall(r"<results>/(\w+)", output[1]))
    assert folders == {rule}
    assert re.search(rf'    log:\n        "<logs>/{rule}[./]', body)
    assert f"python -m workflow_lib.stages.{rule}" in body
    # Options that depend on wildcards are put together in workflow_lib/workflow.
    behind = [body, *(file.read_text() for file in (ROOT / "workflow_lib" / "workflow").glob("*.py"))]
    assert any(f'"{rule}"' in text for text in behind), "its contract is among its params"
    assert "conda:" in body


def test_the_picture_of_the_rules_shows_all() -> None:
    picture = (ROOT / "workflow_lib" / "report" / "templates" / "rulegraph.svg").read_text()
    assert set(RULES) <= set(re.findall(r">(\w+)</text>", picture))


def test_the_snakefile_is_short() -> None:
    lines = [line for line in (ROOT / "Snakefile").read_text().splitlines() if line.strip()]
    assert len(lines) <= 60


def test_every_environment_has_the_lock_s_pins() -> None:
    lines = [line for file in ROOT.glob("requirements*.lock") for line in file.read_text().splitlines()]
    lock = dict(line.split("==") for line in lines if "==" in line)
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in lock.items()}
    for file in (ROOT / "envs").glob("*.yaml"):
        packages = yaml.safe_load(file.read_text())["dependencies"][-1]["pip"]
        for package in packages:
            name, version = package.split("==")
            assert pins[name] == version, f"{file.name}: {package}"


def test_schema_and_key_table_are_those_of_the_model() -> None:
    for path, text in docs.expected().items():
        assert path.read_text() == text, f"{path} is out of step: python -m workflow_lib.workflow.config_docs --fix"


def test_the_example_config_shows_every_key() -> None:
    """Each key stands in the example as an entry or a comment, below the section that it belongs to."""
    lines = (ROOT / "config" / "config.yaml").read_text().splitlines()
    shown: set[tuple[str, ...]] = set()
    path: list[tuple[int, str]] = []
    for line in lines:
        found = re.match(r"(\s*)(?:# ?)?(\s*)(?:- \{?)?([A-Za-z_]\w*):", line)
        if not found:
            continue
        depth = len(found[1]) + len(found[2])
        path = [(other, name) for other, name in path if other < depth] + [(depth, found[3])]
        inside = tuple(name for _, name in path)
        shown.add(inside)
        shown |= {(*inside, inner) for inner in re.findall(r"(\w+):", line)[1:]}
    declared = re.findall(r"^\| `([^`]+)`", docs.key_table(), re.MULTILINE)
    for key in declared:
        top, leaf = key.split(".")[0], key.split(".")[-1].removesuffix("[]")
        assert any(parts[0] == top.removesuffix("[]") and leaf in parts for parts in shown), key


@pytest.mark.parametrize("file", sorted((ROOT / "config").rglob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_is_valid_and_named_after_its_run(file: Path) -> None:
    config: Config = parse_config(yaml.safe_load(file.read_text()))
    assert config.run == {"config": "default"}.get(file.stem, file.stem)
