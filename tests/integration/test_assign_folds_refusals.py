"""Folds that cannot be made: one line says why, whatever the geometry."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.arguments import flags
from workflow_lib.core.errors import UserError
from workflow_lib.data.chip_tables import CHIPS, FOLDS
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.stages.assign_folds import main

UTM = "EPSG:32614"
LOCAL = 'LOCAL_CS["site grid",UNIT["metre",1]]'


def _chips(
    path: Path, labels: str, spacing: float = 1000.0, crs: str = UTM, size: float = 100.0, region: str = "North",
    origin: tuple[float, float] = (600_000.0, 5_200_000.0),
) -> Path:  # fmt: skip
    """A row of chips from west to east, one per label."""
    left = [origin[0] + spacing * column for column in range(len(labels))]
    frame = pd.DataFrame({"chip": range(len(labels)), "region": region, "class": list(labels), "left": left})
    frame["file"] = [f"{number}.tif" for number in frame["chip"]]
    frame["right"] = frame["left"] + size
    frame["x"] = frame["left"] + size / 2
    frame["bottom"], frame["top"], frame["y"] = origin[1], origin[1] + size, origin[1] + size / 2
    frame["crs"] = crs
    CHIPS.write(frame, path)
    return path


def _arguments(chips: Path, **folds: Any) -> list[str]:
    config = flags(FoldsConfig.model_validate(folds))
    return [*config, "--seed=1", f"--chips={chips}", f"--output={chips.parent / 'out' / 'folds.parquet'}"]


REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "too few chips of a class": ({"labels": "FFFFT"}, {"count": 2}, "1 chips of the rarest class, but 2 are needed"),
    "too few blocks": (
        {"labels": "FTFT"},
        {"method": "spatial_block", "count": 3, "block_m": 2500},
        "2 blocks of 2500 m, but 3 are needed",
    ),
    "too few blocks for folds and hold-out": (
        {"labels": "FTFT"},
        {"method": "spatial_block", "count": 3, "holdout": {"method": "spatial_block", "share": 0.5}},
        "2 blocks of 1000 m, but 3 are needed",
    ),
    "fewer chips of each class than folds": (
        {"labels": "FTFT"}, {"method": "spatial_block", "count": 4}, "",
    ),
    "a class lost to the buffer": (
        {"labels": "FTFTFTFT", "spacing": 500},
        {"method": "spatial_block", "count": 2, "buffer_m": 5000},
        "no training chip",
    ),
    "a class in one block only": (
        {"labels": "FFFFTFFF"}, {"method": "spatial_block", "count": 2}, "chip of class T",
    ),
    "no CRS": ({"labels": "FTFT", "crs": ""}, {"method": "spatial_block", "count": 2}, "without a CRS"),
    "a local CRS": ({"labels": "FTFT", "crs": LOCAL}, {"method": "spatial_block", "count": 2}, ""),
    "degrees beyond the pole": (
        {"labels": "FTFT", "crs": "EPSG:4326", "origin": (0.0, 1000.0)}, {"method": "spatial_block", "count": 2}, "",
    ),
    "a hold-out smaller than the classes": (
        {"labels": "FTFTFTFT"}, {"count": 2, "holdout": {"method": "share", "share": 0.1}}, "hold-out",
    ),
    "a hold-out share of a class with one chip": (
        {"labels": "FFFFFFFT"}, {"count": 2, "holdout": {"method": "share", "share": 0.5}}, "",
    ),
    "a hold-out of all regions": (
        {"labels": "FTFTFTFT"}, {"count": 2, "holdout": {"method": "region", "regions": ["North"]}}, "",
    ),
    "regions fewer than folds": ({"labels": "FTFT"}, {"method": "region", "count": 2}, "1 regions with usable chips"),
}  # fmt: skip


@pytest.mark.parametrize(("chips", "folds", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_folds_that_cannot_be_made(chips: dict[str, Any], folds: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        main(_arguments(_chips(tmp_path / "chips.parquet", **chips), **folds))
    assert reason in str(refusal.value)
    assert not (tmp_path / "out").exists() or files_under(tmp_path / "out") == []


@pytest.mark.parametrize("case", ["too few blocks", "a class lost to the buffer"])
def test_the_command_says_it_in_one_line(case: str, tmp_path: Path) -> None:
    chips, folds, reason = REFUSALS[case]
    arguments = _arguments(_chips(tmp_path / "chips.parquet", **chips), **folds)
    assert_refused(run_stage("assign_folds", *arguments, cwd=tmp_path), reason)
    assert files_under(tmp_path) == ["chips.parquet"] or files_under(tmp_path / "out") == []


@pytest.mark.parametrize("crs", ["", LOCAL], ids=["none", "local"])
def test_stratified_folds_need_no_ground(crs: str, tmp_path: Path) -> None:
    main(_arguments(_chips(tmp_path / "chips.parquet", "FTFT", crs=crs), count=2))
    assert set(FOLDS.read(tmp_path / "out" / "folds.parquet")["role"]) == {"training", "validation"}


@pytest.mark.parametrize(
    ("crs", "origin", "spacing", "size"),
    [("EPSG:4326", (-99.0, 46.0), 0.02, 0.001), ("EPSG:2264", (1_500_000.0, 600_000.0), 3300.0, 300.0)],
    ids=["degrees", "US feet"],
)
def test_blocks_are_metres_in_every_unit(
    crs: str, origin: tuple[float, float], spacing: float, size: float, tmp_path: Path
) -> None:
    chips = _chips(tmp_path / "chips.parquet", "FTFTFTFT", spacing, crs, size, origin=origin)
    main(_arguments(chips, method="spatial_block", count=2, block_m=5000))
    folds = FOLDS.read(tmp_path / "out" / "folds.parquet")
    assert (folds.groupby("fold")["role"].value_counts().unstack()["validation"] > 0).all()


def test_a_training_chip_never_touches_a_validation_chip(tmp_path: Path) -> None:
    """Chips side by side: those at a block's edge touch the next block's, and the buffer of 0 m drops them."""
    chips = _chips(tmp_path / "chips.parquet", "FT" * 20, spacing=100)
    main(_arguments(chips, method="spatial_block", count=2, block_m=1000))
    folds = FOLDS.read(tmp_path / "out" / "folds.parquet")
    for _, fold in folds.groupby("fold"):
        roles = fold.sort_values("chip")["role"].tolist()
        assert {"training", "validation"} not in [set(pair) for pair in pairwise(roles)]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"], ids=["empty", "magic only", "garbage"])
def test_a_broken_table_of_chips(content: bytes, tmp_path: Path) -> None:
    chips = tmp_path / "chips.parquet"
    chips.write_bytes(content)
    with pytest.raises(UserError, match=r"chips\.parquet: damaged: not a readable Parquet file"):
        main(_arguments(chips, count=2))


def test_missing_and_unknown_flags(tmp_path: Path) -> None:
    chips = _chips(tmp_path / "chips.parquet", "FTFT")
    for extra in (["--seed=one"], ["--count=1"], ["--block-m=-5"], ['--holdout={"method": "some"}']):
        with pytest.raises(UserError):
            main([*_arguments(chips, count=2), *extra])
    result = run_stage("assign_folds", *_arguments(chips, count=2), "--counts=2", cwd=tmp_path)
    assert result.code == 2
    assert "unrecognized arguments: --counts=2" in result.lines[-1]
