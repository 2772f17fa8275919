"""A user's trained model beside the candidates: scored on each fold, costed, never trained, and never on the front."""

import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from runs import command, snakemake, write_config

from workflow_lib.data.dataset import Dataset
from workflow_lib.export.onnx_files import export_deployed
from workflow_lib.models.modules import to_module

RUN, MODEL = Path("results", "tiny"), "model-current"
BANDS = ["red", "green", "blue"]
CHANGES = {
    "grid.channel_sets": {"6": ["dem", "red", "green", "blue", "nir", "ndvi"], "rgb": BANDS},
    "grid.space.kernel_size": [3],
    "grid.trained_models": {"current": {"file": "current.onnx", "channels": "rgb", "chips": "raw"}},
    "grid.recipes": {"plain": {}, "flipped": {"flips": True}},
    "folds.holdout": {"method": "none", "regions": []},
    "keep_weights": False,
}


def write_model(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    network = to_module("compact-basic-w8-n3x1-k3s2-nopool", len(BANDS), 2).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    export_deployed(network, len(BANDS), 48, path)


def expected_accuracy(results: Path, model: Path, fold: int) -> float:
    """By ONNX Runtime, on the raw validation chips."""
    folds = pd.read_parquet(results / "assign_folds" / "folds.parquet")
    names = ["dem", "red", "green", "blue", "nir", "ndvi"]
    pixels = np.load(results / "import_chips" / "chips.npy")
    chips = pd.read_parquet(results / "import_chips" / "chips.parquet")
    dataset = Dataset(pixels, np.zeros((len(pixels), 6, 2)), chips, names, ["F", "T"], "none")
    rows = dataset.rows(folds, fold, "validation")
    images = dataset.view(BANDS, rows).batch(rows).transpose(0, 3, 1, 2)
    session = onnxruntime.InferenceSession(model)
    name = session.get_inputs()[0].name
    logits = np.concatenate([session.run(None, {name: image[None]})[0] for image in images])
    return 100 * float((logits.argmax(1) == dataset.labels[rows]).mean())


def test_a_trained_model_is_a_row_beside_the_front(tmp_path: Path) -> None:
    write_model(tmp_path / "current.onnx", seed=1)
    config, folder = write_config(tmp_path / "model.yaml", CHANGES), tmp_path / "run"
    snakemake(folder, config=config)
    results = folder / RUN
    scores = pd.read_parquet(results / "gather_table" / "fold_scores.parquet")
    own = scores[scores["architecture"] == MODEL].sort_values("fold")
    settings = own[["channels", "batch", "recipe"]].drop_duplicates().to_numpy().tolist()
    assert settings == [["rgb", 8, "flipped"]], "the first recipe in the file"
    assert own["accuracy_pct"].tolist() == [
        pytest.approx(expected_accuracy(results, tmp_path / "current.onnx", fold)) for fold in range(2)
    ]
    assert (own["training_s"] == 0).all() and (own["training_chips"] == 0).all()
    ranked = pd.read_parquet(results / "build_front" / "ranked.parquet")
    (row,) = ranked[ranked["architecture"] == MODEL].to_dict("records")
    assert row["baseline"] and not row["on_front"]
    assert row["parameters"] == pytest.approx(19_834, rel=0.02)
    assert row["latency_mean_ms"] > 0
    page = (results / "build_report" / "report.html").read_text()
    assert "model-current" in page and "failed permanently" not in page

    files = [path for stage in ("train_fold", "export_network") for path in (results / stage).rglob("*.parquet")]
    before = {path: path.stat().st_mtime_ns for path in files}
    write_model(tmp_path / "current.onnx", seed=2)
    snakemake(folder, config=config)
    changed = [path for path in files if path.stat().st_mtime_ns != before[path]]
    assert len(changed) == 3 and all(MODEL in str(path) for path in changed), "its own jobs alone run again"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not an ONNX file", "is not a valid ONNX file"),
        (None, "its output for two images is (2, 3), but must be (2, 2)"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "current.onnx"
    if content is None:
        export_deployed(to_module("compact-basic-w8-n3x1-k3s2-nopool", 3, 3).eval(), 3, 48, file)
    else:
        file.write_bytes(content)
    config, folder = write_config(tmp_path / "model.yaml", CHANGES), tmp_path / "run"
    target = f"{RUN}/export_network/rgb/{MODEL}/network.parquet"
    result = subprocess.run(command(folder, target, config=config), capture_output=True, text=True)
    assert result.returncode == 1
    log = (folder / RUN / "logs" / "export_network" / "rgb" / f"{MODEL}.log").read_text()
    assert message in log and "Traceback" not in log
