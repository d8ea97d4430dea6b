"""The rows of TAP_SCHEMA, derived from what is published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from schema.catalogue import Catalogue, PublishedTable
from schema.reserved_words import RESERVED_WORDS
from vo.tables.field import Field, arrow_schema

Row = dict[str, Any]


def describe(catalogue: Catalogue) -> dict[str, pa.Table]:
    """Make the content of the tables of TAP_SCHEMA, itself included.

    Parameters
    ----------
    catalogue
        Must hold the schema of `schema.tap_schema`, which says what columns there are.

    Returns
    -------
    tables
        By name without schema (``schemas``, ``tables``, ``columns``, ``keys``, ``key_columns``), in the order and with
        the Arrow types of the published fields.

    References
    ----------
    TAP 1.1, "Metadata: TAP_SCHEMA".
    """
    rows = {
        "schemas": list(_schemas(catalogue)),
        "tables": list(_tables(catalogue)),
        "columns": list(_columns(catalogue)),
        "keys": [key for key, _ in keys(catalogue)],
        "key_columns": [pair for _, pair in keys(catalogue)],
    }
    content = {}
    for name, found in rows.items():
        (table,) = catalogue.find("tap_schema", name)
        content[name] = pa.Table.from_pylist(found, schema=arrow_schema(table.fields))
    return content


def delimited(name: str) -> str:
    """Name as queries must write it: in double quotes if it is a reserved word or no plain word of ADQL.

    References
    ----------
    TAP 1.1, "Columns" of TAP_SCHEMA; ADQL 2.1, "Reserved words" and "Identifiers".
    """
    if re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) and name.upper() not in RESERVED_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def qualified(table: PublishedTable) -> str:
    """Name of a table with its schema, as queries write it."""
    return f"{delimited(table.schema)}.{delimited(table.name)}"


def _schemas(catalogue: Catalogue) -> Iterator[Row]:
    for index, schema in enumerate(catalogue.schemas):
        yield {
            "schema_name": delimited(schema.name),
            "utype": schema.utype,
            "description": schema.description,
            "schema_index": index,
        }


def _tables(catalogue: Catalogue) -> Iterator[Row]:
    for index, table in enumerate(catalogue):
        yield {
            "schema_name": delimited(table.schema),
            "table_name": qualified(table),
            "table_type": table.kind,
            "utype": table.utype,
            "description": table.description,
            "table_index": index,
        }


def _columns(catalogue: Catalogue) -> Iterator[Row]:
    for table in catalogue:
        for index, field in enumerate(table.fields):
            yield {
                "table_name": qualified(table),
                "column_name": delimited(field.name),
                "datatype": field.datatype,
                "arraysize": field.arraysize,
                "xtype": field.xtype,
                "size": _size(field),
                "description": field.description,
                "utype": field.utype,
                "unit": field.unit,
                "ucd": field.ucd,
                "indexed": int(field.indexed),
                "principal": int(field.principal),
                "std": int(field.std),
                "column_index": index,
            }


def _size(field: Field) -> int | None:
    return int(field.arraysize) if field.arraysize is not None and field.arraysize.isdigit() else None


def keys(catalogue: Catalogue) -> Iterator[tuple[Row, Row]]:
    """Columns on which published tables may be joined: rows of ``keys``, each with its row of ``key_columns``."""
    tables = {table.qualified_name.lower(): table for table in catalogue}
    for table in catalogue:
        for key in table.keys:
            target = tables.get(key.target.lower())
            if target is None:
                continue
            key_id = f"{table.qualified_name}.{key.column} = {target.qualified_name}.{key.target_column}"
            yield (
                {
                    "key_id": key_id,
                    "from_table": qualified(table),
                    "target_table": qualified(target),
                    "description": key.description,
                    "utype": key.utype,
                },
                {
                    "key_id": key_id,
                    "from_column": delimited(key.column),
                    "target_column": delimited(key.target_column),
                },
            )
