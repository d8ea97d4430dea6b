"""Columns as columns of text, in the literal forms of DALI and VOTable."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.arrays import cell_lengths, elements, list_of
from vo.tables.field import Field

_FIRST_INSTANT = np.datetime64("0001-01-01T00:00:00", "us").astype(np.int64)
_LAST_INSTANT = np.datetime64("9999-12-31T23:59:59.999999", "us").astype(np.int64)


def text_cells(column: pa.Array, field: Field) -> pa.StringArray:
    """Literal form of each cell; NULL stays NULL.

    Floating-point numbers have the fewest digits that give the same number back, with ``NaN``, ``+Inf`` and ``-Inf``;
    arrays are separated by blanks; instants are written as by `instants`.

    References
    ----------
    VOTable 1.4, "Table cells"; DALI 1.1, "Parameters, Literal Values".
    """
    if field.is_timestamp:
        return instants(column)
    if field.is_text:
        return column
    if field.is_array:
        joined = pc.binary_join(list_of(number_cells(elements(column, field)), cell_lengths(column)), " ")
        return pc.if_else(column.is_valid(), joined, pa.scalar(None, pa.string())) if column.null_count else joined
    return number_cells(column)


def number_cells(column: pa.Array) -> pa.StringArray:
    """Numbers and truth values as text: the fewest digits that give the number back, ``NaN``, ``+Inf``, ``-Inf``."""
    text = column.cast(pa.string())
    if not pa.types.is_floating(column.type) or pc.all(pc.is_finite(column)).as_py() in (True, None):
        return text
    text = pc.if_else(pc.is_nan(column), "NaN", text)
    return pc.if_else(pc.is_inf(column), pc.if_else(pc.greater(column, 0), "+Inf", "-Inf"), text)


def instants(column: pa.TimestampArray) -> pa.StringArray:
    """UTC instants in ISO 8601, with three digits of a second, or six where three would lose something.

    Instants outside the years 1 to 9999 (databases know infinite ones) have no such form and become NULL.

    References
    ----------
    DALI 1.1, "Timestamp".
    """
    ticks = column.cast(pa.timestamp("us")).cast(pa.int64())
    sayable = pc.and_(pc.greater_equal(ticks, _FIRST_INSTANT), pc.less_equal(ticks, _LAST_INSTANT))
    values = pc.fill_null(pc.if_else(sayable, ticks, 0), 0).to_numpy()
    whole = values % 1000 == 0
    if whole.all():
        text = _iso(values // 1000, "ms")
    elif not whole.any():
        text = _iso(values, "us")
    else:
        text = pc.if_else(pa.array(whole), _iso(values // 1000, "ms"), _iso(values, "us"))
    valid = pc.fill_null(sayable, False)
    return text if pc.all(valid).as_py() in (True, None) else pc.if_else(valid, text, pa.scalar(None, pa.string()))


def text_bytes(cells: pa.StringArray | pa.BinaryArray) -> np.ndarray:
    """All bytes of a column of text, cell after cell, shape (total,), uint8; NULL cells may have left some behind."""
    offsets = text_offsets(cells)
    data = cells.buffers()[2]
    if data is None:
        return np.empty(0, dtype=np.uint8)
    return np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]


def holds_any(cells: pa.StringArray, wanted: bytes) -> bool:
    """Whether a column of text has one of these bytes; each is looked for at the speed of memory."""
    data = text_bytes(cells).tobytes()
    return any(byte in data for byte in wanted)


def holds_control(cells: pa.StringArray) -> bool:
    """Whether a column of text has a character below the blank."""
    return bool(text_bytes(cells).min(initial=0xFF) < 0x20)


def text_offsets(cells: pa.StringArray | pa.BinaryArray) -> np.ndarray:
    """Where each cell begins in the data buffer, shape (n + 1,), int32."""
    buffer = cells.buffers()[1]
    if buffer is None or buffer.size == 0:
        return np.zeros(1, dtype=np.int32)
    return np.frombuffer(buffer, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]


def _iso(ticks: np.ndarray, unit: str) -> pa.StringArray:
    # Arrow writes a blank between date and time; all cells have one width, so the letter goes in by position.
    text = pa.array(ticks).cast(pa.timestamp(unit)).cast(pa.string())
    if len(text) == 0:
        return text
    letters = text_bytes(text).reshape(len(text), -1).copy()
    letters[:, 10] = ord("T")
    return pa.Array.from_buffers(pa.string(), len(text), [None, text.buffers()[1], pa.py_buffer(letters)])
