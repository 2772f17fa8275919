"""The start of Snakemake: the configuration is checked, and jobs get their shell."""

import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from workflow_lib.config import Config, parse_config
from workflow_lib.core.config_files import strict_config
from workflow_lib.core.contracts import CONTRACTS
from workflow_lib.core.errors import UserError, end_with
from workflow_lib.core.files import hold
from workflow_lib.core.progress import ProgressLog
from workflow_lib.core.sealed import RESULTS_VARIABLE
from workflow_lib.spaces.user_file import FILE_VARIABLE
from workflow_lib.workflow import resources
from workflow_lib.workflow.plan import PLAN, PlanLog
from workflow_lib.workflow.rerun_checks import notice_all_changes
from workflow_lib.workflow.workflow_run import Run

_FOLDER = Path(__file__).parents[2]
"""The project's folder; `workflow.basedir` is another one where a workflow includes this one."""


def open_run(workflow: Any, values: dict[str, Any]) -> Run:
    """Check the configuration and listen to Snakemake; a wrong configuration ends the process with code 2.

    Args:
        workflow: Snakemake's workflow.
        values: its configuration, as merged from files and command line.
    """
    try:
        run = Run(workflow, _read_config(workflow, values))
    except UserError as error:
        end_with(error)
    notice_all_changes(run.external_files, "build_report", run.config.digest)
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
    """Lock the run's results for this process, and warn if jobs would compete for cores.

    Snakemake's own lock outlives a killed Snakemake, so the profiles turn it off.
    """
    # Here, because it takes a tenth of a second that a dry run need not wait.
    from workflow_lib.core.cores import available_cores

    lock = Path(run.folder, ".lock")
    try:
        if not hold(lock):
            raise UserError(f"{lock.read_text()} works on this run", lock, "wait for its end, or stop it")
    except UserError as error:
        end_with(error)
    if not workflow.resource_settings.nodes and run.all_cores > available_cores():
        print(
            f"warning: --cores {run.all_cores}, but only {available_cores()} are available here: "
            "trainings will compete for them",
            file=sys.stderr,
        )


def shell_prefix(workflow: Any, run: Run) -> str:
    """What precedes the command of every job: strict bash, the library, and the variables of `resources`.

    Jobs find the library wherever Snakemake was started, and without conda also its interpreter.
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
        f" {FILE_VARIABLE}={shlex.quote(getattr(run.config.grid.space, 'file', ''))}"
        f" {RESULTS_VARIABLE}={run.folder}; " + (_warm_stages(folder) if run.config.execution.warm_worker else "")
    )


def _warm_stages(folder: str) -> str:
    """Bash that sends `python -m workflow_lib.stages.*` to the worker of this Snakemake, and leaves all else alone."""
    # No braces: Snakemake formats what stands before a command.
    client = shlex.quote(f"{folder}/workflow_lib/worker/client.py")
    return (
        f"export EDGEFRONT_WORKER={os.getpid()};"
        ' python() if [[ "$*" == "-m workflow_lib.stages."* ]];'
        f' then command python -I -S {client} "$@"; else command python "$@"; fi; '
    )
