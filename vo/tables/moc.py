"""The part of the sky that the rows of a table cover."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy import units
from mocpy import MOC

from vo.dali.errors import UsageFault
from vo.tables.field import Field
from vo.tables.pieces import split_batch
from vo.tables.stream import TableStream
from vo.tables.text import text_cells
from vo.tables.votable import Info

ORDER = 11
"""Finest cells of a map of regions or positions: 1.7 arcmin."""

_SHAPES = {"polygon": "POLYGON ICRS", "circle": "CIRCLE ICRS", "adql:REGION": ""}
_SAME_FRAMES = re.compile(r"\b(?:J2000|FK5)\b", re.IGNORECASE)
_POSITION = re.compile(r"\s*POSITION\s+(?:ICRS\s+)?(\S+)\s+(\S+)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the map comes from: columns by their numbers, and what makes a map of their cells, one of each text."""

    columns: tuple[int, ...]
    cover: Callable[[list[pa.Array]], tuple[list[MOC], int]]


def write_moc(stream: TableStream, infos: Sequence[Info] = ()) -> Iterator[bytes]:
    """Write the coverage map of a table as FITS: of its maps, or its regions, or its positions, whichever it has.

    Maps are columns of xtype ``moc``; regions are STC-S text (``adql:REGION``) and the circles and polygons of DALI;
    positions are points, or the main pair of UCDs ``pos.eq.ra`` and ``pos.eq.dec``, or the first such pair. The first
    column of its kind counts. Regions and positions are drawn with cells of `ORDER`. QSTATUS tells of an overflow and
    NOPLACE of rows with a NULL or something that is no place. All rows are read first: what fails is raised before
    the first byte.

    Parameters
    ----------
    stream
        Closed when its rows have been read.
    infos
        Not written: a map has no place for remarks.

    Raises
    ------
    UsageFault
        Raised if no column tells of a place.

    References
    ----------
    MOC 2.0, "FITS serialization"; DALI 1.1, "Circle", "Point" and "Polygon".
    """
    del infos
    with closing(stream):
        source = _source(stream.fields)
        covered, without_place = MOC.new_empty(ORDER), 0
        for batch in stream:
            for piece in split_batch(batch):
                maps, missed = source.cover([piece.column(number) for number in source.columns])
                without_place += missed
                covered = covered.union(*maps) if maps else covered
        told = {"QSTATUS": "OVERFLOW" if stream.overflow else "OK", "NOPLACE": without_place}
        document = io.BytesIO()
        covered.serialize(format="fits", optional_kw_dict=told).writeto(document)
        yield document.getvalue()


def _source(fields: tuple[Field, ...]) -> _Source:
    for number, field in enumerate(fields):
        if field.xtype == "moc":
            return _Source((number,), lambda columns: _drawn(columns[0], _read_map))
    for number, field in enumerate(fields):
        if field.xtype in _SHAPES:
            return _Source((number,), lambda columns, field=field: _drawn(_region_texts(columns[0], field), _draw))  # type: ignore[misc]
    for number, field in enumerate(fields):
        if field.xtype == "point":
            return _Source((number,), lambda columns: _points(*_coordinates(columns[0])))
    pair = _pair(fields)
    if pair is None:
        raise UsageFault(
            "A coverage map needs a column with regions (such as s_region) or two with positions (such as s_ra and "
            "s_dec) among those that the query selects."
        )
    return _Source(pair, lambda columns: _points(*map(_reals, columns)))


def _pair(fields: tuple[Field, ...]) -> tuple[int, int] | None:
    def columns(axis: str) -> list[int]:
        found = [(number, (field.ucd or "").lower().split(";")) for number, field in enumerate(fields)]
        places = [(number, words) for number, words in found if words[0] == axis]
        return [number for number, _ in sorted(places, key=lambda place: "meta.main" not in place[1])]

    lon, lat = columns("pos.eq.ra"), columns("pos.eq.dec")
    return (lon[0], lat[0]) if lon and lat else None


def _region_texts(column: pa.Array, field: Field) -> pa.StringArray:
    cells = text_cells(column, field)
    shape = _SHAPES[field.xtype or ""]
    return pc.binary_join_element_wise(shape, cells, " ") if shape else cells


def _drawn(cells: pa.StringArray, draw: Callable[[str | None], MOC]) -> tuple[list[MOC], int]:
    maps, missed = [], 0
    for told in pc.value_counts(cells).to_pylist():
        try:
            maps.append(draw(told["values"]))
        # An unreadable region is counted, whatever the library makes of it.
        except ValueError:
            missed += told["counts"]
    return maps, missed


def _read_map(text: str | None) -> MOC:
    if not text:
        raise ValueError("NULL is no map.")
    return MOC.from_string(text)


def _draw(text: str | None) -> MOC:
    if not text:
        raise ValueError("NULL is no region.")
    place = _POSITION.fullmatch(text)
    if place is None:
        return MOC.from_stcs(_SAME_FRAMES.sub("ICRS", text), max_depth=ORDER)
    maps, _ = _points(*(np.array([float(word)]) for word in place.groups()))
    if not maps:
        raise ValueError("This is no place of the sky.")
    return maps[0]


def _reals(column: pa.Array) -> np.ndarray:
    values: np.ndarray = pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
    return values


def _coordinates(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    whole = pc.if_else(pc.equal(lengths, 2), column, pa.scalar([np.nan, np.nan], column.type))
    values = _reals(whole.flatten()).reshape(-1, 2)
    return values[:, 0], values[:, 1]


def _points(lon: np.ndarray, lat: np.ndarray) -> tuple[list[MOC], int]:
    real = np.isfinite(lon) & (np.abs(lat) <= 90)
    missed = int(np.count_nonzero(~real))
    if missed == len(real):
        return [], missed
    return [MOC.from_lonlat(lon[real] % 360 * units.deg, lat[real] * units.deg, max_norder=ORDER)], missed
