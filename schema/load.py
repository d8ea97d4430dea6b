# ruff: noqa: S608 - names come from descriptions of tables.
"""Many rows at once into a table of the truth, wholly or not at all."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from schema.load_columns import LoadError, RowPreparer
from schema.prefetch import prefetched

_CHUNK_ROWS = 40_000
_MANY_ROWS = 50_000
_TWICE = re.compile(r"Key \((.+?)\)=\((.*)\) (?:already exists|is duplicated)")
_STAGING = "quipu_staging"

Progress = Callable[[int, int], None]
"""Called with the rows that are in and the rows of the file."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    Attributes
    ----------
    rows
        Rows that came in.
    replaced
        Rows that went for them.
    skipped
        Columns of the file that the table does not have.
    cleared
        How many values became NULL because they cannot be meant, by column.
    """

    rows: int
    replaced: int
    skipped: tuple[str, ...]
    cleared: dict[str, int]


def load_parquet(
    url: str,
    table: sa.Table,
    path: Path,
    *,
    strict: bool = False,
    replace: bool = False,
    progress: Progress | None = None,
) -> LoadReport:
    """Load a Parquet file into a table in one transaction.

    Parameters
    ----------
    url
        Address of the truth as libpq reads it.
    table
        Table of the truth; columns are found by name, without regard to case (`schema.load_columns`).
    path
        File; read in chunks, so that memory does not grow with it.
    strict
        Refuse columns that the table does not have, instead of skipping them.
    replace
        Rows with an identifier that is there already take the place of the old ones, instead of being refused.
    progress
        Told after each chunk.

    Raises
    ------
    LoadError
        Raised with one sentence if the file cannot be read or a row cannot be taken; nothing has changed then.
    """
    try:
        with pq.ParquetFile(path) as file:
            return _load(url, table, file, strict=strict, replace=replace, progress=progress)
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror or error}.") from None
    except pa.ArrowInvalid as error:
        raise LoadError(f"{path} is not a readable Parquet file: {_first_line(error)}") from None


def _load(
    url: str, table: sa.Table, file: Any, *, strict: bool, replace: bool, progress: Progress | None
) -> LoadReport:
    preparer = RowPreparer(table, file.schema_arrow)
    if strict and preparer.skipped:
        raise LoadError(f"The table {table.fullname} has no column {', '.join(preparer.skipped)}.")
    total = int(file.metadata.num_rows)
    done = 0
    try:
        with adbc_driver_postgresql.dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            # The rows of one chunk, which the change log looks at, should fit into memory.
            cursor.execute("SET LOCAL work_mem = '128MB'")
            unique = [] if replace or total < _MANY_ROWS else _make_way(cursor, table, total)
            target = _target(cursor, table, replace=replace)
            for chunk in prefetched(_chunks(preparer, file)):
                with _row_errors(table, done):
                    cursor.adbc_ingest(data=chunk, mode="append", **target)
                done += chunk.num_rows
                if progress is not None:
                    progress(done, total)
            with _row_errors(table, 0):
                replaced = _replace(cursor, table, preparer.names) if replace else 0
                for statement in unique:
                    cursor.execute(statement)
            cursor.execute("COMMIT")
    except adbc_driver_manager.OperationalError as error:
        raise LoadError(f"The database cannot be reached or gave up: {_first_line(error)}") from None
    return LoadReport(done, replaced, preparer.skipped, dict(preparer.cleared))


def _chunks(preparer: RowPreparer, file: Any) -> Iterator[pa.RecordBatch]:
    for batch in file.iter_batches(_CHUNK_ROWS):
        yield preparer.prepare(batch)


def _make_way(cursor: Any, table: sa.Table, rows: int) -> list[str]:
    """Drop the unique constraints of a table that grows to twice its size or more; others wait until the load ends.

    Building an index of sorted keys once takes a third of the time that a million insertions into it take. Rows that
    come into a table emptied by the same transaction need not go through the write-ahead log, where the server keeps
    it minimal.

    Returns
    -------
    statements
        What brings the constraints back, and finds out whether the rows keep them.
    """
    cursor.execute(f"LOCK TABLE {table.fullname} IN ACCESS EXCLUSIVE MODE")
    cursor.execute(f"SELECT count(*) FROM {table.fullname}")
    held = cursor.fetchone()[0]
    if held > rows:
        return []
    if not held:
        cursor.execute(f"TRUNCATE {table.fullname}")
    cursor.execute("SET LOCAL maintenance_work_mem = '512MB'")
    cursor.execute(
        "SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        f" WHERE conrelid = '{table.fullname}'::regclass AND contype = 'u' ORDER BY conname"
    )
    constraints = cursor.fetchall()
    for name, _ in constraints:
        cursor.execute(f"ALTER TABLE {table.fullname} DROP CONSTRAINT {name}")
    return [f"ALTER TABLE {table.fullname} ADD CONSTRAINT {name} {rule}" for name, rule in constraints]


def _target(cursor: Any, table: sa.Table, *, replace: bool) -> dict[str, Any]:
    """Where to put the rows: the table, or a temporary one like it."""
    if not replace:
        return {"table_name": table.name, "db_schema_name": table.schema}
    cursor.execute(f"CREATE TEMPORARY TABLE {_STAGING} (LIKE {table.fullname}) ON COMMIT DROP")
    # The key is given when the rows move on.
    cursor.execute(f"ALTER TABLE {_STAGING} DROP COLUMN row_id")
    return {"table_name": _STAGING, "temporary": True}


def _replace(cursor: Any, table: sa.Table, names: tuple[str, ...]) -> int:
    """Move rows from the temporary table, in the place of those with the same identifier."""
    key = "obs_publisher_did" if "obs_publisher_did" in names else "dp_id"
    cursor.execute(f"DELETE FROM {table.fullname} AS held USING {_STAGING} AS given WHERE held.{key} = given.{key}")
    replaced = int(cursor.rowcount)
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(f"INSERT INTO {table.fullname} ({columns}) SELECT {columns} FROM {_STAGING}")
    return replaced


@contextlib.contextmanager
def _row_errors(table: sa.Table, before: int) -> Iterator[None]:
    """Turn what the database says about a row into a sentence.

    Parameters
    ----------
    before
        Rows that came before those of this statement.
    """
    try:
        yield
    except adbc_driver_manager.Error as error:
        text = str(error)
        line = re.search(r"COPY \w+, line (\d+)", text)
        row = f"Row {before + int(line[1])}" if line else "A row"
        if error.sqlstate == "23505" and (
            key := re.search(r"Key \((.+?)\)=\((.*)\) (?:already exists|is duplicated)", text)
        ):
            raise LoadError(
                f"{row} has the {key[1]} {key[2]}, which is in {table.fullname} already or twice in the file."
            ) from None
        if error.sqlstate == "23514" and (rule := re.search(r'check constraint "(.+?)"', text)):
            raise LoadError(f"{row} breaks a rule of {table.fullname}: {rule[1].replace('_', ' ')}.") from None
        if error.sqlstate == "22021":
            raise LoadError(f"{row} has text with a character that the database cannot hold (NUL).") from None
        raise


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
