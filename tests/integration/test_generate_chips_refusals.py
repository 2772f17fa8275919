"""Chips that cannot be generated."""

import json
from pathlib import Path

import pytest
from stage_runs import assert_refused, files_under, run_stage

from workflow_lib.core.errors import UserError
from workflow_lib.stages.generate_chips import main


def _arguments(folder: Path, counts: object, *more: str) -> list[str]:
    return [f"--counts={json.dumps(counts)}", f"--output={folder / 'out' / 'chips'}", *more]


def test_chips_are_generated_and_replaced_whole(tmp_path: Path) -> None:
    main(_arguments(tmp_path, {"Nebraska": {"F": 2, "T": 1}}, "--chip-size-px=40"))
    main(_arguments(tmp_path, {"Nebraska": {"F": 1, "T": 1}}, "--chip-size-px=40"))
    files = [name for name in files_under(tmp_path / "out") if name.endswith(".tif")]
    assert files == [
        f"chips/Nebraska/{source}/{label}/Nebraska_{label}_00000.tif" for source in ("Aer", "DEM") for label in "FT"
    ]


@pytest.mark.parametrize(
    ("counts", "more", "fragment"),
    [
        ({"Atlantis": {"F": 1, "T": 1}}, [], "Atlantis"),
        ({"Nebraska": {"F": 1}}, [], "needs the classes F and T"),
        ({"Nebraska": {"F": 1, "T": 1, "X": 1}}, [], "needs the classes F and T"),
        ({"Nebraska": {"F": -1, "T": 1}}, [], "counts.Nebraska.F"),
        ({"Nebraska": 3}, [], "counts.Nebraska"),
        ({"../Nebraska": {"F": 1, "T": 1}}, [], "../Nebraska"),
        ({"Nebraska": {"F": 1, "T": 1}}, ["--chip-size-px=8"], "chip_size_px"),
        ({"Nebraska": {"F": 1, "T": 1}}, ["--seed=-1"], "seed"),
    ],
    ids=str,
)
def test_what_cannot_be_generated_is_refused(counts: object, more: list[str], fragment: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        main(_arguments(tmp_path, counts, *more))
    # Flags are spelled with hyphens, config keys with underscores.
    assert fragment in str(refusal.value).replace("-px", "_px").replace("chip-size", "chip_size")
    assert not (tmp_path / "out").exists() or files_under(tmp_path / "out") == []


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    arguments = _arguments(tmp_path, {"Atlantis": {"F": 1, "T": 1}})
    assert_refused(run_stage("generate_chips", *arguments, cwd=tmp_path), "Atlantis", "Nebraska")
