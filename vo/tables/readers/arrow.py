"""Columns of Arrow, as other readers give them → fields and their Arrow types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.field import Datatype, Field, arrow_schema, arrow_type
from vo.tables.readers.cells import without_nan
from vo.tables.readers.declared import check_names
from vo.tables.readers.limits import ReadLimits
from vo.tables.table import Table

_NUMBERS: dict[pa.DataType, Datatype] = {
    pa.bool_(): "boolean",
    pa.int8(): "short",
    pa.uint8(): "unsignedByte",
    pa.int16(): "short",
    pa.uint16(): "int",
    pa.int32(): "int",
    pa.uint32(): "long",
    pa.int64(): "long",
    pa.uint64(): "long",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
}


def from_arrow(
    table: pa.Table, limits: ReadLimits, more: Mapping[str, Mapping[str, Any]] | None = None, description: str = ""
) -> Table:
    """Describe a table of Arrow.

    Parameters
    ----------
    table
        Its columns hold numbers, text, instants and lists of numbers.
    limits
        Bounds.
    more
        ``unit``, ``ucd``, ``utype``, ``description`` of columns, where they are known.
    description
        Of the table.

    Raises
    ------
    UsageFault
        Raised for columns of other kinds, for two of a name, and when there are more than the limits allow.
    """
    limits.check_columns(table.num_columns)
    limits.check_rows(table.num_rows)
    names = [name.strip() or f"col{place}" for place, name in enumerate(table.column_names, start=1)]
    check_names(names)
    fields, columns = [], []
    for name, column in zip(names, table.columns, strict=True):
        field = _field(name, column, (more or {}).get(name, {}))
        try:
            column = column.cast(arrow_type(field), safe=not field.is_timestamp)
        except pa.ArrowInvalid:
            raise UsageFault(f"Column {quoted(name)} holds a value beyond 64 bits, or text that is none.") from None
        fields.append(field)
        columns.append(without_nan(column))
    schema = arrow_schema(tuple(fields))
    return Table(tuple(fields), pa.Table.from_arrays(columns, schema=schema), description or None)


def _field(name: str, column: pa.ChunkedArray, more: Mapping[str, Any]) -> Field:
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if kind in _NUMBERS:
        return Field(name, _NUMBERS[kind], **more)
    if pa.types.is_decimal(kind):
        return Field(name, "double", **more)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return Field(name, "char", "*", xtype="timestamp", **more)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        text = column.cast(pa.string())
        return Field(name, "char" if _is_ascii(text) else "unicodeChar", "*", **more)
    if pa.types.is_null(kind) or pa.types.is_time(kind):
        return Field(name, "char", "*", **more)
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if is_list and kind.value_type in _NUMBERS:
        size = str(kind.list_size) if pa.types.is_fixed_size_list(kind) else "*"
        return Field(name, _NUMBERS[kind.value_type], size, **more)
    if pa.types.is_binary(kind):
        raise UsageFault(f"Column {quoted(name)} holds text that is not UTF-8.")
    raise UsageFault(f"Column {quoted(name)} is of the kind {kind}, which no VOTable could hold.")


def _is_ascii(text: pa.ChunkedArray) -> bool:
    return pc.all(pc.equal(pc.binary_length(text), pc.utf8_length(text))).as_py() is not False
