"""Two little tables in DuckDB and the catalogue that publishes them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import column
from schema.engines.dialect import render
from schema.engines.duckdb_functions import register_functions
from schema.replication.positions import hidden_columns
from schema.spatial.postgresql import install_functions
from tap.adql.compile import compile_query
from vo.tables.field import Field

_STARS = (
    Field("id", "int", ucd="meta.id;meta.main"),
    Field("name", "char", "20*"),
    Field("ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", description="Right ascension."),
    Field("dec", "double", unit="deg", ucd="pos.eq.dec;meta.main"),
    Field("mag", "double", unit="mag", ucd="phot.mag"),
    Field("n", "int"),
    Field("band", "char", "4*"),
    Field("pm", "double", unit="mas/yr", ucd="pos.pm"),
    Field("seen", "char", "*", xtype="timestamp", ucd="time.epoch"),
    Field("Kind", "char", "*"),
    Field("big", "long", unit="kbyte"),
)
_STAR_ROWS: list[tuple[Any, ...]] = [
    (1, "Alpha", 10.0, 0.0, 12.5, 3, "V", 10.0, "2013-04-12 04:52:06", "STAR", 1),
    (2, "beta", 10.5, 0.0, 13.25, None, "R", 20.0, "2013-04-12", "star", 2),
    (3, "Gamma", 359.9, 0.0, None, 7, "V", 30.0, "2014-01-01", "Galaxy", 3),
    (4, "delta", 0.1, 0.0, 9.75, -4, "K", -40.0, None, None, 2**63 - 1),
    (5, "Polaris", 37.954561, 89.264109, 1.98, 12, "V", 46.0, "2024-01-01 12:00:00.5", "STAR", None),
    (6, "nowhere", None, None, 11.0, 0, None, None, None, "back\\slash", -(2**63)),
]
_GROUPS = (
    Field("grp", "char", "2*"),
    Field("val", "int"),
    Field("x", "double"),
    Field("id", "int"),
)
_GROUP_ROWS: list[tuple[Any, ...]] = [
    ("a", 1, 1.5, 1),
    ("a", 2, 2.5, 2),
    ("a", 2, 2.5, 3),
    ("b", 3, None, 4),
    ("b", None, 4.0, 20),
    ("c", 10, -1.0, 21),
]

Answer = Callable[[str], list[tuple[Any, ...]]]
Tables = list[tuple[PublishedTable, list[tuple[Any, ...]]]]


def make_table(
    schema: str,
    name: str,
    fields: tuple[Field, ...],
    *,
    position: tuple[str, str] | None = None,
    case_insensitive: frozenset[str] = frozenset(),
) -> PublishedTable:
    hidden: list[sa.Column[Any]] = []
    info: dict[str, Any] = {}
    if position is not None:
        hidden = [sa.Column("hpx", sa.BigInteger), *(sa.Column(each, sa.Double) for each in ("ux", "uy", "uz"))]
        info["position"] = position
    columns = [column(field, case_insensitive=field.name in case_insensitive) for field in fields]
    table = sa.Table(name, sa.MetaData(), *columns, *hidden, schema=schema, info=info)
    return PublishedTable(schema, name, table, "A table.")


def fill(connection: duckdb.DuckDBPyConnection, published: PublishedTable, rows: list[tuple[Any, ...]]) -> None:
    types = {"int": "INTEGER", "long": "BIGINT", "double": "DOUBLE", "float": "FLOAT", "short": "SMALLINT"}
    fields = published.fields
    declared = [
        f'"{field.name}" '
        + ("TIMESTAMP" if field.is_timestamp else "VARCHAR" if field.is_text else types[field.datatype])
        for field in fields
    ]
    position = published.table.info.get("position")
    if position is not None:
        declared += ["hpx BIGINT", "ux DOUBLE", "uy DOUBLE", "uz DOUBLE"]
        places = [[field.name for field in fields].index(name) for name in position]
        coordinates = [pa.array([row[place] for row in rows], pa.float64()) for place in places]
        hidden = [values.to_pylist() for values in hidden_columns(*coordinates)]
        rows = [(*row, *more) for row, more in zip(rows, zip(*hidden, strict=True), strict=True)]
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {published.schema}")
    connection.execute(f'CREATE TABLE {published.schema}."{published.name}" ({", ".join(declared)})')
    connection.executemany(
        f'INSERT INTO {published.schema}."{published.name}" VALUES ({", ".join("?" * len(declared))})', rows
    )


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    stars = make_table("sky", "stars", _STARS, position=("ra", "dec"), case_insensitive=frozenset({"Kind"}))
    groups = make_table("lab", "groups", _GROUPS)
    return Catalogue((PublishedSchema("sky", "", (stars,)), PublishedSchema("lab", "", (groups,))))


@pytest.fixture(scope="session")
def fill_tables(catalogue: Catalogue) -> Callable[..., None]:
    """Puts the two tables with their rows into a database, and further ones."""

    def fill_all(made: duckdb.DuckDBPyConnection, further: Tables | None = None) -> None:
        stars, groups = catalogue
        for table, rows in ((stars, _STAR_ROWS), (groups, _GROUP_ROWS), *(further or ())):
            fill(made, table, rows)

    return fill_all


@pytest.fixture(scope="session")
def connection(fill_tables: Callable[..., None]) -> Iterator[duckdb.DuckDBPyConnection]:
    made = duckdb.connect(config={"threads": 1})
    register_functions(made)
    fill_tables(made)
    yield made
    made.close()


@pytest.fixture(scope="session")
def known_tables(testdata: Path) -> Tables:
    """The two tables of the queries with known answers, as if uploaded, with their rows."""
    tables = json.loads((testdata / "conformance" / "adql_semantics_tables.json").read_text())["tables"]
    published = []
    for name, table in tables.items():
        fields = tuple(
            Field(
                each["name"],
                each["votable"]["datatype"],
                each["votable"].get("arraysize"),
                unit=each.get("unit"),
                ucd=each.get("ucd"),
            )
            for each in table["columns"]
        )
        position = ("ra", "dec") if name == "sem_src" else None
        rows = [tuple(row) for row in table["rows"]]
        published.append((make_table("TAP_UPLOAD", name, fields, position=position), rows))
    return published


@pytest.fixture(scope="session")
def known_answers(known_tables: Tables) -> Iterator[tuple[Catalogue, duckdb.DuckDBPyConnection]]:
    """The tables of the queries with known answers, and a database that holds them."""
    made = duckdb.connect(config={"threads": 1})
    register_functions(made)
    for table, rows in known_tables:
        fill(made, table, rows)
    published = tuple(table for table, _ in known_tables)
    yield Catalogue((PublishedSchema("TAP_UPLOAD", "", published),)), made
    made.close()


@pytest.fixture(scope="session")
def postgresql(truth_server: str, catalogue: Catalogue, connection: duckdb.DuckDBPyConnection) -> Iterator[sa.Engine]:
    """The same tables with the same rows in PostgreSQL."""
    with copied(truth_server, catalogue, connection) as engine:
        yield engine


@pytest.fixture(scope="session")
def known_answers_in_postgresql(
    truth_server: str, known_answers: tuple[Catalogue, duckdb.DuckDBPyConnection]
) -> Iterator[sa.Engine]:
    """The tables of the queries with known answers in PostgreSQL."""
    with copied(truth_server, *known_answers) as engine:
        yield engine


@contextmanager
def copied(server_address: str, catalogue: Catalogue, connection: duckdb.DuckDBPyConnection) -> Iterator[sa.Engine]:
    """A new database of PostgreSQL with tables of DuckDB."""
    name = f"quipu_adql_{uuid4().hex}"
    address = make_url(server_address).set(drivername="postgresql+psycopg2")
    server = sa.create_engine(address, isolation_level="AUTOCOMMIT")
    with server.connect() as admin:
        admin.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    engine = sa.create_engine(address.set(database=name), enable_from_linting=False)
    with engine.begin() as filling:
        install_functions(filling)
        for published in catalogue:
            filling.execute(sa.schema.CreateSchema(published.schema, if_not_exists=True))
            published.table.metadata.create_all(filling)
            rows = connection.execute(f'SELECT * FROM {published.schema}."{published.name}"').fetchall()
            names = [column.name for column in published.table.columns]
            filling.execute(published.table.insert(), [dict(zip(names, row, strict=True)) for row in rows])
    yield engine
    engine.dispose()
    with server.connect() as admin:
        admin.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["duckdb", "postgresql"])
def answer(request: pytest.FixtureRequest, catalogue: Catalogue, connection: duckdb.DuckDBPyConnection) -> Answer:
    """Rows of a query, from each of the two databases in turn."""
    if request.param == "postgresql":
        engine: sa.Engine = request.getfixturevalue("postgresql")

        def run_there(adql: str) -> list[tuple[Any, ...]]:
            with engine.connect() as reader:
                return [tuple(row) for row in reader.execute(compile_query(adql, catalogue).select)]

        return run_there

    def run(adql: str) -> list[tuple[Any, ...]]:
        sql, parameters = render(compile_query(adql, catalogue).select)
        return connection.execute(sql, parameters).fetchall()

    return run


@pytest.fixture(scope="session")
def publish() -> Callable[..., PublishedTable]:
    """Makes a published table: schema, name, fields."""
    return make_table


@pytest.fixture(scope="session")
def testdata() -> Path:
    folder = os.environ.get("QUIPU_TESTDATA")
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail("QUIPU_TESTDATA must name the folder of test data.")
        pytest.skip("QUIPU_TESTDATA names no folder of test data.")
    return Path(folder)
