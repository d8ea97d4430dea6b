"""An ingest killed at any moment: the same command finishes, and truth, store and replica agree."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import pyvo
from commands import ENVIRONMENT, Served, quipu

ROUNDS = 2
SOAK_ROUNDS = 25


def kill_during_ingest(archive: Served, night: Path, seconds: float) -> bool:
    """Start an ingest and kill it with all its workers after so many seconds; False if it had ended before."""
    ingest = subprocess.Popen(
        [sys.executable, "-m", "app", "--archive", str(archive.directory), "ingest", str(night)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=ENVIRONMENT,
    )
    time.sleep(seconds)
    ended = ingest.poll() is not None
    if not ended:
        os.killpg(ingest.pid, signal.SIGKILL)
    ingest.wait()
    return not ended


def assert_agreement(archive: Served, night: Path) -> None:
    status = json.loads(quipu("--archive", archive.directory, "status", "--checksums", "--json").stdout)
    assert status["disagreement"] == {"missing": [], "altered": [], "unknown": []}
    assert status["files"] == status["products"] == len(list(night.iterdir()))
    assert status["quarantined"] == 0
    tap = pyvo.dal.TAPService(f"{archive.url}/tap")
    (row,) = tap.search("SELECT COUNT(*) AS n, COUNT(DISTINCT dp_id) AS ids FROM ivoa.obscore")
    assert row["n"] == row["ids"] == status["files"]
    (raw,) = tap.search("SELECT COUNT(*) AS n FROM dbo.raw")
    assert raw["n"] == status["raw_frames"]


def run_rounds(new_archive: Callable[[str], Served], night: Path, name: str, rounds: int) -> None:
    moments = random.Random(rounds)
    interrupted = 0
    for number in range(rounds):
        archive = new_archive(f"{name}-{number}")
        if number % 2:
            archive.start()
        for _ in range(moments.randint(1, 3)):
            interrupted += kill_during_ingest(archive, night, moments.uniform(0.8, 3.5))
        quipu("--archive", archive.directory, "ingest", night)
        if not number % 2:
            archive.start()
        assert_agreement(archive, night)
        archive.stop()
    assert interrupted >= rounds / 2


def test_an_ingest_killed_at_any_moment_is_finished_by_the_same_command(
    new_archive: Callable[[str], Served], night: Path
) -> None:
    run_rounds(new_archive, night, "killed-few", ROUNDS)


@pytest.mark.soak
def test_many_killed_ingests_are_finished_by_the_same_command(
    new_archive: Callable[[str], Served], night: Path
) -> None:
    run_rounds(new_archive, night, "killed-many", SOAK_ROUNDS)
