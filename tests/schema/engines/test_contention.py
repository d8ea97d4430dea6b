"""What happens when queries together need more memory than there is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from schema.engines.contention import Contention
from schema.engines.duckdb import DuckDbEngine
from schema.engines.duckdb_file import DuckDbFile, DuckDbSettings
from schema.engines.execute import EngineError, Limits, Query
from vo.tables.field import Field

NUMBER = Field("number", "long")
ROWS = "(SELECT i, i % 7 AS k, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS t FROM range({count}) AS r(i))"
GREEDY = {
    "sort": f"SELECT i FROM {ROWS.format(count=30_000_000)} ORDER BY t || t || t, k",
    "groups": f"SELECT count(*) FROM {ROWS.format(count=30_000_000)} GROUP BY t || t || t",
}
MODEST = f"SELECT i FROM {ROWS.format(count=60_000)} ORDER BY t LIMIT 5"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    file = DuckDbFile(tmp_path / "replica", DuckDbSettings("100MB", "100MB", 2))
    connection = file.open()
    yield connection
    connection.close()
    file.close()


class Archive:
    """Engine that takes SQL for what the compiler makes of a query."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._engine = DuckDbEngine(database.cursor, lambda select, _: (str(select), None))

    def ask(self, sql: str) -> int:
        """Rows of an answer."""
        query = Query(sql, (NUMBER,))  # type: ignore[arg-type]
        return sum(batch.num_rows for batch in self._engine.execute(query, Limits(seconds=60.0)))


@pytest.mark.parametrize("sql", GREEDY.values(), ids=GREEDY)
def test_a_greedy_query_is_stopped_with_a_sentence_and_modest_ones_beside_it_go_on(
    sql: str, database: duckdb.DuckDBPyConnection
) -> None:
    archive, done = Archive(database), threading.Event()
    answers: list[int | str] = []

    def be_modest() -> None:
        while not done.is_set():
            try:
                answers.append(archive.ask(MODEST))
            except EngineError as error:
                answers.append(str(error))

    others = [threading.Thread(target=be_modest) for _ in range(3)]
    for other in others:
        other.start()
    try:
        with pytest.raises(EngineError, match=r"more memory than all queries together may use; .* TOP"):
            archive.ask(sql)
    finally:
        done.set()
        for other in others:
            other.join()
    assert set(answers) == {5}


def test_the_oldest_gives_way_and_the_one_that_asks_waits_until_it_is_gone() -> None:
    contention, stopped, order = Contention(), threading.Event(), list[str]()

    def work() -> None:
        with contention.entered(stopped.set) as contender:
            entered.set()
            stopped.wait(10.0)
            time.sleep(0.05)
            order.append("gone" if contender.gave_way else "never stopped")

    entered = threading.Event()
    old = threading.Thread(target=work)
    old.start()
    entered.wait(10.0)
    with contention.entered(lambda: None) as young:
        assert contention.make_room(young)
        order.append("room")
        old.join()
        assert not contention.make_room(young)
    assert order == ["gone", "room"]
