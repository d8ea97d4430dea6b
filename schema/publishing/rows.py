# ruff: noqa: S608 - names come from checked descriptions and are quoted.
"""The file of the rows of a loaded table: a database of DuckDB with one table, sorted by place in the sky."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from schema.publishing.publication import ROWS_FILE, ROWS_TABLE
from schema.publishing.shelf import PublishingError
from schema.replication.sky import with_sky
from schema.replication.tables import duckdb_type, literal, quoted
from schema.spatial.regions import NOWHERE, region_names

_TWICE_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: numbers of rows, and of bytes on disk."""

    rows: int
    bytes: int


def write_rows(
    folder: Path,
    table: sa.Table,
    batches: Iterator[pa.RecordBatch],
    *,
    previous: Path | None = None,
    unique: str | None = None,
    memory: str = "2GB",
) -> Written:
    """Write the rows of a table, sorted, and bring them to the disk.

    Parameters
    ----------
    folder
        Of the generation; exists and is empty.
    table
        What queries will see (`schema.published.published_table`).
    batches
        Rows, of the types of the table; columns that are missing stay NULL.
    previous
        File of rows that are kept beside the new ones.
    unique
        Column whose values must all be there, and differ.
    memory
        Most memory for sorting, as DuckDB writes it; what is beyond goes to the disk.

    Raises
    ------
    PublishingError
        Raised with a sentence when a value stands twice or the disk is full.
    """
    path = folder / ROWS_FILE
    try:
        connection = duckdb.connect(
            str(path), config={"memory_limit": memory, "temp_directory": str(folder / "temporary"), "threads": 2}
        )
        try:
            connection.execute(f"CREATE TABLE {ROWS_TABLE} ({_columns_sql(table)})")
            _insert(connection, table, batches, previous)
            if unique is not None:
                _check_unique(connection, unique)
            rows = connection.execute(f"SELECT count(*) FROM {ROWS_TABLE}").fetchall()[0][0]
            connection.execute("CHECKPOINT")
        finally:
            connection.close()
    except duckdb.Error as error:
        if "No space left" in str(error) or "not enough" in str(error):
            raise PublishingError(f"There is no space left on the disk of {folder.parent}.") from None
        raise
    path.chmod(0o444)
    _sync(path)
    _sync(folder)
    return Written(int(rows), path.stat().st_size)


def _columns_sql(table: sa.Table) -> str:
    never_null = {region_names(region)["hpx"] for region in table.info["regions"]}
    return ", ".join(
        f"{quoted(column.name)} {duckdb_type(column.type)}"
        + (f" NOT NULL DEFAULT {NOWHERE:d}" if column.name in never_null else "")
        for column in table.columns
    )


def _insert(
    connection: duckdb.DuckDBPyConnection, table: sa.Table, batches: Iterator[pa.RecordBatch], previous: Path | None
) -> None:
    position, regions = table.info.get("position"), table.info["regions"]
    rows = _Rows(with_sky(batch, position, regions) for batch in batches)
    first = rows.first()
    parts = []
    if previous is not None:
        connection.execute(f"ATTACH {literal(str(previous))} AS previous (READ_ONLY)")
        parts.append(f"SELECT * FROM previous.main.{ROWS_TABLE}")
    if first is not None:
        connection.register("incoming", pa.RecordBatchReader.from_batches(first.schema, rows))
        parts.append("SELECT * FROM incoming")
    if not parts:
        return
    order = "ORDER BY hpx NULLS LAST" if position else ""
    try:
        connection.execute(
            f"INSERT INTO {ROWS_TABLE} BY NAME SELECT * FROM ({' UNION ALL BY NAME '.join(parts)}) {order}"
        )
    except (duckdb.Error, pa.ArrowException):
        if rows.error is not None:
            raise rows.error from None
        raise
    finally:
        if first is not None:
            connection.unregister("incoming")
        if previous is not None:
            connection.execute("DETACH previous")


class _Rows:
    """Batches that remember the error that broke them, which does not pass through the engine as it is."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.error: Exception | None = None

    def first(self) -> pa.RecordBatch | None:
        """Look at the first batch."""
        first = next(self._batches, None)
        if first is not None:
            self._batches = itertools.chain((first,), self._batches)
        return first

    def __iter__(self) -> _Rows:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
            raise


def _check_unique(connection: duckdb.DuckDBPyConnection, column: str) -> None:
    name = quoted(column)
    empty = connection.execute(f"SELECT count(*) FROM {ROWS_TABLE} WHERE {name} IS NULL").fetchall()[0][0]
    twice = connection.execute(
        f"SELECT {name}::VARCHAR FROM {ROWS_TABLE} WHERE {name} IS NOT NULL"
        f" GROUP BY ALL HAVING count(*) > 1 LIMIT {_TWICE_SHOWN}"
    ).fetchall()
    if empty:
        raise PublishingError(f"{empty} rows have no {column}, which must identify them.")
    if twice:
        raise PublishingError(f"Several rows have the same {column}: {', '.join(value for (value,) in twice)}.")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
