"""The tables in which a TAP service describes itself."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from schema.catalogue import Key, PublishedSchema, PublishedTable
from schema.columns import column
from vo.tables.field import Field


def _name(name: str, description: str) -> Field:
    return Field(name, "char", arraysize="*", ucd="meta.id", description=description, std=True, principal=True)


def _text(name: str, description: str) -> Field:
    return Field(name, "char", arraysize="*", ucd="meta.code", description=description, std=True, principal=True)


def _free_text(name: str, description: str) -> Field:
    return Field(name, "unicodeChar", arraysize="*", ucd="meta.note", description=description, std=True, principal=True)


def _number(name: str, description: str) -> Field:
    return Field(name, "int", ucd="meta.number", description=description, std=True, principal=True)


_TABLES: dict[str, tuple[str, tuple[Field, ...]]] = {
    "schemas": (
        "Schemas that queries may name.",
        (
            _name("schema_name", "Name of the schema."),
            _text("utype", "Utype of the schema."),
            _free_text("description", "What the schema holds."),
            _number("schema_index", "Order in which to show schemas."),
        ),
    ),
    "tables": (
        "Tables that queries may name.",
        (
            _name("schema_name", "Schema that the table belongs to."),
            _name("table_name", "Name of the table, with its schema, as queries write it."),
            _text("table_type", "table or view."),
            _text("utype", "Utype of the table."),
            _free_text("description", "What the table holds."),
            _number("table_index", "Order in which to show tables."),
        ),
    ),
    "columns": (
        "Columns of the tables that queries may name.",
        (
            _name("table_name", "Table that the column belongs to."),
            _name("column_name", "Name of the column, as queries write it."),
            _text("datatype", "Datatype in the words of VOTable."),
            _text("arraysize", "Arraysize in the words of VOTable; NULL for single values."),
            _text("xtype", "What the value means beyond its datatype."),
            _number("size", "Length of the value where it is fixed; superseded by arraysize."),
            _free_text("description", "What the column holds."),
            _text("utype", "Utype of the column."),
            _text("unit", "Unit of the values, as VOUnits write it."),
            _text("ucd", "UCD of the column."),
            _number("indexed", "1 if conditions on the column are fast."),
            _number("principal", "1 if the column is of interest to most people."),
            _number("std", "1 if a standard defines the column."),
            _number("column_index", "Order in which to show columns."),
        ),
    ),
    "keys": (
        "Ways to join tables.",
        (
            _name("key_id", "Identifier of the key."),
            _name("from_table", "Table that refers."),
            _name("target_table", "Table that is referred to."),
            _free_text("description", "What the key means."),
            _text("utype", "Utype of the key."),
        ),
    ),
    "key_columns": (
        "Pairs of columns that keys join.",
        (
            _name("key_id", "Identifier of the key."),
            _name("from_column", "Column of the table that refers."),
            _name("target_column", "Column of the table that is referred to."),
        ),
    ),
}

_NOT_NULL = {
    "schemas": {"schema_name"},
    "tables": {"schema_name", "table_name", "table_type"},
    "columns": {"table_name", "column_name", "datatype", "indexed", "principal", "std"},
    "keys": {"key_id", "from_table", "target_table"},
    "key_columns": {"key_id", "from_column", "target_column"},
}

_NAMES = {"schema_name", "table_name", "column_name", "from_table", "target_table", "from_column", "target_column"}

_KEYS = {
    "tables": (Key("schema_name", "tap_schema.schemas", "schema_name", "Schema of a table."),),
    "columns": (Key("table_name", "tap_schema.tables", "table_name", "Table of a column."),),
    "keys": (
        Key("from_table", "tap_schema.tables", "table_name", "Table that refers."),
        Key("target_table", "tap_schema.tables", "table_name", "Table that is referred to."),
    ),
    "key_columns": (Key("key_id", "tap_schema.keys", "key_id", "Key of a pair of columns."),),
}

RELEASE_FIELDS = (
    Field("cat_id", "int", ucd="meta.id", description="Number of the catalogue.", principal=True),
    Field("title", "unicodeChar", arraysize="*", ucd="meta.title", description="Name through all versions."),
    Field("version", "int", ucd="meta.version", description="Number of the version of the catalogue.", principal=True),
    Field("rel_descr_url", "char", arraysize="*", ucd="meta.ref.url", description="Where the release is described."),
)
"""Columns that the ESO archive adds to ``tables`` of its catalogues; ``astroquery`` looks for the latest by them."""


def tap_schema(metadata: sa.MetaData, *, store: str | None = None, further: tuple[Field, ...] = ()) -> PublishedSchema:
    """Make the schema ``tap_schema``, whose rows `schema.describe` derives.

    Parameters
    ----------
    metadata
        Takes the tables.
    store
        Schema of the replica where the rows stand; None where it has the same name.
    further
        Columns of ``tables`` beyond those of the standard.

    References
    ----------
    TAP 1.1, "Metadata: TAP_SCHEMA".
    """
    return PublishedSchema(
        "tap_schema",
        "What this service publishes, described as TAP wants it.",
        tuple(
            PublishedTable(
                "tap_schema",
                name,
                _table(name, description, fields + (further if name == "tables" else ()), metadata, store),
                description,
                keys=_KEYS.get(name, ()),
            )
            for name, (description, fields) in _TABLES.items()
        ),
    )


def _table(
    name: str, description: str, fields: tuple[Field, ...], metadata: sa.MetaData, store: str | None
) -> sa.Table:
    # Clients ask for names as their users write them: ivoa.ObsCore.
    columns: list[sa.Column[Any]] = [
        column(field, nullable=field.name not in _NOT_NULL[name], case_insensitive=field.name in _NAMES)
        for field in fields
    ]
    info = {} if store is None else {"store": (store, name)}
    return sa.Table(name, metadata, *columns, schema="tap_schema", comment=description, info=info)
