"""What all tables of the truth share."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from schema.columns import column
from vo.tables.field import Datatype, Field

SCHEMAS = ("ivoa", "dbo", "archive")
"""PostgreSQL schemas of the archive: the first two are published, the last holds what only the archive sees."""

metadata = sa.MetaData()
"""All tables of the truth."""


def row_id() -> sa.Column[Any]:
    """Hidden key by which the change log names rows; never published, never given twice."""
    return sa.Column("row_id", sa.BigInteger, sa.Identity(always=False), primary_key=True)


def described(
    name: str,
    datatype: Datatype,
    ucd: str,
    description: str,
    *,
    unit: str | None = None,
    utype: str | None = None,
    xtype: str | None = None,
    principal: bool = False,
    indexed: bool = False,
    std: bool = False,
    **options: Any,
) -> sa.Column[Any]:
    """Column with its description; text has any length.

    Parameters
    ----------
    name, datatype, ucd, description, unit, utype, xtype, principal, indexed, std
        As in `vo.tables.field.Field`.
    **options
        Options of `schema.columns.column`.
    """
    field = Field(
        name,
        datatype,
        arraysize="*" if datatype in ("char", "unicodeChar") else None,
        xtype=xtype,
        unit=unit,
        ucd=ucd,
        utype=utype,
        description=description,
        principal=principal,
        indexed=indexed,
        std=std,
    )
    return column(field, **options)
