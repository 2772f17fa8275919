"""Measurements that a user brings, and hosts that cannot measure: one line, and nothing half-written."""

from pathlib import Path

import onnxruntime
import pytest
from latency_files import CONVOLUTION, write_kernels
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.latency.kernel_graphs import kernel_name, to_onnx
from workflow_lib.latency.latency_tables import KERNELS
from workflow_lib.latency.pricing import to_kernels

NETWORK = "5/k3-s2-p1-nopool-w32"


@pytest.fixture
def paths(tmp_path: Path) -> bytes:
    """A network's kernel table and ONNX file, as a rule names them on standard input."""
    folder = tmp_path / NETWORK
    folder.mkdir(parents=True)
    table = write_kernels(folder / "plain.parquet")
    (kernel,) = to_kernels(KERNELS.read(table))
    network = folder / "deployed.onnx"
    network.write_bytes(to_onnx(kernel).SerializeToString())
    return f"{table}\n{network}\n".encode()


def _flags(tmp_path: Path, *more: str) -> list[str]:
    outputs = {"output": "board", "measured": "measured.csv", "validation": "validation.parquet"}
    files = [part for flag, name in outputs.items() for part in (f"--{flag}", str(tmp_path / "built" / name))]
    return ["--kind", "built", "--device", "board", "--seed", "1", *files, *more]


def _refuse(tmp_path: Path, paths: bytes, *flags: str) -> str:
    result = run_stage("build_predictor", *_flags(tmp_path, *flags), cwd=tmp_path, stdin=paths)
    assert_refused(result)
    assert not (tmp_path / "built").exists() or files_under(tmp_path / "built") == []
    return result.lines[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no such file; measure the networks that export_kernels writes"),
        ("", "not a readable CSV file"),
        ("model,latency\na,1\n", "missing columns ['latency_ms'], unknown columns ['latency']"),
        ("model,latency_ms\nempty,0.1\nempty,0.2\n", "two rows with model empty"),
        ("model,latency_ms\nempty,-1\n", "column latency_ms has values -1 to -1, outside 0 to inf"),
        ("model,latency_ms\nempty,fast\n", "latency_ms"),
        ("model,latency_ms\nempty,nan\n", "latency_ms"),
        ("model,latency_ms\nempty,inf\n", "latency_ms"),
        ("model,latency_ms\n", "has no measurements, only a header"),
        (
            "model,latency_ms\nempty,0.1\nKERNEL,0\n",
            "column latency_ms has a value of 0 ms, but values must be above 0",
        ),
        ("model,latency_ms\nempty,0.1\nKERNEL,0.1\n", "no kernel takes longer than the empty network"),
        ("model,latency_ms\nempty,0.1\n7_other,2\n", "1 of 2 models are no kernels or networks of this run"),
        ("model,latency_ms\nempty,\n", "latency_ms"),
        ("model,latency_ms\nempty,0.1\n", "no measured kernel for conv-bn-relu"),
        ("model,file,latency_ms\nempty,empty.onnx,0.1\n", "no measured kernel for conv-bn-relu"),  # a filled manifest
        ("model,latency_ms\nKERNEL,0.1\n", "lacks the model 'empty'"),
    ],
)
def test_measurements_that_do_not_do(tmp_path: Path, paths: bytes, content: str | None, expected: str) -> None:
    file = tmp_path / "board.csv"
    if content is not None:
        (kernel,) = to_kernels(KERNELS.read(tmp_path / NETWORK / "plain.parquet"))
        file.write_text(content.replace("KERNEL", kernel_name(kernel)))
    assert expected in _refuse(tmp_path, paths, "--measurements", str(file))


def test_a_network_without_its_file_is_named(tmp_path: Path, paths: bytes) -> None:
    lonely = paths.splitlines()[0]
    assert "no kernels, or no file, of 5_k3-s2-p1-nopool-w32" in _refuse(tmp_path, lonely)


def test_a_file_that_is_no_network_is_named(tmp_path: Path, paths: bytes) -> None:
    (tmp_path / NETWORK / "deployed.onnx").write_bytes(b"no network")
    assert "deployed.onnx: ONNX Runtime cannot load the network" in _refuse(tmp_path, paths)


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(tmp_path: Path, paths: bytes) -> None:
    assert "ONNX Runtime has no CUDAExecutionProvider" in _refuse(tmp_path, paths, "--provider", "cuda")


def test_a_kernel_that_cannot_be_measured_alone(tmp_path: Path, paths: bytes) -> None:
    write_kernels(tmp_path / NETWORK / "plain.parquet", type="hswish", features=CONVOLUTION["features"])
    assert "kernels of type 'hswish' cannot be measured separately" in _refuse(tmp_path, paths)
