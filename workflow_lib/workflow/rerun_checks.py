"""Detection of outdated jobs that Snakemake alone would miss.

Snakemake does not rerun a finished job whose input is missing, so that intermediate files can be deleted to save space.
However, it also deletes the outputs of failed jobs. After a failure, tables from an earlier run would therefore pass
for results of the new configuration. Here, a missing file is always made again, together with everything derived from
it. External files are compared by content (`core.external_files`), and a report must match the current configuration
and tables (`report.report_stamp`).

Snakemake has no hook between building its graph and deciding which jobs run, so `DAG.update_needrun` is wrapped. This
happens only in the main process; the Snakemake of a single job on another node runs what it was told to run.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

from snakemake.dag import DAG

from workflow_lib.core.errors import UserError, exit_with_error
from workflow_lib.core.external_files import have_changed
from workflow_lib.report.report_stamp import digest_tables, read_stamp

ExternalFiles = Callable[[Any], tuple[Path, list[str]]]
"""Wildcards of a job -> the record of its external files, and the paths of these files and folders."""


def install_rerun_checks(external: Mapping[str, ExternalFiles], report: str, config_digest: str) -> None:
    """Make Snakemake notice missing files, changed external files and reports that do not match the results.

    Args:
        external: rule -> its external files.
        report: name of the rule that writes the report, whose output `page` contains a stamp.
        config_digest: digest of the current configuration.
    """
    original = getattr(DAG.update_needrun, "__wrapped__", DAG.update_needrun)
    changed: dict[Path, bool] = {}

    def has_changed_files(job: Any) -> bool:
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
            if has_changed_files(job):
                self.forcefiles.update(job.output)
        # Snakemake checks only for targets whether all their output files exist.
        targets, self.targetjobs = self.targetjobs, {*self.targetjobs, *jobs}
        try:
            await original(self, *args, **options)
        finally:
            self.targetjobs = targets
        for job in jobs:
            if job.rule.name == report and not self.needrun(job) and not self.finished(job):
                _check_report_stamp(job, config_digest)

    DAG.update_needrun = update_needrun


def _check_report_stamp(job: Any, config_digest: str) -> None:
    """End the run if a report counts as up to date, but was made from another configuration or other tables."""
    page = Path(job.output.page)
    if not page.exists():
        return
    stamp = read_stamp(page)
    tables = digest_tables(Path(file) for file in job.input if str(file).endswith(".parquet"))
    if stamp and stamp.config == config_digest and stamp.tables == tables:
        return
    what = "another configuration" if not stamp or stamp.config != config_digest else "other tables"
    error = UserError(
        f"this report was made from {what}, although Snakemake considers it up to date",
        page,
        "if results were restored from a backup, delete that run's folder and run again",
    )
    exit_with_error(error)
