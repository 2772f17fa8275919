"""Predictor packages: nn-Meter's are imported into a folder of plain arrays, and read from there.

The folder holds `forests.npz` (arrays, no pickle), `fusion_rules.json` (nn-Meter's, byte for byte) and `package.json`.
"""

import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final, get_args

import yaml

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path, sha256
from workflow_lib.core.sealed import DamagedFileError, read_json, write_json
from workflow_lib.latency.forest_pickles import read_forest_pickle
from workflow_lib.latency.forest_predictor import ForestPredictor, Unit
from workflow_lib.latency.forests import Forest, read_forests, write_forests
from workflow_lib.latency.pickles import MAX_BYTES

FORESTS: Final = "forests.npz"
FUSION_RULES: Final = "fusion_rules.json"
ABOUT: Final = "package.json"
_META: Final = "meta.yaml"
_FORMAT: Final = 2
_MAX_FILES: Final = 200
_MAX_TEXT_BYTES: Final = 2**20
# All of a package; the largest that are published are far below.
_MAX_PACKAGE_BYTES: Final = 16 * 2**30
_CHUNK_BYTES: Final = 2**20


@dataclass(frozen=True)
class Origin:
    """What is told of a package beside its forests; all of it ends in `package.json`.

    Attributes:
        device: name of the device that the package predicts.
        unit: what its forests predict.
        error_pct: median absolute error on networks that it was not fitted to (percent); None if not known.
        provenance: where it came from, as JSON values: an import writes the source's name and version, the
            scikit-learn that pickled each forest, the SHA-256 of each file, and the names of files it left out.
    """

    device: str
    unit: Unit
    error_pct: float | None
    provenance: Mapping[str, Any]


def import_package(source: Path, target: Path, unit: Unit | None = None, device: str | None = None) -> None:
    """Bring an nn-Meter predictor package into Edgefront's own form. Nothing in it is executed.

    Args:
        source: folder or .zip file with one pickled forest per kernel (`<kernel>.pkl`), `fusion_rules.json` and, if
            its builder wrote one, `meta.yaml`; in a zip they may lie in a subfolder. Or a folder in Edgefront's form,
            from another run or machine: it is checked and copied.
        target: the folder to create or replace.
        unit: what the forests predict; None: what `meta.yaml` says under `unit`.
        device: name of the device; None: what `meta.yaml` says under `name`, else the source's name.

    Raises:
        UserError: if the source is no such package, is too large, holds anything but forests in a pickle, or does not
            tell its unit; if a forest that `meta.yaml` lists is missing.

    Source: nn-Meter 2.0, nn_meter/predictor/utils.py, loading_to_local.
    """
    if (source / ABOUT).is_file():
        _copy_package(source, target, unit, device)
        return
    with _files(source) as files:
        if FUSION_RULES not in files:
            raise UserError(f"holds no {FUSION_RULES}: not an nn-Meter predictor package", source)
        meta = _read_meta(files.get(_META))
        pickles = {name.removesuffix(".pkl"): path for name, path in files.items() if name.endswith(".pkl")}
        _check_kernels(source, meta, pickles.keys())
        chosen: Any = unit or meta.get("unit")
        if chosen not in get_args(Unit):
            raise UserError(
                f"the unit of its predictions is {'not told' if chosen is None else repr(chosen)}",
                source,
                f"say which it is: {', '.join(get_args(Unit))} (nn-Meter's published packages: ms)",
            )
        read = {name: read_forest_pickle(path) for name, path in sorted(pickles.items())}
        provenance = {
            "source": source.name,
            "version": str(meta.get("version", "unknown")),
            "category": str(meta.get("category", "unknown")),
            "sklearn_versions": {name: pickled.sklearn_version for name, pickled in read.items()},
            "sha256": {name: sha256(path) for name, path in sorted(files.items()) if _is_read(name)},
            "left_out": sorted(name for name in files if not _is_read(name)),
        }
        name = device or str(meta.get("name", source.stem))
        rules = _read_text(files[FUSION_RULES])
        forests = {name: pickled.forest for name, pickled in read.items()}
        write_package(target, Origin(name, chosen, None, provenance), forests, rules)


def _copy_package(source: Path, target: Path, unit: Unit | None, device: str | None) -> None:
    predictor, about = read_package(source), _read_about(source)
    if unit not in (None, predictor.forest_unit):
        raise UserError(f"predicts {predictor.forest_unit}, not {unit}", source, "leave the unit out")
    origin = Origin(device or predictor.device, predictor.forest_unit, predictor.error_pct, about["provenance"])
    write_package(target, origin, predictor.forests, _read_text(source / FUSION_RULES))


def write_package(target: Path, origin: Origin, forests: Mapping[str, Forest], fusion_rules: str) -> None:
    """Write a package atomically.

    Args:
        target: the folder to create or replace.
        origin: what is told of it.
        forests: by nn-Meter's name of the kernel.
        fusion_rules: JSON text of nn-Meter's fusion rules.

    Raises:
        UserError: if the fusion rules are none.
    """
    _check_fusion_rules(fusion_rules, target)
    about = {
        "format": _FORMAT,
        "device": origin.device,
        "unit": origin.unit,
        "error_pct": origin.error_pct,
        "kernels": sorted(forests),
        "provenance": dict(origin.provenance),
    }
    with atomic_path(target) as folder:
        folder.mkdir()
        write_forests(forests, folder / FORESTS)
        (folder / FUSION_RULES).write_text(fusion_rules, encoding="utf-8", newline="")
        # Last: a folder with it is whole. Its checksum of the arrays finds those of another package.
        about |= {"forests_sha256": sha256(folder / FORESTS), "rules_sha256": sha256(folder / FUSION_RULES)}
        write_json(folder / ABOUT, about)


def read_package(path: Path) -> ForestPredictor:
    """Read a package that `import_package` or `write_package` wrote.

    Args:
        path: its folder.

    Returns:
        The predictor of its device.

    Raises:
        UserError: if it is no such folder, or was changed.
    """
    about = _read_about(path)
    if about["forests_sha256"] != sha256(path / FORESTS):
        raise DamagedFileError(path / FORESTS, f"{FORESTS} is not the file that {ABOUT} describes")
    forests = read_forests(path / FORESTS)
    if sorted(forests) != about["kernels"]:
        raise DamagedFileError(path / FORESTS, f"{FORESTS} and {ABOUT} name different kernels")
    return ForestPredictor(about["device"], about["unit"], forests, about["error_pct"])


def check_fusion_rules(rules: Path) -> None:
    """Verify the fusion rules of an imported package; rules that lie elsewhere have no checksum.

    Raises:
        DamagedFileError: if they are not those that were imported.
    """
    if (rules.parent / ABOUT).exists() and _read_about(rules.parent)["rules_sha256"] != sha256(rules):
        raise DamagedFileError(rules, f"it is not the file that {ABOUT} describes")


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = read_json(path / ABOUT)
        known = about["format"] == _FORMAT and about["unit"] in get_args(Unit)
        error_pct = about["error_pct"]
        known &= isinstance(about["device"], str) and (error_pct is None or float(error_pct) >= 0)
        known &= (
            isinstance(about["kernels"], list)
            and isinstance(about["forests_sha256"], str)
            and isinstance(about["rules_sha256"], str)
        )
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"no predictor package: it has no {ABOUT}", path, "import one with import_package") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        known = False
    if not known:
        raise UserError(f"{ABOUT} is not one of this version", path, "import the package again")
    return dict(about)


@contextmanager
def _files(source: Path) -> Iterator[dict[str, Path]]:
    """The files of a package by their names; those of a zip are unpacked first, under names of our own."""
    if source.is_dir():
        yield {path.name: path for path in sorted(source.iterdir()) if path.is_file()}
    elif not source.exists():
        raise UserError("no such folder or zip file", source)
    else:
        with tempfile.TemporaryDirectory(prefix="edgefront-package-") as scratch:
            yield _unpack(source, Path(scratch))


def _unpack(source: Path, folder: Path) -> dict[str, Path]:
    try:
        with zipfile.ZipFile(source) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_members(source, members)
            files: dict[str, Path] = {}
            for number, member in enumerate(members):
                name = PurePosixPath(member.filename).name
                # The path in the archive decides nothing about where the file goes.
                files[name] = folder / str(number)
                if _is_read(name):
                    with archive.open(member) as packed, files[name].open("wb") as unpacked:
                        _copy(packed, unpacked, member.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"not a readable zip file ({error})", source) from None
    return files


def _check_members(source: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [PurePosixPath(member.filename) for member in members]
    for member, name in zip(members, names, strict=True):
        if name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename:
            raise UserError(f"names a file outside its folder: {member.filename[:80]!r}", source)
    read = [name.name for name in names if _is_read(name.name)]
    if len(set(read)) != len(read):
        raise UserError("holds a file twice, in two folders", source, "import one package at a time")
    size = sum(member.file_size for member in members)
    if len(members) > _MAX_FILES or size > _MAX_PACKAGE_BYTES:
        raise UserError(
            f"holds {len(members)} files of {size} bytes; at most {_MAX_FILES} of {_MAX_PACKAGE_BYTES} are read", source
        )


def _copy(packed: Any, unpacked: BinaryIO, size: int) -> None:
    """Copy what a zip says a file has; zipfile itself checks that there is no more, and the sum."""
    if size > MAX_BYTES:
        raise UserError(f"holds a file of {size} bytes, and at most {MAX_BYTES} are read", packed.name)
    while chunk := packed.read(_CHUNK_BYTES):
        unpacked.write(chunk)


def _is_read(name: str) -> bool:
    return name in (FUSION_RULES, _META) or re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*\.pkl", name) is not None


def _read_text(path: Path) -> str:
    if path.stat().st_size > _MAX_TEXT_BYTES:
        raise UserError(f"more than {_MAX_TEXT_BYTES} bytes of text", path.name)
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"not text ({error})", path.name) from None


def _read_meta(path: Path | None) -> dict[str, Any]:
    """What `meta.yaml` says; nn-Meter's own packages have none."""
    if path is None:
        return {}
    try:
        meta = yaml.safe_load(_read_text(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UserError(f"not YAML ({error})", _META) from None
    if not isinstance(meta, dict):
        raise UserError("not a YAML mapping", _META)
    return meta


def _check_kernels(source: Path, meta: Mapping[str, Any], kernels: Any) -> None:
    if not kernels:
        raise UserError("holds no forests (*.pkl)", source)
    listed = meta.get("kernel_predictors", [])
    if not isinstance(listed, list):
        raise UserError("kernel_predictors is not a list", _META)
    if missing := sorted({str(name) for name in listed} - set(kernels)):
        raise UserError(f"lacks forests that its {_META} lists: {', '.join(missing)}", source)


def _check_fusion_rules(text: str, where: Path) -> None:
    try:
        rules = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{FUSION_RULES} is not JSON ({error})", where) from None
    if not isinstance(rules, dict) or not all(isinstance(rule, dict) and "obey" in rule for rule in rules.values()):
        raise UserError(f"{FUSION_RULES} does not hold nn-Meter's rules, name -> obey", where)
