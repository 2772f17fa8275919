"""Write single kernels and whole networks to be measured on another device."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin
from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.core.files import atomic_path
from workflow_lib.core.running import run_stage
from workflow_lib.devices.built import BuiltConfig
from workflow_lib.devices.built.kernel_choice import choose_models
from workflow_lib.latency.kernel_format import KernelFormat
from workflow_lib.latency.run_networks import read_networks

CONTRACT = 3


class ExportArguments(Arguments):
    """Flags of the stage; standard input lists paths of kernel tables and deployed networks, one per line."""

    settings: BuiltConfig
    precision: Precision = Field(default=TRAINED, description="precision of the networks")
    seed: int = Field(description="base seed of the run")
    output: Path = Field(description="output: folder of ONNX or LiteRT files and their manifest")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = ExportArguments.parse(__doc__, argv)
    config = arguments.settings
    networks = read_networks(paths_from_stdin("export_kernels"))
    formats = KernelFormat.of(config.runtime, arguments.precision)
    models = choose_models(
        networks.kernels, networks.files, config.sample_kernels, config.sample_networks, arguments.seed, formats
    )
    with atomic_path(arguments.output) as folder:
        folder.mkdir()
        for name, make in models.items():
            model, file = make(), folder / f"{name}{formats.suffix}"
            if isinstance(model, Path):
                shutil.copyfile(model, file)
            else:
                file.write_bytes(model)
        manifest = pd.DataFrame(
            {"model": list(models), "file": [f"{name}{formats.suffix}" for name in models], "latency_ms": None}
        )
        manifest.to_csv(folder / "manifest.csv", index=False)


if __name__ == "__main__":
    run_stage(main)
