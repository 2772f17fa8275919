"""Section on latency predictors and latencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.devices import device_kinds, kind_of
from workflow_lib.devices.calibrated import PUBLISHED_DEVICES
from workflow_lib.devices.measured import RUNTIME_TITLES
from workflow_lib.latency.latency_tables import LATENCIES_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.names import device_column
from workflow_lib.report.text_table import TextTable, make_table

if TYPE_CHECKING:
    import pandas as pd

    from workflow_lib.latency.device_kind import DeviceKind
    from workflow_lib.report.content import ReportContent


def predictors(content: ReportContent) -> TextTable:
    """Tabulate kind, error and coverage of each device's latency predictor."""
    rows = []
    for device, frame in content[LATENCIES_RESULT].groupby("device", sort=False):
        column, unit = ("latency_ms", "ms") if frame["latency_ms"].notna().all() else ("energy_mj", "mJ")
        values = f"{frame[column].min():,.2f} to {frame[column].max():,.2f} {unit}"
        kind = ", ".join(sorted(frame["predictor"].unique()))
        settings = content.config.devices[str(device)]
        runs = kind_of(settings).runs(str(device), settings)
        rows.append([str(device), kind, *runs, _predictor_error(frame), _coverage(frame), values])
    headers = ["Device", "Predictor", "Runtime", "Runs on", "Median error on held-out networks", "Coverage", "Range"]
    return TextTable(headers, rows, texts=4)


def _predictor_error(frame: pd.DataFrame) -> str:
    """Describe the error of one device's predictor, or the spread of repeated measurements of a network."""
    errors = frame["predictor_error_pct"]
    if frame["latency_run_std_ms"].notna().all():
        spread = (100 * frame["latency_run_std_ms"] / frame["latency_ms"]).median()
        return f"measured; standard deviation over runs {spread:.1f} % (median)"
    if not kind_of_predictor(frame).is_prediction:
        return "measured"
    if errors.isna().any():
        return "unknown"
    if errors.min() == errors.max():
        return f"{errors.min():.1f} %"
    return f"{errors.min():.1f} to {errors.max():.1f} %"


def kind_of_predictor(frame: pd.DataFrame) -> DeviceKind:
    """Return the kind of device that gave the latencies of one device."""
    return device_kinds()[str(frame["predictor"].iloc[0])]


def _coverage(frame: pd.DataFrame) -> str:
    """Describe the share of kernels that one device's predictor covers."""
    if frame["kernels"].isna().all():
        return "whole networks"
    shares = 100 * frame["covered_kernels"] / frame["kernels"]
    coverage = "all kernels" if shares.min() == 100 else f"at least {shares.min():.0f} % of kernels"
    if filled := int(frame["filled_kernels"].max()):
        coverage += f"; up to {filled} kernels priced by the calibrated model"
    return coverage


def device_latencies(content: ReportContent) -> TextTable:
    """Tabulate the latency or energy of each front member on each device."""
    from workflow_lib.report.tables import front_members

    frame = front_members(content[RANKED_RESULT], content.config.front.objectives)
    devices = {
        f"{device} ({'ms' if predictor.quantity == 'latency_ms' else 'mJ'})": [
            f"{value:,.2f}" for value in frame[device_column(device, predictor.quantity)]
        ]
        for device, predictor in content.config.devices.items()
    }
    return make_table({"#": frame.index, "Candidate": frame["candidate"], **devices}, texts=2, marked=0)


def kinds_used(content: ReportContent) -> dict[str, DeviceKind]:
    """Return the device kinds of a run, by name."""
    return {name: device_kinds()[name] for name in sorted(content[LATENCIES_RESULT]["predictor"].unique())}


def caveats(content: ReportContent) -> list[str]:
    """List the limitations that a reader must know before relying on the numbers."""
    latencies, notes = content[LATENCIES_RESULT], []
    kinds = kinds_used(content)
    if predicted := [name for name, kind in kinds.items() if kind.is_prediction]:
        notes.append(f"Latencies are predicted ({', '.join(predicted)}), not measured on the devices.")
    if "measured" in kinds:
        notes.append("Devices of kind measured were timed while no other job of this run used the same machine.")
    notes += [*_other_runtimes(content), *_published_accuracy(content)]
    priced = latencies["covered_kernels"] + latencies["filled_kernels"]
    if uncovered := int((priced < latencies["kernels"]).sum()):
        notes.append(
            f"{uncovered:,} of {len(latencies):,} latencies omit kernels that the device's predictor does not know or "
            "whose features it cannot represent; these latencies are too low."
        )
    return notes


def _other_runtimes(content: ReportContent) -> list[str]:
    """Warn of devices whose latencies are those of another runtime than the deployed files are made for."""
    deployed = {RUNTIME_TITLES["onnxruntime"]} | ({RUNTIME_TITLES["litert"]} if content.config.litert else set())
    runtimes = {name: kind_of(settings).runs(name, settings)[0] for name, settings in content.config.devices.items()}
    if other := [f"{name} ({runtime})" for name, runtime in runtimes.items() if _family(runtime) not in deployed]:
        return [
            f"The deployed files are for {' and '.join(sorted(deployed))}, but these latencies are for other runtimes: "
            f"{', '.join(other)}. One network can take twice as long in another runtime on the same device."
        ]
    return []


def _family(runtime: str) -> str:
    """Return the title of the runtime that a text names, which may be a former name and have a version."""
    name = runtime.lower().replace(" ", "").replace("tensorflowlite", "litert").replace("tflite", "litert")
    return next((title for key, title in RUNTIME_TITLES.items() if name.startswith(key)), runtime)


def _published_accuracy(content: ReportContent) -> list[str]:
    """State how accurate nn-Meter's own predictors are, and what is known of the spread over its devices."""
    known = [PUBLISHED_DEVICES[name] for name in content.config.devices if name in PUBLISHED_DEVICES]
    if not known:
        return []
    shares = ", ".join(f"{device.within_10pct_pct} % ({device.product})" for device in known)
    notes = [
        f"nn-Meter's own predictors are within 10 % of the measured latency for this share of networks: {shares}. The "
        "devices date from 2018 and 2019."
    ]
    calibrated = [device for device in content.config.devices.values() if device.kind == "calibrated"]  # type: ignore[attr-defined]
    if len(calibrated) > 1:
        notes.append(
            "For networks of CROSS with pooling, the calibrated models give a spread over devices that is 16 to 28 % "
            "above the published one; their mean is within 4.5 % of it."
        )
    return notes


def values(content: ReportContent) -> Mapping[str, Any]:
    """Return the variables of the template."""
    return {
        "predictors": predictors(content),
        "device_latencies": device_latencies(content),
        "kinds": kinds_used(content),
    }


SECTION = SectionDeclaration(
    title="Latency",
    reads=(
        LATENCIES_RESULT,
        RANKED_RESULT,
    ),
    position=70,
    values=values,
    caveats=caveats,
)
