"""Text of cells → values, a column at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.arrays import cell_lengths
from vo.tables.field import Field, arrow_type
from vo.tables.readers.declared import DeclaredColumn

_BOOLEANS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False, "?": None}
_INFINITIES = {"+inf": math.inf, "inf": math.inf, "+infinity": math.inf, "-inf": -math.inf}


def parse_cells(cells: pa.StringArray, column: DeclaredColumn, first_row: int) -> pa.Array:
    """Values of a column whose cells are written as text.

    An empty cell is NULL, and so is a number that is not one (NaN): a query could not find it otherwise.

    Parameters
    ----------
    cells
        As they are written, length n.
    column
        What they should be.
    first_row
        Number of the first cell, for sentences about the others.

    Raises
    ------
    UsageFault
        Raised with row and column for a cell that is no value of its datatype.

    References
    ----------
    VOTable 1.4, "TABLEDATA Serialization" and "Table cells"; DALI 1.1, "Parameters, Literal Values".
    """
    field = column.field
    if field.is_text:
        return _null_where(cells, pc.equal(pc.binary_length(cells), 0))
    cells = pc.ascii_trim_whitespace(cells)
    is_null = pc.equal(pc.binary_length(cells), 0)
    if column.null is not None:
        is_null = pc.or_(is_null, pc.equal(cells, column.null.strip()))
    cells = _null_where(cells, is_null)
    if field.is_timestamp:
        return _parsed(cells, field, first_row, _instants, _instant)
    if not field.is_array:
        return without_nan(without_declared_null(_scalars(cells, field, first_row), column.null))
    if column.datatype == "bit":
        cells = pc.replace_substring_regex(cells, r"([01])(\B|$)", r"\1 ")
    lists = pc.utf8_split_whitespace(pc.utf8_rtrim_whitespace(cells))
    lengths = cell_lengths(lists)
    check_items(lengths, cells, column, first_row)
    items = _scalars(lists.flatten(), field, first_row, np.repeat(np.arange(len(cells)), lengths))
    return list_column(items, lengths, cells.is_null() if cells.null_count else None)


def list_column(items: pa.Array, lengths: np.ndarray, is_null: pa.BooleanArray | None) -> pa.ListArray:
    """Cells of some lengths, shape (n,), from their items one after the other."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), items, mask=is_null)


def check_items(lengths: np.ndarray, cells: pa.Array, column: DeclaredColumn, first_row: int) -> None:
    """Refuse cells that have not as many items as their column declares.

    Raises
    ------
    UsageFault
        Raised with the first row.
    """
    items = column.items
    if items is None:
        return
    items *= 2 if column.datatype.endswith("Complex") else 1
    wrong = (lengths != items) & cells.is_valid().to_numpy(zero_copy_only=False)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UsageFault(
            f"Row {first_row + row}, column {quoted(column.field.name)}: "
            f"there are {lengths[row]} values where the column declares {items}."
        )


def without_nan(values: pa.Array) -> pa.Array:
    """Numbers with NULL for NaN."""
    if not pa.types.is_floating(values.type):
        return values
    is_nan = pc.is_nan(values)
    return _null_where(values, is_nan) if pc.any(is_nan).as_py() else values


def without_declared_null(values: pa.Array, null: str | None) -> pa.Array:
    """Numbers with NULL for the one that a column declares for it."""
    if null is None or pa.types.is_boolean(values.type):
        return values
    try:
        wanted = pa.scalar(null.strip()).cast(pa.float64() if pa.types.is_floating(values.type) else pa.int64())
        return _null_where(values, pc.equal(values, wanted.cast(values.type)))
    except pa.ArrowInvalid:
        return values


def _null_where(values: pa.Array, condition: pa.BooleanArray) -> pa.Array:
    return pc.if_else(pc.fill_null(condition, True), pa.scalar(None, values.type), values)


def _scalars(cells: pa.StringArray, field: Field, first_row: int, rows: np.ndarray | None = None) -> pa.Array:
    if field.datatype == "boolean":
        return _parsed(cells, field, first_row, _booleans, _boolean, rows)
    if field.datatype in ("float", "double"):
        return _parsed(cells, field, first_row, _cast(field), _real, rows)
    return _parsed(cells, field, first_row, _cast(field), _whole, rows)


def _parsed(
    cells: pa.StringArray,
    field: Field,
    first_row: int,
    fast: Callable[[pa.StringArray], pa.Array],
    one: Callable[[str], Any],
    rows: np.ndarray | None = None,
) -> pa.Array:
    """Cells by a fast way for what all write, else one after the other."""
    try:
        return fast(cells)
    except (pa.ArrowInvalid, ValueError):
        pass
    wanted = arrow_type(field)
    item = wanted.value_type if pa.types.is_list(wanted) else wanted
    values = []
    for number, text in enumerate(cells.to_pylist()):
        try:
            value = None if text is None else one(text)
            values.append(None if value is None else pa.scalar(value, item).as_py())
        except (ValueError, OverflowError, pa.ArrowInvalid):
            _refuse(text, field, first_row + int(number if rows is None else rows[number]))
    return pa.array(values, item)


def _refuse(text: str, field: Field, row: int) -> NoReturn:
    kind = "a timestamp" if field.is_timestamp else f"a value of datatype {field.datatype}"
    raise UsageFault(f"Row {row}, column {quoted(field.name)}: {quoted(text)} is not {kind}.") from None


def _cast(field: Field) -> Callable[[pa.StringArray], pa.Array]:
    wanted = arrow_type(field)
    item = wanted.value_type if pa.types.is_list(wanted) else wanted
    return lambda cells: cells.cast(item)


def _booleans(cells: pa.StringArray) -> pa.Array:
    places = pc.index_in(pc.ascii_lower(cells), pa.array(list(_BOOLEANS)))
    if places.null_count > cells.null_count:
        raise ValueError
    return pa.array(list(_BOOLEANS.values()), pa.bool_()).take(places)


def _boolean(text: str) -> bool | None:
    if text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text.lower()]


def _instants(cells: pa.StringArray) -> pa.Array:
    return pc.replace_substring_regex(cells, "Z$", "").cast(pa.timestamp("us"))


def _instant(text: str) -> Any:
    instant = np.datetime64(text.removesuffix("Z").replace(" ", "T", 1), "us")
    if np.isnat(instant):
        raise ValueError
    return instant.astype("datetime64[us]").item()


def _real(text: str) -> float:
    if text.lower() in _INFINITIES:
        return _INFINITIES[text.lower()]
    if "_" in text:
        raise ValueError
    # FORTRAN's exponent is not in the standard, and in many files.
    return float(text.lower().replace("d", "e"))


def _whole(text: str) -> int:
    if "_" in text:
        raise ValueError
    return int(text, 16) if text.lower().lstrip("+-").startswith("0x") else int(text)
