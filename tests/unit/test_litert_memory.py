"""Memory at run time: plans by hand, by an oracle, and by tflite-micro itself."""

import os
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workflow_lib.core.candidate import Precision
from workflow_lib.export.onnx_files import export_deployed, perturb_tensors
from workflow_lib.models.activation_plan import Step, plan_bytes
from workflow_lib.models.litert_memory import flash_bytes, peak_activation_bytes
from workflow_lib.models.modules import to_module

NETWORKS = [
    ("k3-s2-p1-pool3s2-w32", 7, 100),
    ("k5-s1-p2-pool2s2-w32", 4, 48),
    ("k3-s2-p1-nopool-w32", 5, 51),
    ("compact-basic-w8-n3x1-k3s1-pool", 4, 64),
    ("compact-inv4-w8-n3x1-k3s2-nopool-se", 7, 100),
    ("compact-sep-w8-n3x2-k3s2-pool", 5, 63),
    ("compact-inv2-w16-n3x1-k5s2-pool-se", 3, 49),
    ("cell-conv3-none.skip-conv1.conv3.pool-w8-n1-s2", 4, 64),
    ("cell-pool-pool.pool-pool.pool.pool-w8-n1-s2", 5, 50),
    ("cell-conv3-skip.pool-conv1.conv3.skip-w4-n1-s1", 6, 48),
    ("published-mobilenetv3-small", 4, 64),
    ("published-shufflenetv2-0.5", 5, 64),
    ("darts-max.0.avg.1-sep5.0.dil5.1-skip.0.max.2-avg.1.sep3.4-max.0.max.1-avg.0.skip.2-dil5.0.sep5.1-max.1.skip.3-w4-n1-s1",
     4, 64),
]  # fmt: skip


def exported(folder: Path, architecture: str, channels: int, size_px: int) -> tuple[torch.nn.Module, Path]:
    torch.manual_seed(0)
    network = perturb_tensors(to_module(architecture, channels, 2)).eval()
    export_deployed(network, channels, size_px, folder / "network.onnx")
    return network, folder / "network.onnx"


def test_a_chain_needs_its_largest_pair() -> None:
    chain = [Step(["image"], ["a"]), Step(["a"], ["b"]), Step(["b"], ["c"])]
    assert plan_bytes(chain, {"image": 32, "a": 160, "b": 80, "c": 16}) == 160 + 80


def test_a_value_that_is_added_later_stays() -> None:
    residual = [Step(["image"], ["a"]), Step(["a"], ["b"]), Step(["a", "b"], ["c"])]
    assert plan_bytes(residual, {"image": 16, "a": 64, "b": 64, "c": 64}) == 3 * 64


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 5)), min_size=1, max_size=14))
def test_no_plan_is_below_what_is_alive_at_once(tensors: list[tuple[int, int]]) -> None:
    """Each tensor is made from the one before, and from one that is further back."""
    sizes = {str(number): size for number, (size, _) in enumerate(tensors)}
    steps = [
        Step(sorted({str(number), str(max(0, number - back))}), [str(number + 1)])
        for number, (_, back) in enumerate(tensors[1:])
    ]
    if not steps:
        return
    last = {name: number for number, step in enumerate(steps) for name in (*step.inputs, *step.outputs)}
    first = {"0": -1} | {step.outputs[0]: number for number, step in enumerate(steps)}
    rounded = {name: -(-size // 16) * 16 for name, size in sizes.items()}
    alive = max(
        sum(rounded[name] for name in last if first[name] <= number <= last[name]) for number in range(len(steps))
    )
    assert alive <= plan_bytes(steps, sizes) <= sum(rounded.values())


def test_the_first_layers_of_a_network_by_hand(tmp_path: Path) -> None:
    """A stride of 2 on an even side needs a padded copy of the image, which lives beside the image or the first map."""
    _, file = exported(tmp_path, "k3-s2-p1-pool3s2-w32", 7, 100)
    image, padded, first, pooled = 7 * 100**2, 7 * 102**2, 32 * 50**2, 32 * 52**2
    assert first + pooled > padded + first > image + padded
    assert peak_activation_bytes(file, "int8") == -(-first // 16) * 16 + -(-pooled // 16) * 16
    assert peak_activation_bytes(file, "fp32") == peak_activation_bytes(file, "fp16") == 4 * (first + pooled)


def planned_by_tflite_micro(model: bytes) -> int:
    """Bytes of activations that its recording interpreter plans; it only prints them, to file descriptor 2."""
    from tflite_micro import runtime

    with tempfile.TemporaryFile() as log:
        saved = os.dup(2)
        try:
            os.dup2(log.fileno(), 2)
            runtime.Interpreter.from_bytes(model, arena_size=64 << 20).print_allocations()
        finally:
            os.dup2(saved, 2)
            os.close(saved)
        log.seek(0)
        found = re.search(rb"Arena allocation head (\d+) bytes", log.read())
    assert found
    return int(found[1])


@pytest.mark.parametrize(("architecture", "channels", "size_px"), NETWORKS, ids=[name[:30] for name, *_ in NETWORKS])
def test_plans_are_those_of_tflite_micro(architecture: str, channels: int, size_px: int, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed: make litert")
    from workflow_lib.export.litert_files import to_litert
    from workflow_lib.export.litert_quantizer import quantize_untrained

    network, file = exported(tmp_path, architecture, channels, size_px)
    plain = to_litert(network, channels, size_px)
    models: dict[Precision, bytes] = {"fp32": plain, "int8": quantize_untrained(plain, "int8")}
    for precision, model in models.items():
        assert peak_activation_bytes(file, precision) == pytest.approx(planned_by_tflite_micro(model), rel=0.05)
        assert flash_bytes(file, precision) == pytest.approx(len(model), rel=0.05)
    assert flash_bytes(file, "fp16") == pytest.approx(len(quantize_untrained(plain, "fp16")), rel=0.05)


def test_a_litert_file_answers_like_its_network(tmp_path: Path) -> None:
    """Also with float16 weights and with int8 weights and activations; the image needs no transpose."""
    pytest.importorskip("litert_torch", reason="the LiteRT converter is not installed: make litert")
    from ai_edge_litert.interpreter import Interpreter

    from workflow_lib.export.litert_files import to_litert
    from workflow_lib.export.litert_quantizer import quantize
    from workflow_lib.latency.litert_runtime import LiteRt
    from workflow_lib.latency.stopwatch import measure_network

    network, _ = exported(tmp_path, "compact-basic-w8-n3x1-k3s2-nopool", 3, 40)
    chips = np.random.default_rng(0).random((12, 40, 40, 3), dtype=np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(chips).permute(0, 3, 1, 2)).numpy()
    plain = to_litert(network, 3, 40)
    tolerances = {"fp32": 1e-5, "fp16": 5e-3, "dynamic": 0.1, "int8": 0.1}
    for precision, tolerance in tolerances.items():
        model = plain if precision == "fp32" else quantize(plain, precision, chips)  # type: ignore[arg-type]
        assert model == (plain if precision == "fp32" else quantize(plain, precision, chips))  # type: ignore[arg-type]
        interpreter = Interpreter(model_content=model)
        assert interpreter.get_input_details()[0]["shape"].tolist() == [1, 40, 40, 3]
        runtime = LiteRt()
        found = np.concatenate([runtime.classify(runtime.interpreter(model), chip) for chip in chips])
        assert np.abs(found - expected).max() <= tolerance * np.abs(expected).max()
        assert measure_network(model, runtime)["latency_ms"] > 0


class Unusual(torch.nn.Module):
    """Operators that no space of ours has."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2)
        self.up = torch.nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.norm = torch.nn.LayerNorm(4)
        self.query = torch.nn.Linear(4, 4)
        self.last = torch.nn.Sequential(
            torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.GELU(), torch.nn.Linear(6, 2)
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.up(torch.nn.functional.silu(self.first(torch.nn.functional.pad(images, (0, 1, 0, 1)))))
        words = self.norm(features[:, :, ::2, ::2].flatten(2).transpose(1, 2))
        attention = torch.softmax(self.query(words) @ words.transpose(1, 2) / 2, dim=-1)
        pooled = (attention @ words).mean(dim=1) + words.view(words.size(0), -1, 4).amax(dim=1)
        logits: torch.Tensor = self.last(pooled)
        return logits


def test_networks_with_unusual_operators_have_a_plan(tmp_path: Path) -> None:
    torch.manual_seed(0)
    export_deployed(Unusual().eval(), 3, 24, tmp_path / "network.onnx")
    attention = 4 * (12 * 12) ** 2
    for precision, share in (("fp32", 1), ("int8", 4)):
        found = peak_activation_bytes(tmp_path / "network.onnx", precision)  # type: ignore[arg-type]
        assert attention / share < found < 3.5 * attention / share


class OneDimensional(torch.nn.Module):
    """Attention over channels by convolution in one dimension, products with constants, and weights of a product."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.attention = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv1d(1, 1, 3, padding=1)
        self.pool, self.words = torch.nn.AvgPool1d(2), torch.nn.Parameter(torch.randn(4, 64))
        self.last = torch.nn.Linear(64, 2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = 0.5 * self.first(images) * 2.0
        weights = torch.sigmoid(self.attention(features.mean(dim=(2, 3)).unsqueeze(1))).view(-1, 8, 1, 1)
        pooled = self.pool((features * weights).mean(dim=(2, 3)).unsqueeze(1)).squeeze(1)
        logits: torch.Tensor = self.last(pooled @ self.words)
        return logits


def test_values_that_are_no_images_have_a_plan_and_their_weights_count(tmp_path: Path) -> None:
    export_deployed(OneDimensional().eval(), 3, 20, tmp_path / "network.onnx")
    image, first = 3 * 20**2, 8 * 20**2
    assert 4 * (image + first) <= peak_activation_bytes(tmp_path / "network.onnx", "fp32") <= 4 * (image + 3 * first)
    parameters = sum(each.numel() for each in OneDimensional().parameters())
    assert 4 * parameters < flash_bytes(tmp_path / "network.onnx", "fp32") < 4 * parameters + 8000
