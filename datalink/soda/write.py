"""Cutouts as FITS files."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits

from datalink.soda.axes import Keywords
from datalink.soda.cards import BLOCK, Value, edited_header
from datalink.soda.filters import NoOverlapError, TooLargeError
from datalink.soda.pixels import read_part
from datalink.soda.plan import Part, Piece
from datalink.soda.rows import Table, row_pieces
from datalink.soda.source import Source

_PIECE = 4 << 20
_STORED = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_ARRAY = re.compile(r"\s*(\d+)(.*)")


def write_cutout(source: Source, pieces: Sequence[Piece], history: str, out: BinaryIO, most_bytes: int) -> int:
    """Write the HDUs of a cutout.

    Pixels keep their type and their scaling, rows their bytes; what was compressed by tile leaves uncompressed.

    Parameters
    ----------
    source
        The file.
    pieces
        What is taken of it.
    history
        Where it comes from; what was cut is added for each HDU.
    out
        Can seek.
    most_bytes
        Limit of the whole.

    Returns
    -------
    size
        Bytes written.

    Raises
    ------
    TooLargeError
        Raised, before anything is written, if it would be larger.
    NoOverlapError
        Raised if there are conditions for rows and no row meets them.
    CutError
        Raised if the file ends before its data do.
    """
    expected = sum(piece.size for piece in pieces)
    if expected > most_bytes:
        raise TooLargeError(
            f"The result would have about {expected} bytes; {most_bytes} are given at most. Ask for less at once."
        )
    shifts = _lookup_shifts(pieces)
    rows = 0
    for piece in pieces:
        if piece.part is not None:
            _write_image(source, piece, piece.part, history, out)
        elif piece.rows is not None:
            rows += _write_rows(source, piece, history, out)
        elif piece.cells is not None:
            _write_cells(source, piece, history, out)
        elif piece.index == 0 and (piece.missed or piece.lengths) and any(other.part for other in pieces):
            _write_empty_primary(source, piece, history, out)
        else:
            _write_whole(source, piece, shifts.get(piece.index, {}), history, out)
    is_cut = any(piece.part is not None or piece.cells is not None for piece in pieces)
    if not rows and not is_cut and any(piece.rows is not None for piece in pieces):
        raise NoOverlapError("No row of its tables meets the conditions.")
    return out.tell()


def shifted_wcs(keywords: Keywords, part: Part) -> dict[str, Value]:
    """Keywords of coordinates, all versions of them, for a part of an image.

    Parameters
    ----------
    keywords
        Of the whole image.
    part
        FITS order.

    References
    ----------
    FITS 4.0, "World coordinate systems"; CRPIX is 0 where it is missing.
    """
    values: dict[str, Value] = {}
    for axis, each in enumerate(part, start=1):
        step = each.step or 1
        if each.start == 0 and step == 1:
            continue
        for version in ("", *string.ascii_uppercase):
            words = (f"CTYPE{axis}{version}", f"CRPIX{axis}{version}", f"CRVAL{axis}{version}")
            if all(keywords.value(word) is None for word in words):
                continue
            old = keywords.number(f"CRPIX{axis}{version}") or 0.0
            values[f"CRPIX{axis}{version}"] = (old - each.start - 1) / step + 1 if step > 1 else old - each.start
            if step > 1:
                values |= _stretched(keywords, axis, version, step, len(part))
        if keywords.number(f"LTV{axis}") is not None and step == 1:
            values[f"LTV{axis}"] = (keywords.number(f"LTV{axis}") or 0.0) - each.start
    return values


def _stretched(keywords: Keywords, axis: int, version: str, step: int, count: int) -> dict[str, Value]:
    """Larger steps along an axis that has nothing to do with others."""
    column = [f"CD{row}_{axis}{version}" for row in range(1, count + 1)]
    matrix = {word: value * step for word in column if (value := keywords.number(word)) is not None}
    delta = keywords.number(f"CDELT{axis}{version}")
    return {**matrix} if matrix else {f"CDELT{axis}{version}": (1.0 if delta is None else delta) * step}


def _write_image(source: Source, piece: Piece, part: Part, history: str, out: BinaryIO) -> None:
    keywords = Keywords(piece.hdu.header)
    values: dict[str, Value] = {f"NAXIS{axis}": _count(each) for axis, each in enumerate(part, start=1)}
    values |= shifted_wcs(keywords, part)
    pixels = ",".join(f"{each.start + 1}:{each.stop}{f':{each.step}' if (each.step or 1) > 1 else ''}" for each in part)
    lines = [history, f"Pixels [{pixels}] of HDU {piece.index}, counted from 0."]
    out.write(edited_header(_header(source, piece), values, history=lines))
    _write_data(out, _image_bytes(source, piece, tuple(reversed(part))))


def _image_bytes(source: Source, piece: Piece, part: Part) -> Iterator[bytes]:
    """Pixels of a part in NumPy order, big-endian, not scaled."""
    hdu = piece.hdu
    itemsize = abs(hdu._bitpix) // 8
    if not isinstance(hdu, fits.CompImageHDU):
        yield from read_part(source.read, hdu.fileinfo()["datLoc"], hdu.shape, itemsize, part)
        return
    # By whole tiles along the slowest axis, so that none is unpacked twice.
    tile = hdu.tile_shape[0]
    row_bytes = itemsize * max(int(np.prod([each.stop - each.start for each in part[1:]])), 1)
    height = max(_PIECE // row_bytes // tile, 1) * tile
    start = part[0].start
    while start < part[0].stop:
        stop = min((start // tile) * tile + height, part[0].stop)
        plain = (slice(start, stop), *(slice(each.start, each.stop) for each in part[1:]))
        pixels = np.asarray(hdu.section[plain])
        skip = (-(start - part[0].start)) % (part[0].step or 1)
        wanted = pixels[(slice(skip, None, part[0].step), *(slice(None, None, each.step) for each in part[1:]))]
        yield wanted.astype(_STORED[hdu._bitpix]).tobytes()
        start = stop


def _write_rows(source: Source, piece: Piece, history: str, out: BinaryIO) -> int:
    """Write those rows that meet the conditions; gives their number."""
    assert piece.rows is not None
    table = Table(Keywords(piece.hdu.header))
    original = _header(source, piece)
    begin, place = out.tell(), piece.hdu.fileinfo()["datLoc"]
    lines = [history, f"Rows chosen of the {table.count} of HDU {piece.index}, counted from 0."]
    changes: dict[str, Value] = {"NAXIS2": table.count}
    heap = table.keywords.integer("PCOUNT") or 0
    gap = (table.keywords.integer("THEAP") or table.width * table.count) - table.width * table.count
    if table.keywords.integer("THEAP") is not None:
        changes["THEAP"] = 0
    out.write(edited_header(original, changes, history=lines))
    data = out.tell()
    for rows in row_pieces(source.read, place, table, piece.rows):
        out.write(rows)
    count = (out.tell() - data) // max(table.width, 1)
    _copy(source, place + table.width * table.count, heap, out)
    _pad(out, out.tell() - data)
    end = out.tell()
    changes["NAXIS2"] = count
    if "THEAP" in changes:
        changes["THEAP"] = count * table.width + gap
    out.seek(begin)
    out.write(edited_header(original, changes, history=lines))
    out.seek(end)
    return count


def _write_cells(source: Source, piece: Piece, history: str, out: BinaryIO) -> None:
    assert piece.cells is not None
    length, part = piece.cells
    table = Table(Keywords(piece.hdu.header))
    count = part.stop - part.start
    row = source.read(piece.hdu.fileinfo()["datLoc"], table.width)
    values: dict[str, Value] = {}
    cells = []
    for column in table.columns:
        cell = row[column.offset : column.offset + column.size]
        if column.repeat == length and column.size % length == 0:
            item = column.size // length
            cell = cell[part.start * item : part.stop * item]
            form = table.keywords.text(f"TFORM{column.number}") or ""
            match = _ARRAY.fullmatch(form)
            values[f"TFORM{column.number}"] = f"{count}{match.group(2) if match else column.code}"
            if table.keywords.value(f"TDIM{column.number}") is not None:
                values[f"TDIM{column.number}"] = f"({count})"
        cells.append(cell)
    data = b"".join(cells)
    values["NAXIS1"] = len(data)
    if table.keywords.integer("NELEM") is not None:
        values["NELEM"] = count
    values |= _column_limits(table, np.frombuffer(row, np.uint8)[None], part)
    lines = [history, f"Elements {part.start + 1} to {part.stop} of the arrays of HDU {piece.index}, counted from 0."]
    out.write(edited_header(_header(source, piece), values, history=lines))
    _write_data(out, iter([data]))


def _column_limits(table: Table, row: Any, part: slice) -> dict[str, Value]:
    """TDMIN and TDMAX of the spectral column, where the table states them."""
    found = table.spectral()
    if found is None or table.keywords.number(f"TDMIN{found[0].number}") is None:
        return {}
    values = table.values(found[0], row)[0][part]
    number = found[0].number
    return {f"TDMIN{number}": float(np.nanmin(values)), f"TDMAX{number}": float(np.nanmax(values))}


def _write_empty_primary(source: Source, piece: Piece, history: str, out: BinaryIO) -> None:
    """Primary header alone: others need one before them, and its own image is not part of the cutout."""
    count = len(piece.lengths)
    without = {"BSCALE", "BZERO", "BLANK", *(f"NAXIS{axis}" for axis in range(1, count + 1))}
    out.write(edited_header(_header(source, piece), {"NAXIS": 0}, without=without, history=[history]))


def _write_whole(source: Source, piece: Piece, shift: Mapping[str, Value], history: str, out: BinaryIO) -> None:
    if isinstance(piece.hdu, fits.CompImageHDU) and piece.hdu.shape:
        whole = tuple(slice(0, length) for length in piece.lengths)
        _write_image(source, piece, whole, history, out)
        return
    info = piece.hdu.fileinfo()
    out.write(edited_header(_header(source, piece), shift, history=[history] if piece.index == 0 else []))
    start = out.tell()
    # What an HDU declares; the last block of a file may not be filled up.
    _copy(source, info["datLoc"], int(piece.hdu.size), out)
    _pad(out, out.tell() - start)


def _header(source: Source, piece: Piece) -> bytes:
    """Cards of an HDU as they are in the file; of a compressed image those of the image."""
    if isinstance(piece.hdu, fits.CompImageHDU):
        cards = fits.ImageHDU(header=piece.hdu.header).header
        cards["BITPIX"] = piece.hdu._bitpix
        cards["NAXIS"] = len(piece.lengths)
        for axis, length in enumerate(piece.lengths, start=1):
            cards.set(f"NAXIS{axis}", length, after="NAXIS" if axis == 1 else f"NAXIS{axis - 1}")
        return str(cards.tostring()).encode("ascii", "replace")
    info = piece.hdu.fileinfo()
    return source.read(info["hdrLoc"], info["datLoc"] - info["hdrLoc"])


def _lookup_shifts(pieces: Sequence[Piece]) -> dict[int, dict[str, Value]]:
    """New reference values of tables of distortions, which count the pixels of the image that they belong to.

    References
    ----------
    Calabretta et al. 2004 (draft), "Representations of distortions in FITS world coordinate systems".
    """
    shifts: dict[int, dict[str, Value]] = {}
    for piece in pieces:
        if piece.part is None:
            continue
        header = Keywords(piece.hdu.header)
        for axis in (1, 2):
            for name, word, record in (
                ("WCSDVARR", f"CPDIS{axis}", f"DP{axis}"),
                ("D2IMARR", f"D2IMDIS{axis}", f"D2IM{axis}"),
            ):
                if header.text(word) is not None:
                    version = header.integer(f"{record}.EXTVER") or 1
                    _shift_lookup(shifts, pieces, name, version, {1: piece.part[0].start, 2: piece.part[1].start})
        if header.value("D2IMEXT") is not None and len(piece.part) > 1:
            axis = header.integer("AXISCORR") or 1
            _shift_lookup(shifts, pieces, "D2IMARR", 1, {1: piece.part[min(axis, 2) - 1].start})
    return shifts


def _shift_lookup(
    shifts: dict[int, dict[str, Value]], pieces: Sequence[Piece], name: str, version: int, starts: Mapping[int, int]
) -> None:
    for piece in pieces:
        if piece.hdu.name == name and piece.hdu.ver == version:
            header = Keywords(piece.hdu.header)
            shifts[piece.index] = {
                f"CRVAL{axis}": (header.number(f"CRVAL{axis}") or 0.0) - start
                for axis, start in starts.items()
                if start and axis <= len(piece.lengths)
            }


def _count(part: slice) -> int:
    return len(range(part.start, part.stop, part.step or 1))


def _write_data(out: BinaryIO, pieces: Iterator[bytes]) -> None:
    start = out.tell()
    for piece in pieces:
        out.write(piece)
    _pad(out, out.tell() - start)


def _copy(source: Source, place: int, count: int, out: BinaryIO) -> None:
    while count > 0:
        block = source.read(place, min(count, _PIECE))
        out.write(block)
        place += len(block)
        count -= len(block)


def _pad(out: BinaryIO, size: int) -> None:
    out.write(bytes(-size % BLOCK))
