"""Correct the predictions of one device by networks measured on another."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from workflow_lib.core.arguments import Arguments, paths_from_stdin
from workflow_lib.core.candidate import TRAINED
from workflow_lib.core.errors import UserError
from workflow_lib.core.files import sha256
from workflow_lib.core.running import run_stage
from workflow_lib.devices.measured import make_runtime
from workflow_lib.devices.remote.remote_tables import REMOTE
from workflow_lib.devices.transferred import TransferredConfig
from workflow_lib.devices.transferred.correction import (
    describe_network,
    error_over_sizes,
    fit_correction,
    left_out,
)
from workflow_lib.devices.transferred.transfer_tables import TRANSFER
from workflow_lib.latency.latency_tables import LATENCIES, MEASUREMENTS, VALIDATION
from workflow_lib.latency.run_networks import RunNetworks, read_kernels, read_networks
from workflow_lib.latency.stopwatch import measure_networks

CONTRACT = 1

_MIN_NETWORKS = 5


class TransferArguments(Arguments):
    """Flags of the stage; standard input lists kernel tables, network files, and the other device's predictions."""

    settings: TransferredConfig
    device: str = Field(description="name of the device")
    seed: int = Field(description="base seed of the run")
    answers: Path | None = Field(default=None, description="table of measure_remote, if a remote device measured")
    output: Path = Field(description="output: the correction")
    validation: Path = Field(description="output: measured latencies, and predictions without each network")
    sizes: Path = Field(description="output: the error over the number of measured networks")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage."""
    arguments = TransferArguments.parse(__doc__, argv)
    settings, paths = arguments.settings, paths_from_stdin("transfer_predictor")
    predicted = [path for path in paths if path.name == f"{settings.base}.parquet"]
    others = [path for path in paths if path.name != f"{settings.base}.parquet"]
    networks = RunNetworks(read_kernels(others), {}) if settings.measurements else read_networks(others)
    base = pd.concat([LATENCIES.read(path) for path in predicted])
    base_ms = dict(zip(base["channels"] + "_" + base["architecture"], base["latency_ms"], strict=True))
    measured = _measured(arguments, networks)
    if len(measured) < _MIN_NETWORKS:
        advice = f"measure at least {_MIN_NETWORKS}, or use kind: measured if the run has no more networks"
        raise UserError(f"only {len(measured)} networks are measured", f"devices.{arguments.device}", advice)
    latencies: NDArray[np.float64] = np.array(measured, np.float64)
    features = np.array([describe_network(base_ms[name], networks.kernels[name]) for name in measured.index])
    _write(arguments, features, list(measured.index), latencies)


def _measured(arguments: TransferArguments, networks: RunNetworks) -> "pd.Series[float]":
    """Return the measured latency of each network of the sample (ms), by name."""
    settings = arguments.settings
    if given := settings.measurements_of(TRAINED):
        if not Path(given).exists():
            raise UserError("no such file", given, "write the measured latencies into it; see docs/devices.md")
        found = MEASUREMENTS.read(Path(given)).set_index("model")["latency_ms"]
        if unknown := [name for name in found.index if name not in networks.kernels]:
            raise UserError(
                f"{len(unknown)} of {len(found)} models are no networks of this run (first: {unknown[0]!r})",
                given,
                "name each model <channels>_<architecture>",
            )
        return found
    if arguments.answers:
        answers = REMOTE.read(arguments.answers).set_index("file_sha256")["latency_ms"]
        return pd.Series({name: answers[sha256(file)] for name, file in networks.files.items()})
    table = measure_networks(networks.files, make_runtime(settings))
    return table.set_index("model")["latency_ms"]


def _write(
    arguments: TransferArguments, features: NDArray[np.float64], names: Sequence[str], latencies: NDArray[np.float64]
) -> None:
    """Fit the correction, and write it with its errors."""
    predicted = left_out(features, latencies, arguments.seed)
    columns = {"network": names, "use": "validation", "latency_ms": latencies, "predicted_ms": predicted}
    VALIDATION.write(pd.DataFrame({"device": arguments.device, "precision": TRAINED} | columns), arguments.validation)
    sizes = error_over_sizes(features, latencies, arguments.seed)
    sizes.insert(0, "device", arguments.device)
    TRANSFER.write(sizes, arguments.sizes)
    for row in sizes.itertuples():
        print(
            f"transfer_predictor: {arguments.device}: {row.networks} networks: median error {row.error_pct:.1f} %, "
            f"largest {row.largest_error_pct:.1f} %, Kendall's tau {row.tau:.2f}",
            file=sys.stderr,
        )
    error_pct = float(np.median(100 * np.abs(predicted / latencies - 1)))
    print(
        f"transfer_predictor: {arguments.device}: all {len(latencies)} networks: median error {error_pct:.1f} % by "
        "cross-validation",
        file=sys.stderr,
    )
    replace(fit_correction(features, latencies), error_pct=error_pct).write(arguments.output)


if __name__ == "__main__":
    run_stage(main)
