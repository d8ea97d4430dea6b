"""Arrow batches of an engine, brought to the types that their fields promise."""

from __future__ import annotations

import pyarrow as pa

from schema.engines.execute import EngineError
from vo.tables.field import Field, arrow_type


class Conformer:
    """Casts batches to the columns of some fields, by position.

    Parameters
    ----------
    fields
        What the batches must become, in order.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._fields = fields
        self._types = tuple(arrow_type(field) for field in fields)
        self._schema = pa.schema(
            [pa.field(field.name, wanted) for field, wanted in zip(fields, self._types, strict=True)]
        )

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Cast one batch.

        Raises
        ------
        EngineError
            Raised when the number of columns differs and when a value does not fit the type of its field.
        """
        if batch.num_columns != len(self._fields):
            raise EngineError(f"The engine gave {batch.num_columns} columns where {len(self._fields)} are described.")
        columns = [
            column if column.type == wanted else _cast(column, wanted, field)
            for column, wanted, field in zip(batch.columns, self._types, self._fields, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)


def _cast(column: pa.Array, wanted: pa.DataType, field: Field) -> pa.Array:
    # Numbers keep their worth or fail; a double becomes the nearest float, an instant loses its nanoseconds.
    exact = not (pa.types.is_floating(wanted) or pa.types.is_timestamp(wanted))
    if pa.types.is_decimal(column.type) and pa.types.is_floating(wanted):
        column = column.cast(pa.float64())
    try:
        return column.cast(wanted, safe=exact)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise EngineError(
            f"A value of column {field.name} does not fit its datatype {field.datatype}"
            + (f" with arraysize {field.arraysize}." if field.arraysize else ".")
        ) from None
