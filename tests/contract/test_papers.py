"""The table of the five papers names only tests, figures and scenarios that exist."""

import re
from pathlib import Path

import pytest

from workflow_lib.report.declaration import all_figures

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "papers.md").read_text()
ROWS = [line.strip("|").split(" | ") for line in TEXT.splitlines() if line.startswith("| ") and "| state |" not in line]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_what_shows_a_row_exists(row: list[str]) -> None:
    item, state, shown = (cell.strip() for cell in row)
    assert item and state in ("checked", "made", "partly", "no")
    tests = re.findall(r"`(test_\w+)\.py::(test_\w+)`", shown)
    for module, name in tests:
        [file] = ROOT.glob(f"tests/*/{module}.py")
        assert f"def {name}(" in file.read_text()
    for figures in re.findall(r"figures? ((?:`\w+`(?: and )?)+)", shown):
        assert set(re.findall(r"`(\w+)`", figures)) <= set(all_figures())
    for file in re.findall(r"`((?:config|benchmarks)/[\w/.]+)`", shown):
        assert (ROOT / file).exists()
    assert tests or state != "checked", "checked by a test"
