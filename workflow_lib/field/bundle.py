"""A deployed model: its folder, checked against its checksums, and the network as a function of raw pixels."""

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

CHECKSUMS = "SHA256SUMS"
"""Checksums of a bundle's other files, as `sha256sum -c` reads them."""

DESCRIPTION = "bundle.json"
OTHER_FILES = ("model_card.md", "apply_model.pyz", "requirements.txt")
"""What a bundle holds beside its networks, their description and the checksums."""

_CHECKSUM_LINE = re.compile(r"(?P<checksum>[0-9a-f]{64}) [ *](?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)")

REQUIREMENTS = ("numpy", "onnxruntime", "rasterio")
"""All packages that this folder needs."""


def write_checksums(files: Sequence[Path], path: Path) -> None:
    """Write the checksums of files that lie beside each other, sorted by name."""
    lines = [f"{sha256(file)}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)]
    path.write_text("".join(lines), encoding="utf-8")


def check_files(folder: Path) -> tuple[str, Description]:
    """Check that a bundle holds exactly the files that it should, as they were written.

    Files that nothing names are left alone.

    Returns:
        The checksum of the checksums, which names the bundle, and what `bundle.json` says.

    Raises:
        UserError: if there is no bundle, or a file is missing, not listed, a link, or not what it was.
    """
    sums = _read_checksums(folder)
    if DESCRIPTION not in sums:
        raise UserError(f"does not list {DESCRIPTION}", folder / CHECKSUMS, "copy the whole folder again")
    _check_file(folder / DESCRIPTION, sums[DESCRIPTION])
    description = Description.parse((folder / DESCRIPTION).read_bytes(), folder / DESCRIPTION)
    expected = {DESCRIPTION, *OTHER_FILES, *description.models.values()}
    if wrong := sorted(expected ^ sums.keys()):
        what = "does not list" if wrong[0] in expected else "lists, beside the model's own files,"
        raise UserError(f"{what} {wrong[0]}", folder / CHECKSUMS, "copy the whole folder again")
    for name, checksum in sums.items():
        _check_file(folder / name, checksum)
    return sha256(folder / CHECKSUMS), description


def _read_checksums(folder: Path) -> dict[str, str]:
    """Name -> checksum, of plain file names only."""
    path = folder / CHECKSUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise UserError(f"no bundle: it has no readable {CHECKSUMS}", folder, "name a folder of deploy_model") from None
    sums: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        found = _CHECKSUM_LINE.fullmatch(line)
        if not found or found["name"] in sums:
            raise UserError(f"line {number} is no checksum of a file of its own", path, "copy the whole folder again")
        sums[found["name"]] = found["checksum"]
    return sums


def _check_file(file: Path, checksum: str) -> None:
    if file.is_symlink() or not file.is_file():
        raise UserError("is missing from the bundle", file, "copy the whole folder again")
    if sha256(file) != checksum:
        raise UserError("is not the file that was deployed: its checksum differs", file, "copy it again")


@dataclass(frozen=True)
class Bundle:
    """A deployed model.

    Args:
        name: checksum of its files.
        description: what its bundle.json says.
        session: ONNX Runtime's, safe to run from many threads.
    """

    name: str
    description: Description
    session: Any

    @classmethod
    def open(cls, folder: Path, precision: str = "fp32") -> "Bundle":
        """Check the files and load the network.

        Args:
            folder: of deploy_model.
            precision: fp32, or fp16 or int8 if the bundle has that.

        Raises:
            UserError: if it is not whole, lacks that precision, or cannot be loaded.
        """
        import onnxruntime

        name, description = check_files(folder)
        models = description.models
        if precision not in models:
            raise UserError(f"has no {precision} network", folder, f"choose one of {', '.join(models)}")
        options = onnxruntime.SessionOptions()
        # Threads go over windows, which is faster than inside of one, and the same for any number of them.
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(
                str(folder / models[precision]), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common, public base
            raise UserError(f"ONNX Runtime cannot load it ({str(error)[:200]})", folder / models[precision]) from None
        side, channels, classes = description.size_px, len(description.channels), len(description.classes)
        found = [[(node.shape, node.type) for node in nodes] for nodes in (session.get_inputs(), session.get_outputs())]
        if found != [[([1, channels, side, side], "tensor(float)")], [([1, classes], "tensor(float)")]]:
            raise UserError(f"takes and gives {found}, unlike {DESCRIPTION} says", folder / models[precision])
        return cls(name, description, session)

    @property
    def resolution_m(self) -> float:
        """Side of a chip's pixel.

        Raises:
            UserError: if the chips that it learned from had none.
        """
        if self.description.resolution_m is None:
            raise UserError(
                "does not know its resolution: its chips had no place on the ground", self.description.candidate
            )
        return self.description.resolution_m

    def probabilities(
        self, pixels: NDArray[np.floating[Any]], valid: NDArray[np.bool_], bands: Sequence[str]
    ) -> NDArray[np.float32]:
        """Classify one chip.

        Args:
            pixels: (bands, height, width) raw values.
            valid: which of them are data; at least one of every band.
            bands: what each band is.

        Returns:
            (classes,) probabilities.
        """
        told = self.description
        raw, known = np.moveaxis(pixels, 0, -1).astype(np.float32), np.moveaxis(valid, 0, -1)
        chip = normalise(add_indices(fill_nodata(raw, known), bands, told.channels), told.method)
        if told.mean is not None:
            mean, deviation = (np.array(part, np.float32) for part in (told.mean, told.deviation))
            chip = (chip - mean) / deviation
        (tensor,) = self.session.get_inputs()
        inputs = np.ascontiguousarray(np.moveaxis(chip, -1, 0)[None], dtype=np.float32)
        (logits,) = self.session.run(None, {tensor.name: inputs})
        if not np.isfinite(logits).all():
            raise UserError("the network's logits are not finite for a window of these scenes", self.name)
        exponents = np.exp(logits[0].astype(np.float32) - logits[0].max())
        shares: NDArray[np.float32] = exponents / exponents.sum()
        return shares
