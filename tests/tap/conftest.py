from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import flask
import pyarrow as pa
import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import column
from schema.engines.execute import EngineUnavailableError, Limits, Query, QueryTimeoutError
from tap.adql.errors import AdqlError, Fault
from tap.routes import blueprint
from tap.service import TapService
from vo.dali.parameters import RowLimits
from vo.tables.field import Field, arrow_schema
from vo.tables.stream import TableStream
from vo.vosi.availability import Availability

DEFAULT_ROWS = 2000
HARD_ROWS = 5000
LARGEST_REQUEST = 2**20
STORED_ROWS = 6000

STARS = sa.Table(
    "stars",
    sa.MetaData(),
    column(Field("n", "int", description="Number.", ucd="meta.id;meta.main", std=True, principal=True, indexed=True)),
    column(Field("name", "unicodeChar", "*", description="Name, as a < b & c.", ucd="meta.id")),
    column(Field("ra", "double", unit="deg", ucd="pos.eq.ra", description="Right ascension, ICRS.")),
    column(Field("seen", "char", "*", xtype="timestamp", ucd="time.epoch")),
    sa.Column("hpx", sa.BigInteger),
    schema="sky",
)
CATALOGUE = Catalogue(
    (PublishedSchema("sky", "Things in the sky.", (PublishedTable("sky", "stars", STARS, "Stars & such."),)),)
)
FIELDS = next(iter(CATALOGUE)).fields


@dataclass
class FakeEngine:
    """Runs the literal of the select as SQL in DuckDB; some words make it fail, each in its own way."""

    released: int = 0
    opened: int = 0
    limits: list[Limits] = field(default_factory=list)

    def execute(self, query: Query, limits: Limits) -> TableStream:
        sql = query.select.get_execution_options()["text"]
        if sql == "unavailable":
            raise EngineUnavailableError("The replica is being rebuilt; ask again in a minute.")
        self.limits.append(limits)
        self.opened += 1
        return TableStream(query.fields, self._batches(sql), maxrec=limits.maxrec, release=self._release)

    def _release(self) -> None:
        self.released += 1

    def _batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        if sql == "slow":
            raise QueryTimeoutError("The query ran longer than 60 s.")
        if sql == "broken":
            raise RuntimeError("secret of the house")
        connection = duckdb.connect()
        text = (
            "SELECT i::INT AS n, CASE WHEN i % 7 > 0 THEN 'Étoile ' || i END AS name, i / 17.0::DOUBLE AS ra, "
            f"TIMESTAMP '2024-01-01' + INTERVAL 1 MINUTE * i AS seen FROM range({STORED_ROWS}) t(i)"
        )
        if sql.startswith("first"):
            text += f" LIMIT {int(sql.split()[1])}"
        try:
            reader = connection.sql(text).to_arrow_reader(1000)
            for number, batch in enumerate(reader):
                if sql == "late" and number == 1:
                    raise QueryTimeoutError("The query ran longer than 60 s.")
                yield pa.record_batch(batch.columns, schema=arrow_schema(FIELDS)).cast(arrow_schema(FIELDS))
        finally:
            connection.close()


def compile_query(text: str, catalogue: Catalogue) -> Query:
    if text.startswith("wrong"):
        raise AdqlError((Fault(6, "There is no table here of this name."),), text)
    if text == "deep":
        raise RecursionError
    warnings = ("This frame is odd.",) if text.endswith("-- odd frame") else ()
    return Query(sa.select(STARS).execution_options(text=text), FIELDS, warnings=warnings)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def service(engine: FakeEngine) -> TapService:
    return TapService(lambda: CATALOGUE, engine, compile_query, RowLimits(DEFAULT_ROWS, HARD_ROWS), seconds=60)


@pytest.fixture
def state() -> list[Availability]:
    return [Availability(True, ("All is well.",))]


@pytest.fixture
def app(service: TapService, state: list[Availability]) -> flask.Flask:
    app = flask.Flask("archive")
    routes = blueprint(
        service,
        base_url="http://archive.example/tap",
        availability=lambda: state[-1],
        largest_request=LARGEST_REQUEST,
    )
    app.register_blueprint(routes, url_prefix="/tap")
    return app


@pytest.fixture
def client(app: flask.Flask) -> flask.testing.FlaskClient:
    return app.test_client()


@pytest.fixture
def server(app: flask.Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/tap"
    server.shutdown()
    thread.join()
    server.server_close()
