"""Predictor packages: nn-Meter's packages are converted to a folder of plain arrays, and read from there.

The folder contains `forests.npz` (arrays without pickles), `fusion_rules.json` (an exact copy of nn-Meter's) and
`package.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import atomic_path, sha256
from workflow_lib.core.sealed import DamagedFileError, read_json, write_json
from workflow_lib.latency.forest_pickles import PickledForest, read_forest_stream
from workflow_lib.latency.forest_predictor import ForestPredictor, Unit
from workflow_lib.latency.forests import Forest, read_forests, write_forests
from workflow_lib.latency.package_files import (
    FUSION_RULES,
    META,
    PackageFile,
    is_read,
    open_package,
    read_meta,
    refuse_odd_names,
)

FORESTS: Final = "forests.npz"
ABOUT: Final = "package.json"
_FORMAT: Final = 2
# Pickle operations of all forests of a package; genuine forests have 3,000 to 48,500 each.
_MAX_OPERATIONS: Final = 10_000_000


@dataclass(frozen=True)
class Origin:
    """Metadata of a package, stored in `package.json`.

    Attributes:
        device: name of the device that the package predicts.
        unit: unit of the forests' predictions.
        error_pct: median absolute error on held-out networks (percent); None if unknown.
        provenance: origin of the package, as JSON values. An import records the source's name and version, the version
            of scikit-learn that pickled each forest, the SHA-256 of each file, and the names of ignored files.
    """

    device: str
    unit: Unit
    error_pct: float | None
    provenance: Mapping[str, Any]


def import_package(source: Path, target: Path, unit: Unit | None = None, device: str | None = None) -> None:
    """Convert an nn-Meter predictor package to Edgefront's format, without executing anything in it.

    Args:
        source: folder or .zip file with one pickled forest per kernel (`<kernel>.pkl`), `fusion_rules.json`, and
            optionally `meta.yaml`; in a zip, they may be in a subfolder. A folder in Edgefront's format, from another
            run or machine, is validated and copied.
        target: the folder to create or replace.
        unit: unit of the forests' predictions; None: `unit` in `meta.yaml`.
        device: name of the device; None: `name` in `meta.yaml`, or else the source's name.

    Raises:
        UserError: if the source is not such a package, is too large, has a pickle with anything but a forest, does not
            state its unit, or lacks a forest that `meta.yaml` lists.

    Source: nn-Meter 2.0, nn_meter/predictor/utils.py, loading_to_local.
    """
    if (source / ABOUT).is_file():
        _copy_package(source, target, unit, device)
        return
    with open_package(source) as files:
        if FUSION_RULES not in files:
            raise UserError(f"contains no {FUSION_RULES}: not an nn-Meter predictor package", source)
        refuse_odd_names(source, files)
        rules = files[FUSION_RULES].read_text()
        _check_fusion_rules(rules, source)
        meta = read_meta(files.get(META))
        pickles = {name.removesuffix(".pkl"): file for name, file in files.items() if name.endswith(".pkl")}
        _check_kernels(source, meta, pickles.keys())
        package_unit: Any = unit or meta.get("unit")
        if package_unit not in get_args(Unit):
            raise UserError(
                f"the unit of its predictions is {'unknown' if package_unit is None else repr(package_unit)}",
                source,
                f"set it to one of {', '.join(get_args(Unit))} (nn-Meter's published packages: ms)",
            )
        pickled_forests = _read_forests(pickles)
        provenance = {
            "source": source.name,
            "version": str(meta.get("version", "unknown")),
            "category": str(meta.get("category", "unknown")),
            "sklearn_versions": {name: pickled.sklearn_version for name, pickled in pickled_forests.items()},
            "sha256": {name: file.sha256() for name, file in sorted(files.items()) if is_read(name)},
            "left_out": sorted(name for name in files if not is_read(name)),
        }
        name = device or str(meta.get("name", source.stem))
        forests = {name: pickled.forest for name, pickled in pickled_forests.items()}
        write_package(target, Origin(name, package_unit, None, provenance), forests, rules)


def _read_forests(pickles: Mapping[str, PackageFile]) -> dict[str, PickledForest]:
    """Read all forests; the limit on their operations is a few times what the largest genuine package needs."""
    forests, operations = {}, 0
    for name, file in sorted(pickles.items()):
        with file.stream() as stream:
            forests[name] = read_forest_stream(stream, file.size, file.where)
        operations += forests[name].operations
        if operations > _MAX_OPERATIONS:
            raise UserError(
                f"the forests up to this one have more than {_MAX_OPERATIONS} pickle operations", file.where
            )
    return forests


def _copy_package(source: Path, target: Path, unit: Unit | None, device: str | None) -> None:
    predictor, about = read_package(source), _read_about(source)
    if unit not in (None, predictor.forest_unit):
        raise UserError(f"predicts {predictor.forest_unit}, not {unit}", source, "omit the unit")
    origin = Origin(device or predictor.device, predictor.forest_unit, predictor.error_pct, about["provenance"])
    write_package(target, origin, predictor.forests, (source / FUSION_RULES).read_text(encoding="utf-8"))


def write_package(target: Path, origin: Origin, forests: Mapping[str, Forest], fusion_rules: str) -> None:
    """Write a package atomically.

    Args:
        target: the folder to create or replace.
        origin: metadata of the package.
        forests: forests by nn-Meter's name of the kernel.
        fusion_rules: JSON text of nn-Meter's fusion rules.

    Raises:
        UserError: if the fusion rules are not valid.
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
        # Written last, so a folder that has it is complete. The checksums detect files of another package.
        about |= {"forests_sha256": sha256(folder / FORESTS), "rules_sha256": sha256(folder / FUSION_RULES)}
        write_json(folder / ABOUT, about)


def read_package(path: Path) -> ForestPredictor:
    """Read a package written by `import_package` or `write_package`.

    Args:
        path: folder of the package.

    Returns:
        The predictor of its device.

    Raises:
        UserError: if it is not such a folder, or its files were changed.
    """
    about = _read_about(path)
    if about["forests_sha256"] != sha256(path / FORESTS):
        raise DamagedFileError(path / FORESTS, f"{FORESTS} is not the file that {ABOUT} describes")
    forests = read_forests(path / FORESTS)
    if sorted(forests) != about["kernels"]:
        raise DamagedFileError(path / FORESTS, f"{FORESTS} and {ABOUT} name different kernels")
    return ForestPredictor(about["device"], about["unit"], forests, about["error_pct"])


def check_fusion_rules(rules: Path) -> None:
    """Verify the checksum of an imported package's fusion rules; rules in other folders have none.

    Args:
        rules: file of fusion rules.

    Raises:
        DamagedFileError: if the file differs from the imported one.
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
        raise UserError(f"not a predictor package: it has no {ABOUT}", path, "import one with import_package") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        known = False
    if not known:
        raise UserError(f"{ABOUT} was not written by this version", path, "import the package again")
    return dict(about)


def _check_kernels(source: Path, meta: Mapping[str, Any], kernels: Any) -> None:
    if not kernels:
        raise UserError("contains no forests (*.pkl)", source)
    listed = meta.get("kernel_predictors", [])
    if not isinstance(listed, list):
        raise UserError("kernel_predictors is not a list", source)
    if missing := sorted({str(name) for name in listed} - set(kernels)):
        raise UserError(f"lacks forests that its {META} lists: {', '.join(missing)[:200]}", source)


def _check_fusion_rules(text: str, where: Path) -> None:
    try:
        rules = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{FUSION_RULES} is not JSON ({error})", where) from None
    if not isinstance(rules, dict) or not all(isinstance(rule, dict) and "obey" in rule for rule in rules.values()):
        raise UserError(f"{FUSION_RULES} does not contain nn-Meter's rules (name -> obey)", where)
