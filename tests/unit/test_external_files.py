"""What changed outside is noticed, whatever its clock says; what did not change repeats nothing."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio.shutil
from scene_files import noise, write_scene

from workflow_lib.core.external_files import expand_pattern, files_with_sidecars, have_changed, record_files


def older(path: Path) -> None:
    os.utime(path, ns=(0, path.stat().st_mtime_ns - 10**12))


def replace_keeping_the_time(path: Path) -> None:
    """As `cp -p` does: same name, same size, and an older time."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    other = path.with_name("other")
    other.write_bytes(content)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns - 10**12))
    shutil.copy2(other, path)
    other.unlink()


def change_in_place_and_set_the_time_back(path: Path) -> None:
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return write_scene(tmp_path / "data" / "scene.tif", noise(1, 20, 20))


CHANGES: dict[str, Callable[[Path], object]] = {
    "replaced, with an older time": replace_keeping_the_time,
    "changed, with the time set back": change_in_place_and_set_the_time_back,
    "shorter": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "gone": lambda path: path.unlink(),
    "a mask beside it": lambda path: path.with_name("scene.tif.msk").write_bytes(b"x"),
    "metadata beside it": lambda path: path.with_name("scene.tif.aux.xml").write_text("<PAMDataset/>"),
    "overviews beside it": lambda path: path.with_name("scene.tif.ovr").write_bytes(b"x"),
    "a world file beside it": lambda path: path.with_name("scene.tfw").write_text("1\n0\n0\n-1\n0\n0\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(change: str, scene: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record_files(record, [scene])
    assert not have_changed(record, [scene])
    CHANGES[change](scene)
    assert have_changed(record, [scene])


@pytest.mark.parametrize(
    "harmless",
    [os.utime, older, lambda path: os.utime(path, (time.time() + 7200,) * 2), lambda path: path.chmod(0o600)],
    ids=["touched", "older", "from the future", "mode"],
)
def test_another_time_with_the_same_content_is_no_change(
    harmless: Callable[[Path], object], scene: Path, tmp_path: Path
) -> None:
    record_files(tmp_path / "record.json", [scene])
    harmless(scene)
    assert not have_changed(tmp_path / "record.json", [scene])


def test_a_tile_behind_vrts_is_noticed(scene: Path, tmp_path: Path) -> None:
    for name, source in (("inner.vrt", scene), ("outer.vrt", tmp_path / "inner.vrt")):
        rasterio.shutil.copy(source, tmp_path / name, driver="VRT")
    outer = tmp_path / "outer.vrt"
    record_files(tmp_path / "record.json", [outer])
    assert not have_changed(tmp_path / "record.json", [outer])
    replace_keeping_the_time(scene)
    assert have_changed(tmp_path / "record.json", [outer])


def test_folders_are_listed_at_any_depth(tmp_path: Path) -> None:
    folder = tmp_path / "chips"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.tif").write_bytes(b"a")
    record_files(tmp_path / "record.json", [folder])
    (folder / "deep" / "b.tif").write_bytes(b"b")
    assert have_changed(tmp_path / "record.json", [folder])
    assert files_with_sidecars([folder]) == [str(folder / "a.tif"), str(folder / "deep" / "b.tif")]


def test_an_edit_in_a_write_ahead_log_is_noticed(tmp_path: Path) -> None:
    path, record = tmp_path / "points.gpkg", tmp_path / "record.json"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE TABLE t (x)")
    writer.commit()
    record_files(record, [path])
    reader = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    reader.execute("SELECT * FROM t").fetchall()
    assert not have_changed(record, [path]), "reading is no change"
    writer.execute("INSERT INTO t VALUES (1)")
    writer.commit()
    assert have_changed(record, [path])
    reader.close()
    writer.close()


def test_missing_and_unreadable_records_count_as_changes(scene: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    assert have_changed(record, [scene])
    for text in ("", "{", "[]", '{"version": 1}', '{"version": 0, "listed": [], "files": {}}'):
        record.write_text(text)
        assert have_changed(record, [scene])


def test_a_missing_file_is_recorded_and_its_coming_is_noticed(tmp_path: Path) -> None:
    record_files(tmp_path / "record.json", [tmp_path / "later.csv"])
    assert not have_changed(tmp_path / "record.json", [tmp_path / "later.csv"])
    (tmp_path / "later.csv").write_text("x")
    assert have_changed(tmp_path / "record.json", [tmp_path / "later.csv"])


def test_random_content_is_hashed_only_where_times_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.random.default_rng(0).random(1000).tofile(tmp_path / "a.bin")
    record_files(tmp_path / "record.json", [tmp_path / "a.bin"])
    monkeypatch.setattr("workflow_lib.core.external_files.digest_content", lambda _: pytest.fail("read"))
    assert not have_changed(tmp_path / "record.json", [tmp_path / "a.bin"])


def test_patterns_stand_for_files_and_brackets_for_themselves(tmp_path: Path) -> None:
    for name in ("a_1.tif", "a_2.tif", "b[1].tif", "b1.tif"):
        (tmp_path / name).touch()
    assert expand_pattern(f"{tmp_path}/a_?.tif") == [f"{tmp_path}/a_1.tif", f"{tmp_path}/a_2.tif"]
    assert expand_pattern(f"{tmp_path}/b[1].tif") == [f"{tmp_path}/b[1].tif"]
    assert expand_pattern(f"{tmp_path}/none_*.tif") == [f"{tmp_path}/none_*.tif"]
    record = tmp_path / "record" / "files.json"
    record_files(record, [f"{tmp_path}/a_*.tif"])
    assert not have_changed(record, [f"{tmp_path}/a_*.tif"])
    (tmp_path / "a_3.tif").touch()
    assert have_changed(record, [f"{tmp_path}/a_*.tif"])


def test_sidecars_share_a_stem_or_a_name(tmp_path: Path) -> None:
    names = ["a.tif", "a.tif.msk", "a.tif.aux.xml", "a.tfw", "a.b.tif", "ab.tif", "a-b.tif", "p.gpkg", "p.gpkg-wal"]
    for name in names:
        (tmp_path / name).touch()
    listed = files_with_sidecars([tmp_path / "a.tif", tmp_path / "p.gpkg"])
    assert [Path(name).name for name in listed] == [
        "a.b.tif", "a.tfw", "a.tif", "a.tif.aux.xml", "a.tif.msk", "p.gpkg", "p.gpkg-wal",
    ]  # fmt: skip


def test_equal_content_under_other_times_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tens of gigabytes of scenes would otherwise be read at every plan after a copy without times."""
    file, record = tmp_path / "a.tif", tmp_path / "record" / "files.json"
    file.write_text("content")
    record_files(record, [file])
    os.utime(file, (1e9, 1e9))
    assert not have_changed(record, [file])
    monkeypatch.setattr("workflow_lib.core.external_files.digest_content", lambda _: "never asked")
    assert not have_changed(record, [file])
    file.write_text("another")
    assert have_changed(record, [file])
