# ruff: noqa: S608 - names come from descriptions of tables; what users write arrives as bound parameters.
"""The default engine: DuckDB in the process of the server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from schema.engines.attached import attach_to_duckdb
from schema.engines.conform import Conformer
from schema.engines.contention import Contender, Contention
from schema.engines.deadlines import Deadline, Deadlines
from schema.engines.execute import (
    OVER_MEMORY,
    AttachedTable,
    EngineError,
    EngineUnavailableError,
    Limits,
    Query,
    over_time,
)
from schema.engines.precedence import Precedence
from vo.tables.stream import TableStream

Render = Callable[[sa.Select[Any] | sa.CompoundSelect[Any], Mapping[str, Any] | None], tuple[str, Any]]
"""Turns a select, and values for parameters of it, into DuckDB's SQL and its parameters."""

_BATCH_ROWS = 16_384
"""Small enough for an early first byte and a small memory, large enough for column-wise work."""


class DuckDbEngine:
    """Answers queries from one DuckDB database; any number of threads may ask at once.

    Parameters
    ----------
    open_cursor
        Gives a cursor of its own for each query; raises `EngineUnavailableError` while there is no database.
    render
        Compiles selects.
    report_damage
        Called when an error says that the database itself is broken.
    batch_rows
        Rows of a batch.
    """

    def __init__(
        self,
        open_cursor: Callable[[], duckdb.DuckDBPyConnection],
        render: Render,
        *,
        report_damage: Callable[[Exception], None] | None = None,
        batch_rows: int = _BATCH_ROWS,
    ) -> None:
        self._open_cursor = open_cursor
        self._render = render
        self._report_damage = report_damage
        self._batch_rows = batch_rows
        self._deadlines = Deadlines()
        self._precedence = Precedence()
        self._contention = Contention()

    def execute(self, query: Query, limits: Limits) -> TableStream:
        """Run a query; see `schema.engines.execute.Engine`."""
        if limits.maxrec == 0:
            return TableStream(query.fields, (), maxrec=0)
        sql, parameters = self._render(query.select, query.parameters)
        if limits.maxrec is not None:
            sql = _limited(query.select, sql, limits.maxrec + 1)
        run = _Run(
            self._open_cursor,
            sql,
            parameters,
            query.attached,
            self._batch_rows,
            self._deadlines,
            self._precedence,
            self._contention,
            self._report_damage,
        )
        if limits.seconds is not None:
            run.limit(limits.seconds, limits.way_on)
        conform = Conformer(query.fields)
        return TableStream(
            query.fields,
            (conform(batch) for batch in run),
            maxrec=limits.maxrec,
            release=run.close,
        )

    def explain(self, query: Query, *, seconds: float | None = None) -> str:
        """SQL of a query, its parameters and DuckDB's plan for it: for those who run the archive, not for its users.

        Parameters
        ----------
        query
            Without tables that come with it.
        seconds
            Run the query, for so long at most, and let the plan say what each step took; None to run nothing.

        Raises
        ------
        EngineUnavailableError
            Raised while there is no database.
        EngineError
            Raised when the engine fails on the query, in the engine's words.
        """
        sql, parameters = self._render(query.select, query.parameters)
        cursor = self._open_cursor()
        deadline = None if seconds is None else self._deadlines.watch(seconds, cursor.interrupt)
        how = "EXPLAIN" if seconds is None else "EXPLAIN ANALYZE"
        try:
            plan = cursor.execute(f"{how} {sql}", parameters or None).fetchall()
        except duckdb.Error as error:
            is_late = deadline is not None and deadline.passed
            raise over_time(seconds) if is_late else EngineError(str(error)) from None
        finally:
            if deadline is not None:
                deadline.cancel()
            cursor.close()
        values = "".join(f"\n${number} = {value!r}" for number, value in enumerate(parameters or (), start=1))
        return f"{sql}\n{values}\n\n{plan[0][1]}"


def _limited(select: sa.Select[Any] | sa.CompoundSelect[Any], sql: str, rows: int) -> str:
    """SQL that gives at most so many rows of a select; a query around it would cost half a millisecond."""
    if isinstance(select, sa.GenerativeSelect):
        if not select._has_row_limiting_clause:
            return f"{sql}\n LIMIT {rows:d}"
        limit = select._limit_clause
        if isinstance(limit, sa.BindParameter) and isinstance(limit.value, int) and limit.value <= rows:
            return sql
    return f"SELECT * FROM ({sql}) AS answer LIMIT {rows:d}"


class _Run:
    """One running query: its cursor, its reader, its deadline.

    The reader is touched under a lock only, because a stream may be closed by another thread than the one that reads.
    """

    def __init__(
        self,
        open_cursor: Callable[[], duckdb.DuckDBPyConnection],
        sql: str,
        parameters: Any,
        attached: tuple[AttachedTable, ...],
        batch_rows: int,
        deadlines: Deadlines,
        precedence: Precedence,
        contention: Contention,
        report_damage: Callable[[Exception], None] | None,
    ) -> None:
        self._open_cursor = open_cursor
        self._sql = sql
        self._parameters = parameters
        self._attached = attached
        self._batch_rows = batch_rows
        self._report_damage = report_damage
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._deadlines = deadlines
        self._precedence = precedence
        self._contention = contention
        self._contender: Contender | None = None
        self._seconds: float | None = None
        self._way_on = ""
        self._deadline: Deadline | None = None
        self._stopping: Deadline | None = None
        self._closed = False
        self._busy = threading.Lock()
        self._swap = threading.Lock()

    def limit(self, seconds: float, way_on: str) -> None:
        """Stop the query after so many seconds."""
        self._seconds, self._way_on = seconds, way_on
        self._deadline = self._deadlines.watch(seconds, self._interrupt)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._read()) is not None:
            yield batch

    def _read(self) -> pa.RecordBatch | None:
        try:
            with self._busy:
                if self._closed:
                    return None
                self._check_time()
                batch = self._first() if self._reader is None else self._next(self._reader)
            self._check_time()
            return batch
        except _ENGINE_ERRORS as error:
            raise self._translate(error) from None
        finally:
            if self._closed:
                self._free()

    def _next(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        with self._precedence.later():
            return next(reader, None)

    def _first(self) -> pa.RecordBatch | None:
        with self._precedence.first(), self._contention.entered(self._stop) as contender:
            self._contender = contender
            while True:
                try:
                    self._reader = reader = self._start()
                    return next(reader, None)
                except _ENGINE_ERRORS as error:
                    self._let_go()
                    is_short = error_kind(error) == "Out of Memory"
                    if not is_short or not self._contention.make_room(contender) or self._closed:
                        raise
                    self._check_time()

    def _start(self) -> pa.RecordBatchReader:
        self._cursor = cursor = self._open_cursor()
        attach_to_duckdb(cursor, self._attached)
        return _stream(cursor, self._sql, self._parameters, self._batch_rows)

    def _stop(self) -> None:
        """Make it end soon, whatever it does."""
        with self._swap:
            if self._stopping is None:
                self._stopping = self._deadlines.watch(0, self._interrupt)

    def close(self) -> None:
        """Stop the query and free its cursor; a read under way in another thread is interrupted and frees it then."""
        if self._closed:
            return
        self._closed = True
        if self._deadline is not None:
            self._deadline.cancel()
        if not self._free():
            self._stop()
            self._free()

    def _free(self) -> bool:
        if not self._busy.acquire(blocking=False):
            return False
        try:
            self._let_go()
        finally:
            self._busy.release()
        if self._stopping is not None:
            self._stopping.cancel()
        return True

    def _let_go(self) -> None:
        with self._swap:
            reader, self._reader = self._reader, None
            cursor, self._cursor = self._cursor, None
        if reader is not None:
            if cursor is not None:
                cursor.interrupt()
            # It may answer with the interrupt.
            with contextlib.suppress(pa.ArrowException, OSError, duckdb.Error):
                reader.close()
        if cursor is not None:
            cursor.close()

    def _interrupt(self) -> None:
        with self._swap:
            if self._cursor is not None:
                self._cursor.interrupt()

    def _check_time(self) -> None:
        if self._deadline is not None and self._deadline.passed:
            raise over_time(self._seconds, self._way_on)

    def _translate(self, error: Exception) -> EngineError:
        if isinstance(error, EngineError):
            return error
        if self._deadline is not None and self._deadline.passed:
            return over_time(self._seconds, self._way_on)
        if self._contender is not None and self._contender.gave_way:
            return EngineError(OVER_MEMORY)
        if is_damage(error):
            if self._report_damage is not None:
                self._report_damage(error)
            return EngineUnavailableError("The archive is renewing its query engine; try again in a few minutes.")
        kind = error_kind(error)
        if kind == "Connection":
            return EngineUnavailableError("The archive is restarting its query engine; try again in a minute.")
        return EngineError(_SENTENCES.get(kind, "The query engine could not answer this query."))


def _stream(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Any, batch_rows: int) -> pa.RecordBatchReader:
    """Start a query.

    A relation of DuckDB's public interface parses and binds the query first, to know its columns, and does so again
    when it runs: a third of the time of a small query. What it does last is done here at once, where this version has
    it.
    """
    submit: Any = getattr(cursor, "_submit", None)
    if submit is None:
        return cursor.sql(sql, params=parameters).to_arrow_reader(batch_rows)
    return submit(sql, parameters or None, "stream", batch_rows).arrow_reader()


_ENGINE_ERRORS = (duckdb.Error, pa.ArrowException, OSError, MemoryError, RuntimeError)
_SENTENCES = {
    "INTERRUPT": "The query was stopped.",
    "Out of Memory": OVER_MEMORY,
    "Out of Range": "A value of the query is out of the range of its type.",
    "Conversion": "A value of the query cannot be converted to the type asked for.",
    "Invalid Input": "A value of the query is not fit for the function that it is given to.",
}
_DAMAGE = ("FATAL", "INTERNAL", "Serialization")


def error_kind(error: Exception) -> str:
    """Kind of an error of DuckDB, such as ``Conversion``.

    It is read from the head of the text, since Arrow's reader hands errors on without their class; what follows the
    head may quote the user and decides nothing.
    """
    if isinstance(error, MemoryError):
        return "Out of Memory"
    return str(error).split(" Error:", 1)[0].strip()


def is_damage(error: Exception) -> bool:
    """Whether an error may mean that the database file is broken, rather than one query."""
    text = str(error)
    return error_kind(error) in _DAMAGE or text.startswith("IO Error: Corrupt database file")
