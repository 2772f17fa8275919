"""Scenes that are not files here: at https://, http:// and s3:// addresses, read in parts by GDAL.

GDAL takes access keys and the endpoint of an object store from the environment (AWS_ACCESS_KEY_ID, AWS_S3_ENDPOINT and
others); see https://gdal.org/user/virtual_file_systems.html.
"""

import hashlib
import re
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import rasterio
import rasterio.shutil
from rasterio.errors import RasterioError

from workflow_lib.core.errors import UserError
from workflow_lib.core.external_files import state_of

_ADDRESS = re.compile(r"(https?|s3)://[^/]+/.+")
_TIMEOUT_S = 30
_ELSEWHERE = re.compile(r"/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)\b")


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
    name = re.sub(r"[^A-Za-z0-9._-]", "_", address.partition("?")[0].rpartition("/")[2])[:60]
    view = folder / f"{name}.{hashlib.sha256(address.encode()).hexdigest()[:8]}.vrt"
    try:
        rasterio.open(_gdal_name(address)).close()  # unlike copying, it raises a public exception
        rasterio.shutil.copy(_gdal_name(address), view, driver="VRT")
    except RasterioError as error:
        raise UserError(f"no readable raster at this address ({error})", _without_password(address)) from None
    return view


def _gdal_name(address: str) -> str:
    return f"/vsis3/{address.removeprefix('s3://')}" if address.startswith("s3://") else f"/vsicurl/{address}"


def fetch(address: str, method: str = "GET") -> tuple[bytes, Mapping[str, str]]:
    """Ask a server; return the content of its answer, which is empty for the method HEAD, and the answer's headers.

    Raises:
        UserError: if the server gives no proper answer.
    """
    try:
        with urlopen(Request(address, method=method), timeout=_TIMEOUT_S) as answer:  # noqa: S310  # callers check it
            return answer.read(), dict(answer.headers)
    except OSError as error:
        raise UserError(f"cannot be read ({error})", _without_password(address)) from None
    except (ValueError, HTTPException):  # their messages may quote a password
        raise UserError("cannot be read (no valid address, or no HTTP answer)", _without_password(address)) from None


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def remote_state(name: str) -> list[str]:
    """Return what identifies the content of a file that GDAL does not read from this machine's file system.

    Args:
        name: name of the file for GDAL, which begins with /vsi.

    Returns:
        Of a file on a server: length, ETag and time of the last change; if neither of the last two is known, a text
        that no other call returns, so that nothing which was made from the file is taken for up to date. Of a file in
        an archive: size and times of the archive.
    """
    if name.startswith(("/vsicurl/http://", "/vsicurl/https://")):
        with suppress(UserError):  # GDAL reports why it cannot be read
            _, headers = fetch(name.removeprefix("/vsicurl/"), "HEAD")
            state = [headers.get(key, "") for key in ("Content-Length", "ETag", "Last-Modified")]
            if any(state[1:]):
                return state
    elif not _ELSEWHERE.search(name):
        inner = Path("/", *Path(name).parts[2:])
        archives = (state_of(str(path)) for path in [inner, *inner.parents] if path.is_file())
        return [str(part) for part in next(archives, None) or ()]
    print(
        f"apply_model: it is not known when {_without_password(name)} changed; if interrupted, the map starts anew",
        file=sys.stderr,
    )
    return [uuid.uuid4().hex]
