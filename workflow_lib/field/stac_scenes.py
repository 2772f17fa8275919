"""Scenes named by a STAC item, or by the items of a collection or catalog: which asset holds which band.

Source: STAC 1.0 and 1.1 (bands of an asset), the extension eo 1.1 (eo:bands).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import urlopen

from workflow_lib.core.errors import UserError
from workflow_lib.field.json_reader import WrongValueError, load
from workflow_lib.field.remote_scenes import TIMEOUT_S

_PICTURES = {"thumbnail", "overview", "visual"}
"""Roles of assets that hold pictures of the data."""
_MOST_ITEMS = 10_000

Assets = list[tuple[tuple[str, ...], str]]
"""For each asset the names of all its bands, and its file or address."""


def find_assets(location: str, wanted: Sequence[str]) -> Assets:
    """Find the assets that hold the bands of a model.

    Bands are found by their name or common name. An asset without a list of bands counts as one band with the name of
    the asset.

    Args:
        location: file, or https:// address, of a STAC item, item collection, collection or catalog.
        wanted: names of the bands.

    Returns:
        Assets of all items, which are tiles of each other; bands that are not wanted have names that none is like.

    Raises:
        UserError: if it cannot be read, or an item has no asset, or several, for a band.
    """
    assets: Assets = []
    for where, item in _items(location):
        assets += _assets_of(item, where, wanted)
    if not assets:
        raise UserError("has no items", location, "give a STAC item, or a collection with items")
    return assets


def _items(location: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place and content of each item; links to items and children are followed."""
    waiting, seen = [location], set[str]()
    while waiting:
        where = waiting.pop(0)
        if where in seen:
            continue
        seen.add(where)
        if len(seen) > _MOST_ITEMS:
            raise UserError(f"has more than {_MOST_ITEMS:,} items", location, "give a smaller collection")
        content = _read(where)
        match content.get("type"):
            case "Feature":
                yield where, content
            case "FeatureCollection":
                yield from ((where, item) for item in _objects(content.get("features")))
            case "Collection" | "Catalog":
                links = [link for link in _objects(content.get("links")) if link.get("rel") in ("item", "child")]
                waiting += [_resolve(str(link.get("href")), where) for link in links]
            case _:
                raise UserError("is not a STAC item, collection or catalog", where, "check the file or address")


def _read(where: str) -> dict[str, Any]:
    try:
        if where.startswith(("https://", "http://")):
            with urlopen(where, timeout=TIMEOUT_S) as answer:  # noqa: S310  # http and https only
                content = load(answer.read())
        else:
            content = load(Path(where).read_bytes())
    except (OSError, URLError, ValueError) as error:
        reason = error if isinstance(error, WrongValueError) else f"cannot be read ({error})"
        raise UserError(str(reason), where, "check the file or address") from None
    return content if isinstance(content, dict) else {}


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _resolve(href: str, where: str) -> str:
    """Return the file or address that a link in a file or at an address means."""
    if "://" in href:
        return href
    return urljoin(where, href) if "://" in where else str(Path(where).parent.joinpath(href).resolve())


def _assets_of(item: dict[str, Any], where: str, wanted: Sequence[str]) -> Assets:
    given = item.get("assets")
    assets = {key: value for key, value in (given if isinstance(given, dict) else {}).items() if _holds_data(value)}
    names = {key: _band_names(key, asset) for key, asset in assets.items()}
    used: list[str] = []
    for band in wanted:
        holders = [key for key, bands in names.items() if any(band in choices for choices in bands)]
        if len(holders) != 1:
            problem = f"has no asset with the band {band}" if not holders else f"has the band {band} in several assets"
            listed = f"{problem}: {', '.join(holders or names) or 'it has none'}"
            raise UserError(listed, where, "give the files by --scene")
        used += [key for key in holders if key not in used]
    return [
        (
            tuple(_name(choices, wanted, f"{key}#{number}") for number, choices in enumerate(names[key], start=1)),
            _resolve(str(assets[key].get("href")), where),
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
