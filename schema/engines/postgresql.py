# ruff: noqa: S608 - names come from descriptions of tables; what users write arrives as bound parameters.
"""The live engine: PostgreSQL itself answers, with nothing between the commit and the query."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg2
import psycopg2.errors
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import visitors

from schema.engines.attached import attach_to_postgresql
from schema.engines.conform import Conformer
from schema.engines.deadlines import Deadline, Deadlines
from schema.engines.execute import OVER_MEMORY, EngineError, EngineUnavailableError, Limits, Query, over_time
from schema.engines.live import live_tables
from schema.replication.tables import ReplicatedTable
from vo.tables.field import arrow_type
from vo.tables.stream import TableStream

_BATCH_ROWS = 4_096
_PG_SPHERE: Any = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
_PG_SPHERE.has_pg_sphere = True
_DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


class PostgreSqlEngine:
    """Answers queries from the tables of the truth.

    Parameters
    ----------
    engine
        Connections to the database.
    tables
        What is published and where it stands.
    described
        Content of TAP_SCHEMA by table, as `schema.describe` gives it.
    has_pg_sphere
        Whether the extension pg_sphere may serve, as `schema.engines.live.prepare_live` tells.
    """

    def __init__(
        self,
        engine: sa.Engine,
        tables: tuple[ReplicatedTable, ...],
        described: Mapping[str, pa.Table],
        *,
        has_pg_sphere: bool = False,
    ) -> None:
        self._dialect = _PG_SPHERE if has_pg_sphere else _DIALECT
        self._engine = engine
        self._live = live_tables(tables, described)
        self._deadlines = Deadlines()

    def execute(self, query: Query, limits: Limits) -> TableStream:
        """Run a query; see `schema.engines.execute.Engine`."""
        if limits.maxrec == 0:
            return TableStream(query.fields, (), maxrec=0)
        try:
            compiled = self._over_live_tables(query.select).compile(dialect=self._dialect)
        except RecursionError:
            raise EngineError("The query is nested too deeply; simplify it.") from None
        sql = str(compiled)
        if limits.maxrec is not None:
            sql = f"SELECT * FROM ({sql}) AS answer LIMIT {limits.maxrec + 1:d}"
        run = _Run(self._engine, sql, compiled.construct_params(query.parameters), query, self._deadlines, limits)
        return TableStream(query.fields, run, maxrec=limits.maxrec, release=run.close)

    def explain(self, query: Query, *, seconds: float | None = None) -> str:
        """SQL of a query, its parameters and PostgreSQL's plan for it: for those who run the archive.

        Parameters
        ----------
        query
            Without tables that come with it.
        seconds
            Run the query, for so long at most, and let the plan say what each step took; None to run nothing.

        Raises
        ------
        EngineError
            Raised when the database fails on the query, in its words.
        """
        compiled = self._over_live_tables(query.select).compile(dialect=self._dialect)
        values = compiled.construct_params(query.parameters)
        options = "EXPLAIN" if seconds is None else "EXPLAIN (ANALYZE, BUFFERS)"
        try:
            with self._engine.connect() as connection:
                limit = f"SET LOCAL statement_timeout = {int(1000 * (seconds or 0)):d}"
                connection.exec_driver_sql(limit)
                plan = connection.exec_driver_sql(f"{options} {compiled}", values).scalars().all()
        except sa.exc.SQLAlchemyError as error:
            raise EngineError(str(getattr(error, "orig", error))) from None
        listed = "".join(f"\n%({name})s = {value!r}" for name, value in values.items())
        return f"{compiled}\n{listed}\n\n" + "\n".join(plan)

    def _over_live_tables(self, select: Any) -> Any:
        """The same select over what stands in the database instead of the published tables."""
        derived: dict[sa.FromClause, sa.FromClause] = {}

        def live(table: sa.FromClause) -> sa.FromClause | None:
            if isinstance(table, sa.Table) and table not in derived and table.fullname in self._live:
                derived[table] = self._live[table.fullname].subquery(table.name)
            return derived.get(table)

        def replace(element: Any, **_: Any) -> Any:
            if isinstance(element, sa.Table):
                return live(element)
            if isinstance(element, sa.Column) and (source := live(element.table)) is not None:
                return source.c[element.name]
            return None

        return visitors.replacement_traverse(select, {}, replace)


class _Run:
    """One running query with its connection and its deadline."""

    def __init__(
        self,
        engine: sa.Engine,
        sql: str,
        parameters: Mapping[str, Any],
        query: Query,
        deadlines: Deadlines,
        limits: Limits,
    ) -> None:
        self._engine = engine
        self._sql = sql
        self._parameters = parameters
        self._fields = query.fields
        self._attached = query.attached
        self._types = tuple(arrow_type(field) for field in query.fields)
        self._conform = Conformer(query.fields)
        self._connection: Any = None
        self._cursor: Any = None
        self._deadlines = deadlines
        self._stopping: Deadline | None = None
        self._closed = False
        self._busy = threading.Lock()
        self._swap = threading.Lock()
        self._limits = limits
        self._deadline = None if limits.seconds is None else deadlines.watch(limits.seconds, self._cancel)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while rows := self._read():
            columns = [_array([row[place] for row in rows], wanted) for place, wanted in enumerate(self._types)]
            yield self._conform(pa.RecordBatch.from_arrays(columns, names=[field.name for field in self._fields]))

    def _read(self) -> list[tuple[Any, ...]]:
        try:
            with self._busy:
                if self._closed:
                    return []
                self._check_time()
                if self._cursor is None:
                    self._start()
                rows: list[tuple[Any, ...]] = self._cursor.fetchmany(_BATCH_ROWS)
            self._check_time()
            return rows
        except (psycopg2.Error, sa.exc.SQLAlchemyError) as error:
            raise self._translate(error) from None
        finally:
            if self._closed:
                self._free()

    def _start(self) -> None:
        connection = self._engine.raw_connection()
        with self._swap:
            self._connection = connection
        driver: Any = connection.driver_connection
        driver.set_session(isolation_level="REPEATABLE READ", readonly=not self._attached)
        if self._attached:
            attach_to_postgresql(driver, self._attached)
        self._cursor = driver.cursor(name="answer")
        self._cursor.execute(self._sql, dict(self._parameters))

    def close(self) -> None:
        """Stop the query and free its connection; a read under way in another thread is cancelled and frees it then."""
        if self._closed:
            return
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        if not self._free():
            self._stopping = self._deadlines.watch(0, self._cancel)
            self._free()

    def _free(self) -> bool:
        if not self._busy.acquire(blocking=False):
            return False
        try:
            with self._swap:
                connection, self._connection = self._connection, None
            self._cursor = None
            if connection is not None:
                _give_back(connection)
        finally:
            self._busy.release()
        if self._stopping is not None:
            self._stopping.cancel()
        return True

    def _cancel(self) -> None:
        with self._swap:
            if self._connection is not None:
                with contextlib.suppress(psycopg2.Error):
                    self._connection.driver_connection.cancel()

    def _check_time(self) -> None:
        if self._deadline is not None and self._deadline.passed:
            raise over_time(self._limits.seconds, self._limits.way_on)

    def _translate(self, error: Exception) -> EngineError:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
        if self._deadline is not None and self._deadline.passed:
            return over_time(self._limits.seconds, self._limits.way_on)
        for kind, sentence in _SENTENCES:
            if isinstance(cause, kind):
                return EngineError(sentence)
        if isinstance(cause, (psycopg2.OperationalError, psycopg2.InterfaceError, sa.exc.TimeoutError)):
            return EngineUnavailableError("The archive's database cannot be reached; try again in a minute.")
        return EngineError("The query engine could not answer this query.")


_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (psycopg2.errors.QueryCanceled, "The query was stopped."),
    (psycopg2.errors.NumericValueOutOfRange, "A value of the query is out of the range of its type."),
    (psycopg2.errors.OutOfMemory, OVER_MEMORY),
    (psycopg2.DataError, "A value of the query cannot be converted to the type asked for."),
)


def _give_back(connection: Any) -> None:
    """End the transaction and let others have the connection; a broken one is thrown away."""
    try:
        connection.driver_connection.rollback()
        connection.driver_connection.set_session(isolation_level="DEFAULT", readonly="DEFAULT")
    except psycopg2.Error:
        connection.invalidate()
    connection.close()


def _array(values: list[Any], wanted: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # Sums come as decimals, instants of some functions with a zone; the caller brings them to their type.
        return pa.array(values)
