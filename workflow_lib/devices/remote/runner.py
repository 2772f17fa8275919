"""Measure one network on the machine that runs this file; prints one line of JSON.

This file is copied to boards and runs there alone: it needs Python 3.7, numpy, and onnxruntime or LiteRT.
"""

import argparse
import importlib
import json
import platform
import signal
import statistics
import sys
import time
from typing import Any

_MIN_RUNS = 10
_MAX_RUNS = 200
_WARM_UP_RUNS = 3


def load_onnxruntime(path: str, threads: int) -> Any:
    """Load an ONNX file; return a function that runs it once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    kinds = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}
    images = {tensor.name: noise(tensor.shape, kinds[tensor.type]) for tensor in session.get_inputs()}
    return lambda: session.run(None, images)


def noise(shape: Any, kind: Any) -> Any:
    """Draw an image: normally distributed, or as integers from 0 on."""
    import numpy

    values = numpy.random.default_rng(0).standard_normal(shape, dtype=numpy.float32)
    return (numpy.abs(30 * values).clip(max=127) if numpy.issubdtype(kind, numpy.integer) else values).astype(kind)


def load_litert(path: str, threads: int) -> Any:
    """Load a LiteRT file; return a function that runs it once."""
    try:
        module = importlib.import_module("ai_edge_litert.interpreter")
    except ImportError:  # its former name, on old boards
        module = importlib.import_module("tflite_runtime.interpreter")
    interpreter = module.Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    for tensor in interpreter.get_input_details():
        interpreter.set_tensor(tensor["index"], noise(tensor["shape"], tensor["dtype"]))
    return interpreter.invoke


def measure(run: Any, seconds: float) -> Any:
    """Time a network; return the median, the standard deviation and the number of its runs."""
    for _ in range(_WARM_UP_RUNS):
        run()
    runs: Any = []
    end = time.perf_counter() + seconds
    while len(runs) < _MIN_RUNS or (time.perf_counter() < end and len(runs) < _MAX_RUNS):
        start = time.perf_counter()
        run()
        runs.append(1e3 * (time.perf_counter() - start))
    return {
        "latency_ms": statistics.median(runs),
        "latency_run_std_ms": statistics.stdev(runs),
        "runs": len(runs),
    }


def read_number(path: str, factor: float) -> Any:
    """Read a number that Linux tells about the machine; None if it does not."""
    try:
        with open(path) as file:
            return int(file.read()) * factor
    except (OSError, ValueError):
        return None


def main() -> None:
    """Measure the network that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime", choices=("onnxruntime", "litert"), required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--timeout", type=int, default=0, help="seconds after which this program ends; 0: never")
    parser.add_argument("model")
    given = parser.parse_args()
    signal.alarm(given.timeout)  # whoever started it no longer waits, and may measure again
    load = load_onnxruntime if given.runtime == "onnxruntime" else load_litert
    try:
        run = load(given.model, given.threads)
    except ImportError as error:
        sys.exit(f"the board lacks a package: {error}")
    found = measure(run, given.seconds)
    found["temperature_c"] = read_number("/sys/class/thermal/thermal_zone0/temp", 1e-3)
    found["clock_mhz"] = read_number("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", 1e-3)
    found["processor"] = platform.processor() or platform.machine()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
