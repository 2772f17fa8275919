"""Folders of networks that a device measures, and the measurements that come back."""

from pathlib import Path
from typing import Any, Final

import pandas as pd

from workflow_lib.core.files import sha256
from workflow_lib.devices.remote.remote_tables import REMOTE
from workflow_lib.latency.latency_tables import MEASUREMENTS

_SUFFIXES: Final = (".onnx", ".tflite")


def networks_in(path: Path) -> list[Path]:
    """List the files of networks in a folder; a file is itself a network."""
    return [file for file in sorted(path.iterdir()) if file.suffix in _SUFFIXES] if path.is_dir() else [path]


def measured_remotely(folder: Path, answers: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Find the measurement of each network of a folder.

    Args:
        folder: folder of export_kernels.
        answers: table of measure_remote, which has a row for the content of each file in the folder.

    Returns:
        Rows of MEASUREMENTS, and a record of their source.
    """
    files = networks_in(folder)
    found = REMOTE.read(answers).set_index("file_sha256")
    rows = found.loc[[sha256(file) for file in files]].reset_index(drop=True)
    rows.insert(0, "model", [file.stem for file in files])
    processors = ", ".join(sorted(rows["processor"].dropna().unique()))
    names = [column.name for column in MEASUREMENTS.columns if column.name in rows]
    return rows[names], {"source": "a remote device", "processor": processors}
