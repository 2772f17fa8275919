"""A deployed model: its folder, verified by checksums, and its network as a function of raw pixels."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import sha256
from workflow_lib.data.bands import add_indices, fill_nodata, normalise
from workflow_lib.field.description import Description
from workflow_lib.field.signature import check_signature

CHECKSUMS = "SHA256SUMS"
"""File with the checksums of a bundle's other files, in the format of `sha256sum -c`."""

DESCRIPTION = "bundle.json"
OTHER_FILES = ("model_card.md", "apply_model.pyz", "requirements.txt")
"""Files of every bundle other than its networks, their description and the checksums."""

SBOM, STAC_ITEM = "sbom.cdx.json", "stac_item.json"
"""The bill of materials and the entry in a catalog, which bundles of earlier versions do not have."""

_CHECKSUM_LINE = re.compile(r"(?P<checksum>[0-9a-f]{64}) [ *](?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")


def write_checksums(files: Sequence[Path], path: Path) -> None:
    """Write the checksums of files in one folder, sorted by name."""
    lines = [f"{sha256(file)}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)]
    path.write_text("".join(lines), encoding="utf-8")


def check_files(folder: Path) -> tuple[str, Description, dict[str, str]]:
    """Check that a bundle's files are complete and unchanged since they were written.

    Files in the folder that the checksums do not list are ignored.

    Returns:
        The checksum of the checksum file, which identifies the bundle; the content of `bundle.json`; and the checksum
        of each file.

    Raises:
        UserError: if there is no bundle, or a file is missing, unlisted, a link, or changed.
    """
    name, sums = _read_checksums(folder)
    if DESCRIPTION not in sums:
        raise UserError(f"does not list {DESCRIPTION}", folder / CHECKSUMS, "copy the whole folder again")
    description = Description.parse(_read_file(folder / DESCRIPTION, sums[DESCRIPTION]), folder / DESCRIPTION)
    expected = {DESCRIPTION, *OTHER_FILES, *description.models.values(), *description.standalone}
    if wrong := sorted(expected ^ (sums.keys() - {SBOM, STAC_ITEM})):
        problem = "does not list" if wrong[0] in expected else "lists a file that does not belong to the model:"
        raise UserError(f"{problem} {wrong[0]}", folder / CHECKSUMS, "copy the whole folder again")
    for file, checksum in sums.items():
        _read_file(folder / file, checksum)
    return name, description, sums


def _read_checksums(folder: Path) -> tuple[str, dict[str, str]]:
    """Read the checksum file: its own checksum, and file name -> checksum; names with a folder are refused."""
    path = folder / CHECKSUMS
    try:
        content = path.read_bytes()
        lines = content.decode().splitlines()
    except (OSError, ValueError):
        raise UserError(
            f"is not a bundle: it has no readable {CHECKSUMS}", folder, "give a folder written by deploy_model"
        ) from None
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        found = _CHECKSUM_LINE.fullmatch(line)
        if not found or found["name"] in sums:
            raise UserError(
                f"line {number} is not a checksum with a new file name", path, "copy the whole folder again"
            )
        sums[found["name"]] = found["checksum"]
    return hashlib.sha256(content).hexdigest(), sums


def _read_file(file: Path, checksum: str) -> bytes:
    """Read a file that must have a checksum; what is used later is what was checked, whoever writes in between."""
    if file.is_symlink() or not file.is_file():
        raise UserError("is missing from the bundle", file, "copy the whole folder again")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise UserError("is not the deployed file: its checksum differs", file, "copy it again")
    return content


@dataclass(frozen=True)
class Bundle:
    """A deployed model.

    Args:
        name: checksum of its files, which identifies it.
        description: content of its bundle.json.
        precision: precision of the loaded network.
        session: ONNX Runtime session, safe to run from many threads.
    """

    name: str
    description: Description
    precision: str
    session: Any

    @classmethod
    def open(cls, folder: Path, precision: str | None = None, public_key: Path | None = None) -> "Bundle":
        """Check a bundle's files and load its network.

        Args:
            folder: folder written by deploy_model.
            precision: fp32, or fp16 or int8 if the bundle includes it; None: that of the candidate.
            public_key: PEM file of the key that the bundle must be signed with; None: any bundle is loaded.

        Raises:
            UserError: if the bundle is incomplete, not signed with the key, lacks the precision, or cannot be loaded.
        """
        import onnxruntime

        name, description, sums = check_files(folder)
        if public_key:
            check_signature(folder, public_key, CHECKSUMS, name)
        models, precision = description.models, precision or description.precision
        if precision not in models:
            raise UserError(f"has no {precision} network", folder, f"choose one of {', '.join(models)}")
        network = _read_file(folder / models[precision], sums[models[precision]])
        options = onnxruntime.SessionOptions()
        # Threads run over windows: faster than threads within one, and the result does not depend on their number.
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's exceptions have no common public base class
            raise UserError(f"ONNX Runtime cannot load it ({str(error)[:200]})", folder / models[precision]) from None
        side, channels, classes = description.size_px, len(description.channels), len(description.classes)
        found = [[(node.shape, node.type) for node in nodes] for nodes in (session.get_inputs(), session.get_outputs())]
        if found != [[([1, channels, side, side], "tensor(float)")], [([1, classes], "tensor(float)")]]:
            raise UserError(
                f"has inputs and outputs {found}, which contradict {DESCRIPTION}", folder / models[precision]
            )
        return cls(name, description, precision, session)

    @property
    def resolution_m(self) -> float:
        """Side of a chip's pixel (m).

        Raises:
            UserError: if the training chips had no known resolution.
        """
        if self.description.resolution_m is None:
            raise UserError(
                "has no known resolution: its training chips were not georeferenced", self.description.candidate
            )
        return self.description.resolution_m

    def probabilities(
        self, pixels: NDArray[np.floating[Any]], valid: NDArray[np.bool_], bands: Sequence[str]
    ) -> NDArray[np.float32]:
        """Classify one chip.

        Args:
            pixels: (bands, height, width) raw values.
            valid: (bands, height, width) bool, True where a value is data; at least one True in every band.
            bands: name of each band.

        Returns:
            (classes,) probabilities.

        Raises:
            UserError: if a logit is not finite.
        """
        description = self.description
        raw, known = np.moveaxis(pixels, 0, -1).astype(np.float32, copy=False), np.moveaxis(valid, 0, -1)
        chip = normalise(add_indices(fill_nodata(raw, known), bands, description.channels), description.method)
        if description.mean is not None:
            mean, deviation = (np.array(values, np.float32) for values in (description.mean, description.deviation))
            chip = (chip - mean) / deviation
        (tensor,) = self.session.get_inputs()
        inputs = np.ascontiguousarray(np.moveaxis(chip, -1, 0)[None], dtype=np.float32)
        (logits,) = self.session.run(None, {tensor.name: inputs})
        if not np.isfinite(logits).all():
            raise UserError("the network's logits are not finite for a window of these scenes", self.name)
        scaled = logits[0].astype(np.float32) / np.float32(description.temperature)
        exponentials = np.exp(scaled - scaled.max())
        softmax: NDArray[np.float32] = exponentials / exponentials.sum()
        return softmax
