"""Rows of VOTable's BINARY and BINARY2 serializations, a column at a time."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.tables.readers.cells import list_column, parse_cells, without_declared_null, without_nan
from vo.tables.readers.declared import ITEM_BITS, DeclaredColumn
from vo.tables.readers.limits import ReadLimits
from vo.tables.readers.segments import Segments
from vo.tables.text import text_bytes, text_offsets

_NUMBERS = {
    "unsignedByte": "u1",
    "short": ">i2",
    "int": ">i4",
    "long": ">i8",
    "float": ">f4",
    "double": ">f8",
    "floatComplex": ">f4",
    "doubleComplex": ">f8",
}
_TRUE, _FALSE = b"Tt1", b"Ff0"
_COUNT = struct.Struct(">i")


def read_binary(
    data: bytes, columns: tuple[DeclaredColumn, ...], limits: ReadLimits, *, has_flags: bool
) -> list[pa.Array]:
    """Read the records of a table.

    Records of one width are a matrix of bytes; others are walked through once, to find where each cell begins.

    Parameters
    ----------
    data
        All records, decoded.
    columns
        Of the table.
    limits
        Bounds.
    has_flags
        Whether each record begins with the flags of its NULL cells, as in BINARY2.

    Returns
    -------
    values
        One for each column.

    Raises
    ------
    UsageFault
        Raised with row and column for what cannot be read, and for more rows than allowed.

    References
    ----------
    VOTable 1.4, "BINARY Serialization" and "BINARY2 Serialization".
    """
    width = -(-len(columns) // 8) if has_flags else 0
    layout = _walk(data, columns, width, limits) if any(column.items is None for column in columns) else None
    if layout is None:
        layout = _regular(data, columns, width, limits)
    flags = None
    if has_flags:
        flags = np.unpackbits(_matrix(data, layout.rows, width), axis=1)[:, : len(columns)].astype(bool)
    values = []
    for place, (column, cells) in enumerate(zip(columns, layout.cells, strict=True)):
        is_null = None if flags is None or not flags[:, place].any() else flags[:, place]
        values.append(_decoded(data, column, cells, is_null, has_flags=has_flags))
    return values


@dataclass(slots=True)
class _Cells:
    """Where the cells of a column are: offset of the first byte and, where it differs, number of items."""

    starts: np.ndarray
    counts: np.ndarray | None = None


@dataclass(slots=True)
class _Layout:
    rows: np.ndarray
    cells: list[_Cells]


def _bytes_of(datatype: str, items: int) -> int:
    return -(-items * ITEM_BITS[datatype] // 8)


def _regular(data: bytes, columns: tuple[DeclaredColumn, ...], flags: int, limits: ReadLimits) -> _Layout:
    widths = [_bytes_of(column.datatype, column.items or 0) for column in columns]
    record = flags + sum(widths)
    if record == 0:
        raise UsageFault("The columns of this table hold no bytes.")
    count, rest = divmod(len(data), record)
    limits.check_rows(count)
    if rest:
        raise _cut_off(count + 1)
    rows = np.arange(count, dtype=np.int64) * record
    offsets = np.cumsum([flags, *widths[:-1]])
    return _Layout(rows, [_Cells(rows + offset) for offset in offsets])


@dataclass(slots=True)
class _Step:
    """A cell of varying length in a record: bytes between it and the one before, and what was found."""

    gap: int
    bits: int
    starts: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


def _walk(data: bytes, columns: tuple[DeclaredColumn, ...], flags: int, limits: ReadLimits) -> _Layout:
    steps: list[_Step] = []
    # Each column of fixed width lies so many bytes behind the step before it, or the start of its record.
    places: list[tuple[int, int]] = []
    behind = flags
    for column in columns:
        places.append((len(steps), behind))
        if column.items is None:
            steps.append(_Step(behind, ITEM_BITS[column.datatype]))
            behind = 0
        else:
            behind += _bytes_of(column.datatype, column.items)
    starts = _walk_records(data, steps, behind, limits)
    rows = np.array(starts, dtype=np.int64)
    found = [_Cells(np.array(step.starts, dtype=np.int64), np.array(step.counts, dtype=np.int64)) for step in steps]
    ends = [rows]
    for step, cells in zip(steps, found, strict=True):
        assert cells.counts is not None
        ends.append(cells.starts + -(-cells.counts * step.bits // 8))
    return _Layout(
        rows,
        [
            found[number] if column.items is None else _Cells(ends[number] + offset)
            for column, (number, offset) in zip(columns, places, strict=True)
        ],
    )


def _walk_records(data: bytes, steps: list[_Step], tail: int, limits: ReadLimits) -> list[int]:
    read_count, total = _COUNT.unpack_from, len(data)
    rows: list[int] = []
    position = 0
    plan = [(step.gap, step.bits, step.starts.append, step.counts.append) for step in steps]
    while position < total:
        rows.append(position)
        if len(rows) > limits.rows:
            limits.check_rows(len(rows))
        try:
            for gap, bits, add_start, add_count in plan:
                (count,) = read_count(data, position + gap)
                position += gap + 4
                add_start(position)
                add_count(count)
                position += count * bits + 7 >> 3
                if count < 0:
                    raise UsageFault(f"Row {len(rows)}: a cell announces {count} items.")
        except struct.error:
            raise _cut_off(len(rows)) from None
        position += tail
    if position > total:
        raise _cut_off(len(rows))
    return rows


def _cut_off(row: int) -> UsageFault:
    return UsageFault(f"The rows are broken off: the data end within row {row}, or have another form than declared.")


def _matrix(data: bytes, starts: np.ndarray, width: int) -> np.ndarray:
    """Bytes of cells of one width, shape (n, width)."""
    source = np.frombuffer(data, dtype=np.uint8)
    steps = np.diff(starts)
    if len(steps) and (steps == steps[0]).all():
        strides = (int(steps[0]), 1)
        return np.lib.stride_tricks.as_strided(source[int(starts[0]) :], (len(starts), width), strides, writeable=False)
    matrix: np.ndarray = source[starts[:, None] + np.arange(width)]
    return matrix


def _decoded(
    data: bytes, column: DeclaredColumn, cells: _Cells, is_null: np.ndarray | None, *, has_flags: bool
) -> pa.Array:
    if column.datatype in ("char", "unicodeChar"):
        text = _text(data, column, cells)
        # Without flags, and among timestamps, no text is no value.
        return _with_nulls(text if has_flags and column.field.is_text else parse_cells(text, column, 1), is_null)
    items, lengths = _items(data, column, cells)
    if not column.field.is_array:
        return _with_nulls(without_nan(without_declared_null(items, column.null)), is_null)
    mask = None if is_null is None else pa.array(is_null)
    return list_column(items, lengths, mask)


def _with_nulls(values: pa.Array, is_null: np.ndarray | None) -> pa.Array:
    return values if is_null is None else pc.if_else(pa.array(is_null), pa.scalar(None, values.type), values)


def _items(data: bytes, column: DeclaredColumn, cells: _Cells) -> tuple[pa.Array, np.ndarray]:
    """Items of all cells, one after the other, and the number in each cell."""
    counts = np.full(len(cells.starts), column.items or 0) if cells.counts is None else cells.counts
    raw = _raw(data, column, cells)
    if column.datatype == "bit" and column.items == 1:
        # Which bit of the byte it is, writers do not agree on.
        return pa.array(raw != 0), counts.astype(np.int32)
    if column.datatype == "bit":
        bits = np.unpackbits(raw)
        widths = -(-counts // 8) * 8
        places = np.repeat(np.cumsum(widths) - widths - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return pa.array(bits[places].astype(bool)), counts.astype(np.int32)
    if column.datatype == "boolean":
        is_true, is_false = np.isin(raw, list(_TRUE)), np.isin(raw, list(_FALSE))
        return pa.array(is_true, mask=~(is_true | is_false)), counts.astype(np.int32)
    dtype = np.dtype(_NUMBERS[column.datatype])
    numbers = raw.view(dtype).astype(dtype.newbyteorder("="), copy=False)
    doubled = 2 if column.datatype.endswith("Complex") else 1
    return pa.array(numbers), (counts * doubled).astype(np.int32)


def _raw(data: bytes, column: DeclaredColumn, cells: _Cells) -> np.ndarray:
    if cells.counts is None:
        width = _bytes_of(column.datatype, column.items or 0)
        return np.ascontiguousarray(_matrix(data, cells.starts, width)).reshape(-1)
    ends = cells.starts + -(-cells.counts * ITEM_BITS[column.datatype] // 8)
    return text_bytes(Segments(data, cells.starts, ends).binary())


def _text(data: bytes, column: DeclaredColumn, cells: _Cells) -> pa.StringArray:
    """Strings, each up to its first U+0000."""
    size = ITEM_BITS[column.datatype] // 8
    counts = np.full(len(cells.starts), column.items or 0) if cells.counts is None else cells.counts
    pieces = Segments(data, cells.starts, cells.starts + counts * size).binary()
    if column.datatype == "unicodeChar":
        return _without_zeros(_from_utf16(pieces, column))
    try:
        text = pieces.cast(pa.string())
    except pa.ArrowInvalid:
        row = next(number for number, cell in enumerate(pieces.to_pylist(), start=1) if not _is_utf8(cell))
        raise UsageFault(f"Row {row}, column {quoted(column.field.name)}: the text is not UTF-8.") from None
    return _without_zeros(text)


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _without_zeros(text: pa.StringArray) -> pa.StringArray:
    if (text_bytes(text) != 0).all():
        return text
    return pa.array([cell.partition("\0")[0] for cell in text.to_pylist()], pa.string())


def _from_utf16(pieces: pa.BinaryArray, column: DeclaredColumn) -> pa.StringArray:
    raw = text_bytes(pieces)
    try:
        data = raw.tobytes().decode("utf-16-be").encode()
    except UnicodeDecodeError:
        raise UsageFault(f"Column {quoted(column.field.name)} holds text that is not UTF-16.") from None
    units = raw.view(">u2")
    sizes = 1 + (units >= 0x80).astype(np.int8) + (units >= 0x800)
    # Two halves of a pair are four bytes together.
    sizes[(units & 0xFC00) == 0xD800] = 4
    sizes[(units & 0xFC00) == 0xDC00] = 0
    ends = np.zeros(len(units) + 1, dtype=np.int32)
    np.cumsum(sizes, out=ends[1:])
    offsets = ends[(text_offsets(pieces) - text_offsets(pieces)[0]) // 2]
    return pa.Array.from_buffers(pa.string(), len(pieces), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
