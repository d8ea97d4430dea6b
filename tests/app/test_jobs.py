"""Jobs of an archive that is stopped, killed and steered from outside."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import Served, quipu

QUICK = "SELECT TOP 3 dp_id FROM ivoa.obscore"
SLOW = "SELECT COUNT(*) AS n FROM " + ", ".join(f"ivoa.obscore AS t{number}" for number in range(9))
"""Some 10^14 rows of a night's 43 joined with themselves."""


@pytest.fixture(scope="module")
def archive(night: Path, new_archive: Callable[[str], Served]) -> Iterator[Served]:
    archive = new_archive("jobs")
    quipu("--archive", archive.directory, "ingest", night)
    archive.start()
    yield archive
    archive.stop()


def submit(archive: Served, query: str, **parameters: str) -> str:
    """Address of a job that was told to run."""
    data = urllib.parse.urlencode({"QUERY": query, "LANG": "ADQL", "PHASE": "RUN", **parameters}).encode()
    with urllib.request.urlopen(f"{archive.url}/tap/async", data) as answer:
        return str(answer.url)


def phase(job: str) -> str:
    with urllib.request.urlopen(f"{job}/phase") as answer:
        return str(answer.read().decode())


def await_phase(job: str, *phases: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while phase(job) not in phases:
        assert time.monotonic() < deadline, f"the job is still {phase(job)}"
        time.sleep(0.05)
    return phase(job)


def identifier(job: str) -> str:
    return job.rpartition("/")[2]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def test_jobs_outlive_a_kill_of_the_server(archive: Served) -> None:
    done = submit(archive, QUICK)
    await_phase(done, "COMPLETED")
    result = fetch(f"{done}/results/result")
    slow = [submit(archive, SLOW), submit(archive, SLOW)]
    for job in slow:
        await_phase(job, "EXECUTING")
    waiting = submit(archive, QUICK)
    orphan = archive.directory / "jobs" / "tap" / "orphan"
    orphan.mkdir()
    archive.kill()
    archive.start()
    assert fetch(f"{done}/results/result") == result
    assert not orphan.exists()
    for job in slow:
        await_phase(job, "EXECUTING")
        urllib.request.urlopen(f"{job}/phase", b"PHASE=ABORT").close()
        assert phase(job) == "ABORTED"
    assert await_phase(waiting, "COMPLETED", "ERROR") == "COMPLETED"
    assert fetch(f"{waiting}/results/result") == result


def test_a_normal_stop_hands_running_jobs_back(archive: Served) -> None:
    slow = submit(archive, SLOW)
    await_phase(slow, "EXECUTING")
    archive.stop()
    shown = json.loads(quipu("--archive", archive.directory, "jobs", "show", identifier(slow), "--json").stdout)
    assert (shown["phase"], shown["attempts"]) == ("QUEUED", 0)
    archive.start()
    await_phase(slow, "EXECUTING")
    urllib.request.urlopen(f"{slow}/phase", b"PHASE=ABORT").close()


def test_the_command_line_lists_aborts_and_deletes(archive: Served) -> None:
    slow = submit(archive, SLOW)
    await_phase(slow, "EXECUTING")
    listed = quipu("--archive", archive.directory, "jobs", "list", "--phase", "executing").stdout
    assert identifier(slow) in listed
    assert "127.0.0.1" in listed
    quipu("--archive", archive.directory, "jobs", "abort", identifier(slow))
    assert phase(slow) == "ABORTED"
    # The worker is free again.
    quick = submit(archive, QUICK)
    await_phase(quick, "COMPLETED")
    quipu("--archive", archive.directory, "jobs", "delete", identifier(slow), identifier(quick))
    assert not (archive.directory / "jobs" / "tap" / identifier(quick)).exists()
    refused = quipu("--archive", archive.directory, "jobs", "show", identifier(quick), check=False)
    assert (refused.returncode, refused.stderr) == (1, f"Error: There is no job {identifier(quick)}.\n")


def test_the_execution_duration_is_effective(archive: Served) -> None:
    slow = submit(archive, SLOW, EXECUTIONDURATION="1")
    assert await_phase(slow, "ERROR", "COMPLETED") == "ERROR"
    assert b"time limit of 1 s" in fetch(f"{slow}/error")
