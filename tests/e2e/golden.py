"""Results of tiny runs as plain values, to compare with recorded ones.

Values that are measured (seconds, memory, throughput) are left out: they differ from run to run. Checksums are left
out, too: they differ with the last bit of a number, and so between processors.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rasterio
import torch
from numpy.typing import NDArray
from PIL import Image

RECORD = Path(__file__).with_name("golden.json")
MAX_ROWS, MAX_FILES = 6, 3
MEASURED = re.compile(
    r"(.*_)?(s|seconds|hours|utilization_pct|run_std_ms|peak_memory_bytes|images_per_s|per_s)(_.*)?"
    r"|.*training_(s|efficiency_pct|rank).*|.*search_s.*|host|created|version|places?|measured.*|sha256|content"
)


def describe(file: Path) -> Any:
    """What a result holds: the columns of a table, the statistics of an array or raster, the size of other files."""
    match file.suffix:
        case ".parquet":
            return _table(pd.read_parquet(file))
        case ".npy":
            return _array(np.load(file, allow_pickle=False))
        case ".tif":
            with rasterio.open(file) as raster:
                return {"crs": str(raster.crs), "bounds": _value(list(raster.bounds)), **_array(raster.read())}
        case ".json":
            return _value(json.loads(file.read_text()))
        case ".png":
            return {"size": list(Image.open(file).size)}
        case ".onnx":
            return {"bytes": file.stat().st_size}
        case ".pt":
            return _weights(torch.load(file, weights_only=True))
    return None


def some(files: Sequence[Path]) -> list[Path]:
    """A few of the files, spread over all of them."""
    return [files[row] for row in _spread(len(files), MAX_FILES)]


def _spread(count: int, limit: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(limit, count)).astype(np.int64)) if count else np.empty(0, np.int64)


def _weights(state: Any) -> dict[str, Any]:
    waiting, tensors = [state], []
    while waiting:
        value = waiting.pop()
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else []
        tensors += [value.double()] if isinstance(value, torch.Tensor) else []
    total = sum(float(tensor.abs().sum()) for tensor in tensors)
    return _value({"tensors": len(tensors), "numbers": sum(tensor.numel() for tensor in tensors), "total": total})


def _table(table: pd.DataFrame) -> dict[str, Any]:
    rows = _spread(len(table), MAX_ROWS)
    columns = {
        str(name): _value(table[name].iloc[rows].tolist()) for name in table if not MEASURED.fullmatch(str(name))
    }
    return {"rows": len(table), **columns}


def _array(array: np.ndarray) -> dict[str, Any]:
    numbers = array.astype(np.float64)
    statistics = {"mean": np.nanmean(numbers), "std": np.nanstd(numbers), "max": np.nanmax(numbers)}
    return {"shape": list(array.shape), "type": str(array.dtype), **_value(statistics)}


def _value(value: Any) -> Any:
    """A value as JSON holds it; keys of what is measured are left out."""
    if isinstance(value, dict):
        return {str(key): _value(inner) for key, inner in value.items() if not MEASURED.fullmatch(str(key))}
    if isinstance(value, list | tuple | np.ndarray):
        return [_value(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.9g}") if math.isfinite(value) else str(value)
    return value.item() if isinstance(value, np.generic) else value if isinstance(value, int | None) else str(value)


def write_record(record: dict[str, Any]) -> None:
    """Write the record, with each list on one line."""
    text = json.dumps(record, indent=1)
    RECORD.write_text(re.sub(r"\[[^\[\]{}]*\]", lambda values: " ".join(values[0].split()), text) + "\n")


def differences(found: Any, recorded: Any, tolerance: float, place: str = "") -> Iterator[str]:
    """Where two descriptions differ.

    Args:
        found: a description.
        recorded: the recorded one.
        tolerance: relative difference that numbers may have.
        place: where they stand in the whole.
    """
    if isinstance(found, dict) and isinstance(recorded, dict) and found.keys() == recorded.keys():
        for key in found:
            yield from differences(found[key], recorded[key], tolerance, f"{place}/{key}")
    elif isinstance(found, list) and isinstance(recorded, list) and len(found) == len(recorded):
        for index, (one, other) in enumerate(zip(found, recorded, strict=True)):
            yield from differences(one, other, tolerance, f"{place}[{index}]")
    elif isinstance(found, float | int) and isinstance(recorded, float | int):
        if not math.isclose(found, recorded, rel_tol=tolerance, abs_tol=tolerance):
            yield f"{place}: {found}, recorded {recorded}"
    elif found != recorded:
        yield f"{place}: {str(found)[:200]}, recorded {str(recorded)[:200]}"
