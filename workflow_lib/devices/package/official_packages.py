"""The four predictor packages that nn-Meter published, downloaded once and the same ever after."""

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
"""Device -> address of its package, whose unit is ms. Source: nn-Meter 2.0, nn_meter/configs/predictors.yaml."""

_MAX_BYTES: Final = 4 * 2**30
# Of each receive, and of the whole: 4 GB at 2.4 MB/s.
_TIMEOUT_S: Final = 60
_DEADLINE_S: Final = 1800
_CHUNK_BYTES: Final = 2**20


def fetch_package(device: str, path: Path) -> None:
    """See to it that one of nn-Meter's published packages lies here, and is the one that lay here first.

    nn-Meter publishes no checksums. The first use of a file records its SHA-256 beside it, in `<path>.sha256`; every
    later use, on another machine too if the record is copied along, compares.

    Args:
        device: one of `OFFICIAL_PACKAGES`.
        path: the .zip file; downloaded if it is not there.

    Raises:
        UserError: if the device has no published package, the package cannot be downloaded (the message says where to
            put it), or it is not the one that was recorded.
    """
    if device not in OFFICIAL_PACKAGES:
        raise UserError(f"nn-Meter published no package for {device!r}; it has {', '.join(OFFICIAL_PACKAGES)}")
    if not path.exists():
        _download(OFFICIAL_PACKAGES[device], path)
    record = path.with_name(f"{path.name}.sha256")
    found = sha256(path)
    if not record.exists():
        _check_zip(path, path)
        write_text(record, f"{found}  {path.name}\n")  # as sha256sum --check reads it
    elif (recorded := record.read_text(encoding="utf-8", errors="replace").split()[:1]) != [found]:
        raise UserError(
            f"its SHA-256 is {found}, and {record.name} says {' '.join(recorded) or 'nothing'}",
            path,
            "delete the zip to download it again, or both if the change is meant",
        )


def _download(address: str, path: Path) -> None:
    """Download a file within `_DEADLINE_S` in all: names, headers and content, however slowly they come."""
    failures: list[Exception] = []
    try:
        with atomic_path(path) as temporary:
            thread = Thread(target=_receive, args=(address, temporary, failures), daemon=True)
            thread.start()
            thread.join(_DEADLINE_S)
            if thread.is_alive():
                raise TimeoutError(f"it did not come within {_DEADLINE_S} s")
            if failures:
                raise failures[0]
            _check_zip(temporary, address)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError, as is a full disk
        raise UserError(f"cannot download {address} ({error}); put the zip at {path}, and run again") from None


def _receive(address: str, path: Path, failures: list[Exception]) -> None:
    try:
        opener = urllib.request.build_opener(_StaysSecure)
        with opener.open(address, timeout=_TIMEOUT_S) as answer, path.open("wb") as file:
            announced = answer.headers.get("Content-Length")
            while chunk := answer.read1(_CHUNK_BYTES):
                file.write(chunk)
                if file.tell() > _MAX_BYTES:
                    raise UserError(f"{address} gives more than {_MAX_BYTES} bytes", path)
            if announced is not None and file.tell() != int(announced):
                raise UserError(f"{file.tell()} of {announced} bytes came", address, "run again")
    except Exception as error:  # it is the caller's to report
        failures.append(error)


class _StaysSecure(urllib.request.HTTPRedirectHandler):
    """Follows no redirection from https to anything else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise UserError(f"redirects to {newurl[:80]}, which is not https", req.full_url)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_zip(path: Path, name: object) -> None:
    """Check that a file is a zip from its first byte to its last: `is_zipfile` looks at the end alone."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(path) as archive:
            whole = file.read(4) == b"PK\x03\x04" and bool(archive.infolist())
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError):
        whole = False
    if not whole:
        raise UserError("not a whole zip file", name, "delete it if it is there, and run again")
