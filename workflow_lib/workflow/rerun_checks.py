"""Which jobs are out of date, where Snakemake alone would not notice.

Snakemake leaves a finished job alone when an input of it is missing. That is meant for intermediate files that were
deleted to save space. But Snakemake also deletes the outputs of every job that fails, so after a failure the tables of
the run before would pass for results of the new configuration. Here a missing file is always made again, and with it
everything that was made from it. Files from outside are compared by what they hold (`core.external_files`), and a
report must belong to the configuration and to the tables that lie beside it (`report.report_stamp`).

Snakemake has no hook between building its graph and deciding which jobs run, so `DAG.update_needrun` is wrapped. Only
the main process does this: a job's own Snakemake on another node runs what it is told to run.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from snakemake.dag import DAG

from workflow_lib.core.errors import UserError, end_with
from workflow_lib.core.external_files import have_changed
from workflow_lib.report.report_stamp import digest_tables, read_stamp

ExternalFiles = Callable[[Any], tuple[Path, list[str]]]
"""Wildcards of a job -> where it records its external files, and the files and folders themselves."""


def notice_all_changes(external: Mapping[str, ExternalFiles], report: str, config_digest: str) -> None:
    """Make Snakemake notice missing files, changed external files and reports of something else.

    Args:
        external: rule -> its external files.
        report: name of the rule that writes the report, whose output `page` carries a stamp.
        config_digest: of the current configuration.
    """
    original = getattr(DAG.update_needrun, "__wrapped__", DAG.update_needrun)
    changed: dict[Path, bool] = {}

    def read_something_else(job: Any) -> bool:
        if job.rule.name not in external:
            return False
        record, paths = external[job.rule.name](job.wildcards)
        if record not in changed:
            changed[record] = bool(paths) and have_changed(record, paths)
        return changed[record]

    @wraps(original)
    async def update_needrun(self: Any, *args: Any, **options: Any) -> None:
        if not self.workflow.is_main_process:
            await original(self, *args, **options)
            return
        jobs = list(self.jobs)
        for job in jobs:
            if read_something_else(job):
                self.forcefiles.update(job.output)
        # Snakemake asks only targets whether all their files are there.
        targets, self.targetjobs = self.targetjobs, {*self.targetjobs, *jobs}
        try:
            await original(self, *args, **options)
        finally:
            self.targetjobs = targets
        for job in jobs:
            if job.rule.name == report and not self.needrun(job) and not self.finished(job):
                _refuse_foreign_report(job, config_digest)

    DAG.update_needrun = update_needrun


def _refuse_foreign_report(job: Any, config_digest: str) -> None:
    """End the run if a report that counts as up to date was made from another configuration or from other tables."""
    page = Path(job.output.page)
    if not page.exists():
        return
    stamp = read_stamp(page)
    tables = digest_tables(Path(file) for file in job.input if str(file).endswith(".parquet"))
    if stamp and stamp.config == config_digest and stamp.tables == tables:
        return
    what = "another configuration" if not stamp or stamp.config != config_digest else "other tables"
    error = UserError(
        f"this report was made from {what}, but Snakemake's records call it up to date",
        page,
        "if results were restored from a backup, delete that run's folder and run again",
    )
    end_with(error)
