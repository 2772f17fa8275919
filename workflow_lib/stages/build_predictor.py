"""Build a latency predictor for your own device from measurements made here, on a remote device, or elsewhere."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin
from workflow_lib.core.candidate import TRAINED, Precision
from workflow_lib.core.errors import UserError
from workflow_lib.core.running import run_stage
from workflow_lib.devices.built import BuiltConfig
from workflow_lib.devices.built.fitted_predictor import describe_fit, fit_predictor, refuse_unknown
from workflow_lib.devices.built.kernel_choice import choose_networks, measure_space
from workflow_lib.devices.measured import make_runtime
from workflow_lib.devices.remote.sample_folder import measured_remotely
from workflow_lib.latency.kernel import FUSION_RULES
from workflow_lib.latency.kernel_format import KernelFormat
from workflow_lib.latency.latency_tables import MEASUREMENTS, VALIDATION
from workflow_lib.latency.packages import Origin, write_package
from workflow_lib.latency.run_networks import RunNetworks, read_networks
from workflow_lib.latency.stopwatch import Stopwatch, smallest

CONTRACT = 3


class BuildArguments(Arguments):
    """Flags of the stage; standard input lists paths of kernel tables and deployed networks, one per line."""

    settings: BuiltConfig
    device: str = Field(description="name of the device")
    precision: Precision = Field(default=TRAINED, description="precision of the networks")
    exported: Path | None = Field(
        default=None, description="folder of export_kernels, whose networks a remote device measured"
    )
    answers: Path | None = Field(default=None, description="table of measure_remote with these measurements")
    seed: int = Field(description="base seed of the run")
    output: Path = Field(description="output: folder of the predictor package")
    measured: Path = Field(description="output: the measurements (CSV)")
    validation: Path = Field(description="output: measured and predicted latency of whole networks")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = BuildArguments.parse(__doc__, argv)
    networks = read_networks(paths_from_stdin("build_predictor"))
    measurements, provenance = _measurements(arguments, networks)
    built = fit_predictor(networks.kernels, measurements, arguments.device, arguments.seed, arguments.precision)
    print(f"build_predictor: {arguments.device}, {arguments.precision}: {built.words}", file=sys.stderr, flush=True)
    origin = Origin(
        arguments.device, "ms", built.error_pct, provenance | describe_fit(built) | {"precision": arguments.precision}
    )
    MEASUREMENTS.write(measurements, arguments.measured)
    VALIDATION.write(built.validation, arguments.validation)
    write_package(arguments.output, origin, built.forests, FUSION_RULES.read_text(encoding="utf-8"))


def _measurements(arguments: BuildArguments, networks: RunNetworks) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return rows of MEASUREMENTS and a record of their source."""
    config = arguments.settings
    if given := config.measurements_of(arguments.precision):
        path = Path(given)
        if not path.exists():
            fix = "measure the networks that export_kernels writes for the device; see docs/devices.md"
            raise UserError("no such file", path, fix)
        measurements = MEASUREMENTS.read(path)
        refuse_unknown(measurements, networks.kernels, path)
        return measurements, {"source": path.name}
    if arguments.exported and arguments.answers:
        return measured_remotely(arguments.exported, arguments.answers)
    chosen = choose_networks(list(networks.files), config.sample_networks, arguments.seed)
    runtime = make_runtime(config)
    stopwatch = Stopwatch(runtime, smallest(networks.files))
    files = {name: networks.files[name] for name in chosen}
    formats = KernelFormat.of(config.runtime, arguments.precision)
    measurements = measure_space(
        networks.kernels, files, stopwatch, config.sample_kernels, arguments.seed, formats, _report
    )
    return measurements, runtime.describe() | {"source": "this machine", "drift_pct": stopwatch.drift_pct}


def _report(done: int, total: int) -> None:
    if done % 20 == 0 or done == total:
        print(f"build_predictor: {done} of {total} measurements", file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_stage(main)
