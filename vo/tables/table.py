"""A whole table in memory: fields and rows."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from vo.tables.field import Field


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as it was read from a file.

    Attributes
    ----------
    fields
        Columns, in order; names differ.
    rows
        The same columns, in order, with the Arrow types of `vo.tables.field.arrow_type`.
    description
        For people.
    """

    fields: tuple[Field, ...]
    rows: pa.Table
    description: str | None = None
