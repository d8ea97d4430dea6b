"""Record batches as rows of VOTable's BINARY and BINARY2 serializations, a column at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.arrays import NULL_INTEGERS, cell_lengths, elements, fixed_size, offsets_of
from vo.tables.field import Field
from vo.tables.text import instants, text_bytes, text_offsets

_BIG_ENDIAN = {
    "unsignedByte": "u1", "short": ">i2", "int": ">i4", "long": ">i8", "float": ">f4", "double": ">f8", "boolean": "u1",
}  # fmt: skip
_LENGTH = np.dtype(">i4")


class FixedColumn(NamedTuple):
    """Bytes of the same number in each row.

    Attributes
    ----------
    dtype
        Big-endian, may have a shape.
    values
        Shape (n,) plus that of `dtype`; any byte order.
    """

    dtype: np.dtype
    values: np.ndarray


class VariableColumn(NamedTuple):
    """Bytes of a number that changes from row to row, announced by a count.

    Attributes
    ----------
    counts
        Shape (n,), items in each cell.
    cells
        Their bytes; NULL means none.
    """

    counts: np.ndarray
    cells: pa.BinaryArray


def binary2_rows(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> memoryview:
    """Rows in BINARY2: for each row the flags of its NULL cells, then its cells, big-endian.

    Neighbouring columns of fixed width are laid into one block; blocks and cells of varying length are then joined
    row by row by an Arrow kernel.

    Raises
    ------
    ValueError
        Raised if an array does not have the fixed size that its field declares.

    References
    ----------
    VOTable 1.4, "BINARY2 Serialization".
    """
    return _rows([_null_flags(batch)], batch.columns, fields)


def binary_rows(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> memoryview:
    """Rows in BINARY: the cells of each row, big-endian; `NULL_INTEGERS`, NaN and no text mean NULL.

    Raises
    ------
    ValueError
        Raised if an array does not have the fixed size that its field declares.

    References
    ----------
    VOTable 1.4, "BINARY Serialization".
    """
    return _rows([], [_without_null(*pair) for pair in zip(batch.columns, fields, strict=True)], fields)


def _without_null(column: pa.Array, field: Field) -> pa.Array:
    if column.null_count == 0 or field.is_array or field.datatype not in NULL_INTEGERS:
        return column
    return pc.fill_null(column, pa.scalar(NULL_INTEGERS[field.datatype], column.type))


def _rows(block: list[FixedColumn], columns: list[pa.Array], fields: tuple[Field, ...]) -> memoryview:
    parts: list[pa.Array] = []
    for field, column in zip(fields, columns, strict=True):
        encoded = encode_column(column, field)
        if isinstance(encoded, FixedColumn):
            block.append(encoded)
        else:
            block.append(FixedColumn(_LENGTH, encoded.counts))
            parts += [_lay(block), encoded.cells]
            block = []
    if block:
        parts.append(_lay(block))
    rows = parts[0]
    if len(parts) > 1:
        rows = pc.binary_join_element_wise(*parts, b"", null_handling="replace", null_replacement=b"")
    return text_bytes(rows).data


def encode_column(column: pa.Array, field: Field) -> FixedColumn | VariableColumn:
    """Cells of one column as BINARY and BINARY2 store them.

    Text always varies in length. Text in a ``char`` column is ASCII there: any other character becomes ``?``, so that
    the record stays readable; columns meant for such text are ``unicodeChar``. Characters beyond UCS-2 leave as the
    surrogate pairs of UTF-16, each half counted.

    References
    ----------
    VOTable 1.4, "Data Types" and "BINARY Serialization".
    """
    if field.is_timestamp:
        return _ascii(instants(column))
    if field.datatype == "char":
        return _ascii(column)
    if field.datatype == "unicodeChar":
        return _utf16(column)
    dtype = np.dtype(_BIG_ENDIAN[field.datatype])
    if not field.is_array:
        return FixedColumn(dtype, _plain(column))
    size = fixed_size(field)
    if size is not None:
        return FixedColumn(np.dtype((dtype, (size,))), _matrix(column, field, size))
    counts = cell_lengths(column)
    data = _plain(elements(column, field)).astype(dtype, copy=False)
    return VariableColumn(counts, _cells(offsets_of(counts * dtype.itemsize), data))


def _null_flags(batch: pa.RecordBatch) -> FixedColumn:
    width = -(-batch.num_columns // 8)
    flags = np.zeros((batch.num_rows, width), dtype=np.uint8)
    for number, column in enumerate(batch.columns):
        if column.null_count:
            null = column.is_null().to_numpy(zero_copy_only=False)
            flags[:, number // 8] |= null.astype(np.uint8) << (7 - number % 8)
    return FixedColumn(np.dtype(("u1", (width,))), flags)


def lay_block(block: list[FixedColumn]) -> np.ndarray:
    """Neighbouring columns of fixed width as one structured array, without gaps."""
    dtype = np.dtype([(f"f{number}", column.dtype) for number, column in enumerate(block)])
    rows = np.empty(len(block[0].values), dtype=dtype)
    for number, column in enumerate(block):
        rows[f"f{number}"] = column.values
    return rows


def _lay(block: list[FixedColumn]) -> pa.BinaryArray:
    rows = lay_block(block)
    return _cells(np.arange(len(rows) + 1, dtype=np.int32) * rows.dtype.itemsize, rows)


def _cells(offsets: np.ndarray, data: np.ndarray) -> pa.BinaryArray:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32, copy=False)), pa.py_buffer(data.view(np.uint8))]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _plain(column: pa.Array) -> np.ndarray:
    """Numbers without NULL: NaN or 0 stands where the flag of the row says NULL; booleans as the letters T, F and ?."""
    if pa.types.is_boolean(column.type):
        column = pc.if_else(column, pa.scalar(ord("T"), pa.uint8()), pa.scalar(ord("F"), pa.uint8()))
        missing: float = ord("?")
    else:
        missing = math.nan if pa.types.is_floating(column.type) else 0
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(missing, column.type))
    values: np.ndarray = column.to_numpy()
    return values


def _matrix(column: pa.ListArray, field: Field, size: int) -> np.ndarray:
    values = _plain(elements(column, field))
    present = column.is_valid().to_numpy(zero_copy_only=False)
    if np.any(cell_lengths(column)[present] != size):
        raise ValueError(f"Column {field.name} declares arrays of {size} elements and holds one of another size.")
    missing = NULL_INTEGERS.get(field.datatype, ord("?") if field.datatype == "boolean" else math.nan)
    matrix = np.full((len(column), size), missing, dtype=values.dtype)
    matrix[present] = values.reshape(-1, size)
    return matrix


def _ascii(cells: pa.StringArray) -> VariableColumn:
    if (text_bytes(cells) > 0x7F).any():
        cells = pc.replace_substring_regex(cells, r"[^\x00-\x7F]", "?")
    lengths = np.diff(text_offsets(cells))
    if cells.null_count:
        lengths *= cells.is_valid().to_numpy(zero_copy_only=False)
    return VariableColumn(lengths, cells.view(pa.binary()))


def _utf16(cells: pa.StringArray) -> VariableColumn:
    if cells.null_count:
        cells = pc.fill_null(cells, "")
    data, offsets = text_bytes(cells), text_offsets(cells)
    units = np.zeros(len(data) + 1, dtype=np.int32)
    np.cumsum(((data & 0xC0) != 0x80).astype(np.int8) + (data >= 0xF0), out=units[1:], dtype=np.int32)
    starts = units[offsets - offsets[0]]
    encoded = np.frombuffer(data.tobytes().decode("utf-8").encode("utf-16-be"), dtype=np.uint8)
    return VariableColumn(np.diff(starts), _cells(starts * 2, encoded))
