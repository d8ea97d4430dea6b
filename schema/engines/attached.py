# ruff: noqa: S608 - tables and columns have names of our own.
"""Tables that come with a query, put where the engines read them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.columns import field_of
from schema.engines.execute import AttachedTable
from schema.replication.tables import duckdb_type, quoted
from vo.tables.field import Field
from vo.tables.text import text_bytes, text_cells

_COPY_ROWS = 65_536
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


def attach_to_duckdb(cursor: duckdb.DuckDBPyConnection, tables: Iterable[AttachedTable]) -> None:
    """Copy tables into temporary ones of a cursor, which goes with its cursor.

    A copy has statistics, which a table of Arrow has not, counts for the memory limit and may be put out to disk.
    """
    for each in tables:
        columns = ", ".join(f"{quoted(column.name)} {duckdb_type(column.type)}" for column in each.table.columns)
        cursor.execute(f"CREATE TEMPORARY TABLE {quoted(each.table.name)} ({columns})")
        cursor.register("incoming", each.rows)
        try:
            cursor.execute(f"INSERT INTO {quoted(each.table.name)} SELECT * FROM incoming")
        finally:
            cursor.unregister("incoming")


def attach_to_postgresql(driver: Any, tables: Iterable[AttachedTable]) -> None:
    """Copy tables into temporary ones of a connection, which go with its transaction; afterwards it only reads.

    Parameters
    ----------
    driver
        Connection of psycopg2 in a transaction that may write.
    tables
        What to copy.
    """
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    with driver.cursor() as cursor:
        for each in tables:
            columns = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in each.table.columns)
            cursor.execute(f"CREATE TEMPORARY TABLE {each.table.name} ({columns}) ON COMMIT DROP")
            for batch in each.rows.to_batches(_COPY_ROWS):
                cursor.copy_expert(f"COPY {each.table.name} FROM STDIN", io.BytesIO(_copy_text(batch, each.table)))
            cursor.execute(f"ANALYZE {each.table.name}")
        cursor.execute("SET TRANSACTION READ ONLY")


def _copy_text(batch: pa.RecordBatch, table: sa.Table) -> bytes:
    """Rows in the text format of COPY."""
    cells = []
    for column, array in zip(table.columns, batch.columns, strict=True):
        field = field_of(column)
        assert field is not None
        cells.append(_copy_cells(array, field))
    cells[-1] = pc.binary_join_element_wise(cells[-1], "", "\n")
    rows = pc.binary_join_element_wise(*cells, "\t") if len(cells) > 1 else cells[0]
    return bytes(text_bytes(rows))


def _copy_cells(column: pa.Array, field: Field) -> pa.StringArray:
    cells = text_cells(column, field)
    if field.is_text:
        for character, escape in _ESCAPES:
            cells = pc.replace_substring(cells, character, escape)
    elif field.is_array:
        cells = pc.binary_join_element_wise("{", pc.replace_substring(cells, " ", ","), "}", "")
    return pc.fill_null(cells, "\\N")
