"""File names that a shell, Snakemake, GDAL or a table could stumble over."""

import os
from pathlib import Path

import pytest
from chip_files import data_flags, import_region, output_flags, write_pair, write_region
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError
from workflow_lib.stages.import_chips import main

HOSTILE = [
    "with space.tif",
    "two  spaces.tif",
    "quote'd.tif",
    'double"quoted.tif',
    "$(touch ran).tif",
    "`touch ran`.tif",
    "; touch ran #.tif",
    "| touch ran.tif",
    "Grüße 東京 🌍.tif",
    "100%s.tif",
    "-rf.tif",
    "back\\slash.tif",
    "what?*[a].tif",
    "archive.zip!inner.tif",
]
# Invisible, or a wildcard to Snakemake.
REFUSED = ["new\nline.tif", "tab\there.tif", "{wildcard}.tif", "right\u202eleft.tif"]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_a_name(name: str, tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    write_pair(tmp_path / "North", "F", name, 9)
    imported = import_region(tmp_path, tmp_path / "out")
    assert name in imported.chips["file"].tolist()


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_that_cannot_be_shown_or_planned_is_refused(name: str, tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    write_pair(tmp_path / "North", "F", name, 9)
    with pytest.raises(UserError, match="its name has unprintable characters or braces"):
        import_region(tmp_path, tmp_path / "out")


def test_hostile_names_run_nothing(tmp_path: Path) -> None:
    root = tmp_path / "in $(touch ran); touch ran"
    write_region(root / "North")
    for column, name in enumerate(HOSTILE):
        write_pair(root / "North", "F", name, 10 + column)
    arguments = [*data_flags(root), *output_flags(tmp_path / "out")]
    result = run_stage("import_chips", *arguments, cwd=tmp_path)
    assert (result.code, result.lines) == (0, [])
    assert not list(tmp_path.rglob("ran"))


def test_a_bad_chip_with_a_line_break_in_its_name_is_one_line(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    (tmp_path / "North/Aer/F/new\nerror: line.tif").write_bytes(b"no raster")
    (tmp_path / "North/DEM/F/new\nerror: line.tif").write_bytes(b"no raster")
    arguments = [*data_flags(tmp_path), *output_flags(tmp_path / "out")]
    assert_refused(run_stage("import_chips", *arguments, cwd=tmp_path), "line.tif", "unprintable")


def test_a_name_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, as an old archive unpacks them: no table can hold them."""
    write_region(tmp_path / "North")
    for folder in ("DEM", "Aer"):
        good = tmp_path / "North" / folder / "F" / "f1.tif"
        good.rename(good.with_name(os.fsdecode(b"gr\xfc\xdfe.tif")))
    arguments = [*data_flags(tmp_path), *output_flags(tmp_path / "out")]
    assert_refused(run_stage("import_chips", *arguments, cwd=tmp_path), "gr", "e.tif")
    assert files_under(tmp_path / "out") == []


def test_a_name_that_is_no_text_is_dropped(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    for folder in ("DEM", "Aer"):
        good = tmp_path / "North" / folder / "F" / "f1.tif"
        good.rename(good.with_name(os.fsdecode(b"gr\xfc\xdfe.tif")))
    imported = import_region(tmp_path, tmp_path / "out", on_bad_chip="drop")
    assert len(imported.rejected) == 1
    assert len(imported.chips) == 3


def test_what_is_no_chip_is_left_alone(tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    for name in ("f0.tif.aux.xml", "notes.txt", ".hidden.tif", "f0.tfw", "Thumbs.db"):
        (tmp_path / "North/Aer/F" / name).write_text("no raster")
    assert len(import_region(tmp_path, tmp_path / "out").chips) == 4


@pytest.mark.parametrize(
    ("flag", "value", "key"),
    [
        ("--chip-size-px", "forty", "chip_size_px"),
        ("--chip-size-px", "10", "chip_size_px"),
        ("--max-nodata-pct", "nan", "max_nodata_pct"),
        ("--max-nodata-pct", "100", "max_nodata_pct"),
        ("--on-bad-chip", "ignore", "on_bad_chip"),
        ("--normalisation", "zscore", "normalisation"),
        ("--classes", '["F"]', "classes"),
        ("--classes", '["F", "../T"]', "classes"),
        ("--regions", '{"North": []}', "regions"),
        ("--regions", '{"North": [{"folder": "North", "bands": ["dem"], "nodata": 0}]}', "nodata"),
        ("--regions", '{"../North": [{"folder": "North", "bands": ["dem"]}]}', "regions"),
    ],
)
def test_a_wrong_flag_names_its_key(flag: str, value: str, key: str, tmp_path: Path) -> None:
    write_region(tmp_path / "North")
    with pytest.raises(UserError, match=key):
        main([*data_flags(tmp_path), *output_flags(tmp_path / "out"), flag, value])
