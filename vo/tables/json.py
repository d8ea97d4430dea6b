"""JSON, written while its rows arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.arrays import cell_lengths, list_of
from vo.tables.field import Field
from vo.tables.pieces import split_batch
from vo.tables.stream import TableStream
from vo.tables.text import holds_any, holds_control, instants, number_cells, text_bytes
from vo.tables.votable import overflow_info

_NULL = "null"
_SHORT_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_json(stream: TableStream) -> Iterator[bytes]:
    """Write a table as one JSON object: ``metadata``, a list of columns, and ``data``, a list of rows.

    NULL, NaN and the infinities are ``null``, for JSON has no other word; the empty string is a string. Arrays are
    lists, instants strings. Integers have all their digits, also those beyond 2**53 that JavaScript would round. Where
    rows were cut off, and only there, ``"overflow": true`` follows the rows; a failure among them is raised, so that
    the text is no JSON.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.

    References
    ----------
    RFC 8259; DALI 1.1, "RESPONSEFORMAT". The two names are those of the public ESO archive.
    """
    with closing(stream):
        columns = ",\n".join(json.dumps(_describe(field), ensure_ascii=False) for field in stream.fields)
        yield f'{{"metadata": [\n{columns}\n],\n"data": ['.encode()
        start = "\n"
        for batch in stream:
            for piece in split_batch(batch):
                yield start.encode() + _rows(piece, stream.fields)
                start = ",\n"
        yield b"\n]}\n" if overflow_info(stream) is None else b'\n],\n"overflow": true}\n'


def json_cells(column: pa.Array, field: Field) -> pa.StringArray:
    """Each cell as JSON; NULL stays NULL.

    References
    ----------
    RFC 8259, "Values".
    """
    if field.is_timestamp:
        return pc.binary_join_element_wise('"', instants(column), '"', "")
    if field.is_text:
        return _strings(column)
    if field.is_array:
        inner = pc.fill_null(_numbers(column.flatten()), _NULL)
        joined = pc.binary_join(list_of(inner, cell_lengths(column)), ",")
        cells = pc.binary_join_element_wise("[", joined, "]", "")
        return pc.if_else(column.is_valid(), cells, pa.scalar(None, pa.string())) if column.null_count else cells
    return _numbers(column)


def _describe(field: Field) -> dict[str, Any]:
    description = {
        "name": field.name,
        "datatype": field.datatype,
        "arraysize": field.arraysize,
        "xtype": field.xtype,
        "unit": field.unit,
        "ucd": field.ucd,
        "utype": field.utype,
        "description": field.description,
    }
    return {name: value for name, value in description.items() if value is not None}


def _rows(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> bytes:
    parts: list[pa.Array | str] = []
    for column, field in zip(batch.columns, fields, strict=True):
        parts += [",", json_cells(column, field)]
    parts[0] = "["
    rows = pc.binary_join_element_wise(*parts, "],\n", "", null_handling="replace", null_replacement=_NULL)
    return text_bytes(rows)[:-2].tobytes()


def _numbers(column: pa.Array) -> pa.StringArray:
    if pa.types.is_floating(column.type) and pc.all(pc.is_finite(column)).as_py() is False:
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return number_cells(column)


def _strings(cells: pa.StringArray) -> pa.StringArray:
    # The backslash goes first: the others bring new ones.
    for character in '\\"':
        if holds_any(cells, character.encode()):
            cells = pc.replace_substring(cells, character, _SHORT_ESCAPES[character])
    if holds_control(cells):
        for code in range(0x20):
            cells = pc.replace_substring(cells, chr(code), _SHORT_ESCAPES.get(chr(code), f"\\u{code:04x}"))
    return pc.binary_join_element_wise('"', cells, '"', "")
