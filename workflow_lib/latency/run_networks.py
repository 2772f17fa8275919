"""The networks of a run as their files tell them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow_lib.core.errors import UserError
from workflow_lib.latency.kernel import Kernel
from workflow_lib.latency.latency_tables import KERNELS
from workflow_lib.latency.pricing import to_kernels


@dataclass(frozen=True)
class RunNetworks:
    """Networks by name, `<channels>_<architecture>`.

    Attributes:
        kernels: of each.
        files: ONNX file of each.
    """

    kernels: dict[str, list[Kernel]]
    files: dict[str, Path]


def read_networks(paths: Sequence[Path]) -> RunNetworks:
    """Sort files by network.

    Args:
        paths: one KERNELS table (.parquet) and one deployed network (.onnx) per network, in any order, both in a
            folder `<channels>/<architecture>`.

    Raises:
        UserError: if a network lacks one of the two, or a table is none.
    """
    tables = {_name(path): path for path in paths if path.suffix == ".parquet"}
    files = {_name(path): path for path in paths if path.suffix == ".onnx"}
    if lonely := tables.keys() ^ files.keys():
        raise UserError(f"no kernels, or no ONNX file, of {', '.join(sorted(lonely))}", "standard input")
    return RunNetworks({name: to_kernels(KERNELS.read(path)) for name, path in tables.items()}, files)


def _name(path: Path) -> str:
    return "_".join(path.parts[-3:-1])
