"""Scenes that are not files here: at https://, http:// and s3:// addresses, read in parts by GDAL.

GDAL takes access keys and the endpoint of an object store from the environment (AWS_ACCESS_KEY_ID, AWS_S3_ENDPOINT and
others); see https://gdal.org/user/virtual_file_systems.html.
"""

import hashlib
import re
import sys
import uuid
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError

from workflow_lib.core.errors import UserError

_ADDRESS = re.compile(r"(https?|s3)://[^/]+/.+")
TIMEOUT_S = 30
"""How long a server may take to answer (s)."""


def is_address(text: str) -> bool:
    """Whether a scene is given by its address instead of a file name.

    >>> is_address("https://example.org/dem.tif"), is_address("s3://bucket/dem.tif"), is_address("dem.tif")
    (True, True, False)
    """
    return _ADDRESS.fullmatch(text) is not None


def write_view(address: str, folder: Path) -> Path:
    """Write a virtual raster through which a scene at an address is read like a file.

    Args:
        address: address of the scene.
        folder: folder for the virtual raster, which holds no pixels.

    Raises:
        UserError: if there is no readable raster at the address.
    """
    name = re.sub(r"[^A-Za-z0-9._-]", "_", address.rpartition("/")[2])
    view = folder / f"{name}.{hashlib.sha256(address.encode()).hexdigest()[:8]}.vrt"
    try:
        rasterio.open(_gdal_name(address)).close()  # unlike copying, it raises a public exception
        rasterio.shutil.copy(_gdal_name(address), view, driver="VRT")
    except RasterioError as error:
        raise UserError(f"no readable raster at this address ({error})", address) from None
    return view


def _gdal_name(address: str) -> str:
    return f"/vsis3/{address.removeprefix('s3://')}" if address.startswith("s3://") else f"/vsicurl/{address}"


def remote_state(name: str) -> list[str]:
    """Return what identifies the content of a remote file, as its server states it.

    Args:
        name: name of the file for GDAL, which begins with /vsi.

    Returns:
        Length, ETag and time of the last change; if neither of the last two is known, a text that no other call
        returns, so that nothing which was made from the file is taken for up to date.
    """
    state: list[str] = []
    if name.startswith(("/vsicurl/http://", "/vsicurl/https://")):
        request = Request(name.removeprefix("/vsicurl/"), method="HEAD")  # noqa: S310  # http and https only
        try:
            with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                state = [answer.headers.get(key, "") for key in ("Content-Length", "ETag", "Last-Modified")]
        except (URLError, OSError, ValueError):  # GDAL reports why it cannot be read
            state = []
    if any(state[1:]):
        return state
    print(f"apply_model: {name} does not state when it changed; if interrupted, the map starts anew", file=sys.stderr)
    return [uuid.uuid4().hex]
