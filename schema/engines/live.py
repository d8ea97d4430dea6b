# ruff: noqa: S608 - names come from descriptions of tables.
"""Published tables as selects over the truth, whose tables get hidden columns of the sky for that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from schema.published import HIDDEN
from schema.replication.tables import ReplicatedTable, quoted
from schema.spatial.postgresql import (
    SKY_PARTS,
    install_functions,
    install_pg_sphere_functions,
    position_columns,
    region_columns,
)
from schema.spatial.regions import region_names

_UNRESERVED = "[A-Za-z0-9._~-]"


def prepare_live(engine: sa.Engine, tables: tuple[ReplicatedTable, ...]) -> bool:
    """Give tables the hidden columns and indexes that the live engine needs; what is there already stays.

    PostgreSQL fills the columns itself, whoever writes. The first time this takes some minutes for a million rows.

    Returns
    -------
    has_pg_sphere
        Whether the database has the extension pg_sphere, whose index then serves joins on positions.
    """
    with engine.begin() as connection:
        install_functions(connection)
        has_pg_sphere = install_pg_sphere_functions(connection)
        for table in tables:
            _prepare(connection, table)
            if has_pg_sphere and table.position is not None:
                index = quoted(f"{table.truth.name}_sky_live")
                name = f"{quoted(str(table.truth.schema))}.{quoted(table.truth.name)}"
                point = "archive.sky_point(ux, uy, uz)"
                connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {index} ON {name} USING gist (({point}))")
    return has_pg_sphere


def _prepare(connection: sa.Connection, table: ReplicatedTable) -> None:
    name = f"{quoted(str(table.truth.schema))}.{quoted(table.truth.name)}"
    position = None if table.position is None else (quoted(table.position[0]), quoted(table.position[1]))
    columns = {} if position is None else position_columns(*position)
    for region in table.regions:
        made = region_columns(quoted(region), position)
        columns |= {f"{region}_{suffix}": definition for suffix, definition in made.items()}
    if not columns:
        return
    held = {column["name"] for column in sa.inspect(connection).get_columns(table.truth.name, table.truth.schema)}
    added = [
        f"ADD COLUMN {quoted(column)} {type_} GENERATED ALWAYS AS ({sql}) STORED"
        for column, (type_, sql) in columns.items()
        if column not in held
    ]
    if added:
        connection.exec_driver_sql(f"ALTER TABLE {name} {', '.join(added)}")
    for column in columns:
        if column.endswith("hpx") or column == "uz":
            index = quoted(f"{table.truth.name}_{column}_live")
            connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {index} ON {name} ({quoted(column)})")
    if added:
        connection.exec_driver_sql(f"ANALYZE {name}")


def live_tables(
    tables: tuple[ReplicatedTable, ...], described: Mapping[str, pa.Table]
) -> dict[str, sa.Select[Any] | sa.TextualSelect]:
    """Selects that give what published tables show, by qualified name; `prepare_live` must have seen the tables."""
    return {
        **{table.published.qualified_name: _select(table) for table in tables},
        **{f"tap_schema.{name}": _content(rows) for name, rows in described.items()},
    }


def _select(table: ReplicatedTable) -> sa.Select[Any]:
    stored = table.truth.c
    hidden = _hidden(table)
    computed = table.published.table.info.get("computed", {})
    columns = []
    for column in table.published.table.columns:
        if column.name in hidden:
            columns.append(sa.literal_column(hidden[column.name], column.type).label(column.name))
        elif column.name == "file_format":
            columns.append(stored["access_format"].label(column.name))
        elif column.name == "access_format" and "links_format" in table.published.table.info:
            links_format = sa.literal(table.published.table.info["links_format"])
            columns.append(
                sa.case((stored["access_url"].is_(None), links_format), else_=stored[column.name]).label(column.name)
            )
        elif column.name not in stored and column.name not in computed:
            columns.append(sa.cast(sa.null(), column.type).label(column.name))
        elif column.name in computed:
            address = sa.literal(computed[column.name]) + percent_encoded(stored["dp_id"])
            if column.name in stored:
                address = sa.func.coalesce(stored[column.name], address)
            columns.append(address.label(column.name))
        else:
            columns.append(stored[column.name].label(column.name))
    return sa.select(*columns)


def _hidden(table: ReplicatedTable) -> dict[str, str]:
    """SQL of the hidden columns by name."""
    hidden = {name: _own(table, name) for name in HIDDEN} if table.position else {}
    for region in table.regions:
        names = region_names(region)
        sky = _own(table, f"{region}_sky")
        hidden |= {names[suffix]: f"({sky}){part}" for suffix, part in SKY_PARTS.items()}
        hidden[names["hpx"]] = _own(table, names["hpx"])
    return hidden


def _own(table: ReplicatedTable, column: str) -> str:
    return f"{quoted(str(table.truth.schema))}.{quoted(table.truth.name)}.{quoted(column)}"


def percent_encoded(text: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Text in which only unreserved characters stand for themselves (RFC 3986, "Percent-Encoding")."""
    letters = sa.func.regexp_split_to_table(text, "").table_valued("letter", with_ordinality="place").render_derived()
    letter = letters.c.letter
    octets = sa.func.encode(sa.func.convert_to(letter, "UTF8"), "hex")
    encoded = sa.func.regexp_replace(sa.func.upper(octets), "(..)", r"%\1", "g")
    one = sa.case((letter.op("~")(f"^{_UNRESERVED}$"), letter), else_=encoded)
    return sa.case(
        (text.op("~")(f"^{_UNRESERVED}*$"), text),
        else_=sa.select(sa.func.string_agg(one, aggregate_order_by(sa.literal(""), letters.c.place)))
        .select_from(letters)
        .scalar_subquery(),
    )


def _content(rows: pa.Table) -> sa.TextualSelect:
    """Rows that are held in memory, sent along as one parameter."""
    types = {pa.int32(): sa.Integer, pa.int16(): sa.SmallInteger}
    columns = [sa.column(field.name, types.get(field.type, sa.Text)) for field in rows.schema]
    listed = ", ".join(
        f'"{field.name}" {"integer" if pa.types.is_integer(field.type) else "text"}' for field in rows.schema
    )
    text = sa.text(f"SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS held({listed})")
    return text.bindparams(sa.bindparam("rows", json.dumps(rows.to_pylist()), unique=True)).columns(*columns)
