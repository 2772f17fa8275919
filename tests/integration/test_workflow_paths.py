"""The whole data part of the workflow where names are awkward: the checkout's, the data's, the chips'."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from chip_files import NORTH, SIZE, write_pair, write_region
from workflow_copy import copy_workflow, snakemake

from workflow_lib.core.tables import CHIPS, FOLDS

FOLDS_FILE = "results/awkward/assign_folds/folds.parquet"


def _config(root: Path) -> dict[str, Any]:
    return {
        "run": "awkward",
        "data": {"root": str(root), "regions": NORTH, "classes": ["F", "T"], "chip_size_px": SIZE},
        "folds": {"count": 2},
        "grid": {"channel_sets": {"4": ["dem", "red", "green", "blue"]}, "batch_sizes": [2]},
    }


def _run(checkout: Path, root: Path) -> None:
    (checkout / "mine.yaml").write_text(yaml.safe_dump(_config(root)))
    result = snakemake(checkout, FOLDS_FILE, "--configfile", "mine.yaml")
    assert result.code == 0, "\n".join(result.lines[-30:])
    assert set(FOLDS.read(checkout / FOLDS_FILE)["role"]) == {"training", "validation"}


@pytest.mark.parametrize("name", ["with space", "it's"])
def test_the_checkout_may_lie_anywhere(name: str, tmp_path: Path) -> None:
    write_region(tmp_path / "in" / "North")
    _run(copy_workflow(tmp_path / name / "edgefront"), tmp_path / "in")


ODD_NAMES = ["with space.tif", "quote'd.tif", "$(touch ran).tif", "; touch ran #.tif", "Grüße.tif", "100%s.tif"]


def test_chips_may_be_called_anything(tmp_path: Path) -> None:
    root = tmp_path / "in $(touch ran); touch ran"
    write_region(root / "North")
    for column, name in enumerate(ODD_NAMES):
        write_pair(root / "North", "F", name, 10 + column)
    checkout = copy_workflow(tmp_path / "edgefront")
    _run(checkout, root)
    assert set(ODD_NAMES) <= set(CHIPS.read(checkout / "results/awkward/import_chips/chips.parquet")["file"])
    assert not list(tmp_path.rglob("ran"))


def test_a_bad_chip_is_shown_by_the_run(tmp_path: Path) -> None:
    """The stage's line reaches the terminal, not its log alone, and no output stays behind."""
    write_region(tmp_path / "in" / "North")
    (tmp_path / "in/North/Aer/T/t1.tif").write_bytes(b"no raster")
    checkout = copy_workflow(tmp_path / "edgefront")
    (checkout / "mine.yaml").write_text(yaml.safe_dump(_config(tmp_path / "in")))
    result = snakemake(checkout, FOLDS_FILE, "--configfile", "mine.yaml")
    assert result.code != 0
    assert [line for line in result.lines if line.strip().startswith("error: ") and "North/Aer/T/t1.tif" in line]
    assert not list((checkout / "results").rglob("*.npy"))
