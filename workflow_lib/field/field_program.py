"""The program shipped with a deployed model: the part of this library that applies the model to scenes."""

import shutil
import zipfile
from pathlib import Path

_LIBRARY = Path(__file__).parents[1]
_MODULES = (
    "__init__", "core/__init__", "core/errors", "core/external_files", "core/files", "core/indices", "core/running",
    "core/sealed", "data/__init__", "data/bands", "data/geopackage_writer", "data/ground", "data/masks",
    "data/scene_rasters", "data/scenes", "field/__init__", "field/abstention", "field/areas", "field/bundle",
    "field/description", "field/detections", "field/drift", "field/input_contract", "field/json_reader",
    "field/map_files", "field/outputs", "field/remote_scenes", "field/scene_check", "field/signature", "field/sliding",
    "field/stac_scenes", "field/window_sample",
    "stages/__init__", "stages/apply_model",
)  # fmt: skip
_MAIN = """from workflow_lib.core.running import run_stage
from workflow_lib.stages.apply_model import main

run_stage(main)
"""
# A fixed time stamp, so that the same code always gives the same file.
_TIME = (2020, 1, 1, 0, 0, 0)


def write_program(folder: Path) -> None:
    """Write the runnable archive `apply_model.pyz`, and `requirements.txt`, which pins what it needs with checksums."""
    with zipfile.ZipFile(folder / "apply_model.pyz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _TIME), _MAIN)
        for name in _MODULES:
            text = (_LIBRARY / f"{name}.py").read_text(encoding="utf-8")
            archive.writestr(zipfile.ZipInfo(f"workflow_lib/{name}.py", _TIME), text)
    shutil.copyfile(Path(__file__).with_name("requirements.txt"), folder / "requirements.txt")
