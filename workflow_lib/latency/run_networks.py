"""The networks of a run, read from their files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.latency_tables import KERNELS
from workflow_lib.latency.pricing import to_kernels


@dataclass(frozen=True)
class RunNetworks:
    """Kernels and files of networks, by name (`<channels>_<architecture>`).

    Attributes:
        kernels: kernels of each network.
        files: ONNX or LiteRT file of each network.
    """

    kernels: dict[str, list[Kernel]]
    files: dict[str, Path]


def read_networks(paths: Sequence[Path]) -> RunNetworks:
    """Read the kernels of networks, and match them with their files.

    Args:
        paths: one KERNELS table (.parquet) and one network file (.onnx or .tflite) per network, in any order; both
            are in folders named `<channels>/<architecture>`.

    Returns:
        The networks.

    Raises:
        UserError: if a network lacks one of the two files, or a table is not valid.
    """
    tables = [path for path in paths if path.suffix == ".parquet"]
    files = {_name(path): path for path in paths if path.suffix != ".parquet"}
    if incomplete := {_name(path) for path in tables} ^ files.keys():
        raise UserError(f"no kernels, or no file, of {', '.join(sorted(incomplete))}", "standard input")
    return RunNetworks(read_kernels(tables), files)


def read_kernels(tables: Sequence[Path]) -> dict[str, list[Kernel]]:
    """Read the kernels of networks from their KERNELS tables, in folders named `<channels>/<architecture>`."""
    return {_name(path): to_kernels(KERNELS.read(path)) for path in tables}


def _name(path: Path) -> str:
    return "_".join(path.parts[-3:-1])
