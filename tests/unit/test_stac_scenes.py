"""Scenes of STAC items: the assets with the model's bands, whatever way they are described."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from field_bundle import SIZE
from pystac import Asset, Catalog, CatalogType, Collection, Extent, Item, SpatialExtent, TemporalExtent
from range_server import serve
from scene_files import noise, write_scene

from workflow_lib.core.errors import UserError
from workflow_lib.field.stac_scenes import find_assets
from workflow_lib.stages.apply_model import main

WANTED = ["dem", "red", "nir"]


def item(name: str, assets: dict[str, Asset]) -> Item:
    box = [-98.0, 0.0, -97.9, 0.1]
    ring = [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]]
    made = Item(name, {"type": "Polygon", "coordinates": [ring]}, box, datetime(2026, 1, 1, tzinfo=UTC), {})
    for key, asset in assets.items():
        made.add_asset(key, asset)
    return made


def assets(folder: str = ".") -> dict[str, Asset]:
    """A band by its asset's name, bands by names and common names, and a picture of them."""
    bands = [{"name": "B4", "eo:common_name": "red"}, {"name": "B3"}, {"name": "nir"}]
    return {
        "dem": Asset(f"{folder}/dem.tif", roles=["data"]),
        "aerial": Asset(f"{folder}/aerial.tif", roles=["data"], extra_fields={"bands": bands}),
        "preview": Asset(f"{folder}/p.png", roles=["overview"], extra_fields={"bands": bands}),
        "notes": Asset(f"{folder}/notes.txt"),
    }


def save(stac: Item, folder: Path) -> Path:
    file = folder / f"{stac.id}.json"
    file.write_text(json.dumps(stac.to_dict(include_self_link=False)))
    return file


def test_bands_are_found_by_names_common_names_and_assets(tmp_path: Path) -> None:
    found = find_assets(str(save(item("one", assets()), tmp_path)), WANTED)
    assert found == [
        (("dem",), str(tmp_path / "dem.tif")),
        (("red", "aerial#2", "nir"), str(tmp_path / "aerial.tif")),
    ]


def test_items_of_a_collection_are_tiles(tmp_path: Path) -> None:
    extent = Extent(SpatialExtent([[-98, 0, -97, 1]]), TemporalExtent([[None, None]]))
    collection = Collection("tiles", "two tiles", extent)
    collection.add_items([item(name, assets(f"../{name}")) for name in ("west", "east")])
    catalog = Catalog("all", "a catalog")
    catalog.add_child(collection)
    catalog.normalize_and_save(str(tmp_path / "catalog"), CatalogType.SELF_CONTAINED)
    found = find_assets(str(tmp_path / "catalog" / "catalog.json"), WANTED)
    assert [bands for bands, _ in found] == [("dem",), ("red", "aerial#2", "nir")] * 2
    assert len({file for _, file in found}) == 4


def test_a_map_of_an_item_at_an_address_is_that_of_its_files(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    side = 3 * SIZE
    write_scene(tmp_path / "dem.tif", noise(1, side, side).astype(np.float32), resolution=2.0)
    write_scene(tmp_path / "aerial.tif", np.concatenate([noise(seed, side, side) for seed in (2, 3, 4)])[:3])
    save(item("one", assets()), tmp_path)

    def made(name: str, *scenes: str) -> bytes:
        output = tmp_path / f"{name}.tif"
        main([str(bundle), *scenes, f"--probability={output}", f"--detections={output.with_suffix('.gpkg')}"])
        return output.read_bytes()

    files = made("files", f"--scene=dem={tmp_path / 'dem.tif'}", f"--scene=red,other,nir={tmp_path / 'aerial.tif'}")
    with serve(tmp_path) as address:
        assert made("remote", f"--stac={address}/one.json") == files
    assert made("local", f"--stac={tmp_path / 'one.json'}") == files
    save(item("terrain", {"dem": assets()["dem"]}), tmp_path)
    save(item("pictures", {"aerial": assets()["aerial"]}), tmp_path)
    assert made("two", f"--stac={tmp_path / 'terrain.json'}", f"--stac={tmp_path / 'pictures.json'}") == files
    assert made("both", f"--stac={tmp_path / 'pictures.json'}", f"--scene=dem={tmp_path / 'dem.tif'}") == files
    with pytest.raises(UserError, match="the model also needs red, nir"):
        made("half", f"--stac={tmp_path / 'terrain.json'}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "is not a STAC item, collection or catalog"),
        ('{"type": "Polygon"}', "is not a STAC item, collection or catalog"),
        ('{"type": "FeatureCollection", "features": []}', "has no asset with a band of dem, red, nir"),
        ('{"type": "Collection", "links": 1}', "has no asset with a band of"),
        ('{"type": "Collection", "links": [{"rel": "item", "href": "gone.json"}]}', r"gone\.json: cannot be read"),
        (
            '{"type": "FeatureCollection", "links": [{"rel": "next", "href": "2.json", "method": "POST"}]}',
            "has pages that are not plain links",
        ),
        ('{"type": "Feature", "assets": []}', "has no asset with a band of"),
        ('{"type": "Feature", "assets": {"dem": 1, "x": {"href": 2}}}', "has no asset with a band of"),
        (
            '{"type": "Feature", "assets": {"dem": {"href": "d"}, "b": {"href": "e", "bands": [{"name": "dem"}]}}}',
            "has the band dem in several assets: dem, b",
        ),
        ('{"type": "Feature", "assets": {"a": {"href": "d", "bands": [1, {"name": 2}]}}}', "no asset with a band of"),
        (
            '{"type": "FeatureCollection", "features": [{"assets": {"dem": {"href": "d"}}}, {"assets": {}}]}',
            "has no asset with the band dem",
        ),
    ],
)
def test_what_is_no_item_or_lacks_bands_is_refused_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "item.json").write_text(content)
    with pytest.raises(UserError, match=message):
        find_assets(str(tmp_path / "item.json"), WANTED)


def test_links_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    links = [{"rel": "child", "href": "./item.json"}, {"rel": "item", "href": "../" + tmp_path.name + "/item.json"}]
    (tmp_path / "item.json").write_text(json.dumps({"type": "Catalog", "links": links}))
    with pytest.raises(UserError, match="has no asset"):
        find_assets(str(tmp_path / "item.json"), WANTED)


def test_pages_of_a_search_are_followed(tmp_path: Path) -> None:
    for number, links in enumerate(([{"rel": "next", "href": "./1.json"}], [])):
        page = {"type": "FeatureCollection", "features": [item("one", assets()).to_dict()], "links": links}
        (tmp_path / f"{number}.json").write_text(json.dumps(page))
    assert len(find_assets(str(tmp_path / "0.json"), WANTED)) == 4
