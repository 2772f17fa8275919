"""Whatever is killed, the same command finishes later, with the tables of an undisturbed run.

EDGEFRONT_KILLS=30 makes it long (`make survive`).
"""

import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from runs import TINY, assert_same_tables, command, finish, snakemake, start, write_config

from workflow_lib.config import parse_config
from workflow_lib.report.report_stamp import read_stamp

KILLS = int(os.environ.get("EDGEFRONT_KILLS", "5"))
LONGEST_S = 12.0


def kill_snakemake(process: "subprocess.Popen[bytes]") -> None:
    process.kill()


def kill_a_job(process: "subprocess.Popen[bytes]") -> None:
    """One of its jobs: the shell, what runs in it, the worker, or the worker's child."""
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
        tree = psutil.Process(process.pid).children(recursive=True)
        workers = [
            other for other in psutil.process_iter(["cmdline"]) if str(process.pid) in (other.info["cmdline"] or [])
        ]
        if jobs := [*tree, *workers, *(child for worker in workers for child in worker.children())]:
            random.choice(jobs).kill()


def assert_nothing_is_left(process: "subprocess.Popen[bytes]") -> None:
    """The worker of a Snakemake that is gone, and its jobs, go too."""
    end = time.monotonic() + 10
    while any(str(process.pid) in (other.info["cmdline"] or []) for other in psutil.process_iter(["cmdline"])):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_kills_at_random_moments_change_no_table(run: Path, tmp_path: Path) -> None:
    random.seed(7)
    folder = tmp_path / "run"
    for number in range(KILLS):
        process = start(command(folder, "all", cores=2))
        time.sleep(random.uniform(0.5, LONGEST_S))
        if process.poll() is None:
            random.choice([kill_snakemake, kill_a_job])(process)
        if number % 2 == 0:
            process.kill()  # or it goes on without the job
        process.wait()
        assert_nothing_is_left(process)
        if (folder / "results/tiny/build_report/report.html").exists():
            assert_same_tables(run, folder / "results" / "tiny")
            shutil.rmtree(folder)
    finish(command(folder, "all", cores=2))
    assert_same_tables(run, folder / "results" / "tiny")


EDITS: dict[str, dict[str, object]] = {
    "as it was": {},
    "another seed": {"seed": 11},
    "another rate of learning": {"training.learning_rate": 0.01},
    "a training that cannot end well": {"training.learning_rate": 1e30},
    "another title": {"report.title": "Another title"},
    "other folds": {"folds.count": 3},
    "damaged chips": {"data.generate.noise": 0.5},
}


def test_kills_with_edits_between_them_never_mix_configurations(run: Path, tmp_path: Path) -> None:
    """Whenever a run ends well, its report and tables are those of the configuration that it was started with."""
    order = random.Random(11)
    folder, page = tmp_path / "run", tmp_path / "run/results/tiny/build_report/report.html"
    for number in range(KILLS):
        name = order.choice(list(EDITS))
        config = write_config(tmp_path / f"{number}.yaml", EDITS[name])
        process = start(command(folder, "all", config=config, cores=2))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(order.uniform(0.5, 3 * LONGEST_S))
        if process.poll() is None:
            order.choice([kill_snakemake, kill_a_job])(process)
            process.kill()
        elif process.returncode == 0:
            assert name != "a training that cannot end well"
            assert_made_from(config, page)
        process.wait()
        assert_nothing_is_left(process)
    broken = write_config(tmp_path / "broken.yaml", EDITS["a training that cannot end well"])
    for _ in range(2):
        assert subprocess.run(command(folder, "all", config=broken), capture_output=True).returncode == 1
    finish(command(folder, "all", cores=2))
    assert_made_from(TINY, page)
    assert_same_tables(run, folder / "results" / "tiny")


def assert_made_from(config: Path, page: Path) -> None:
    stamp = read_stamp(page)
    assert stamp is not None
    assert stamp.config == parse_config(yaml.safe_load(config.read_text())).digest


def test_two_snakemakes_on_one_folder(run: Path, tmp_path: Path) -> None:
    first = start(command(tmp_path, "all", cores=2))
    lock = tmp_path / "results" / "tiny" / ".lock"
    while not lock.exists() or not lock.read_text():
        time.sleep(0.02)
    second = subprocess.run(command(tmp_path, "all"), capture_output=True, text=True)
    assert second.returncode == 2
    assert f"process {first.pid}" in next(line for line in second.stderr.splitlines() if line.startswith("error: "))
    assert first.wait() == 0
    assert_same_tables(run, tmp_path / "results" / "tiny")


def test_a_damaged_result_is_set_aside_and_made_again(run: Path, own_run: Path) -> None:
    part = own_run / "results/tiny/train_fold/6/8/k3-s2-p1-pool3s2-w32/0.parquet"
    other = own_run / "results/tiny/export_network/6/k3-s2-p1-pool3s2-w32/network.parquet"
    tables = [f"results/tiny/gather_table/{name}.parquet" for name in ("fold_scores", "predictions")]
    for content in (part.read_bytes()[:-9], b"", other.read_bytes()):  # cut off, empty, another table
        part.write_bytes(content)
        assert subprocess.run(command(own_run, *tables), capture_output=True).returncode == 1
        logs = (own_run / "results/tiny/logs/gather_table").glob("*.log")  # both tables are gathered from it
        assert any(f"{part.name}.damaged" in log.read_text() for log in logs)
        assert part.with_name(f"{part.name}.damaged").read_bytes() == content
        snakemake(own_run, *tables)
    snakemake(own_run, "all")
    assert_same_tables(run, own_run / "results" / "tiny")


def test_a_training_that_fails_for_good_fails_alone(run: Path, own_run: Path, tmp_path: Path) -> None:
    """Killed whenever it starts, as for lack of memory; without `allow_missing` it is trained after all."""
    victim = {"--architecture", "k3-s2-p1-pool3s2-w32", "--fold", "1"}
    part = own_run / "results/tiny/train_fold/6/8/k3-s2-p1-pool3s2-w32/1.parquet"
    part.unlink()
    config = write_config(tmp_path / "missing.yaml", {"grid.allow_missing": True})
    process = start(command(own_run, "all", config=config, cores=2))
    killed = set[int]()
    while process.poll() is None:
        for job in psutil.process_iter(["cmdline", "cwd"]):
            # Other tests may train the same beside this one.
            own = job.info["cwd"] == str(own_run) and victim < set(job.info["cmdline"] or [])
            if own and job.pid not in killed:
                job.kill()
                killed.add(job.pid)
        time.sleep(0.01)
    assert process.returncode == 0
    assert len(killed) == 3
    candidates = pd.read_parquet(own_run / "results/tiny/build_candidates/candidates.parquet")
    assert candidates["architecture"].tolist() == ["k5-s2-p1-pool3s2-w32", "k7-s2-p3-pool3s2-w64"]
    page = (own_run / "results/tiny/build_report/report.html").read_text()
    assert "Trainings that failed permanently: 1." in page
    assert "results/tiny/logs/train_fold/6/8/k3-s2-p1-pool3s2-w32/1.log" in page
    assert part.read_text().startswith("failed: see ")

    assert subprocess.run(command(own_run, "all"), capture_output=True).returncode == 1
    assert part.with_name("1.parquet.damaged").exists()
    snakemake(own_run, "all")
    assert_same_tables(run, own_run / "results" / "tiny")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many megabytes, that can grow."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]).returncode:
        pytest.skip("a disk of its own needs root and mount")

    def resize(megabytes: int) -> Path:
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(folder)], check=True)
        return folder

    yield resize
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("megabytes", [3, 30])
def test_a_full_disk(megabytes: int, run: Path, small_disk: Callable[[int], Path]) -> None:
    folder = small_disk(megabytes)
    # A log on a full disk may stay empty; what counts is that nothing half written passes for a result.
    assert subprocess.run(command(folder, "all"), capture_output=True).returncode != 0
    finish(command(small_disk(900), "all"))
    assert_same_tables(run, folder / "results" / "tiny")
