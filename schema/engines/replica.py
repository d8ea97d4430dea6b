# ruff: noqa: S608 - names come from descriptions of tables; what users write arrives as bound parameters.
"""The columnar copy of the truth: its file, its state, and changes that come whole."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import structlog

from schema.engines.duckdb import error_kind, is_damage
from schema.engines.duckdb_file import DuckDbFile, DuckDbSettings
from schema.engines.execute import EngineUnavailableError
from schema.engines.stores import Stores, hold, let_go
from schema.replication.sky import with_sky
from schema.replication.tables import ReplicatedTable, literal, quoted

_FORMAT = 2
"""Raised when a replica file of before cannot be used any longer."""

_SMALL_RANGE = 1_000
_ROW_GROUP = 122_880
"""Rows that DuckDB keeps, and skips, together."""

_UNSORTED_PART = 0.05

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """Which snapshot of which truth the replica shows.

    Attributes
    ----------
    truth
        UUID of the truth.
    revision
        Last revision that is in.
    token
        Token of that revision; another truth, or one restored from a dump, has another one.
    fingerprint
        Of the columns of the replicated tables in the truth.
    """

    truth: str
    revision: int
    token: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class TableUpdate:
    """Rows of one table that replace others.

    Attributes
    ----------
    table
        Which table.
    ranges
        Ranges of ``row_id``, both ends included, whose rows go; None for the whole table.
    rows
        Opens the rows that stand there now, in batches that all have the same columns; those of
        `ReplicatedTable.stored` that are missing have no values.
    """

    table: ReplicatedTable
    ranges: tuple[tuple[int, int], ...] | None
    rows: Callable[[], contextlib.AbstractContextManager[Iterable[pa.RecordBatch]]]


class Replica:
    """A DuckDB database that always shows exactly one snapshot of the truth, or none yet.

    One thread, the follower, changes it; any number of threads take cursors.

    Parameters
    ----------
    folder
        Holds the database file. It may be deleted while nobody uses it; it is then made again.
    tables
        What is copied.
    described
        Content of TAP_SCHEMA by table, as `schema.describe` gives it.
    settings
        Limits.
    attachable
        Folder of further databases, which `show` attaches.

    Raises
    ------
    EngineUnavailableError
        Raised when another process holds the file.
    """

    def __init__(
        self,
        folder: Path,
        tables: tuple[ReplicatedTable, ...],
        described: dict[str, pa.Table],
        settings: DuckDbSettings | None = None,
        attachable: Path | None = None,
    ) -> None:
        self._tables = tables
        self._described = described
        self._file = DuckDbFile(folder, settings or DuckDbSettings(), attachable)
        self._lock = threading.Lock()
        self._showing = threading.Lock()
        self._stores, self._former_stores = Stores(), Stores()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._state: ReplicaState | None = None
        self._suspicion: Exception | None = None
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    @property
    def tables(self) -> tuple[ReplicatedTable, ...]:
        """What is copied."""
        return self._tables

    @property
    def state(self) -> ReplicaState | None:
        """The snapshot that queries see; None while there is none."""
        return self._state

    def rows(self, table: ReplicatedTable) -> int:
        """Rows of a table in the snapshot that queries see."""
        with self._cursor() as cursor:
            found = cursor.execute("SELECT rows FROM replica.tables WHERE name = ?", [table.name]).fetchall()
        return int(found[0][0]) if found else 0

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Cursor for one query.

        Raises
        ------
        EngineUnavailableError
            Raised before the first copy is complete and after `close`.
        """
        with self._lock:
            if self._database is None:
                raise EngineUnavailableError("The archive's query engine is not running.")
            if self._state is None:
                raise EngineUnavailableError("The archive is still building its tables; try again in a few minutes.")
            return self._database.cursor()

    def show(self, stores: Stores) -> frozenset[str]:
        """Hold some stores beside those of last time, which running queries may still read, and let older ones go.

        Returns
        -------
        unreadable
            Names of databases that cannot be attached; if there are any, nothing else changes.
        """
        with self._showing:
            with self._cursor() as cursor:
                unreadable = hold(cursor, stores)
                if unreadable:
                    return unreadable
                let_go(cursor, stores, self._stores)
            self._stores, self._former_stores = stores, self._stores
        return frozenset()

    def apply(self, state: ReplicaState, updates: Iterable[TableUpdate]) -> None:
        """Replace rows and the state in one transaction: readers see all of it or nothing.

        Raises
        ------
        duckdb.Error, Exception
            Raised when reading the rows or writing them fails; nothing has changed then.
        """
        with self._transaction() as cursor:
            for update in updates:
                if update.ranges is None:
                    self._fill(cursor, update)
                else:
                    self._replace(cursor, update)
            self._write_state(cursor, state)
        with self._lock:
            self._state = state

    def sort(self) -> None:
        """Merge what came in since into the sorted part, table by table, where that has grown."""
        for table in self._tables:
            with self._cursor() as cursor:
                row = cursor.execute(
                    "SELECT unsorted, rows FROM replica.tables WHERE name = ?", [table.name]
                ).fetchone()
            if row is not None and row[0] > max(_ROW_GROUP, _UNSORTED_PART * row[1]):
                with self._transaction() as cursor:
                    cursor.execute(f"CREATE TABLE replica.sorted ({table.columns_sql()})")
                    cursor.execute(f"INSERT INTO replica.sorted SELECT * FROM {table.store} ORDER BY {table.order}")
                    self._swap(cursor, table)
                log.info("replica sorted", table=table.name, rows=row[1])

    def suspect(self, error: Exception) -> None:
        """Note an error that may come of a broken file; the follower looks into it (`check`)."""
        self._suspicion = error

    def check(self) -> None:
        """Begin with an empty database if a suspicion turns out to be true."""
        error, self._suspicion = self._suspicion, None
        if error is None:
            return
        if not str(error).startswith("IO Error: Corrupt"):
            try:
                with self._cursor() as cursor:
                    self._read_state(cursor)
                return
            except (duckdb.Error, EngineUnavailableError) as probe:
                error = probe
        log.error("replica damaged, built anew", reason=error_kind(error))
        self.reset()

    def reset(self) -> None:
        """Begin with an empty database; queries are refused until it is filled."""
        with self._lock:
            database, self._database, self._state = self._database, None, None
        if database is not None:
            # Cursors that still read keep the old database, which has no name any longer.
            with contextlib.suppress(duckdb.Error):
                database.close()
        self._file.renew()
        self._open()

    def close(self) -> None:
        """Close the database; queries that still read end with an error. Closing twice does nothing."""
        with self._lock:
            database, self._database, self._state = self._database, None, None
        if database is not None:
            database.close()
            self._file.close()

    def _open(self) -> None:
        try:
            database = self._file.open()
        except duckdb.Error as error:
            log.warning("replica unreadable, built anew", reason=error_kind(error))
            self._file.renew()
            database = self._file.open()
        try:
            with database.cursor() as cursor:
                state = self._prepare(cursor)
        except duckdb.Error as error:
            if not is_damage(error) and error_kind(error) not in ("Catalog", "Binder"):
                database.close()
                raise
            log.warning("replica damaged, built anew", reason=error_kind(error))
            database.close()
            self._file.renew()
            database = self._file.open()
            with database.cursor() as cursor:
                state = self._prepare(cursor)
        with database.cursor() as cursor:
            let_go(cursor)
            hold(cursor, self._former_stores)
            hold(cursor, self._stores)
        with self._lock:
            self._database, self._state = database, state

    def _prepare(self, cursor: duckdb.DuckDBPyConnection) -> ReplicaState | None:
        """Make tables and views; the state that is found, None if the copy must be made."""
        cursor.begin()
        try:
            cursor.execute("CREATE SCHEMA IF NOT EXISTS replica")
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS replica.state"
                " (truth VARCHAR, revision BIGINT, token VARCHAR, fingerprint VARCHAR, layout VARCHAR)"
            )
            cursor.execute("CREATE TABLE IF NOT EXISTS replica.tables (name VARCHAR, rows BIGINT, unsorted BIGINT)")
            cursor.execute("DELETE FROM replica.state WHERE layout <> ?", [self._layout()])
            state = self._read_state(cursor)
            if state is None:
                for table in self._tables:
                    self._create(cursor, table)
            self._write_views(cursor)
            cursor.commit()
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                cursor.rollback()
            raise
        return state

    def _create(self, cursor: duckdb.DuckDBPyConnection, table: ReplicatedTable) -> None:
        cursor.execute(f"DROP TABLE IF EXISTS {table.store}")
        cursor.execute(f"CREATE TABLE {table.store} ({table.columns_sql()})")
        cursor.execute("DELETE FROM replica.tables WHERE name = ?", [table.name])
        cursor.execute("INSERT INTO replica.tables VALUES (?, 0, 0)", [table.name])

    def _write_views(self, cursor: duckdb.DuckDBPyConnection) -> None:
        for table in self._tables:
            published = table.published
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(published.schema)}")
            cursor.execute(
                f"CREATE OR REPLACE VIEW {quoted(published.schema)}.{quoted(published.name)} AS {table.view_sql()}"
            )
        cursor.execute("CREATE SCHEMA IF NOT EXISTS tap_schema")
        for name, rows in self._described.items():
            with _registered(cursor, rows) as source:
                cursor.execute(f"CREATE OR REPLACE TABLE tap_schema.{quoted(name)} AS SELECT * FROM {source}")

    def _layout(self) -> str:
        """What a file of before must have been made for."""
        parts = [str(_FORMAT), *(f"{table.name}({table.columns_sql()}) {table.position}" for table in self._tables)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _read_state(self, cursor: duckdb.DuckDBPyConnection) -> ReplicaState | None:
        row = cursor.execute("SELECT truth, revision, token, fingerprint FROM replica.state").fetchone()
        cursor.abort()
        return None if row is None else ReplicaState(*row)

    def _write_state(self, cursor: duckdb.DuckDBPyConnection, state: ReplicaState) -> None:
        cursor.execute("DELETE FROM replica.state")
        cursor.execute(
            "INSERT INTO replica.state VALUES (?, ?, ?, ?, ?)",
            [state.truth, state.revision, state.token, state.fingerprint, self._layout()],
        )

    def _fill(self, cursor: duckdb.DuckDBPyConnection, update: TableUpdate) -> None:
        """Copy a whole table, sorted, and put it in the place of the old one."""
        table = update.table
        cursor.execute(f"CREATE TABLE replica.sorted ({table.columns_sql()})")
        with update.rows() as batches:
            _insert(cursor, "replica.sorted", table, batches)
        self._swap(cursor, table)

    def _replace(self, cursor: duckdb.DuckDBPyConnection, update: TableUpdate) -> None:
        table = update.table
        assert update.ranges is not None
        before = _count(cursor, table.store)
        small = [pair for pair in update.ranges if pair[1] - pair[0] < _SMALL_RANGE]
        if small:
            pairs = pa.table({"lo": [lo for lo, _ in small], "hi": [hi for _, hi in small]})
            with _registered(cursor, pairs) as source:
                cursor.execute(
                    f"DELETE FROM {table.store} WHERE row_id IN (SELECT unnest(generate_series(lo, hi)) FROM {source})"
                )
        for lo, hi in update.ranges:
            if hi - lo >= _SMALL_RANGE:
                cursor.execute(f"DELETE FROM {table.store} WHERE row_id BETWEEN ? AND ?", [lo, hi])
        kept = _count(cursor, table.store)
        with update.rows() as batches:
            _insert(cursor, table.store, table, batches)
        now = _count(cursor, table.store)
        # What came in is sorted in itself: however large, it costs a query one more row group.
        unsorted = min(before - kept + now - kept, kept, _ROW_GROUP)
        cursor.execute(
            "UPDATE replica.tables SET rows = ?, unsorted = unsorted + ? WHERE name = ?", [now, unsorted, table.name]
        )

    def _swap(self, cursor: duckdb.DuckDBPyConnection, table: ReplicatedTable) -> None:
        cursor.execute(f"DROP TABLE IF EXISTS {table.store}")
        cursor.execute(f"ALTER TABLE replica.sorted RENAME TO {table.store.removeprefix('replica.')}")
        cursor.execute("DELETE FROM replica.tables WHERE name = ?", [table.name])
        cursor.execute(f"INSERT INTO replica.tables SELECT {literal(table.name)}, count(*), 0 FROM {table.store}")

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            if self._database is None:
                raise EngineUnavailableError("The archive's query engine is not running.")
            cursor = self._database.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
                cursor.commit()
            except BaseException as error:
                if isinstance(error, Exception) and is_damage(error):
                    self.suspect(error)
                with contextlib.suppress(duckdb.Error):
                    cursor.rollback()
                raise


def _count(cursor: duckdb.DuckDBPyConnection, table: str) -> int:
    row = cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    return int(row[0])


def _insert(
    cursor: duckdb.DuckDBPyConnection, target: str, table: ReplicatedTable, batches: Iterable[pa.RecordBatch]
) -> None:
    """Append rows, sorted, with the hidden columns behind them."""
    rows = (with_sky(batch, table.position, table.regions) for batch in batches)
    first = next(rows, None)
    if first is None:
        return
    reader = pa.RecordBatchReader.from_batches(first.schema, itertools.chain((first,), rows))
    names = ", ".join(quoted(name) for name in first.schema.names)
    values = ", ".join(table.incoming_sql(name) for name in first.schema.names)
    with _registered(cursor, reader) as source:
        cursor.execute(f"INSERT INTO {target} ({names}) SELECT {values} FROM {source} ORDER BY {table.order}")


@contextlib.contextmanager
def _registered(cursor: duckdb.DuckDBPyConnection, rows: pa.Table | pa.RecordBatchReader) -> Iterator[str]:
    """Name under which SQL reads some rows."""
    cursor.register("incoming", rows)
    try:
        yield "incoming"
    finally:
        cursor.unregister("incoming")
