from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest import records
from ingest.examine import Examined
from ingest.pipeline import IngestStoppedError, Pipeline
from ingest.walk import find_files
from schema.files import copy, file
from schema.obscore import obscore
from schema.truth import Truth
from storage.local import LocalStore
from storage.store import Store

from .conftest import WriteFits

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import sys
from pathlib import Path
from ingest import records
from ingest.examine import Examined
from ingest.pipeline import Pipeline
from ingest.walk import find_files
from schema.truth import Truth
from storage.local import LocalStore
from storage.store import Store

url, archive, night = sys.argv[1:]
truth = Truth(url)
pipeline = Pipeline(truth.engine, LocalStore(Path(archive, "store")), LocalStore(Path(archive, "quarantine"), "kept"),
                    "toy.example", workers=2, batch=3)
print("ready", flush=True)
for outcome in pipeline.run(find_files([Path(night)])):
    print(outcome.state, flush=True)
"""


def make_night(write_fits: WriteFits, night: Path, frames: int) -> None:
    for number in range(frames):
        write_fits(f"frame{number:03}.fits", shape=(200, 300), fill=number)
    (night / "bad.fits").write_bytes(b"nothing")


def run_and_kill(truth: Truth, archive: Path, night: Path, seconds: float) -> None:
    command = [sys.executable, "-c", PROGRAM, truth.url, str(archive), str(night)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)


def assert_agreement(pipeline: Pipeline, frames: int) -> None:
    with pipeline.engine.connect() as connection:
        checksums = set(connection.scalars(sa.select(file.c.sha256)))
        counts = [connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (file, copy, obscore)]
    assert counts == [frames] * 3
    assert checksums == set(pipeline.store)
    assert list((pipeline.store.root / "incoming").iterdir()) == []  # type: ignore[attr-defined]


def kill_rounds(
    truth: Truth, pipeline: Pipeline, tmp_path: Path, night: Path, write_fits: WriteFits, rounds: int
) -> None:
    make_night(write_fits, night, 40)
    chance = random.Random(7)
    for _ in range(rounds):
        with truth.engine.begin() as connection:
            connection.execute(sa.text("TRUNCATE archive.file, archive.quarantine, ivoa.obscore, dbo.raw CASCADE"))
        shutil.rmtree(tmp_path / "archive", ignore_errors=True)
        for _ in range(2):
            run_and_kill(truth, tmp_path / "archive", night, chance.uniform(0.0, 0.4))
        states = Counter(outcome.state for outcome in pipeline.run(find_files([night])))
        assert states["taken"] + states["held"] == 40
        assert states["refused"] == 1
        assert_agreement(pipeline, 40)


def test_a_killed_ingest_is_finished_by_the_same_command(
    truth: Truth, pipeline: Pipeline, tmp_path: Path, night: Path, write_fits: WriteFits
) -> None:
    kill_rounds(truth, pipeline, tmp_path, night, write_fits, rounds=2)


@pytest.mark.soak
def test_ingests_killed_many_times_are_finished_by_the_same_command(
    truth: Truth, pipeline: Pipeline, tmp_path: Path, night: Path, write_fits: WriteFits
) -> None:
    kill_rounds(truth, pipeline, tmp_path, night, write_fits, rounds=20)


def test_a_full_disk_stops_with_a_sentence_and_more_room_finishes(
    pipeline: Pipeline, night: Path, tmp_path: Path, write_fits: WriteFits
) -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root can mount a small disk.")
    make_night(write_fits, night, 40)
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    try:
        small = replace(pipeline, store=LocalStore(disk / "store"), batch=3, workers=2)
        with pytest.raises(IngestStoppedError, match=r"^The disk that holds .* is full\. Make room"):
            list(small.run(find_files([night])))
        with pipeline.engine.connect() as connection:
            taken = connection.scalar(sa.select(sa.func.count()).select_from(file))
        assert taken is not None
        assert 0 < taken < 40
        assert_agreement(small, taken)
        subprocess.run(["/bin/mount", "-o", "remount,size=20m", disk], check=True)
        assert Counter(outcome.state for outcome in small.run(find_files([night]))) == {
            "taken": 40 - taken, "held": taken, "refused": 1,
        }  # fmt: skip
        assert_agreement(small, 40)
    finally:
        subprocess.run(["/bin/umount", disk], check=True)


class DiskFullError(Exception):
    """What the driver raises when the disk of the database is full."""

    pgcode = "53100"


def test_a_full_disk_of_the_database_is_one_sentence_and_more_room_finishes(
    pipeline: Pipeline, night: Path, write_fits: WriteFits, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_night(write_fits, night, 10)
    insert = records.insert_taken

    def full(connection: sa.Connection, taken: Sequence[Examined], store: Store) -> None:
        insert(connection, taken, store)
        if connection.scalar(sa.select(sa.func.count()).select_from(file)) > 6:
            raise sa.exc.OperationalError("INSERT", {}, DiskFullError("could not extend file: No space left on device"))

    monkeypatch.setattr(records, "insert_taken", full)
    with pytest.raises(IngestStoppedError, match=r"^The disk of the database is full\. Make room"):
        list(replace(pipeline, batch=3).run(find_files([night])))
    monkeypatch.undo()
    with pipeline.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(obscore)) in (5, 6)
    states = Counter(outcome.state for outcome in pipeline.run(find_files([night])))
    assert states["taken"] + states["held"] == 10
    assert_agreement(pipeline, 10)


def set_reachable(truth: Truth, reachable: bool) -> None:
    """Let connections to a database in, or end all and refuse new ones."""
    name = truth.engine.url.database
    server = sa.create_engine(truth.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {reachable}'))
        if not reachable:
            ended = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(ended, {"name": name})
    server.dispose()


def test_a_lost_database_is_one_sentence_and_the_next_run_finishes(
    truth: Truth, pipeline: Pipeline, night: Path, write_fits: WriteFits
) -> None:
    make_night(write_fits, night, 30)
    outcomes = replace(pipeline, batch=4).run(find_files([night]))
    next(outcomes)
    set_reachable(truth, False)
    try:
        with pytest.raises(IngestStoppedError, match=r"^The database gives up: .* when it is back\.$"):
            list(outcomes)
    finally:
        set_reachable(truth, True)
    states = Counter(outcome.state for outcome in pipeline.run(find_files([night])))
    assert states["taken"] + states["held"] == 30
    assert states["taken"] > 0
    assert_agreement(pipeline, 30)
