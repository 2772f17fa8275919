"""Setup of a Snakemake process: check the configuration, lock the run, and prepare the shell of jobs."""

import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from workflow_lib.config import Config, parse_config
from workflow_lib.core.config_files import strict_config
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.errors import UserError, exit_with_error
from workflow_lib.core.files import hold
from workflow_lib.core.progress import ProgressLog
from workflow_lib.core.sealed import RESULTS_VARIABLE
from workflow_lib.spaces.trained_model import MODELS_VARIABLE, as_variable
from workflow_lib.spaces.user_file import FILE_VARIABLE
from workflow_lib.workflow import resources
from workflow_lib.workflow.plan import PLAN, PlanLog
from workflow_lib.workflow.rerun_checks import install_rerun_checks
from workflow_lib.workflow.workflow_run import Run

_FOLDER = Path(__file__).parents[2]
"""The project's folder; `workflow.basedir` differs from it if another workflow includes this one."""


def open_run(workflow: Any, values: dict[str, Any]) -> Run:
    """Check the configuration and install the log handlers; an invalid configuration exits with code 2.

    Args:
        workflow: Snakemake's workflow.
        values: Snakemake's configuration, merged from files and command line.
    """
    try:
        run = Run(workflow, _read_config(workflow, values))
    except UserError as error:
        exit_with_error(error)
    install_rerun_checks(run.external_files, "build_report", run.config.digest)
    log = logging.getLogger("snakemake.logging")
    log.addHandler(ProgressLog())
    if PLAN in os.environ:
        log.addHandler(PlanLog(workflow, run.config, run.count_chips(), list(CONTRACTS)))
    return run


def _read_config(workflow: Any, values: dict[str, Any]) -> Config:
    if "{" in str(_FOLDER):
        raise UserError(
            "Snakemake cannot run a workflow in a folder with braces in its name",
            _FOLDER,
            "rename the folder",
        )
    return parse_config(strict_config(values, workflow.configfiles, workflow.config_settings.config))


def hold_run(workflow: Any, run: Run) -> None:
    """Lock the run's results for this process, and warn if `--cores` exceeds the available cores.

    The profiles disable Snakemake's own lock, because it remains after Snakemake is killed.

    Args:
        workflow: Snakemake's workflow.
        run: the run.
    """
    # Imported here, because it takes 0.1 s, which a dry run need not spend.
    from workflow_lib.core.cores import available_cores

    lock = Path(run.folder, ".lock")
    try:
        if not hold(lock):
            raise UserError(f"{lock.read_text()} is using this run", lock, "wait until it ends, or stop it")
    except UserError as error:
        exit_with_error(error)
    if not workflow.resource_settings.nodes and run.all_cores > available_cores():
        print(
            f"warning: --cores {run.all_cores} exceeds the {available_cores()} cores available here; jobs will compete "
            f"for them, use --cores {available_cores()}",
            file=sys.stderr,
        )


def shell_prefix(workflow: Any, run: Run) -> str:
    """Return the shell code before every job's command: strict bash mode, paths, and environment variables.

    Jobs find the library from any folder. Without conda, they also use the Python interpreter of this process.

    Args:
        workflow: Snakemake's workflow.
        run: the run.
    """
    folder = str(_FOLDER)
    conda = workflow.deployment_settings.deployment_method
    python_folder = "" if conda else f"{Path(sys.executable).parent}:"
    variables = " ".join(f"{name}={value}" for name, value in resources.JOB_ENVIRONMENT.items())
    return (
        "set -euo pipefail;"
        f" export PATH={shlex.quote(python_folder)}$PATH PYTHONPATH={shlex.quote(folder)}"
        f" {variables}"
        f" EDGEFRONT_JOBS_PER_GPU={run.config.execution.jobs_per_gpu}"
        f" {FILE_VARIABLE}={_quote(getattr(run.config.grid.space, 'file', ''))}"
        f" {MODELS_VARIABLE}={_quote(as_variable(run.config.grid.trained_models))}"
        f" {RESULTS_VARIABLE}={run.folder}; " + (_warm_stages(folder) if run.config.execution.warm_worker else "")
    )


def _quote(text: str) -> str:
    """Quote a text for the shell and for Snakemake, which formats the shell prefix."""
    return shlex.quote(text).replace("{", "{{").replace("}", "}}")


def _warm_stages(folder: str) -> str:
    """Return bash code that runs `python -m workflow_lib.stages.*` in the warm worker, and other commands as usual."""
    # Without braces, because Snakemake formats the shell prefix.
    client = shlex.quote(f"{folder}/workflow_lib/worker/client.py")
    return (
        f"export EDGEFRONT_WORKER={os.getpid()};"
        ' python() if [[ "$*" == "-m workflow_lib.stages."* ]];'
        f' then command python -I -S {client} "$@"; else command python "$@"; fi; '
    )
