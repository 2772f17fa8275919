"""Run the workflow, and before it the rounds of its search: `python -m workflow_lib.rounds`, with Snakemake's options.

Each round is one Snakemake, whose jobs are known before it starts: it trains what the round before proposed, and
proposes. Nothing is done twice, so that the same command goes on where it was stopped.
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
    """Run it; the exit code of the first Snakemake that fails, or 0."""
    options = list(sys.argv[1:] if argv is None else argv)
    try:
        run, folder = read_config(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if run.search.strategy != "grid":
        for number in range(run.search.rounds):
            target = f"results/{run.run}/propose_candidates/{number}.parquet"
            print(f"search: round {number + 1} of {run.search.rounds}", file=sys.stderr)
            if code := snakemake(target, *options):
                return code
            if not Path(folder, target).exists():
                return 0  # a dry run: what comes then, nobody knows yet
    code = snakemake(*options)
    page, front = (Path("results", run.run, name) for name in ("build_report/report.html", "build_front/front.parquet"))
    if code == 0 and (folder / page).exists() and not is_dry(options):
        print(f"front: {front}\nreport: {page}")
    return code


def is_dry(options: Sequence[str]) -> bool:
    """Whether Snakemake's options say that nothing shall run."""
    _, arguments = parse_args(list(options))
    return bool(arguments.dryrun)


def read_config(options: Sequence[str]) -> tuple[Config, Path]:
    """Read the configuration as Snakemake will, profiles included, and the folder that it works in.

    Raises:
        UserError: if there is a target among the options, or the configuration is wrong.
    """
    _, arguments = parse_args(list(options))
    if arguments.targets:
        raise UserError(f"takes no targets: {' '.join(arguments.targets)}", "rounds", "give them to snakemake")
    folder = Path(arguments.directory or ".")
    try:
        overrides = parse_config(arguments.config)
    except (ValueError, WorkflowError) as error:
        raise ConfigError(str(error), "--config") from None
    files = arguments.configfile or [folder / DEFAULT_CONFIG]
    return parse_run_config(read_config_files(files, overrides)), folder


def snakemake(*arguments: str) -> int:
    """Run Snakemake; its exit code. What would end this process is Snakemake's to answer: it cancels its jobs."""
    asked: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def end(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if process:
            process.terminate()

    # Before it starts, or a signal that comes first ends this process alone. A terminal's Ctrl-C reaches both; other
    # signals reach this one.
    before = signal.signal(signal.SIGINT, lambda *_: None), signal.signal(signal.SIGTERM, end)
    try:
        process = subprocess.Popen([sys.executable, "-m", "snakemake", *arguments])  # noqa: S603
        if asked:
            process.terminate()
        code = process.wait()
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
