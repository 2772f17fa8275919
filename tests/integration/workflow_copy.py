"""A scratch checkout of the workflow, and the real snakemake in it."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from stage_runs import ENVIRONMENT, PROJECT, Run, run

PARTS = ("Snakefile", "rules", "config", "profiles", "workflow_lib", "envs")


def copy_workflow(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for part in PARTS:
        if (PROJECT / part).is_dir():
            shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / part, folder / part)
    return folder


def demo_config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((PROJECT / "config" / "scenarios" / "demo.yaml").read_text())
    return config


def snakemake(folder: Path, *arguments: str) -> Run:
    """Run it as a user does: in the checkout, which nothing but the workflow itself puts on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{ENVIRONMENT['PATH']}"
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"} | {"PATH": path}
    result = run([sys.executable, "-m", "snakemake", "--cores", "1", *arguments], folder, environment=environment)
    notices = ("Using workflow specific profile", "Config file ")
    return Run(result.code, [line for line in result.lines if line and not line.startswith(notices)], result.output)
