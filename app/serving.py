"""What a serving process opens: connections, the replica, the thread that keeps it, the application."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack

from app.app import create_app
from app.archive import Archive
from app.clients import Clients, read_networks
from app.cutouts import open_soda
from app.engines import open_engine
from app.front import Front
from app.health import Health
from app.jobs import Jobs
from app.operators import OperatorKey, blueprint
from app.spool import Spools
from schema.truth import Truth
from storage.replicas import Replicas

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
            answering = open_engine(archive, truth, opened)
            stores = {archive.store.name: archive.store}
            jobs = Jobs(archive, truth.engine, answering.ready)
            health = Health(truth.ask, answering.trouble, archive.directory, config.server.free_bytes)
            replicas = Replicas(truth.engine, stores)
            soda = open_soda(config, archive.cutouts, replicas, opened)
            app = create_app(
                config,
                answering.engine,
                answering.published,
                replicas,
                health.availability,
                soda,
                jobs.of,
            )
            self.front = Front(
                app.wsgi_app,
                Clients(config.server.client_requests, read_networks(config.server.trusted_proxies)),
                Spools(archive.directory, config.server.spool_bytes),
                seconds=config.server.client_seconds,
                logs_requests=config.server.log_requests,
            )
            jobs.start(opened)
            key = OperatorKey.write(archive.directory, config.server.host, config.server.port)
            door = blueprint(key, answering.engine, answering.published.everything, config.tap.query_seconds)
            app.register_blueprint(door, url_prefix="/operator")
            answering.start()
            self._health = health
            self._jobs = jobs
            self.close: Callable[[], None] = opened.pop_all().close

    def begin_to_stop(self) -> None:
        """Let those go who wait for something to happen, so that the answers under way can end."""
        self._health.begin_to_stop()
        self._jobs.end_waits()
