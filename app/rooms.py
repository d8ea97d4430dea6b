"""The commands that the rooms bring, with what they need of the archive."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
import sqlalchemy as sa

from app.archive import Archive, ArchiveError
from app.jobs import job_stores
from app.progress import progress_bar
from app.status import read_status
from ingest.cli import ingest_command
from ingest.pipeline import Pipeline
from ingest.release import ReleaseRule
from schema.load_cli import load_command
from schema.migrate import migrate
from schema.publishing.cli import drop_command, tables_command
from schema.publishing.publish import Shelf
from schema.truth import Truth
from storage.local import LocalStore
from uws.cli import Stores, jobs_command

_WAIT_SECONDS = 120.0
_LOOK_SECONDS = 0.2


@contextmanager
def _open_truth(context: click.Context) -> Iterator[Truth]:
    """The database of the archive that the command line names, with the tables of this version."""
    archive = context.find_object(Archive)
    assert archive is not None
    archive.require()
    with archive.open_truth() as truth:
        migrate(truth.engine)
        yield truth


@contextmanager
def _open_shelf(context: click.Context) -> Iterator[Shelf]:
    archive = context.find_object(Archive)
    assert archive is not None
    if archive.config.engine == "postgresql":
        raise ArchiveError(
            "Tables are published by the engine duckdb only: the database does not read their files (setting engine)."
        )
    with _open_truth(context) as truth:
        yield Shelf(truth.engine, archive.catalogues, archive.config.replica.memory)


@contextmanager
def _open_pipeline(context: click.Context, release_date: datetime.datetime | None) -> Iterator[Pipeline]:
    archive = context.find_object(Archive)
    assert archive is not None
    settings = archive.config.ingest
    with _open_truth(context) as truth:
        yield Pipeline(
            truth.engine,
            archive.store,
            LocalStore(archive.quarantine, "quarantine"),
            archive.config.authority,
            ReleaseRule(release_date, settings.proprietary_days),
            settings.workers,
        )


def _await_replica(context: click.Context) -> str | None:
    """Wait until queries show what was committed; at once where no server keeps the replica."""
    with _open_truth(context) as truth:
        return wait_until_seen(truth.engine)


def wait_until_seen(engine: sa.Engine, seconds: float = _WAIT_SECONDS) -> str | None:
    """Wait until the replica of a running server shows all that is committed now.

    Returns
    -------
    note
        A sentence for people if it does not within so many seconds; None if it does, or if no server runs.
    """
    with engine.connect() as connection:
        committed = read_status(connection).revision
    deadline = time.monotonic() + seconds
    while committed is not None:
        with engine.connect() as connection:
            now = read_status(connection)
        if not now.follows or (now.replica_revision is not None and now.replica_revision >= committed):
            return None
        if time.monotonic() > deadline:
            return f"The server does not show it yet after {seconds:.0f} s; quipu status tells how far it is."
        time.sleep(_LOOK_SECONDS)
    return None


@contextmanager
def _open_jobs(context: click.Context) -> Iterator[Stores]:
    archive = context.find_object(Archive)
    assert archive is not None
    with _open_truth(context) as truth:
        yield job_stores(archive, truth.engine)


ingest = ingest_command(_open_pipeline, _await_replica)
load = load_command(_open_truth, _open_shelf, _await_replica, progress_bar)
drop = drop_command(_open_shelf, _await_replica)
tables = tables_command(_open_shelf)
jobs = jobs_command(_open_jobs)
