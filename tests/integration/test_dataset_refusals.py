"""Imported files that are broken, hostile or of another run, as the training stages meet them."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from chip_files import import_region, write_region
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError
from workflow_lib.core.sealed import save_array
from workflow_lib.data.chip_tables import FOLDS
from workflow_lib.stages.train_forest import main

BANDS = ["dem", "red", "green", "blue", "nir", "ndwi", "ndvi"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imported")
    write_region(folder / "in" / "North")
    import_region(folder / "in", folder)
    roles = [(chip, fold, "validation" if chip % 2 == fold else "training") for fold in range(2) for chip in range(4)]
    FOLDS.write(pd.DataFrame(roles, columns=["chip", "fold", "role"]), folder / "folds.parquet")
    return folder


@pytest.fixture
def folder(imported: Path, tmp_path: Path) -> Path:
    for name in ("chips.npy", "moments.npy", "chips.parquet", "folds.parquet"):
        shutil.copy(imported / name, tmp_path)
    return tmp_path


def _arguments(folder: Path, select: tuple[str, ...] = ("red",), classes: str = "FT", fold: int = 0) -> list[str]:
    return [
        f"--array={folder / 'chips.npy'}", f"--moments={folder / 'moments.npy'}", f"--chips={folder / 'chips.parquet'}",
        "--bands", *BANDS, "--classes", *classes, "--normalisation=none", f"--folds={folder / 'folds.parquet'}",
        "--seed=1", "--channels=a", "--select", *select, f"--fold={fold}",
        f"--output={folder / 'out' / 'scores.parquet'}",
    ]  # fmt: skip


class Hostile:
    """Unpickling it leaves a file behind."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.place,)  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["chips.npy", "moments.npy"])
@pytest.mark.parametrize("how", ["empty", "garbage", "truncated", "pickle", "pickled array"])
def test_a_broken_array_is_named(name: str, how: str, folder: Path) -> None:
    file, ran = folder / name, folder / "ran"
    if how == "pickled array":
        np.save(file, np.array([Hostile(ran)], dtype=object), allow_pickle=True)
    else:
        whole = file.read_bytes()
        file.write_bytes(
            {"empty": b"", "garbage": b"no array", "truncated": whole[:-7], "pickle": np.array([1]).dumps()}[how]
        )
    with pytest.raises(UserError, match=name):
        main(_arguments(folder))
    assert not ran.exists()


def test_the_command_says_it_in_one_line(folder: Path) -> None:
    file = folder / "chips.npy"
    file.write_bytes(file.read_bytes()[:5000])
    assert_refused(run_stage("train_forest", *_arguments(folder), cwd=folder), str(file))
    assert not (folder / "out").exists() or files_under(folder / "out") == []


def test_arrays_of_two_imports_do_not_fit(folder: Path) -> None:
    save_array(folder / "chips.npy", np.zeros((3, 40, 40, 7), dtype="float32"))
    with pytest.raises(UserError, match="does not match 4 chips"):
        main(_arguments(folder))


def test_an_array_that_is_no_image_does_not_fit(folder: Path) -> None:
    save_array(folder / "chips.npy", np.zeros((4, 7), dtype="float32"))
    with pytest.raises(UserError, match=r"chips\.npy"):
        main(_arguments(folder))


def test_a_fold_that_does_not_exist(folder: Path) -> None:
    with pytest.raises(UserError, match="fold 7 has no training chip"):
        main(_arguments(folder, fold=7))


def test_an_unknown_band_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match="swir"):
        main(_arguments(folder, select=("red", "swir")))


def test_a_class_that_the_config_leaves_out_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match="T"):
        main(_arguments(folder, classes="FX"))


def test_folds_of_another_import(folder: Path) -> None:
    folds = FOLDS.read(folder / "folds.parquet")
    FOLDS.write(folds.assign(chip=folds["chip"] + 100), folder / "folds.parquet")
    with pytest.raises(UserError, match="folds"):
        main(_arguments(folder))
