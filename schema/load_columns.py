"""Columns of a foreign table, brought to those of a table of the truth."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from schema.columns import field_of
from vo.tables.field import Field, arrow_type


class LoadError(ValueError):
    """Rows that cannot be loaded; the text is one sentence for people."""


class RowPreparer:
    """Brings batches of a foreign table to the columns and types of a table of the truth.

    Columns are found by name, without regard to case. Values that cannot be meant become NULL: numbers that are not
    numbers (NaN), positions beyond the sphere or with one coordinate, and regions where there is no position or a
    coordinate is missing. Regions as lists of numbers become text (STC-S): two numbers a position, three a circle,
    from six on a polygon. Where there is no dp_id it is taken from obs_publisher_did: what follows its question mark.

    Parameters
    ----------
    table
        Table of the truth.
    schema
        Arrow schema of the foreign table.

    Attributes
    ----------
    names
        Columns that `prepare` gives, in order.
    skipped
        Columns of the foreign table that are not used.
    cleared
        How many values became NULL so far, by column.

    Raises
    ------
    LoadError
        Raised if the foreign table has a column twice, lacks one that must have values, or has no column of the table.

    References
    ----------
    STC-S: IVOA Note 2007-09-16 (Space-Time Coordinate Metadata, linear string implementation); TAP 1.0, 6
    "Use of STC-S in TAP".
    """

    def __init__(self, table: sa.Table, schema: pa.Schema) -> None:
        self._table = table
        self._fields: dict[str, Field] = {
            column.name: field for column in table.columns if (field := field_of(column)) is not None
        }
        known = {name.lower(): name for name in self._fields}
        found: dict[str, int] = {}
        skipped: list[str] = []
        for place, name in enumerate(schema.names):
            target = known.get(name.lower())
            if target is None:
                skipped.append(name)
            elif target in found:
                raise LoadError(f"The file has the column {name} twice.")
            else:
                found[target] = place
        self._places = found
        self._derives_dp_id = "dp_id" in self._fields and "dp_id" not in found and "obs_publisher_did" in found
        self.names = (*found, *(("dp_id",) if self._derives_dp_id else ()))
        self.skipped = tuple(skipped)
        self.cleared: Counter[str] = Counter()
        self._required = tuple(
            column.name
            for column in table.columns
            if column.name in self._fields and not column.nullable and column.server_default is None
        )
        self._rows = 0
        missing = [name for name in self._required if name not in self.names]
        if missing:
            raise LoadError(f"The file lacks {', '.join(missing)}, which every row of {table.fullname} must have.")

    def prepare(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Prepare the next rows.

        Raises
        ------
        LoadError
            Raised with the name of the column, and the row where there is one, if a value does not fit.
        """
        columns = {name: self._typed(name, batch.column(place)) for name, place in self._places.items()}
        if self._derives_dp_id:
            columns["dp_id"] = _after_question_mark(columns["obs_publisher_did"])
        self._clear_positions(columns)
        for name in self._required:
            if columns[name].null_count:
                row = int(pc.index(columns[name].is_null(), True).as_py())
                raise LoadError(
                    f"Row {self._rows + row + 1} has no {name}, which every row of {self._table.fullname} must have."
                )
        self._rows += batch.num_rows
        return pa.RecordBatch.from_arrays([columns[name] for name in self.names], names=list(self.names))

    def _typed(self, name: str, column: pa.Array) -> pa.Array:
        field = self._fields[name]
        wanted = arrow_type(field)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if field.xtype == "adql:REGION" and _is_list(column.type):
            return self._regions(name, column)
        if pa.types.is_timestamp(wanted):
            column = _in_utc(column)
        try:
            # A double may be too long for a float, an instant finer than microseconds; a fraction is no integer.
            loose = pa.types.is_floating(wanted) or pa.types.is_timestamp(wanted)
            typed = column if column.type == wanted else column.cast(wanted, safe=not loose)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise LoadError(
                f"Column {name} is of type {column.type} and holds values that do not fit {field.datatype}"
                + (f" ({field.xtype})." if field.xtype else ".")
            ) from None
        if pa.types.is_floating(wanted):
            return self._clear(name, typed, pc.is_nan(typed))
        return typed

    def _clear(self, name: str, column: pa.Array, wrong: pa.Array) -> pa.Array:
        wrong = pc.fill_null(wrong, False)
        count = int(pc.sum(wrong).as_py() or 0)
        if not count:
            return column
        self.cleared[name] += count
        return pc.if_else(wrong, pa.scalar(None, column.type), column)

    def _clear_positions(self, columns: dict[str, pa.Array]) -> None:
        position = self._table.info.get("position")
        if position is None or not set(position) <= columns.keys():
            return
        ra, dec = (columns[name] for name in position)
        inside = pc.and_kleene(_between(ra, 0.0, 360.0), _between(dec, -90.0, 90.0))
        outside = pc.invert(pc.fill_null(inside, False))
        for name in (*position, *(("s_region",) if "s_region" in columns else ())):
            held = columns[name]
            columns[name] = self._clear(name, held, pc.and_(outside, held.is_valid()))

    def _regions(self, name: str, column: pa.Array) -> pa.Array:
        """STC-S of lists of degrees, ICRS."""
        if not pa.types.is_list(column.type):
            column = column.cast(pa.list_(column.type.value_type))
        values = column.flatten().cast(pa.float64())
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        shape_of = np.select(
            [lengths == 0, lengths == 2, lengths == 3, (lengths >= 6) & (lengths % 2 == 0)], [0, 1, 2, 3], default=-1
        )
        if (shape_of < 0).any():
            row = int(np.argmax(shape_of < 0))
            raise LoadError(
                f"Row {self._rows + row + 1} has {lengths[row]} numbers in {name}; a position has two, a circle three,"
                " a polygon six or more, in pairs."
            )
        broken = _any_in_list(~np.isfinite(values.to_numpy(zero_copy_only=False)), lengths)
        starts = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        numbers = pc.binary_join(pa.ListArray.from_arrays(starts, values.cast(pa.string())), " ")
        heads = pa.array(["", "POSITION ICRS ", "CIRCLE ICRS ", "POLYGON ICRS "]).take(pa.array(shape_of))
        text = pc.if_else(
            pa.array(shape_of == 0), pa.scalar(None, pa.string()), pc.binary_join_element_wise(heads, numbers, "")
        )
        return self._clear(name, text, pa.array(broken))


def _is_list(type_: pa.DataType) -> bool:
    kinds = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_kind(type_) for is_kind in kinds)


def _any_in_list(flags: npt.NDArray[np.bool_], lengths: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    counts = np.concatenate([[0], np.cumsum(flags)])
    ends = np.cumsum(lengths)
    found: npt.NDArray[np.bool_] = counts[ends] > counts[ends - lengths]
    return found


def _between(column: pa.Array, low: float, high: float) -> pa.Array:
    return pc.and_kleene(pc.greater_equal(column, low), pc.less_equal(column, high))


def _after_question_mark(column: pa.Array) -> pa.Array:
    """Part behind the first question mark; all where there is none."""
    return pc.replace_substring_regex(column, r"^[^?]*\?", "")


def _in_utc(column: pa.Array) -> pa.Array:
    """Instants with a zone lose it, in UTC; text is read as ISO 8601."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
    return column
