"""Rows of binary tables, chosen by position, wavelength and time."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS

from datalink.soda.axes import Keywords, to_mjd_utc
from datalink.soda.cutout import Numbers, sky_axes, touched_channels
from datalink.soda.shapes import Truths, contains
from vo.dali.values import Interval, Shape
from vo.spectral import column_wavelengths

_FORM = re.compile(r"\s*(\d*)([LXBIJKAEDCMPQ])")
_TYPES = {"B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
_WAVES = ("WAVE", "WAVELENGTH", "LAMBDA", "WAVEL", "ENERGY", "FREQ", "FREQUENCY")
_ROUNDING = 1e-12
_DEGREES = ("deg", "degree", "degrees")

Rows = npt.NDArray[np.uint8]
"""Bytes of rows, shape (rows, bytes of a row)."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a column lies in a row.

    Attributes
    ----------
    number
        From 1.
    name
        Upper case.
    repeat
        Elements of a cell.
    code
        Letter of TFORM.
    offset
        First byte.
    size
        Bytes of a cell.
    """

    number: int
    name: str
    repeat: int
    code: str
    offset: int
    size: int


@dataclass(frozen=True)
class Table:
    """A binary table.

    Attributes
    ----------
    keywords
        Of its header.
    """

    keywords: Keywords

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """In order; none of a table whose header does not fit together."""
        columns, offset = [], 0
        for number in range(1, (self.keywords.integer("TFIELDS") or 0) + 1):
            match = _FORM.match(self.keywords.text(f"TFORM{number}") or "")
            if match is None:
                return ()
            repeat, code = int(match.group(1) or 1), match.group(2)
            size = -(-repeat // 8) if code == "X" else repeat * _WIDTHS[code]
            name = (self.keywords.text(f"TTYPE{number}") or "").upper()
            columns.append(Column(number, name, repeat, code, offset, size))
            offset += size
        return tuple(columns) if offset == self.width else ()

    @property
    def width(self) -> int:
        """Bytes of a row."""
        return self.keywords.integer("NAXIS1") or 0

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.keywords.integer("NAXIS2") or 0

    def values(self, column: Column, rows: Rows) -> Numbers:
        """Values of a column, shape (rows,), or (rows, repeat) for arrays; scaled, NaN for null integers."""
        raw = np.ascontiguousarray(rows[:, column.offset : column.offset + column.size]).view(_TYPES[column.code])
        values = raw.astype(float)
        null = self.keywords.integer(f"TNULL{column.number}")
        if null is not None and column.code in "BIJK":
            values[raw == null] = np.nan
        scale, zero = self.keywords.number(f"TSCAL{column.number}"), self.keywords.number(f"TZERO{column.number}")
        values = values * (1.0 if scale is None else scale) + (zero or 0.0)
        return values[:, 0] if column.repeat == 1 else values

    def _find(self, names: tuple[str, ...], ucds: tuple[str, ...] = ()) -> Column | None:
        numeric = [column for column in self.columns if column.code in _TYPES and column.repeat >= 1]
        for column in numeric:
            ucd = (self.keywords.text(f"TUCD{column.number}") or "").lower()
            if ucds and ucd.startswith(ucds):
                return column
        return next((column for name in names for column in numeric if column.name == name), None)

    def positions(self) -> Callable[[Rows], tuple[Numbers, Numbers]] | None:
        """Function that gives ra and dec of rows, in deg; None where the table has none."""
        ra, dec = self._find(("RA", "RA_DEG"), ("pos.eq.ra",)), self._find(("DEC", "DEC_DEG"), ("pos.eq.dec",))
        if ra is not None and dec is not None and ra.repeat == dec.repeat == 1:
            units = {(self.keywords.text(f"TUNIT{column.number}") or "").lower() for column in (ra, dec)}
            if units <= set(_DEGREES):
                return lambda rows: (self.values(ra, rows), self.values(dec, rows))
        return self._projected()

    def _projected(self) -> Callable[[Rows], tuple[Numbers, Numbers]] | None:
        """Positions by two columns of coordinates in a projection (FITS 4.0, WCS of columns)."""
        found = {}
        for column in self.columns:
            kind = (self.keywords.text(f"TCTYP{column.number}") or "").upper()
            if column.code in _TYPES and column.repeat == 1 and kind[:4] in ("RA--", "DEC-"):
                found[kind[:2]] = column
        if set(found) != {"RA", "DE"}:
            return None
        x, y = found["RA"], found["DE"]
        cards: dict[str, Any] = {}
        for axis, column in ((1, x), (2, y)):
            for word, source in (("CTYPE", "TCTYP"), ("CRVAL", "TCRVL"), ("CRPIX", "TCRPX"), ("CDELT", "TCDLT")):
                value = self.keywords.value(f"{source}{column.number}")
                if value is None:
                    return None
                cards[f"{word}{axis}"] = value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                sky = sky_axes(WCS(cards | {"RADESYS": self.keywords.text("RADECSYS") or "ICRS"}), (1, 1))
            except Exception:  # whatever a library finds wrong with a header: it has no such coordinates
                return None
        if sky is None:
            return None
        return lambda rows: sky.to_sky(self.values(x, rows) - 1, self.values(y, rows) - 1)

    def spectral(self) -> tuple[Column, str] | None:
        """Column of wavelengths, frequencies or energies, and its UCD."""
        column = self._find(_WAVES, ("em.wl", "em.freq", "em.energy"))
        if column is None:
            return None
        ucd = (self.keywords.text(f"TUCD{column.number}") or "").lower()
        if not ucd.startswith("em."):
            ucd = {"E": "em.energy", "F": "em.freq"}.get(column.name[0], "em.wl")
            if self.keywords.text(f"TUNIT{column.number}") is None:
                return None
        return column, ucd

    def wavelengths(self, column: Column, ucd: str, rows: Rows) -> Numbers:
        """Wavelengths in vacuum, in m."""
        return column_wavelengths(ucd, self.keywords.text(f"TUNIT{column.number}"), self.values(column, rows))

    def instants(self) -> Callable[[Rows], Numbers] | None:
        """Function that gives the times of rows, MJD in UTC; None where the table has none."""
        days = self._find(("MJD",))
        if days is not None and days.repeat == 1:
            return lambda rows: self.values(days, rows)
        column = self._find(("TIME",), ("time.epoch",))
        if column is None or column.repeat != 1:
            return None
        unit = (self.keywords.text(f"TUNIT{column.number}") or self.keywords.text("TIMEUNIT") or "s").lower()
        if all(self.keywords.number(word) is None for word in ("MJDREF", "MJDREFI", "BJDREFI")):
            return None
        start = self.keywords.number("TIMEZERO") or 0.0
        return lambda rows: to_mjd_utc(self.keywords, self.values(column, rows) + start, "d" if "d" in unit else unit)


@dataclass(frozen=True)
class RowFilter:
    """Conditions that rows must meet; those that the table has no columns for are not among them.

    Attributes
    ----------
    tests
        Each tells which of some rows meet it.
    """

    tests: tuple[Callable[[Rows], Truths], ...]

    def __call__(self, rows: Rows) -> Truths:
        """Which rows meet all conditions."""
        met = np.ones(len(rows), bool)
        for test in self.tests:
            met &= test(rows)
        return met


def position_test(table: Table, shape: Shape) -> Callable[[Rows], Truths] | None:
    """Whether the position of a row lies in a region; None where the table has no positions."""
    positions = table.positions()
    return None if positions is None else lambda rows: contains(shape, *positions(rows))


def band_test(table: Table, band: Interval) -> Callable[[Rows], Truths] | None:
    """Whether the wavelength of a row lies in an interval; None where the table has none."""
    found = table.spectral()
    if found is None or found[0].repeat != 1:
        return None
    column, ucd = found
    return lambda rows: _within(table.wavelengths(column, ucd, rows), _rounded(band))


def time_test(table: Table, time: Interval) -> Callable[[Rows], Truths] | None:
    """Whether the time of a row lies in an interval; None where the table has none."""
    instants = table.instants()
    return None if instants is None else lambda rows: _within(instants(rows), time)


def cells_in_band(table: Table, rows: Rows, band: Interval) -> tuple[int, slice | None] | None:
    """Elements of the one row of a spectrum that lie in an interval of wavelengths.

    Returns
    -------
    length, elements
        Length of the arrays, and their part; None for the part if no element is wanted. None at all if the table is
        not a row with an array of wavelengths.
    """
    found = table.spectral()
    if found is None or table.count != 1 or found[0].repeat < 2 or any(column.code in "PQ" for column in table.columns):
        return None
    column, ucd = found
    waves = table.wavelengths(column, ucd, rows)[0]
    if not np.isfinite(waves).any():
        return None
    wanted = np.flatnonzero(_within(waves, _rounded(band)))
    if band.lower == band.upper:
        part = touched_channels(_edges(waves), band)
    else:
        part = slice(int(wanted[0]), int(wanted[-1]) + 1) if len(wanted) else None
    return column.repeat, part


def _edges(centres: Numbers) -> Numbers:
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def _rounded(band: Interval) -> Interval:
    """An interval with room for the rounding of units: 500 nm are not above 5e-7 m."""
    return Interval(band.lower * (1 - _ROUNDING), band.upper * (1 + _ROUNDING))


def _within(values: Numbers, interval: Interval) -> Truths:
    with np.errstate(invalid="ignore"):
        return (values >= interval.lower) & (values <= interval.upper)


def row_pieces(read: Callable[[int, int], bytes], offset: int, table: Table, rows_filter: RowFilter) -> Iterator[bytes]:
    """Bytes of the rows that meet conditions, in order.

    Parameters
    ----------
    read
        Reads so many bytes from a place.
    offset
        Of the first row.
    table
        Of the rows.
    rows_filter
        The conditions.
    """
    at_once = max((1 << 20) // max(table.width, 1), 1)
    for first in range(0, table.count, at_once):
        count = min(at_once, table.count - first)
        raw = read(offset + first * table.width, count * table.width)
        rows = np.frombuffer(raw, np.uint8).reshape(count, table.width)
        yield rows[rows_filter(rows)].tobytes()
