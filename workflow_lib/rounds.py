"""Run the search rounds and then the workflow: `python -m workflow_lib.rounds`, with Snakemake's options.

Each round is one Snakemake invocation, because Snakemake must know its jobs before it starts. A round trains the
candidates that the previous round proposed, and proposes new ones. Finished work is never repeated, so the same command
resumes an interrupted run.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from snakemake.cli import parse_args, parse_config
from snakemake.exceptions import WorkflowError

from workflow_lib.config import Config
from workflow_lib.config import parse_config as parse_run_config
from workflow_lib.core.config_files import read_config_files
from workflow_lib.core.errors import ConfigError, UserError

DEFAULT_CONFIG = Path("config", "config.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    """Run all rounds and the workflow; return the exit code of the first Snakemake that fails, or 0."""
    options = list(sys.argv[1:] if argv is None else argv)
    try:
        run, folder = read_config(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if run.search.strategy != "grid":
        for number in range(run.search_rounds):
            target = f"results/{run.run}/propose_candidates/{number}.parquet"
            print(f"search: round {number + 1} of {run.search_rounds}", file=sys.stderr)
            if code := snakemake(target, *options):
                return code
            if not Path(folder, target).exists():
                return 0  # a dry run: the next round depends on proposals that do not exist yet
    code = snakemake(*options)
    page, front = (Path("results", run.run, name) for name in ("build_report/report.html", "build_front/front.parquet"))
    if code == 0 and (folder / page).exists() and not is_dry(options):
        print(f"front: {front}\nreport: {page}")
    return code


def is_dry(options: Sequence[str]) -> bool:
    """Whether Snakemake's options request a dry run."""
    _, arguments = parse_args(list(options))
    return bool(arguments.dryrun)


def read_config(options: Sequence[str]) -> tuple[Config, Path]:
    """Read the configuration as Snakemake would, including profiles.

    Args:
        options: Snakemake's command-line options, without targets.

    Returns:
        The configuration, and the folder in which Snakemake works.

    Raises:
        UserError: if the options contain a target, or the configuration is invalid.
    """
    _, arguments = parse_args(list(options))
    if arguments.targets:
        raise UserError(f"takes no targets: {' '.join(arguments.targets)}", "rounds", "pass them to snakemake instead")
    folder = Path(arguments.directory or ".")
    try:
        overrides = parse_config(arguments.config)
    except (ValueError, WorkflowError) as error:
        raise ConfigError(str(error), "--config") from None
    files = arguments.configfile or [folder / DEFAULT_CONFIG]
    return parse_run_config(read_config_files(files, overrides)), folder


def snakemake(*arguments: str) -> int:
    """Run Snakemake and return its exit code. SIGTERM is forwarded to Snakemake, which then cancels its jobs."""
    received: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def end(number: int, _: FrameType | None) -> None:
        received.append(number)
        if process:
            process.terminate()

    # Install the handlers before Snakemake starts; otherwise an early signal would end only this process. Ctrl-C in a
    # terminal reaches both processes, SIGTERM only this one.
    former_handlers = signal.signal(signal.SIGINT, lambda *_: None), signal.signal(signal.SIGTERM, end)
    try:
        process = subprocess.Popen([sys.executable, "-m", "snakemake", *arguments])  # noqa: S603
        if received:
            process.terminate()
        code = process.wait()
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), former_handlers, strict=True):
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
