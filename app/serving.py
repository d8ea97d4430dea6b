"""What a serving process opens: connections, the replica, the thread that keeps it, the application."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask

from app.app import create_app
from app.archive import Archive
from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.replica import Replica
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth
from storage.replicas import Replicas

_LAG_SECONDS = 60.0
_SWITCH_SECONDS = 0.0005


class Serving:
    """All that lives as long as the server's worker; `close` gives it back.

    Parameters
    ----------
    archive
        What to serve.
    url
        Address of its database, which another process keeps open.
    """

    def __init__(self, archive: Archive, url: str) -> None:
        config = archive.config
        # A small answer must not wait 5 ms for the interpreter each time that a dump has it.
        sys.setswitchinterval(_SWITCH_SECONDS)
        with ExitStack() as opened:
            truth = opened.enter_context(Truth(url))
            catalogue = published(config.url, config.authority)
            replica = Replica(
                archive.replica,
                replicated_tables(catalogue),
                describe(catalogue),
                DuckDbSettings(config.replica.memory, config.replica.temporary, config.replica.threads),
            )
            opened.callback(replica.close)
            self._follower = Follower(replica, truth.engine, truth.url)
            opened.callback(self._follower.stop)
            engine = DuckDbEngine(replica.cursor, render, report_damage=replica.suspect)
            stores = {archive.store.name: archive.store}
            self.app: Flask = create_app(config, engine, Replicas(truth.engine, stores), self._trouble)
            self._follower.start()
            self.close: Callable[[], None] = opened.pop_all().close

    def _trouble(self) -> tuple[str, ...]:
        status = self._follower.status()
        if status.revision is None:
            return ("The archive is building its tables and cannot answer queries yet.",)
        if status.agreed_seconds is None or status.agreed_seconds > _LAG_SECONDS:
            since = (
                "since the server started" if status.agreed_seconds is None else f"for {status.agreed_seconds:.0f} s"
            )
            return (f"The tables have not been brought up to date {since}.",)
        return ()
