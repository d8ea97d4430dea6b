"""What only the DuckDB engine has to keep to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbFile, DuckDbSettings
from schema.engines.execute import EngineError, EngineUnavailableError, Limits, Query
from vo.tables.field import Field


@pytest.fixture
def database(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    file = DuckDbFile(tmp_path / "replica", DuckDbSettings("200MB", "100MB", 2))
    connection = file.open()
    yield connection
    connection.close()
    file.close()


def ask(database: duckdb.DuckDBPyConnection, sql: str, *fields: Field, damage: list[Exception] | None = None) -> Any:
    engine = DuckDbEngine(
        database.cursor, lambda *_: (sql, None), report_damage=None if damage is None else damage.append
    )
    return engine.execute(Query(None, fields), Limits())  # type: ignore[arg-type]


NUMBER = Field("number", "long")
TEXT = Field("text", "char", "*")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content FROM read_text('{folder}/secret')",
        "SELECT * FROM read_csv('{folder}/secret')",
        "SELECT * FROM '{folder}/secret.parquet'",
        "COPY (SELECT 1) TO '{folder}/written'",
        "ATTACH '{folder}/other.duckdb'",
        "EXPORT DATABASE '{folder}/all'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '10GB'",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET temp_directory = '{folder}'",
        "SELECT * FROM secret_of_python",
    ],
)
def test_the_outside_world_is_closed(sql: str, database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("for nobody")
    secret_of_python = [1]
    with pytest.raises(duckdb.Error):
        database.execute(sql.format(folder=tmp_path)).fetchall()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["replica", "secret"]
    assert secret_of_python == [1]


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        pytest.param("SELECT CAST('Corrupt FATAL Error: x' AS BIGINT)", "cannot be converted", id="conversion"),
        pytest.param("SELECT 9223372036854775807::BIGINT + 1::BIGINT", "out of the range", id="overflow"),
        pytest.param("SELECT nothing FROM nowhere", "could not answer", id="unknown table"),
        pytest.param(
            "SELECT count(DISTINCT i::VARCHAR || repeat('x', 200)) FROM range(30000000) t(i)",
            "needs more memory",
            id="memory",
        ),
    ],
)
def test_errors_are_sentences_without_sql_and_leave_the_database_in_use(
    sql: str, sentence: str, database: duckdb.DuckDBPyConnection
) -> None:
    damage: list[Exception] = []
    with pytest.raises(EngineError, match=sentence) as error:
        list(ask(database, sql, NUMBER, damage=damage))
    assert not {"SELECT", "BIGINT", "nowhere", "Error:"} & set(str(error.value).split())
    assert damage == []
    assert [batch.to_pylist() for batch in ask(database, "SELECT 1", NUMBER)] == [[{"number": 1}]]


def test_the_first_batch_comes_long_before_the_last_row(database: duckdb.DuckDBPyConnection) -> None:
    batches = iter(ask(database, "SELECT i FROM range(100000000000) t(i)", NUMBER))
    first = next(batches)
    assert 0 < first.num_rows <= 20_000
    batches.close()  # type: ignore[attr-defined]


def test_a_database_that_is_not_there_is_told(database: duckdb.DuckDBPyConnection) -> None:
    cursor = database.cursor()
    cursor.close()
    engine = DuckDbEngine(lambda: cursor, lambda *_: ("SELECT 1", None))
    with pytest.raises(EngineUnavailableError):
        list(engine.execute(Query(None, (NUMBER,)), Limits()))  # type: ignore[arg-type]


def test_many_queries_leave_no_thread_behind(database: duckdb.DuckDBPyConnection) -> None:
    engine = DuckDbEngine(database.cursor, lambda *_: ("SELECT 1", None))
    query = Query(None, (NUMBER,))  # type: ignore[arg-type]
    list(engine.execute(query, Limits(10, 60.0)))
    before = threading.active_count()
    for _ in range(300):
        list(engine.execute(query, Limits(10, 60.0)))
    assert threading.active_count() <= before


class PublicCursor:
    """A cursor with nothing but what DuckDB documents."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self.sql, self.interrupt, self.close = cursor.sql, cursor.interrupt, cursor.close


def test_the_public_interface_alone_gives_the_same(database: duckdb.DuckDBPyConnection) -> None:
    sql, parameters = "SELECT i AS number FROM range($1) AS r(i) WHERE i % 3 = $2", [50_000, 1]
    query = Query(None, (NUMBER,))  # type: ignore[arg-type]
    cursors: list[Any] = [database.cursor, lambda: PublicCursor(database.cursor())]
    answers = [
        [batch.to_pydict() for batch in DuckDbEngine(cursor, lambda *_: (sql, parameters)).execute(query, Limits())]
        for cursor in cursors
    ]
    assert answers[0] == answers[1]
    assert sum(len(batch["number"]) for batch in answers[0]) == 16_667


def test_a_query_is_explained_with_sql_parameters_and_plan(database: duckdb.DuckDBPyConnection) -> None:
    sql, parameters = "SELECT i AS number FROM range($1) AS r(i) WHERE i % 3 = $2", [50_000, 1]
    explained = DuckDbEngine(database.cursor, lambda *_: (sql, parameters)).explain(Query(None, (NUMBER,)))  # type: ignore[arg-type]
    assert explained.startswith(sql)
    assert "$1 = 50000\n$2 = 1" in explained
    assert "range" in explained.split("$2 = 1")[1].lower()
