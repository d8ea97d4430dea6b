"""Comma- and tab-separated values, written while their rows arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.field import Field
from vo.tables.pieces import split_batch
from vo.tables.stream import TableStream
from vo.tables.text import holds_any, holds_control, text_bytes, text_cells


def write_csv(stream: TableStream, *, header: bool = True) -> Iterator[bytes]:
    """Write a table as CSV in UTF-8, with lines that end in CR LF.

    NULL is an empty cell, the empty string a pair of quotes. The format has no place for an overflow; a failure among
    the rows is raised, so that the connection breaks and nobody takes the part for the whole.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.
    header
        Whether the first line holds the names.

    References
    ----------
    RFC 4180; TAP 1.1, "RESPONSEFORMAT".
    """
    with closing(stream):
        names = pa.array([field.name for field in stream.fields], pa.string())
        yield (",".join(quote_column(names).to_pylist()) + "\r\n").encode() if header else b""
        for batch in stream:
            for piece in split_batch(batch):
                yield csv_lines([_csv_cells(*pair) for pair in _columns(piece, stream.fields)], ",", "\r\n")


def write_tsv(stream: TableStream) -> Iterator[bytes]:
    """Write a table as tab-separated values in UTF-8, names first.

    The format has no quotes: tabs and line ends inside text become blanks, NULL and the empty string are both empty.

    References
    ----------
    IANA media type ``text/tab-separated-values``.
    """
    with closing(stream):
        names = pa.array([field.name for field in stream.fields], pa.string())
        yield ("\t".join(_blank(names).to_pylist()) + "\n").encode()
        for batch in stream:
            for piece in split_batch(batch):
                yield csv_lines([_tsv_cells(*pair) for pair in _columns(piece, stream.fields)], "\t", "\n")


def _columns(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> Iterator[tuple[pa.Array, Field]]:
    return zip(batch.columns, fields, strict=True)


def _csv_cells(column: pa.Array, field: Field) -> pa.StringArray:
    cells = text_cells(column, field)
    return quote_column(cells) if field.is_text else cells


def _tsv_cells(column: pa.Array, field: Field) -> pa.StringArray:
    cells = text_cells(column, field)
    return _blank(cells) if field.is_text else cells


def quote_column(cells: pa.StringArray, *, edges: bool = False) -> pa.StringArray:
    """Cells in quotes where RFC 4180 wants them, and the empty string, so that it differs from NULL.

    Parameters
    ----------
    cells
        Text; NULL stays NULL.
    edges
        Whether to quote blanks at the ends of a cell and a number sign at its beginning too.
    """
    needed = pc.equal(pc.binary_length(cells), 0)
    if holds_any(cells, b'",\r\n'):
        needed = pc.or_(needed, pc.match_substring_regex(cells, '[",\r\n]'))
    if edges:
        needed = pc.or_(needed, pc.match_substring_regex(cells, r"^[\s#]|\s$"))
    if not pc.any(needed).as_py():
        return cells
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(cells, '"', '""'), '"', "")
    return pc.if_else(needed, quoted, cells)


def _blank(cells: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(cells, "[\t\r\n]", " ") if holds_control(cells) else cells


def csv_lines(cells: list[pa.StringArray], separator: str, end: str) -> bytes:
    """Columns of text as lines; NULL is empty, but where a line would be: readers leave out empty lines."""
    null = '""' if len(cells) == 1 and separator == "," else ""
    parts: list[pa.Array | str] = []
    for column in cells:
        parts += [column, separator]
    parts[-1] = end
    rows = pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement=null)
    return text_bytes(rows).tobytes()
