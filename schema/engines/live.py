"""Published tables as selects over the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by

from schema.replication.tables import ReplicatedTable

_UNRESERVED = "[A-Za-z0-9._~-]"


def live_tables(
    tables: tuple[ReplicatedTable, ...], described: Mapping[str, pa.Table]
) -> dict[str, sa.Select[Any] | sa.TextualSelect]:
    """Selects that give what published tables show, by qualified name.

    Unit vectors are computed; there are no HEALPix cells, so ``hpx`` is NULL, and nothing is known about regions: the
    engine refuses what would need it.
    """
    return {
        **{table.published.qualified_name: _select(table) for table in tables},
        **{f"tap_schema.{name}": _content(rows) for name, rows in described.items()},
    }


def _select(table: ReplicatedTable) -> sa.Select[Any]:
    stored = table.truth.c
    hidden: dict[str, sa.ColumnElement[Any]] = {}
    if table.position:
        ra, dec = (sa.func.radians(stored[name]) for name in table.position)
        hidden = {
            "hpx": sa.cast(sa.null(), sa.BigInteger),
            "ux": sa.func.cos(dec) * sa.func.cos(ra),
            "uy": sa.func.cos(dec) * sa.func.sin(ra),
            "uz": sa.func.sin(dec),
        }
    computed = table.published.table.info.get("computed", {})
    columns = []
    for column in table.published.table.columns:
        if column.name in hidden:
            columns.append(hidden[column.name].label(column.name))
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
    text = sa.text(f"SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS held({listed})")  # noqa: S608 - own names
    return text.bindparams(sa.bindparam("rows", json.dumps(rows.to_pylist()), unique=True)).columns(*columns)
