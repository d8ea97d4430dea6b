from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.uws.conftest import Bench, MakeJobs, wait_for
from uws.directory import JobDirectories, JobDirectory, NoRoomFault
from uws.job import NOBODY, Client, Job
from uws.joblist import JobList
from uws.limits import JobLimits
from uws.parameters import JobFilter, NewJob
from uws.phases import Phase
from uws.store import JobNotFoundError


def begin(jobs: JobList, do: str = "wait", name: str = "", client: Client = NOBODY, **wishes: int) -> Job:
    return jobs.create(NewJob((("DO", do), ("NAME", name)), runs=True, **wishes), client)


def await_phase(jobs: JobList, job: Job, phase: Phase) -> Job:
    wait_for(lambda: jobs.get(job.job_id, NOBODY).phase is phase)
    return jobs.get(job.job_id, NOBODY)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_no_more_jobs_run_at_once_than_there_are_workers(make_jobs: MakeJobs, bench: Bench) -> None:
    jobs, _ = make_jobs(workers=2)
    made = [begin(jobs) for _ in range(4)]
    wait_for(lambda: len(bench.begun) == 2)
    time.sleep(0.2)
    assert [jobs.get(job.job_id, NOBODY).phase for job in made].count(Phase.EXECUTING) == 2
    bench.release.set()
    for job in made:
        await_phase(jobs, job, Phase.COMPLETED)


def test_an_aborted_job_is_stopped_and_leaves_no_result(working: JobList, bench: Bench, root: Path) -> None:
    job = begin(working)
    wait_for(lambda: bool(bench.begun))
    assert working.abort(job).phase is Phase.ABORTED
    wait_for(lambda: bool(bench.ended))
    wait_for(lambda: files(root) == [])
    found = working.get(job.job_id, NOBODY)
    assert (found.phase, found.results) == (Phase.ABORTED, ())
    assert found.end_time is not None


def test_a_deleted_job_is_stopped_and_leaves_nothing(working: JobList, bench: Bench, root: Path) -> None:
    job = begin(working)
    wait_for(lambda: bool(bench.begun))
    working.delete(job)
    wait_for(lambda: bool(bench.ended))
    wait_for(lambda: not (root / "tap" / job.job_id).exists())
    with pytest.raises(JobNotFoundError):
        working.get(job.job_id, NOBODY)


def test_what_another_process_aborts_is_stopped(make_jobs: MakeJobs, bench: Bench) -> None:
    jobs, runner = make_jobs()
    job = begin(jobs)
    wait_for(lambda: bool(bench.begun))
    runner.store.set_phase(job.job_id, Phase.EXECUTING, Phase.ABORTED)
    wait_for(lambda: bool(bench.ended))
    assert jobs.get(job.job_id, NOBODY).phase is Phase.ABORTED


def test_a_job_over_its_execution_duration_ends_with_an_error(working: JobList, root: Path) -> None:
    found = await_phase(working, begin(working, execution_duration=1), Phase.ERROR)
    assert found.error_summary is not None
    assert "execution duration of 1 s" in found.error_summary.message
    assert found.results == ()
    assert files(root) == []


def test_a_job_is_destroyed_when_its_time_has_come(working: JobList, root: Path) -> None:
    job = await_phase(working, begin(working, "finish", "rows"), Phase.COMPLETED)
    assert files(root) == [f"tap/{job.job_id}/results/result"]
    working.set_destruction(job, datetime(2000, 1, 1))
    wait_for(lambda: working.list_jobs(NOBODY, JobFilter()) == ())
    wait_for(lambda: not any((root / "tap").iterdir()))


def test_a_stop_puts_running_jobs_back_into_the_queue(make_jobs: MakeJobs, bench: Bench, root: Path) -> None:
    jobs, runner = make_jobs()
    running, waiting = begin(jobs, name="first"), begin(jobs, name="second")
    wait_for(lambda: bool(bench.begun))
    runner.stop()
    for job in (running, waiting):
        found = jobs.get(job.job_id, NOBODY)
        assert (found.phase, found.attempts, found.results) == (Phase.QUEUED, 0, ())
    assert files(root) == []
    bench.release.set()
    again, _ = make_jobs()
    for job in (running, waiting):
        assert await_phase(again, job, Phase.COMPLETED).attempts == 1
    assert bench.begun == ["first", "first", "second"]


def test_a_start_runs_again_what_was_lost_once(make_jobs: MakeJobs, bench: Bench) -> None:
    jobs, runner = make_jobs(start=False)
    twice, once = begin(jobs, "finish"), begin(jobs, "finish")
    assert runner.store.claim("dead") is not None
    runner.store.recover()
    assert {job.job_id for job in (runner.store.claim("dead"), runner.store.claim("dead")) if job} == {
        twice.job_id,
        once.job_id,
    }
    runner.start()
    assert await_phase(jobs, once, Phase.COMPLETED).attempts == 2
    lost = await_phase(jobs, twice, Phase.ERROR)
    assert lost.error_summary is not None
    assert "interrupted 2 times" in lost.error_summary.message


def test_a_start_deletes_files_without_a_job_alone(make_jobs: MakeJobs, root: Path) -> None:
    jobs, runner = make_jobs(start=False)
    job = jobs.create(NewJob(()), NOBODY)
    for name in (job.job_id, "orphan"):
        JobDirectories(root / "tap").of(name).write_result("result", [b"rows"], "text/plain")
    runner.start()
    assert files(root) == [f"tap/{job.job_id}/results/result"]


def test_one_who_has_many_jobs_does_not_keep_others_waiting(make_jobs: MakeJobs, bench: Bench) -> None:
    jobs, runner = make_jobs(start=False)
    for number in range(5):
        begin(jobs, "finish", f"many {number}", Client(address="192.0.2.1"))
    begin(jobs, "finish", "few", Client(address="192.0.2.2"))
    runner.start()
    wait_for(lambda: len(bench.ended) == 6)
    assert bench.begun.index("few") <= 1


def test_a_wait_ends_when_the_phase_changes(working: JobList, bench: Bench) -> None:
    job = begin(working)
    wait_for(lambda: bool(bench.begun))
    job = await_phase(working, job, Phase.EXECUTING)
    threading.Timer(0.3, bench.release.set).start()
    assert working.wait(job, -1).phase is Phase.COMPLETED


def test_a_wait_ends_with_its_time_with_a_deleted_job_and_with_the_server(make_jobs: MakeJobs) -> None:
    jobs, runner = make_jobs(start=False)
    job = jobs.create(NewJob(()), NOBODY)
    assert jobs.wait(job, 1) == job
    threading.Timer(0.2, jobs.delete, [job]).start()
    with pytest.raises(JobNotFoundError):
        jobs.wait(job, -1)
    other = jobs.create(NewJob(()), NOBODY)
    threading.Timer(0.2, runner.stop).start()
    assert jobs.wait(other, -1) == other


def test_nobody_waits_for_what_has_ended_or_is_in_another_phase(make_jobs: MakeJobs) -> None:
    forever = JobLimits(wait_seconds=3600)
    jobs, _ = make_jobs(start=False, limits=forever)
    pending, aborted = jobs.create(NewJob(()), NOBODY), jobs.abort(jobs.create(NewJob(()), NOBODY))
    assert jobs.wait(aborted, -1) == aborted
    assert jobs.wait(pending, -1, Phase.QUEUED) == pending


def test_only_so_many_wait_at_once(make_jobs: MakeJobs) -> None:
    jobs, _ = make_jobs(start=False, limits=JobLimits(wait_seconds=3600, waiting=1))
    first, second = jobs.create(NewJob(()), NOBODY), jobs.create(NewJob(()), NOBODY)
    waiting = threading.Thread(target=jobs.wait, args=(first, -1))
    waiting.start()
    wait_for(lambda: not jobs._seats._value)
    assert jobs.wait(second, -1) == second
    jobs.run(first)
    waiting.join(20)
    assert not waiting.is_alive()


def test_limits_cut_wishes_and_have_defaults() -> None:
    limits = JobLimits(10, 100, timedelta(days=1), timedelta(days=3))
    now = datetime.now(UTC).replace(tzinfo=None)
    assert [limits.execution_duration(wish) for wish in (None, 0, 5, 101)] == [10, 100, 5, 100]
    assert [JobLimits(10, 0).execution_duration(wish) for wish in (None, 0, 10**12)] == [10, 0, 2**31 - 1]
    assert limits.destruction(now, None) == now + timedelta(days=1)
    assert limits.destruction(now, now + timedelta(days=9)) == now + timedelta(days=3)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 kiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_is_left_behind(small_disk: Path) -> None:
    directory = JobDirectory(small_disk / "job")
    with pytest.raises(NoRoomFault, match="No space left on device"):
        directory.write_result("result", iter([b"x" * 40_000] * 10), "text/plain")
    assert files(small_disk) == []
    assert directory.write_result("result", [b"fits"], "text/plain").size == 4


def test_a_job_without_room_for_its_result_ends_with_an_error(
    working: JobList, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(source: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", lambda _: write(0, b""))
    found = await_phase(working, begin(working, "finish"), Phase.ERROR)
    assert found.error_summary is not None
    assert found.error_summary.kind == "transient"
    assert "No space left" in found.error_summary.message
    assert files(root) == []
