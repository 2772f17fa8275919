"""A deployed model: its folder, checked against its checksums, and the network as a function of raw pixels."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import sha256
from workflow_lib.data.bands import add_indices, fill_nodata, normalise

CHECKSUMS = "SHA256SUMS"
"""Checksums of a bundle's other files, as `sha256sum -c` reads them."""

REQUIREMENTS = ("numpy", "onnxruntime", "rasterio")
"""All packages that this folder needs."""


def write_checksums(files: Sequence[Path], path: Path) -> None:
    """Write the checksums of files that lie beside each other, sorted by name."""
    lines = [f"{sha256(file)}  {file.name}\n" for file in sorted(files, key=lambda file: file.name)]
    path.write_text("".join(lines), encoding="utf-8")


def check_files(folder: Path) -> str:
    """Compare a bundle's files with their checksums.

    Returns:
        The checksum of the checksums: it names the bundle.

    Raises:
        UserError: if there is no bundle, or a file is missing or not what it was.
    """
    sums = folder / CHECKSUMS
    try:
        lines = [line.split(maxsplit=1) for line in sums.read_text(encoding="utf-8").splitlines() if line]
        expected = [(checksum, name.removeprefix("*")) for checksum, name in lines]
    except (OSError, ValueError):
        raise UserError(f"no bundle: it has no readable {CHECKSUMS}", folder, "name a folder of deploy_model") from None
    for checksum, name in expected:
        file = folder / name
        if not file.is_file():
            raise UserError("is missing from the bundle", file, "copy the whole folder again")
        if sha256(file) != checksum:
            raise UserError("is not the file that was deployed: its checksum differs", file, "copy it again")
    return sha256(sums)


@dataclass(frozen=True)
class Bundle:
    """A deployed model.

    Args:
        name: checksum of its files.
        description: its bundle.json.
        session: ONNX Runtime's, safe to run from many threads.
    """

    name: str
    description: dict[str, Any]
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

        name = check_files(folder)
        description = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        models = description["models"]
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
        return cls(name, description, session)

    @property
    def classes(self) -> list[str]:
        """Class names, in the order of the probabilities."""
        return list(self.description["output"]["classes"])

    @property
    def size_px(self) -> int:
        """Side of a chip."""
        return int(self.description["input"]["shape"][2])

    @property
    def resolution_m(self) -> float:
        """Side of a chip's pixel.

        Raises:
            UserError: if the chips that it learned from had none.
        """
        value = self.description["input"]["resolution_m"]
        if value is None:
            raise UserError(
                "does not know its resolution: its chips had no CRS in metres", self.description["candidate"]
            )
        return float(value)

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
        channels = self.description["input"]["channels"]
        norm = self.description["normalisation"]
        raw, known = np.moveaxis(pixels, 0, -1).astype(np.float32), np.moveaxis(valid, 0, -1)
        chip = normalise(add_indices(fill_nodata(raw, known), bands, channels), norm["method"])
        if norm["mean"] is not None:
            mean, deviation = (np.array(norm[part], np.float32) for part in ("mean", "deviation"))
            chip = (chip - mean) / deviation
        (tensor,) = self.session.get_inputs()
        inputs = np.ascontiguousarray(np.moveaxis(chip, -1, 0)[None], dtype=np.float32)
        (logits,) = self.session.run(None, {tensor.name: inputs})
        if not np.isfinite(logits).all():
            raise UserError("the network's logits are not finite for a window of these scenes", self.name)
        exponents = np.exp(logits[0].astype(np.float32) - logits[0].max())
        shares: NDArray[np.float32] = exponents / exponents.sum()
        return shares
