# ruff: noqa: S608 - names come from descriptions of tables.
"""Rows of the truth as Arrow batches, all from one snapshot."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql
import adbc_driver_postgresql.dbapi
import pyarrow as pa
import sqlalchemy as sa

from schema.prefetch import prefetched
from schema.replication.tables import KEY, ReplicatedTable, quoted

_LOCK_SECONDS = 10
_BATCH_BYTES = 4 * 1024 * 1024
_MANY_ROWS = 50_000
_RANGES_PER_QUERY = 200
_MOST_RANGES = 5_000

Ranges = Sequence[tuple[int, int]]


class Snapshot:
    """One repeatable-read snapshot of the truth.

    Attributes
    ----------
    connection
        SQLAlchemy connection inside the snapshot, for small questions.
    """

    def __init__(self, connection: sa.Connection, url: str) -> None:
        self.connection = connection
        self._url = url
        self._arrow: Any = None

    @contextlib.contextmanager
    def rows(
        self, table: ReplicatedTable, ranges: Ranges | None, stop: threading.Event | None = None
    ) -> Iterator[Iterable[pa.RecordBatch]]:
        """Open rows of a table, batch by batch; memory does not grow with their number.

        Parameters
        ----------
        table
            Gives the columns `ReplicatedTable.stored`; those without any value may be missing where rows are many.
        ranges
            Ranges of the key, both ends included; None for all rows.
        stop
            When it is set, reading ends with an error.

        Raises
        ------
        InterruptedError
            Raised while rows are read, when `stop` is set.
        """
        batches = self._read(table, ranges)
        if _are_many(ranges):
            batches = prefetched(batches)
        batches = self._stoppable(batches, stop)
        try:
            yield batches
        finally:
            batches.close()

    def close(self) -> None:
        """End the snapshot on the Arrow side."""
        if self._arrow is not None:
            self._arrow.close()
            self._arrow = None

    @staticmethod
    def _stoppable(batches: Iterator[pa.RecordBatch], stop: threading.Event | None) -> Any:
        for batch in batches:
            if stop is not None and stop.is_set():
                raise InterruptedError("Reading the truth was stopped.")
            yield batch

    def _read(self, table: ReplicatedTable, ranges: Ranges | None) -> Iterator[pa.RecordBatch]:
        names = self._names_with_values(table) if _are_many(ranges) else table.stored
        columns = ", ".join(
            f"{quoted(name)}::text" if isinstance(table.truth.columns[name].type, sa.JSON) else quoted(name)
            for name in names
        )
        select = f"SELECT {columns} FROM {_sql_name(table)}"
        if ranges is None:
            yield from self._query(select)
            return
        for start in range(0, len(ranges), _RANGES_PER_QUERY):
            tests = " OR ".join(
                f"{KEY} BETWEEN {lo:d} AND {hi:d}" for lo, hi in ranges[start : start + _RANGES_PER_QUERY]
            )
            yield from self._query(f"{select} WHERE {tests}")

    def _names_with_values(self, table: ReplicatedTable) -> list[str]:
        """Columns of a table that are not NULL throughout: counting takes a tenth of the time of transfer."""
        counts = ", ".join(f"count({quoted(name)}) > 0" for name in table.stored)
        found = self.connection.exec_driver_sql(f"SELECT {counts} FROM {_sql_name(table)}").one()
        return [name for name, holds in zip(table.stored, found, strict=True) if holds or name == KEY]

    def _query(self, sql: str) -> Iterator[pa.RecordBatch]:
        with self._join().cursor() as cursor:
            cursor.adbc_statement.set_options(
                **{adbc_driver_postgresql.StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(_BATCH_BYTES)}
            )
            cursor.execute(sql)
            with cursor.fetch_record_batch() as reader:
                yield from reader

    def _join(self) -> Any:
        """Arrow connection that sees the same snapshot."""
        if self._arrow is None:
            name = self.connection.scalar(sa.text("SELECT pg_export_snapshot()"))
            self._arrow = adbc_driver_postgresql.dbapi.connect(self._url, autocommit=True)
            with self._arrow.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")
                # A change of the table may wait between the two connections for the first to end: it wins.
                cursor.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'")
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                cursor.execute(f"SET TRANSACTION SNAPSHOT '{name}'")
        return self._arrow


@contextlib.contextmanager
def open_snapshot(engine: sa.Engine, url: str, tables: Iterable[ReplicatedTable] = ()) -> Iterator[Snapshot]:
    """Open a snapshot of the truth.

    Parameters
    ----------
    engine
        Connections to the truth.
    url
        Address of the same database as libpq reads it.
    tables
        Kept from TRUNCATE and ALTER TABLE, which do not respect snapshots, until the snapshot is closed.

    Raises
    ------
    sqlalchemy.exc.OperationalError, adbc_driver_manager.Error
        Raised, here or while rows are read, when the database cannot be reached.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        names = [_sql_name(table) for table in tables]
        if names:
            # Locking comes before the first query, with which the snapshot is taken.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            connection.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN ACCESS SHARE MODE")
        snapshot = Snapshot(connection, url)
        try:
            yield snapshot
        finally:
            # The Arrow side may have lost its connection already.
            with contextlib.suppress(adbc_driver_manager.Error):
                snapshot.close()


def _are_many(ranges: Ranges | None) -> bool:
    return ranges is None or sum(hi - lo + 1 for lo, hi in ranges) > _MANY_ROWS


def _sql_name(table: ReplicatedTable) -> str:
    return f"{quoted(table.truth.schema or 'public')}.{quoted(table.truth.name)}"


def joined(ranges: Iterable[tuple[int, int]], most: int = _MOST_RANGES) -> tuple[tuple[int, int], ...]:
    """Merge ranges of integers that touch or overlap.

    Where more than `most` are left, the smallest gaps are closed: a row that is read although it has not changed does
    no harm.

    Returns
    -------
    ranges
        Disjoint, ascending, both ends included.
    """
    merged: list[tuple[int, int]] = []
    for lo, hi in sorted(ranges):
        if merged and lo <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], hi))
        else:
            merged.append((lo, hi))
    if len(merged) <= most:
        return tuple(merged)
    gaps = sorted(range(1, len(merged)), key=lambda place: merged[place][0] - merged[place - 1][1], reverse=True)
    kept = sorted(gaps[: most - 1])
    starts, ends = [0, *kept], [*kept, len(merged)]
    return tuple((merged[start][0], merged[end - 1][1]) for start, end in zip(starts, ends, strict=True))
