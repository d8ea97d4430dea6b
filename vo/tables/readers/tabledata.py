"""Rows of VOTable's TABLEDATA serialization, a column at a time."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo.dali.errors import UsageFault
from vo.tables.readers.cells import parse_cells
from vo.tables.readers.declared import DeclaredColumn
from vo.tables.readers.limits import ReadLimits
from vo.tables.readers.segments import Segments
from vo.tables.readers.votable_header import broken, local_name, make_parser

_PIECE = 4 * 2**20
_BATCH_ROWS = 50_000
_END = re.compile(rb"</(?:[^\s<>/:]+:)?TABLEDATA\s*>")
_REFERENCE = re.compile(r"&(#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6}|lt|gt|amp|quot|apos);")
_LT, _GT, _SLASH, _T, _D, _R = b"<>/TDR"
_OPEN_ROW, _CLOSE_ROW, _OPEN_CELL, _CLOSE_CELL, _EMPTY_CELL = range(5)


def read_tabledata(
    document: bytes, start: int, columns: tuple[DeclaredColumn, ...], limits: ReadLimits
) -> list[list[pa.Array]]:
    """Read the rows of a table.

    Nearly all documents are written in one plain manner, tags without attributes, text without CDATA: their tags are
    found for all cells of a column at once. All others go through an XML parser.

    Parameters
    ----------
    document
        UTF-8.
    start
        Offset of the tag TABLEDATA.
    columns
        Of the table.
    limits
        Bounds.

    Returns
    -------
    batches
        Each a list of as many columns.

    Raises
    ------
    UsageFault
        Raised with row and column for what cannot be read, and for more rows than allowed.

    References
    ----------
    VOTable 1.4, "TABLEDATA Serialization".
    """
    opened = document.find(b">", start) + 1
    if opened and document[opened - 2] == _SLASH:
        return []
    end = _END.search(document, opened)
    if end is not None and b"<!" not in document[opened : end.start()] and b"<?" not in document[opened : end.start()]:
        batches = _plain_batches(document, opened, end.start(), columns, limits)
        if batches is not None:
            return batches
    return list(_parsed_batches(document, start, columns, limits))


def _plain_batches(
    document: bytes, start: int, end: int, columns: tuple[DeclaredColumn, ...], limits: ReadLimits
) -> list[list[pa.Array]] | None:
    batches = []
    rows = 0
    for piece in _pieces(document, start, end):
        cells = _plain_cells(piece, len(columns))
        if cells is None:
            return None
        count, segments = cells
        limits.check_rows(rows + count)
        if count:
            has_references = b"&" in piece
            batch = []
            for place, column in enumerate(columns):
                text = segments.text(place, len(columns))
                batch.append(parse_cells(_unescaped(text) if has_references else text, column, rows + 1))
            batches.append(batch)
        rows += count
    return batches


def _pieces(document: bytes, start: int, end: int) -> Iterator[bytes]:
    """Whole rows of a few megabytes together, so that a hostile document fills no memory."""
    while start < end:
        cut = end
        if end - start > _PIECE:
            cut = document.rfind(b"</TR>", start, start + _PIECE)
            cut = document.find(b"</TR>", start, end) if cut < 0 else cut
            cut = end if cut < 0 else cut + 5
        yield document[start:cut]
        start = cut


def _plain_cells(piece: bytes, width: int) -> tuple[int, Segments] | None:
    """Number of rows and text of the cells; None for what only a parser understands."""
    # Behind the last tag there are bytes to look at.
    data = np.frombuffer(piece + b"    ", dtype=np.uint8)
    opens, closes = np.flatnonzero(data == _LT), np.flatnonzero(data == _GT)
    if len(opens) != len(closes) or not ((opens < closes).all() and (closes[:-1] < opens[1:]).all()):
        return None
    kinds = _kinds(data, opens, closes)
    if kinds is None:
        return None
    marks = kinds[kinds != _CLOSE_CELL]
    if len(marks) % (width + 2):
        return None
    table = marks.reshape(-1, width + 2)
    inner = table[:, 1:-1]
    if (table[:, 0] != _OPEN_ROW).any() or (table[:, -1] != _CLOSE_ROW).any():
        return None
    if ((inner != _OPEN_CELL) & (inner != _EMPTY_CELL)).any():
        return None
    opened = np.flatnonzero(kinds == _OPEN_CELL)
    if not np.array_equal(opened + 1, np.flatnonzero(kinds == _CLOSE_CELL)):
        return None
    cells = np.flatnonzero((kinds == _OPEN_CELL) | (kinds == _EMPTY_CELL))
    starts = closes[cells] + 1
    ends = starts.copy()
    full = kinds[cells] == _OPEN_CELL
    ends[full] = opens[cells[full] + 1]
    return len(table), Segments(piece, starts, ends)


def _kinds(data: np.ndarray, opens: np.ndarray, closes: np.ndarray) -> np.ndarray | None:
    """What each tag is, shape (n,); None if one is anything but TR and TD without attributes."""
    lengths = closes - opens
    first, second, third = data[opens + 1], data[opens + 2], data[opens + 3]
    is_open = (first == _T) & (lengths == 3)
    is_close = (first == _SLASH) & (second == _T) & (lengths == 4)
    is_empty = (first == _T) & (second == _D) & (third == _SLASH) & (lengths == 4)
    kinds = np.full(len(opens), -1, dtype=np.int8)
    kinds[is_open & (second == _R)] = _OPEN_ROW
    kinds[is_open & (second == _D)] = _OPEN_CELL
    kinds[is_close & (third == _R)] = _CLOSE_ROW
    kinds[is_close & (third == _D)] = _CLOSE_CELL
    kinds[is_empty] = _EMPTY_CELL
    return None if (kinds < 0).any() else kinds


def _unescaped(cells: pa.StringArray) -> pa.StringArray:
    if not pc.any(pc.match_substring(cells, "&")).as_py():
        return cells
    return pa.array([_text(cell) for cell in cells.to_pylist()], pa.string())


def _text(cell: str) -> str:
    if "&" not in cell:
        return cell
    text = _REFERENCE.sub(lambda match: html.unescape(match.group()), cell)
    if "&" in _REFERENCE.sub("", cell):
        raise UsageFault("The VOTable is no XML: a & stands alone in a cell.")
    return text


def _parsed_batches(
    document: bytes, start: int, columns: tuple[DeclaredColumn, ...], limits: ReadLimits
) -> Iterator[list[pa.Array]]:
    rows = _Rows(len(columns), limits)
    parser = make_parser()
    parser.StartElementHandler = rows.start
    parser.EndElementHandler = rows.end
    parser.CharacterDataHandler = rows.text
    done = 0
    position = start
    while not rows.is_done:
        piece = document[position : position + 2**18]
        position += len(piece)
        try:
            parser.Parse(piece, not piece)
        except _RowsEndError:
            pass
        except expat.ExpatError as error:
            if not rows.is_done:
                raise broken(error, document.count(b"\n", 0, start)) from None
        while len(rows.cells[0]) >= _BATCH_ROWS or (rows.is_done and rows.cells[0]):
            taken = [cells[:_BATCH_ROWS] for cells in rows.cells]
            rows.cells = [cells[_BATCH_ROWS:] for cells in rows.cells]
            yield [
                parse_cells(pa.array(cells, pa.string()), column, done + 1)
                for cells, column in zip(taken, columns, strict=True)
            ]
            done += len(taken[0])


class _RowsEndError(Exception):
    """The parser has come to the end of the rows."""


class _Rows:
    """Cells of all columns, as the parser finds them."""

    def __init__(self, width: int, limits: ReadLimits) -> None:
        self.cells: list[list[str]] = [[] for _ in range(width)]
        self.is_done = False
        self._limits = limits
        self._row: list[str] = []
        self._text: list[str] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, Any]) -> None:
        match local_name(name):
            case "TR":
                self._row = []
            case "TD":
                self._text = []
                if attributes.get("encoding") not in (None, "none"):
                    raise UsageFault("Cells with an encoding of their own are not read by this service.")

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, name: str) -> None:
        match local_name(name):
            case "TD":
                self._row.append("".join(self._text))
            case "TR":
                self._count += 1
                self._limits.check_rows(self._count)
                if len(self._row) != len(self.cells):
                    raise UsageFault(
                        f"Row {self._count} has {len(self._row)} cells where the table has {len(self.cells)} columns."
                    )
                for cells, cell in zip(self.cells, self._row, strict=True):
                    cells.append(cell)
            case "TABLEDATA":
                self.is_done = True
                raise _RowsEndError
