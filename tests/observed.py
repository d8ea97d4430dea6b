"""An archive of invented products behind the doors of the simple access protocols, in process and on a socket."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import flask
import sqlalchemy as sa
from databases import new_truth
from products import products
from werkzeug.serving import make_server

from app.config import Config, with_values
from app.simple_access import add_simple_access
from schema.catalogue import Catalogue
from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.execute import Engine
from schema.engines.live import prepare_live
from schema.engines.postgresql import PostgreSqlEngine
from schema.engines.replica import Replica
from schema.obscore import obscore
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from vo.dali.errors import NotFoundFault
from vo.vosi.availability import Availability

BASE_URL = "http://archive.example"
COUNT = 1500
DEFAULT_ROWS, MOST_ROWS = 100_000, 200_000


@dataclass
class Observed:
    """The archive.

    `rows` are those of ``ivoa.obscore``; `url` is where it listens; `live` answers from the truth itself.
    """

    rows: list[dict[str, Any]]
    catalogue: Catalogue
    engine: Engine
    app: flask.Flask
    url: str
    live: flask.Flask

    @property
    def client(self) -> flask.testing.FlaskClient:
        return self.app.test_client()


@contextmanager
def observed_archive(server: str, template: str) -> Iterator[Observed]:
    """Fill the tables of a new database, copy them, and serve them."""
    with new_truth(server, template) as truth:
        folder = Path(tempfile.mkdtemp(prefix="quipu-observed-"))
        rows = products(COUNT)
        catalogue = published(BASE_URL, "archive.example")
        tables = replicated_tables(catalogue)
        replica = Replica(folder, tables, describe(catalogue), DuckDbSettings("1GB", "1GB", 2))
        try:
            prepare_live(truth.engine, tables)
            with truth.engine.begin() as connection:
                connection.execute(sa.insert(obscore), rows)
            follower = Follower(replica, truth.engine, truth.url)
            follower.follow()
            engine = DuckDbEngine(replica.cursor, render)
            app = make_app(engine, catalogue)
            with on_socket(app) as url:
                live = make_app(PostgreSqlEngine(truth.engine, tables, describe(catalogue)), catalogue)
                yield Observed(rows, catalogue, engine, app, url, live)
            follower.stop()
        finally:
            replica.close()
            shutil.rmtree(folder)


def make_app(engine: Engine, catalogue: Catalogue, base_url: str = BASE_URL) -> flask.Flask:
    config = with_values(
        Config(Path("/nonexistent")), base_url=base_url, tap__maxrec=DEFAULT_ROWS, tap__maxrec_limit=MOST_ROWS
    )
    app = flask.Flask("archive")
    add_simple_access(app, config, engine, lambda: catalogue, lambda: Availability(True, ("All is well.",)), no_file)
    return app


def no_file(dp_id: str) -> BinaryIO:
    raise NotFoundFault(f"No file {dp_id} is held here.")


@contextmanager
def on_socket(app: flask.Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
