"""What every engine keeps to; each test runs on each of them."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
import sqlalchemy as sa
from databases import create_pg_sphere, new_truth

from schema.columns import field_of
from schema.describe import describe
from schema.engines.dialect import render
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbSettings
from schema.engines.execute import Engine, EngineError, EngineUnavailableError, Limits, Query, QueryTimeoutError
from schema.engines.live import prepare_live
from schema.engines.postgresql import PostgreSqlEngine
from schema.engines.replica import Replica
from schema.obscore import obscore
from schema.published import published
from schema.replication.follower import Follower
from schema.replication.tables import replicated_tables
from schema.truth import Truth
from vo.tables.field import Field, arrow_schema
from vo.tables.stream import TableStream

CATALOGUE = published("https://archive.example/", "archive.example")
PRODUCTS = CATALOGUE.find("ivoa", "obscore")[0].table
ROWS = 30


@dataclass
class Archive:
    """An engine and the truth behind it."""

    engine: Engine
    truth: Truth
    follow: Callable[[], None]

    def ask(
        self, *columns: sa.ColumnElement[Any], maxrec: int | None = None, seconds: float | None = None
    ) -> TableStream:
        """Select columns of ivoa.obscore in the order of obs_id."""
        return self.run(sa.select(*columns).order_by(PRODUCTS.c.obs_id), maxrec=maxrec, seconds=seconds)

    def run(
        self,
        select: sa.Select[Any],
        fields: tuple[Field, ...] | None = None,
        maxrec: int | None = None,
        seconds: float | None = None,
    ) -> TableStream:
        if fields is None:
            fields = tuple(field for column in select.selected_columns if (field := field_of(column)) is not None)
        return self.engine.execute(Query(select, fields), Limits(maxrec, seconds))


KINDS = ["duckdb", "postgresql", "pg_sphere"]


@contextmanager
def new_archive(kind: str, server: str, template: str, folder: Path) -> Iterator[Archive]:
    tables = replicated_tables(CATALOGUE)
    with new_truth(server, template) as truth:
        if kind != "duckdb":
            if kind == "pg_sphere":
                create_pg_sphere(truth.engine)
            assert prepare_live(truth.engine, tables) is (kind == "pg_sphere")
            engine = PostgreSqlEngine(truth.engine, tables, describe(CATALOGUE), has_pg_sphere=kind == "pg_sphere")
            yield Archive(engine, truth, lambda: None)
            return
        replica = Replica(folder, tables, describe(CATALOGUE), DuckDbSettings("1GB", "1GB", 2))
        follower = Follower(replica, truth.engine, truth.url)
        yield Archive(DuckDbEngine(replica.cursor, render, report_damage=replica.suspect), truth, follower.follow)
        follower.stop()
        replica.close()


@pytest.fixture(params=KINDS)
def archive(
    request: pytest.FixtureRequest, truth_server: str, truth_template: str, tmp_path: Path
) -> Iterator[Archive]:
    """An archive without rows, for one test alone."""
    with new_archive(request.param, truth_server, truth_template, tmp_path / "replica") as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def filled(
    request: pytest.FixtureRequest, truth_server: str, truth_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Archive]:
    """An archive with rows that no test changes."""
    with new_archive(request.param, truth_server, truth_template, tmp_path_factory.mktemp("replica")) as made:
        fill(made)
        yield made


def fill(archive: Archive) -> None:
    with archive.truth.engine.begin() as connection:
        connection.execute(sa.insert(obscore), [product(number) for number in range(ROWS)])
    archive.follow()


def product(number: int) -> dict[str, Any]:
    given = number % 3 > 0
    return {
        "obs_id": f"night.{number:06d}",
        "obs_collection": "TOY",
        "obs_publisher_did": f"ivo://archive.example/ID?TOY.{number}",
        "dp_id": f"TOY:{number}/ä~" if number % 2 else f"TOY.{number}",
        "calib_level": number % 4,
        "s_ra": number * 11.0 % 360 if given else None,
        "s_dec": number * 5.0 - 70 if given else None,
        "s_xel1": 2**40 + number if given else None,
        "target_name": f"σ Ori {number}" if given else None,
        "n_obs": number if given else None,
    }


def rows_of(stream: TableStream) -> list[tuple[Any, ...]]:
    return [
        tuple(row) for batch in stream for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    ]


def test_rows_have_the_types_of_their_fields_and_keep_their_nulls(filled: Archive) -> None:
    names = ["obs_id", "s_ra", "s_xel1", "target_name", "n_obs", "calib_level", "obs_release_date"]
    stream = filled.ask(*(PRODUCTS.c[name] for name in names))
    batches = list(stream)
    assert {batch.schema for batch in batches} == {arrow_schema(stream.fields)}
    given = [product(number) for number in range(ROWS)]
    assert pa.Table.from_batches(batches).to_pylist() == [{name: row.get(name) for name in names} for row in given]


def test_two_columns_may_have_the_same_name(filled: Archive) -> None:
    select = sa.select(PRODUCTS.c.s_ra, PRODUCTS.c.s_dec.label("s_ra")).where(PRODUCTS.c.obs_id == "night.000001")
    fields = (Field("s_ra", "double"), Field("s_ra", "double"))
    assert rows_of(filled.run(select, fields, maxrec=5)) == [(11.0, -65.0)]


def test_addresses_are_computed(filled: Archive) -> None:
    found = rows_of(filled.ask(PRODUCTS.c.dp_id, PRODUCTS.c.access_url, PRODUCTS.c.access_format))
    links = "https://archive.example/datalink/links?ID=" + quote("ivo://archive.example/ID?", safe="")
    datalink = "application/x-votable+xml;content=datalink"
    assert found == [(dp_id, links + quote(dp_id, safe=""), datalink) for dp_id, *_ in found]
    assert len(found) == ROWS


def test_an_archive_without_rows_gives_fields_alone(archive: Archive) -> None:
    archive.follow()
    stream = archive.ask(PRODUCTS.c.obs_id, PRODUCTS.c.s_ra, maxrec=10)
    assert rows_of(stream) == []
    assert [field.name for field in stream.fields] == ["obs_id", "s_ra"]
    assert not stream.overflow


@pytest.mark.parametrize(
    ("maxrec", "given", "overflow"),
    [
        pytest.param(0, 0, True, id="none"),
        pytest.param(ROWS - 1, ROWS - 1, True, id="one too few"),
        pytest.param(ROWS, ROWS, False, id="all"),
        pytest.param(ROWS + 1, ROWS, False, id="more than there are"),
        pytest.param(None, ROWS, False, id="no limit"),
    ],
)
def test_maxrec_cuts_and_tells(maxrec: int | None, given: int, overflow: bool, filled: Archive) -> None:
    stream = filled.ask(PRODUCTS.c.obs_id, maxrec=maxrec)
    found = rows_of(stream)
    assert found == [(f"night.{number:06d}",) for number in range(given)]
    assert stream.overflow is overflow


def endless() -> sa.Select[Any]:
    """A count that takes hours: thirty to the power of ten rows."""
    sides = [PRODUCTS.alias(f"t{number}") for number in range(10)]
    return sa.select(sa.func.sum(sum(side.c.calib_level for side in sides))).select_from(*sides)


NUMBER = (Field("number", "long"),)
TEXT = (Field("text", "char", "*"),)


def test_the_time_limit_stops_the_query(filled: Archive) -> None:
    began = time.monotonic()
    with pytest.raises(QueryTimeoutError, match="time limit"):
        list(filled.run(endless(), NUMBER, seconds=0.3))
    assert time.monotonic() - began < 10
    assert_nothing_runs(filled)


@pytest.mark.parametrize(("way_on", "end"), [("", "or TOP."), ("wait for the night", "or TOP, or wait for the night.")])
def test_a_query_over_its_time_is_told_the_limit_and_how_to_go_on(filled: Archive, way_on: str, end: str) -> None:
    with pytest.raises(QueryTimeoutError) as caught:
        list(filled.engine.execute(Query(endless(), NUMBER), Limits(seconds=0.25, way_on=way_on)))
    assert "over its time limit of 0.25 s" in str(caught.value)
    assert str(caught.value).endswith(end)


def test_the_time_limit_holds_while_rows_are_read(filled: Archive) -> None:
    sides = [PRODUCTS.alias(f"t{number}") for number in range(4)]
    stream = filled.run(sa.select(sides[0].c.obs_id).select_from(*sides), TEXT, seconds=0.5)
    stream.start()
    time.sleep(0.6)
    with pytest.raises(QueryTimeoutError):
        list(stream)
    assert_nothing_runs(filled)


def test_closing_a_stream_stops_its_query(filled: Archive) -> None:
    stream = filled.run(endless(), NUMBER)
    ends: list[Exception | None] = []

    def read() -> None:
        try:
            list(stream)
            ends.append(None)
        except EngineError as error:
            ends.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.3)
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert ends
    assert_nothing_runs(filled)


def test_a_stream_that_is_closed_before_it_is_read_gives_nothing(filled: Archive) -> None:
    stream = filled.ask(PRODUCTS.c.obs_id)
    stream.close()
    stream.close()
    assert rows_of(stream) == []


def assert_nothing_runs(archive: Archive) -> None:
    """The engine answers, and PostgreSQL holds no query and no transaction of others."""
    assert len(rows_of(archive.ask(PRODUCTS.c.obs_id, seconds=20))) == ROWS
    busy = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    end = time.monotonic() + 10
    while True:
        with archive.truth.engine.connect() as connection:
            if connection.scalar(busy) == 0:
                return
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_stream_sees_one_state_however_slowly_it_is_read(archive: Archive) -> None:
    fill(archive)
    sides = [PRODUCTS.alias(f"t{number}") for number in range(3)]
    stream = archive.run(sa.select(sides[0].c.obs_collection).select_from(*sides), TEXT)
    stream.start()
    with archive.truth.engine.begin() as connection:
        connection.execute(sa.update(obscore).values(obs_collection="OTHER"))
        connection.execute(sa.delete(obscore).where(obscore.c.n_obs > 10))
    archive.follow()
    seen = {row for (row,) in rows_of(stream)}
    assert seen == {"TOY"}
    assert stream.rows == ROWS**3
    assert {row for (row,) in rows_of(archive.ask(PRODUCTS.c.obs_collection))} == {"OTHER"}


def test_many_threads_may_ask_at_once(filled: Archive) -> None:
    wrong: list[Any] = []

    def ask(number: int) -> None:
        for _ in range(3):
            select = sa.select(PRODUCTS.c.n_obs).where(PRODUCTS.c.obs_id == f"night.{number % ROWS:06d}")
            try:
                found = rows_of(filled.run(select, seconds=60))
            except EngineUnavailableError as error:
                # PostgreSQL has few connections to give.
                found = [(str(error),)]
            expected = product(number % ROWS).get("n_obs")
            if found != [(expected,)]:
                wrong.append((number, found, expected))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_value_that_does_not_fit_its_field_is_told_without_sql(filled: Archive) -> None:
    with pytest.raises(EngineError) as error:
        list(filled.run(sa.select(PRODUCTS.c.s_xel1).where(PRODUCTS.c.n_obs == 1), (Field("few", "short"),)))
    assert str(error.value) == "A value of column few does not fit its datatype short."


def test_text_of_users_is_no_sql(filled: Archive) -> None:
    text = "'; DROP TABLE ivoa.obscore; -- %s $1 :x"
    select = sa.select(PRODUCTS.c.obs_id, sa.literal(text)).where(PRODUCTS.c.obs_id != text)
    found = rows_of(filled.run(select, (Field("obs_id", "char", "*"), Field("text", "char", "*")), maxrec=1))
    assert found[0][1] == text


def test_the_archive_describes_itself(filled: Archive) -> None:
    columns = CATALOGUE.find("tap_schema", "columns")[0].table
    select = sa.select(columns.c.column_name, columns.c.column_index, columns.c.size).where(
        columns.c.table_name == "ivoa.obscore"
    )
    found = rows_of(filled.run(select))
    assert [name for name, _, _ in sorted(found, key=lambda row: row[1])] == [
        field.name for field in CATALOGUE.find("ivoa", "obscore")[0].fields
    ]


def test_the_unit_vector_points_to_the_position(filled: Archive) -> None:
    from astropy.coordinates import SkyCoord

    names = ("s_ra", "s_dec", "ux", "uy", "uz")
    fields = tuple(Field(name, "double") for name in names)
    found = rows_of(filled.run(sa.select(*(PRODUCTS.c[name] for name in names)), fields))
    assert len(found) == ROWS
    for ra, dec, *vector in found:
        if ra is None:
            assert vector == [None, None, None]
        else:
            assert vector == pytest.approx(SkyCoord(ra, dec, unit="deg").cartesian.xyz.value, abs=1e-15)


@pytest.mark.parametrize(("seconds", "words"), [(None, "(?i)scan"), (5.0, "actual|Total Time")], ids=["plan", "run"])
def test_a_query_is_explained_with_its_values_and_the_plan_of_the_engine(
    filled: Archive, seconds: float | None, words: str
) -> None:
    select = sa.select(PRODUCTS.c.obs_id).where(PRODUCTS.c.s_ra < 180.5)
    assert isinstance(filled.engine, (DuckDbEngine, PostgreSqlEngine))
    told = filled.engine.explain(Query(select, ()), seconds=seconds)
    sql, values, plan = told.split("\n\n", 2)
    assert sql.startswith("SELECT ")
    assert values.endswith(" = 180.5")
    assert re.search(words, plan)
    assert len(list(filled.ask(PRODUCTS.c.obs_id))) > 0
