"""What answers the queries of an archive: the replica, or the database itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import sqlalchemy as sa

from app.archive import Archive
from schema.catalogue import Catalogue
from schema.changes import prune_changes
from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.live import prepare_live
from schema.engines.postgresql import PostgreSqlEngine
from schema.engines.replica import Replica
from schema.published import published
from schema.publishing.current import CurrentCatalogues, Published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth

_LAG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answering:
    """An engine as the server uses it.

    Attributes
    ----------
    engine
        Answers queries.
    published
        What the services publish.
    start
        Called when the doors are ready.
    trouble
        Sentences on what keeps it from answering; none while all is well.
    ready
        Tells whether it can answer at all.
    """

    engine: DuckDbEngine | PostgreSqlEngine
    published: Published
    start: Callable[[], None]
    trouble: Callable[[], tuple[str, ...]] = lambda: ()
    ready: Callable[[], bool] = lambda: True


def open_engine(archive: Archive, truth: Truth, opened: ExitStack) -> Answering:
    """Open the engine that the settings name; what must be closed is put on the stack."""
    catalogue = published(archive.config.url, archive.config.authority)
    if archive.config.engine == "postgresql":
        return _open_live(truth, catalogue)
    return _open_replica(archive, truth, catalogue, opened)


def _open_replica(archive: Archive, truth: Truth, catalogue: Catalogue, opened: ExitStack) -> Answering:
    settings = archive.config.replica
    replica = Replica(
        archive.replica,
        replicated_tables(catalogue),
        {},
        DuckDbSettings(settings.memory, settings.temporary, settings.threads),
        archive.catalogues,
    )
    opened.callback(replica.close)
    current = CurrentCatalogues(archive.config.url, archive.config.authority, archive.catalogues, replica.show)
    # Without its database the server begins with the tables of the archive; the follower brings the others.
    with suppress(sa.exc.OperationalError), truth.engine.connect() as connection:
        current.refresh(connection)
    follower = Follower(replica, truth.engine, truth.url, notice=current.refresh)
    opened.callback(follower.stop)

    def trouble() -> tuple[str, ...]:
        status = follower.status()
        if status.revision is None:
            return ("The archive is building its tables and cannot answer queries yet.",)
        if status.agreed_seconds is None or status.agreed_seconds > _LAG_SECONDS:
            since = (
                "since the server started" if status.agreed_seconds is None else f"for {status.agreed_seconds:.0f} s"
            )
            return (f"The tables have not been brought up to date {since}.",)
        return ()

    engine = DuckDbEngine(replica.cursor, render, report_damage=replica.suspect)
    shown = Published(current.observations, current.catalogues, current.everything)
    return Answering(engine, shown, follower.start, trouble, lambda: replica.state is not None)


def _open_live(truth: Truth, catalogue: Catalogue) -> Answering:
    tables = replicated_tables(catalogue)
    has_pg_sphere = prepare_live(truth.engine, tables)
    with truth.engine.begin() as connection:
        # Without a follower nobody else does.
        prune_changes(connection)

    engine = PostgreSqlEngine(truth.engine, tables, describe(catalogue), has_pg_sphere=has_pg_sphere)
    return Answering(engine, Published(lambda: catalogue, None, lambda: catalogue), lambda: None)
