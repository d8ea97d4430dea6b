# ruff: noqa: S608 - names come from descriptions of tables.
"""What an engine holds beyond its copy of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from schema.replication.tables import literal, quoted


@dataclass(frozen=True, slots=True)
class Stores:
    """What an engine holds beyond its copy of the truth.

    Attributes
    ----------
    described
        Content of TAP_SCHEMA by table, by the schema in which it stands (`schema.catalogue`, ``store``).
    databases
        Files of rows, which never change, by the name under which they are attached.
    """

    described: Mapping[str, Mapping[str, pa.Table]] = field(default_factory=dict)
    databases: Mapping[str, Path] = field(default_factory=dict)


def hold(cursor: duckdb.DuckDBPyConnection, stores: Stores) -> frozenset[str]:
    """Let a database hold some stores; what it holds already stays as it is.

    Returns
    -------
    unreadable
        Names of files that cannot be attached.
    """
    attached = _attached(cursor)
    unreadable = []
    for name, path in stores.databases.items():
        if name not in attached:
            try:
                cursor.execute(f"ATTACH {literal(str(path))} AS {quoted(name)} (READ_ONLY)")
            except duckdb.Error:
                unreadable.append(name)
    known = _described(cursor)
    for schema, tables in stores.described.items():
        if schema in known:
            continue
        cursor.begin()
        cursor.execute(f"CREATE SCHEMA {quoted(schema)}")
        for name, rows in tables.items():
            cursor.register("content", rows)
            cursor.execute(f"CREATE TABLE {quoted(schema)}.{quoted(name)} AS SELECT * FROM content")
            cursor.unregister("content")
        cursor.commit()
    return frozenset(unreadable)


def let_go(cursor: duckdb.DuckDBPyConnection, *kept: Stores) -> None:
    """Let a database give up all stores but some; queries that read them go on."""
    for schema in _described(cursor) - {name for stores in kept for name in stores.described}:
        cursor.execute(f"DROP SCHEMA {quoted(schema)} CASCADE")
    for name in _attached(cursor) - {name for stores in kept for name in stores.databases}:
        cursor.execute(f"DETACH {quoted(name)}")


def _attached(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    rows = cursor.execute("SELECT database_name FROM duckdb_databases()").fetchall()
    return {name for (name,) in rows if name.startswith("generation_")}


def _described(cursor: duckdb.DuckDBPyConnection) -> set[str]:
    rows = cursor.execute(
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal"
    ).fetchall()
    return {name for (name,) in rows if name.startswith("tap_schema_")}
