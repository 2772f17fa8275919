"""Scenes at addresses: what is wrong there is one line, and a change there is noticed.

`test_scene_check` makes a map of such scenes.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from range_server import serve
from scene_files import noise, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.field.remote_scenes import fetch, remote_state, write_view
from workflow_lib.field.sliding import describe_file


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_a_view_has_the_values_of_the_scene_and_is_known_by_its_content(tmp_path: Path) -> None:
    file = Path(write_scene(tmp_path / "a scene (1).tif", noise(2, 60, 60), resolution=2.0))
    views = tmp_path / "views"
    views.mkdir()
    with serve(tmp_path) as address:
        file.rename(tmp_path / "dem.tif")
        view = write_view(f"{address}/dem.tif", views)
        assert view.parent == views and view.name.startswith("dem.tif.")
        with rasterio.open(view) as through, rasterio.open(tmp_path / "dem.tif") as scene:
            assert np.array_equal(through.read(), scene.read())
            assert through.transform == scene.transform and through.crs == scene.crs
        before = describe_file(view, views)
        assert [name for name, *_ in before] == [f"/vsicurl/{address}/dem.tif"]
        assert describe_file(view, views) == before
        write_scene(tmp_path / "dem.tif", noise(3, 60, 60), resolution=2.0)
        assert describe_file(view, views) != before


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/dem.tif", "https://127.0.0.1:9/dem.tif", "s3://bucket/dem.tif"]
)
def test_an_address_without_an_answer_is_refused_in_one_line(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    with pytest.raises(UserError, match="no readable raster at this address") as refused:
        write_view(address, tmp_path)
    assert str(refused.value).startswith(address) and "\n" not in str(refused.value)


def test_what_is_not_there_or_no_raster_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("not a raster")
    with serve(tmp_path) as address:
        for name in ("gone.tif", "text.tif"):
            with pytest.raises(UserError, match=f"{name}: no readable raster at this address"):
                write_view(f"{address}/{name}", tmp_path)


def test_content_without_a_tag_or_time_never_counts_as_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dem.tif").write_bytes(b"1234")
    with serve(tmp_path, with_tags=False) as address:
        first, second = (remote_state(f"/vsicurl/{address}/dem.tif") for _ in range(2))
        assert first != second
    assert "it is not known when" in capsys.readouterr().err
    assert remote_state("/vsis3/bucket/dem.tif") != remote_state("/vsis3/bucket/dem.tif")


@pytest.mark.parametrize(
    "address",
    ["http://user:secret@127.0.0.1/dem.tif", "http://127.0.0.1:9/a b.tif", f"http://127.0.0.1:9/{'x' * 300}.tif"],
)
def test_addresses_of_any_form_are_refused_in_one_line_without_passwords(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="no readable raster at this address") as refused:
        write_view(address, tmp_path)
    assert remote_state(f"/vsicurl/{address}")
    assert "secret" not in str(refused.value) + capsys.readouterr().err
    with pytest.raises(UserError, match="cannot be read") as refused:
        fetch(address)
    assert "secret" not in str(refused.value)


def test_a_view_has_a_short_name_whatever_the_address(tmp_path: Path) -> None:
    write_scene(tmp_path / "dem.tif", noise(2, 60, 60), resolution=2.0)
    with serve(tmp_path) as address:
        view = write_view(f"{address}/dem.tif?key={'x' * 300}", tmp_path)
    assert view.name.startswith("dem.tif.") and len(view.name) < 100


def test_a_scene_in_an_archive_is_known_by_the_archive(tmp_path: Path) -> None:
    file = write_scene(tmp_path / "dem.tif", noise(2, 60, 60), resolution=2.0)
    archive, view = tmp_path / "scenes.zip", tmp_path / "scene.vrt"

    def pack(*files: str) -> None:
        with zipfile.ZipFile(archive, "w") as made:
            for name in files:
                made.write(name, Path(name).name)

    pack(file)
    rasterio.shutil.copy(f"/vsizip/{archive}/dem.tif", view, driver="VRT")
    before = describe_file(view, tmp_path / "views")
    assert len(before) == 2 and before == describe_file(view, tmp_path / "views")
    pack(file, __file__)
    assert describe_file(view, tmp_path / "views") != before
