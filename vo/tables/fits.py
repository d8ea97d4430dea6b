"""FITS binary tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units
from astropy.io import fits

from vo.tables.arrays import NULL_INTEGERS, cell_lengths, fixed_size
from vo.tables.binary2 import FixedColumn, VariableColumn, encode_column, lay_block
from vo.tables.field import Field, arrow_type
from vo.tables.names import distinct_names
from vo.tables.spool import spooled
from vo.tables.stream import TableStream
from vo.tables.text import instants, text_bytes
from vo.tables.votable import Info

_BLOCK = 2880
_LETTERS = {
    "boolean": "L", "unsignedByte": "B", "short": "I", "int": "J", "long": "K", "float": "E", "double": "D",
}  # fmt: skip
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8}
_WIDER = {"unsignedByte": "short", "short": "int", "int": "long"}


def write_fits(stream: TableStream, infos: Sequence[Info] = ()) -> Iterator[bytes]:
    """Write a table as one binary table extension.

    NULL is TNULL among integers, NaN among real numbers, a zero byte among truth values, and blank in text, which
    cannot tell it from the empty string. Text is ASCII, by the standard: accents are left off, other characters become
    ``?``. A column of text is as wide as its longest cell. Arrays of varying size are in the heap. Units are those of
    the standard where the VOUnit has such a form. Descriptions, UCDs and utypes are in TCOMMn, TUCDn and TUTYPn, as
    STILTS writes and reads them; QSTATUS tells of an overflow, COMMENT holds the remarks. All rows are
    read first: what fails is raised before the first byte.

    Parameters
    ----------
    stream
        Closed when its rows have been read.
    infos
        Remarks.

    Raises
    ------
    DaliError
        Raised if the rows do not fit on disk; see `vo.tables.spool.spooled`.

    References
    ----------
    FITS 4.0, "Binary-table extensions".
    """
    columns = [_Column(field) for field in stream.fields]

    def look(batch: pa.RecordBatch) -> None:
        for column, values in zip(columns, batch.columns, strict=True):
            column.look(values)

    with spooled(stream, look) as spool:
        heap_bytes = sum(column.heap_bytes for column in columns)
        wide = heap_bytes >= 2**31
        row_bytes = sum(column.row_bytes(wide=wide) for column in columns)
        yield _primary() + _header(stream, columns, row_bytes, heap_bytes, infos, wide=wide)
        heap_at = 0
        for piece in spool.pieces(row_bytes):
            block = []
            for column, values in zip(columns, piece.columns, strict=True):
                cell = column.encode(values)
                if isinstance(cell, VariableColumn):
                    cell, heap_at = _descriptors(cell, column, heap_at, wide=wide)
                block.append(cell)
            yield lay_block(block).tobytes()
        if heap_bytes:
            for piece in spool.pieces(row_bytes):
                for column, values in zip(columns, piece.columns, strict=True):
                    cell = column.encode(values)
                    if isinstance(cell, VariableColumn):
                        yield text_bytes(cell.cells).tobytes()
        yield b"\0" * (-(stream.rows * row_bytes + heap_bytes) % _BLOCK)


@dataclass(slots=True)
class _Column:
    """What must be known of a column before its first cell is written.

    Attributes
    ----------
    field
        Its description.
    nulls
        Number of NULL cells; of NULL elements too in arrays, where a cell of varying size has no other NULL.
    lowest, highest
        Of integers; None as long as there are none.
    longest
        Most characters or elements of a cell.
    elements
        Of all cells.
    """

    field: Field
    nulls: int = 0
    lowest: int | None = None
    highest: int | None = None
    longest: int = 0
    elements: int = 0

    def look(self, values: pa.Array) -> None:
        field = self.field
        if field.is_array:
            self.nulls += values.flatten().null_count + (0 if self.is_varying else values.null_count)
            lengths = cell_lengths(values)
            self.longest = max(self.longest, int(lengths.max(initial=0)))
            self.elements += int(lengths.sum(dtype=np.int64))
            return
        self.nulls += values.null_count
        if field.is_text or field.is_timestamp:
            self.longest = max(self.longest, pc.max(pc.binary_length(_ascii(values, field))).as_py() or 0)
        elif field.datatype in NULL_INTEGERS and values.null_count < len(values):
            extremes = pc.min_max(values)
            lowest, highest = extremes["min"].as_py(), extremes["max"].as_py()
            self.lowest = lowest if self.lowest is None else min(self.lowest, lowest)
            self.highest = highest if self.highest is None else max(self.highest, highest)

    @property
    def is_varying(self) -> bool:
        return self.field.is_array and fixed_size(self.field) is None

    @property
    def written(self) -> Field:
        """The field as it is written: of a wider type where the integer that means NULL occurs as a value."""
        datatype = self.field.datatype
        if self.field.is_array or not self.nulls or datatype not in _WIDER:
            return self.field
        if NULL_INTEGERS[datatype] in (self.lowest, self.highest):
            return dataclasses.replace(self.field, datatype=_WIDER[datatype])  # type: ignore[arg-type]  # of the table
        return self.field

    @property
    def tnull(self) -> int | None:
        """What stands for NULL, None where nothing does or needs to."""
        null = NULL_INTEGERS.get(self.written.datatype)
        if null is None or not self.nulls:
            return None
        # Nothing is wider than the widest: the other end of it may be free.
        return 2**63 - 1 if self.written.datatype == "long" and self.lowest == null else null

    @property
    def heap_bytes(self) -> int:
        return self.elements * _WIDTHS[_LETTERS[self.field.datatype]] if self.is_varying else 0

    def row_bytes(self, *, wide: bool) -> int:
        if self.is_varying:
            return 16 if wide else 8
        if self.field.datatype in _LETTERS:
            return (fixed_size(self.field) if self.field.is_array else 1) * _WIDTHS[_LETTERS[self.written.datatype]]  # type: ignore[operator]
        return max(self.longest, 1)

    def tform(self, *, wide: bool) -> str:
        letter = _LETTERS.get(self.written.datatype)
        if letter is None:
            return f"{max(self.longest, 1)}A"
        if self.is_varying:
            return f"1{'Q' if wide else 'P'}{letter}({self.longest})"
        return f"{fixed_size(self.field) if self.field.is_array else 1}{letter}"

    def encode(self, values: pa.Array) -> FixedColumn | VariableColumn:
        if self.field.datatype not in _LETTERS:
            width = max(self.longest, 1)
            cells = pc.ascii_rpad(pc.fill_null(_ascii(values, self.field), ""), width, padding="\0")
            return FixedColumn(np.dtype(("u1", (width,))), text_bytes(cells).reshape(len(cells), width))
        written = self.written
        if values.null_count and self.tnull is not None and not self.field.is_array:
            kind = arrow_type(written)
            values = pc.fill_null(values.cast(kind), pa.scalar(self.tnull, kind))
        encoded = encode_column(values, written)
        if written.datatype == "boolean":
            return _truth(encoded)
        return encoded


def _truth(encoded: FixedColumn | VariableColumn) -> FixedColumn | VariableColumn:
    if isinstance(encoded, FixedColumn):
        return FixedColumn(encoded.dtype, np.where(encoded.values == ord("?"), 0, encoded.values))
    return VariableColumn(encoded.counts, pc.replace_substring(encoded.cells, b"?", b"\0"))


def _descriptors(cells: VariableColumn, column: _Column, heap_at: int, *, wide: bool) -> tuple[FixedColumn, int]:
    """Number of elements and place in the heap of each cell, and where the heap goes on."""
    sizes = cells.counts.astype(np.int64) * _WIDTHS[_LETTERS[column.field.datatype]]
    ends = heap_at + np.cumsum(sizes)
    places = np.stack([cells.counts, ends - sizes], axis=1)
    return FixedColumn(np.dtype((">i8" if wide else ">i4", (2,))), places), int(ends[-1])


def _ascii(values: pa.Array, field: Field) -> pa.StringArray:
    cells = instants(values) if field.is_timestamp else values
    data = text_bytes(cells)
    if ((data >= 0x20) & (data < 0x7F)).all():
        return cells
    plain = pc.replace_substring_regex(pc.utf8_normalize(cells, form="NFKD"), r"\p{Mn}", "")
    return pc.replace_substring_regex(plain, r"[^\x20-\x7E]", "?")


def _ascii_word(text: str) -> str:
    return str(_ascii(pa.array([" ".join(text.split())], pa.string()), Field("", "char", "*"))[0].as_py())


def _primary() -> bytes:
    cards = [("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)]
    return _written(fits.Header(cards))


def _header(
    stream: TableStream,
    columns: list[_Column],
    row_bytes: int,
    heap_bytes: int,
    infos: Sequence[Info],
    *,
    wide: bool,
) -> bytes:
    header = fits.Header(
        [
            ("XTENSION", "BINTABLE"),
            ("BITPIX", 8),
            ("NAXIS", 2),
            ("NAXIS1", row_bytes),
            ("NAXIS2", stream.rows),
            ("PCOUNT", heap_bytes),
            ("GCOUNT", 1),
            ("TFIELDS", len(columns)),
            ("EXTNAME", "RESULTS"),
            ("QSTATUS", "OVERFLOW" if stream.overflow else "OK"),
        ]
    )
    names = distinct_names(_ascii_word(column.field.name) for column in columns)
    for number, (column, name) in enumerate(zip(columns, names, strict=True), start=1):
        field = column.field
        header[f"TTYPE{number}"] = name
        header[f"TFORM{number}"] = column.tform(wide=wide)
        if column.tnull is not None:
            header[f"TNULL{number}"] = column.tnull
        described = {
            "TUNIT": _unit(field.unit),
            "TUCD": field.ucd,
            "TUTYP": field.utype,
            "TCOMM": field.description,
        }
        for keyword, value in described.items():
            if value is not None:
                header[f"{keyword}{number}"] = _ascii_word(value)
    for info in infos:
        header.add_comment(_ascii_word(f"{info.name}: {info.value}"))
    return _written(header)


def _unit(unit: str | None) -> str | None:
    """Unit in the words of FITS; as it is where FITS has none."""
    # Read without the strictness of VOUnit, which warns of erg and Angstrom.
    if unit is None:
        return None
    try:
        return str(units.Unit(unit).to_string("fits"))
    except ValueError:
        return unit


def _written(header: fits.Header) -> bytes:
    return bytes(header.tostring().encode("ascii"))
