"""What /availability says when something is wrong with the archive."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from commands import Served
from lxml import etree
from sqlalchemy.engine import make_url

from app.archive import Archive
from app.config import read_config
from app.health import STOPPING, UNREACHABLE, Health, Probe

SERVICES = ("/tap", "/tap_cat", "/sia2", "/sia", "/ssap", "/scs/dbo.raw")


@pytest.fixture(scope="module")
def archive(new_archive: Callable[[str], Served]) -> Iterator[Served]:
    archive = new_archive("health")
    archive.start()
    yield archive
    archive.stop()


def state(archive: Served, service: str = "/tap") -> tuple[str | None, list[str | None]]:
    with urllib.request.urlopen(f"{archive.url}{service}/availability") as answer:
        document = etree.fromstring(answer.read())
    return document.findtext("{*}available"), [note.text for note in document.findall("{*}note")]


@contextmanager
def closed_database(archive: Served) -> Iterator[None]:
    """The archive's database throws everybody out and lets nobody in."""
    with ExitStack() as opened:
        truth = opened.enter_context(Archive(read_config(archive.directory)).open_truth())
        url = make_url(truth.url).set(drivername="postgresql+psycopg2")
        server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        connection = opened.enter_context(server.connect())
        allow = f'ALTER DATABASE "{url.database}" WITH ALLOW_CONNECTIONS'
        connection.execute(sa.text(f"{allow} false"))
        try:
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": url.database},
            )
            yield
        finally:
            connection.execute(sa.text(f"{allow} true"))


@pytest.mark.skipif("QUIPU_DATABASE_URL" in os.environ, reason="The database is not this test's to close.")
def test_a_database_that_refuses_is_noticed_by_all_services_and_so_is_its_return(archive: Served) -> None:
    assert state(archive)[0] == "true"
    with closed_database(archive):
        # An answer counts for a second; there is no longer delay.
        threading.Event().wait(1.5)
        for service in SERVICES:
            available, notes = state(archive, service)
            assert available == "false"
            assert UNREACHABLE in notes
    archive.wait_until_available()


@pytest.mark.skipif("QUIPU_DATABASE_URL" in os.environ, reason="The database is not this test's to halt.")
def test_a_database_that_says_nothing_does_not_keep_the_answer_waiting(archive: Served) -> None:
    (file,) = (archive.directory / "postgresql").rglob("postmaster.pid")
    postmaster = int(file.read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    try:
        threading.Event().wait(1.5)
        assert state(archive) == ("false", [UNREACHABLE])
    finally:
        os.kill(postmaster, signal.SIGCONT)
    archive.wait_until_available()


def health(directory: Path, least_free: int = 0, trouble: tuple[str, ...] = ()) -> Health:
    return Health(lambda: None, lambda: trouble, directory, least_free)


def test_all_is_well_until_the_server_begins_to_stop(tmp_path: Path) -> None:
    one = health(tmp_path)
    assert one.availability().available
    assert one.availability().up_since is not None
    one.begin_to_stop()
    assert one.availability().notes == (STOPPING,)
    assert one.availability().up_since is None


def test_trouble_of_the_engine_is_told(tmp_path: Path) -> None:
    state = health(tmp_path, trouble=("It burns.", "It smokes.")).availability()
    assert (state.available, state.notes) == (False, ("It burns.", "It smokes."))


@pytest.mark.skipif(os.geteuid() != 0, reason="Only root may mount a disk.")
def test_a_disk_is_too_full_when_less_is_free_than_the_settings_say(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)], check=True)
    try:
        archive = health(tmp_path, least_free=2_000_000)
        before = shutil.disk_usage(tmp_path).free
        (tmp_path / "first").write_bytes(bytes(before - 2_500_000))
        assert archive.availability().available
        (tmp_path / "second").write_bytes(bytes(1_500_000))
        (note,) = archive.availability().notes
        assert "The disk of the archive is nearly full, with 1 MB left" in note
        (tmp_path / "second").unlink()
        assert archive.availability().available
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_probe_is_patient_for_a_while_and_asks_no_second_time_meanwhile() -> None:
    release = threading.Event()
    asked = []

    def ask() -> None:
        asked.append(1)
        release.wait(60)

    probe = Probe(ask, patience=0.05, lasting=0)
    assert [probe.succeeds() for _ in range(3)] == [False] * 3
    assert len(asked) == 1
    release.set()
    probe = Probe(ask, patience=60, lasting=0)
    assert probe.succeeds()


def test_a_probe_that_fails_is_asked_again() -> None:
    answers = iter([OSError("dead"), None])

    def ask() -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    probe = Probe(ask, patience=60, lasting=0)
    assert [probe.succeeds(), probe.succeeds()] == [False, True]
