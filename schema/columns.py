"""One description of a column for DDL, TAP_SCHEMA, VOSI, VOTable and documentation."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from vo.tables.field import Field

_SQL_TYPES: dict[str, Any] = {
    "boolean": sa.Boolean,
    "unsignedByte": sa.SmallInteger,
    "short": sa.SmallInteger,
    "int": sa.Integer,
    "long": sa.BigInteger,
    "float": sa.REAL,
    "double": sa.Double,
}


def sql_type(field: Field) -> Any:
    """SQL type of the column that holds the values of a field."""
    if field.is_timestamp:
        return sa.DateTime(timezone=False)
    if field.is_text:
        return sa.Text()
    element = _SQL_TYPES[field.datatype]()
    return postgresql.ARRAY(element) if field.is_array else element


def column(field: Field, *, nullable: bool = True, case_insensitive: bool = False, **options: Any) -> sa.Column[Any]:
    """Database column described by a field.

    Parameters
    ----------
    field
        Its description; found again as ``column.info["field"]``.
    nullable
        False where a standard says "not null".
    case_insensitive
        True where clients compare text without regard to case; found again as ``column.info["case_insensitive"]``.
    **options
        Further options of `sqlalchemy.Column`.
    """
    info = {"field": field, "case_insensitive": case_insensitive}
    return sa.Column(field.name, sql_type(field), nullable=nullable, comment=field.description, info=info, **options)


def field_of(element: sa.ColumnElement[Any]) -> Field | None:
    """Description of a column, None for hidden columns and expressions."""
    info: dict[str, Any] = getattr(element, "info", {})
    field = info.get("field")
    return field if isinstance(field, Field) else None
