"""Text for people: columns that stand below each other."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.field import Field
from vo.tables.spool import spooled
from vo.tables.stream import TableStream
from vo.tables.text import text_bytes, text_cells
from vo.tables.votable import overflow_info


def write_text(stream: TableStream) -> Iterator[bytes]:
    """Write a table as aligned columns in UTF-8, as STILTS shows them; NULL is blank, numbers stand to the right.

    Control characters and ends of lines inside text become blanks. All rows are read first, for the widths: what fails
    is raised before the first byte. Where rows were cut off, a last line says so.

    Parameters
    ----------
    stream
        Closed when its rows have been read.

    Raises
    ------
    DaliError
        Raised if the rows do not fit on disk; see `vo.tables.spool.spooled`.
    """
    fields = stream.fields
    names = [_one_line(pa.array([field.name], pa.string())) for field in fields]
    widths = [_width(name) for name in names]

    def look(batch: pa.RecordBatch) -> None:
        for number, (column, field) in enumerate(zip(batch.columns, fields, strict=True)):
            widths[number] = max(widths[number], _width(_cells(column, field)))

    with spooled(stream, look) as spool:
        rule = f"+{'+'.join('-' * (width + 2) for width in widths)}+\n".encode()
        head = _lines([pc.utf8_rpad(name, width) for name, width in zip(names, widths, strict=True)])
        yield rule + head + rule
        for piece in spool.pieces(len(rule)):
            yield _lines(
                [_padded(*cell) for cell in zip(piece.columns, fields, widths, strict=True)],
            )
        overflow = overflow_info(stream)
        yield rule + (f"{overflow.text}\n".encode() if overflow else b"")


def _cells(column: pa.Array, field: Field) -> pa.StringArray:
    cells = text_cells(column, field)
    return _one_line(cells) if field.is_text else cells


def _one_line(cells: pa.StringArray) -> pa.StringArray:
    if (text_bytes(cells) >= 0x20).all():
        return cells
    return pc.replace_substring_regex(cells, r"[\x00-\x1F\x7F]", " ")


def _width(cells: pa.StringArray) -> int:
    return pc.max(pc.utf8_length(cells)).as_py() or 0


def _padded(column: pa.Array, field: Field, width: int) -> pa.StringArray:
    cells = pc.fill_null(_cells(column, field), "")
    number = not (field.is_text or field.is_timestamp or field.is_array)
    return pc.utf8_lpad(cells, width) if number else pc.utf8_rpad(cells, width)


def _lines(columns: list[pa.StringArray]) -> bytes:
    parts: list[pa.Array | str] = []
    for column in columns:
        parts += [" | ", column]
    parts[0] = "| "
    return text_bytes(pc.binary_join_element_wise(*parts, " |\n", "")).tobytes()
