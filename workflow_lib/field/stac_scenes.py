"""Scenes named by a STAC item, or by the items of a collection or catalog: which asset holds which band.

Source: STAC 1.0 and 1.1 (bands of an asset), the extension eo 1.1 (eo:bands).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from workflow_lib.core.errors import UserError
from workflow_lib.field.json_reader import WrongValueError, load
from workflow_lib.field.remote_scenes import fetch

_PICTURES = {"thumbnail", "overview", "visual"}
"""Roles of assets that hold pictures of the data."""
_MOST_FILES = 10_000

Assets = list[tuple[tuple[str, ...], str]]
"""For each asset the names of all its bands, and its file or address."""


def find_assets(location: str, wanted: Sequence[str]) -> Assets:
    """Find the assets that hold bands of a model.

    Bands are found by their name or common name. An asset without a list of bands counts as one band with the name of
    the asset.

    Args:
        location: file, or https:// address, of a STAC item, item collection, collection or catalog.
        wanted: names of the bands; those that the first item does not have are not looked for in the others.

    Returns:
        Assets of all items, which are tiles of each other; other bands get names that match no wanted band.

    Raises:
        UserError: if it cannot be read, or an item has several assets for a band, or none for a band of the first item.
    """
    assets: Assets = []
    present: list[str] | None = None
    for where, item in _items(location):
        names = {key: _band_names(key, asset) for key, asset in _data_assets(item).items()}
        if present is None:
            present = [band for band in wanted if _holders(band, names)]
        assets += _assets_of(item, names, where, present)
    if wanted and not assets:
        raise UserError(f"has no asset with a band of {', '.join(wanted)}", location, "give the files by --scene")
    return assets


def _items(location: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and content of each item; links to items, children and next pages are followed."""
    waiting, seen = [location], set[str]()
    while waiting:
        where = waiting.pop(0)
        if where in seen:
            continue
        seen.add(where)
        if len(seen) > _MOST_FILES:
            raise UserError(f"refers to more than {_MOST_FILES:,} files", location, "give a smaller collection")
        content = _read(where)
        links = _objects(content.get("links"))
        match content.get("type"):
            case "Feature":
                yield where, content
            case "FeatureCollection":
                yield from ((where, item) for item in _objects(content.get("features")))
                waiting += _targets(links, where, "next")
            case "Collection" | "Catalog":
                items = _targets(links, where, "item", "child")
                waiting += items or _targets(links, where, "items")  # static catalogs, or a server with an API
            case _:
                raise UserError("is not a STAC item, collection or catalog", where, "check the file or address")


def _targets(links: Sequence[Mapping[str, Any]], where: str, *relations: str) -> list[str]:
    chosen = [link for link in links if link.get("rel") in relations]
    if any(link.get("method", "GET") != "GET" for link in chosen):
        raise UserError("has pages that are not plain links", where, "save all items in one file")
    return [_resolve(str(link.get("href")), where) for link in chosen]


def _read(where: str) -> dict[str, Any]:
    if where.startswith(("https://", "http://")):
        text, _ = fetch(where)
    else:
        try:
            text = Path(where).read_bytes()
        except (OSError, ValueError) as error:
            raise UserError(f"cannot be read ({error})", where, "check the file or address") from None
    try:
        content = load(text)
    except WrongValueError as error:
        raise UserError(str(error), where, "check the file or address") from None
    return content if isinstance(content, dict) else {}


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _resolve(href: str, where: str) -> str:
    """Return the file or address that a link in a file or at an address means."""
    if "://" in href:
        return href
    return urljoin(where, href) if "://" in where else str(Path(where).parent.joinpath(href).resolve())


def _data_assets(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    assets = item.get("assets")
    return {key: asset for key, asset in assets.items() if _holds_data(asset)} if isinstance(assets, dict) else {}


def _holders(band: str, names: Mapping[str, list[set[str]]]) -> list[str]:
    return [key for key, bands in names.items() if any(band in choices for choices in bands)]


def _assets_of(
    item: Mapping[str, Any], names: Mapping[str, list[set[str]]], where: str, wanted: Sequence[str]
) -> Assets:
    used: list[str] = []
    for band in wanted:
        holders = _holders(band, names)
        if len(holders) != 1:
            problem = f"has the band {band} in several assets" if holders else f"has no asset with the band {band}"
            raise UserError(f"{problem}: {', '.join(holders or names)}", where, "give the files by --scene")
        used += [key for key in holders if key not in used]
    return [
        (
            tuple(_name(choices, wanted, f"{key}#{number}") for number, choices in enumerate(names[key], start=1)),
            _resolve(str(item["assets"][key]["href"]), where),
        )
        for key in used
    ]


def _holds_data(asset: Any) -> bool:
    if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
        return False
    roles = asset.get("roles")
    return not _PICTURES & {str(role) for role in (roles if isinstance(roles, list) else [])}


def _band_names(key: str, asset: dict[str, Any]) -> list[set[str]]:
    """Return all names of each band."""
    bands = _objects(asset.get("bands") or asset.get("eo:bands"))
    keys = ("name", "eo:common_name", "common_name")
    return [{str(band[name]) for name in keys if name in band} for band in bands] or [{key}]


def _name(choices: set[str], wanted: Sequence[str], otherwise: str) -> str:
    return next((band for band in wanted if band in choices), otherwise)
