"""The four predictor packages that nn-Meter published: downloaded once, and verified on every later use."""

import http.client
import urllib.request
import zipfile
from pathlib import Path
from threading import Thread
from typing import Any, Final
from urllib.parse import urlsplit

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path, sha256, write_text

OFFICIAL_PACKAGES: Final = {
    device: f"https://github.com/microsoft/nn-Meter/releases/download/v1.0-data/{device}.zip"
    for device in (
        "cortexA76cpu_tflite21",
        "adreno640gpu_tflite21",
        "adreno630gpu_tflite21",
        "myriadvpu_openvino2019r2",
    )
}
"""URL of each device's package; all predict ms. Source: nn-Meter 2.0, nn_meter/configs/predictors.yaml."""

_MAX_BYTES: Final = 4 * 2**30
_TIMEOUT_S: Final = 60  # of each read
_DEADLINE_S: Final = 1800  # of the whole download: 4 GB at 2.4 MB/s
_CHUNK_BYTES: Final = 2**20


def fetch_package(device: str, path: Path) -> None:
    """Download one of nn-Meter's published packages if it is missing, and verify that it has not changed.

    nn-Meter publishes no checksums. The first use of a file records its SHA-256 in `<path>.sha256`; every later use
    compares with this record, also on another machine if the record is copied along.

    Args:
        device: one of `OFFICIAL_PACKAGES`.
        path: the .zip file; downloaded if it does not exist.

    Raises:
        UserError: if the device has no published package, if the package cannot be downloaded (the message says where
            to put it), or if its checksum differs from the record.
    """
    if device not in OFFICIAL_PACKAGES:
        raise UserError(f"nn-Meter published no package for {device!r}; it has {', '.join(OFFICIAL_PACKAGES)}")
    if not path.exists():
        _download(OFFICIAL_PACKAGES[device], path)
    record = path.with_name(f"{path.name}.sha256")
    actual = sha256(path)
    if not record.exists():
        _check_zip(path, path)
        write_text(record, f"{actual}  {path.name}\n")  # the format of sha256sum --check
    elif (recorded := record.read_text(encoding="utf-8", errors="replace").split()[:1]) != [actual]:
        raise UserError(
            f"its SHA-256 is {actual}, but {record.name} says {' '.join(recorded) or 'nothing'}",
            path,
            "delete the zip to download it again, or both files if the change is intended",
        )


def _download(address: str, path: Path) -> None:
    """Download a file; name resolution, headers and content together must finish within `_DEADLINE_S`."""
    failures: list[Exception] = []
    try:
        with atomic_path(path) as temporary:
            thread = Thread(target=_receive, args=(address, temporary, failures), daemon=True)
            thread.start()
            thread.join(_DEADLINE_S)
            if thread.is_alive():
                raise TimeoutError(f"the download did not finish within {_DEADLINE_S} s")
            if failures:
                raise failures[0]
            _check_zip(temporary, address)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError, as is a full disk
        raise UserError(f"cannot download {address} ({error}); put the zip at {path} and run again") from None


def _receive(address: str, path: Path, failures: list[Exception]) -> None:
    try:
        opener = urllib.request.build_opener(_HttpsRedirectHandler)
        with opener.open(address, timeout=_TIMEOUT_S) as response, path.open("wb") as file:
            expected_bytes = response.headers.get("Content-Length")
            while chunk := response.read1(_CHUNK_BYTES):
                file.write(chunk)
                if file.tell() > _MAX_BYTES:
                    raise UserError(f"{address} sends more than {_MAX_BYTES} bytes", path)
            if expected_bytes is not None and file.tell() != int(expected_bytes):
                raise UserError(f"received only {file.tell()} of {expected_bytes} bytes", address, "run again")
    except Exception as error:  # the calling thread reports it
        failures.append(error)


class _HttpsRedirectHandler(urllib.request.HTTPRedirectHandler):
    """Refuses redirects from https to any other scheme."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise UserError(f"redirects to {newurl[:80]}, which is not https", req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_zip(path: Path, name: object) -> None:
    """Check that a file is a complete zip; `is_zipfile` would look at its end only."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(path) as archive:
            is_complete = file.read(4) == b"PK\x03\x04" and bool(archive.infolist())
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        is_complete = False
    if not is_complete:
        raise UserError("not a complete zip file", name, "delete it if it exists, and run again")
