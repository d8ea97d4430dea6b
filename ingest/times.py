"""Dates of headers as MJD in UTC."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass

from astropy.time import Time

from ingest.cards import Value
from ingest.quiet import quietly

MJD_RANGE = (2400.0, 88069.0)
"""Years 1865 to 2100: what an observation can carry."""

_UNSET = (15020.0, 40587.0)
_MJD_ORDINAL = 678576
_ISO = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?\s*Z?", re.ASCII
)
_OLD = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{2})", re.ASCII)
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?", re.ASCII)
_SCALES = {"TAI": "tai", "IAT": "tai", "TT": "tt", "TDT": "tt", "ET": "tt", "TDB": "tdb", "TCB": "tcb", "TCG": "tcg"}


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time as a header states it.

    Attributes
    ----------
    mjd
        Modified Julian Date in the time scale of the header, in d.
    has_clock
        False where only the day is known.
    """

    mjd: float
    has_clock: bool


def read_date(value: Value) -> Instant | None:
    """Read DATE-OBS and its like: ISO 8601, the form ``dd/mm/yy`` of before 1998, or eight digits.

    Returns
    -------
    Instant or None
        None for what is no date of the calendar.

    References
    ----------
    FITS 4.0, "Date keywords".
    """
    text = f"{value}".strip() if value is not None else ""
    clock: tuple[str | None, ...] = ()
    if match := _ISO.fullmatch(text):
        year, month, day, *clock_parts = match.groups()
        clock = tuple(clock_parts)
    elif match := _OLD.fullmatch(text):
        day, month, year = match.groups()
        year = f"19{year}"
    elif match := _PACKED.fullmatch(text):
        year, month, day = match.groups()
    else:
        return None
    try:
        days = datetime.date(int(year), int(month), int(day)).toordinal() - _MJD_ORDINAL
    except ValueError:
        return None
    if not clock or clock[0] is None:
        return Instant(float(days), False)
    fraction = _day_fraction(*clock)
    return None if fraction is None else Instant(days + fraction, True)


def read_clock(value: Value) -> float | None:
    """Read a time of day ``hh:mm:ss.sss`` as a fraction of a day; None for anything else."""
    match = _CLOCK.fullmatch(f"{value}".strip())
    return _day_fraction(*match.groups()) if match else None


def _day_fraction(hours: str | None, minutes: str | None, seconds: str | None) -> float | None:
    h, m, s = int(hours or 0), int(minutes or 0), float(seconds or 0)
    if h > 24 or m > 59 or s >= 61 or h * 3600 + m * 60 + s > 86401:
        return None
    return (h * 3600 + m * 60 + s) / 86400


def is_mjd(mjd: float | None) -> bool:
    """Whether a number can be the MJD of an observation; the first instants of 1900 and 1970 mean that none is set."""
    return mjd is not None and MJD_RANGE[0] <= mjd <= MJD_RANGE[1] and mjd not in _UNSET


def to_utc(mjd: float, scale: str | None) -> float:
    """MJD of a time scale as MJD in UTC; UTC, its relatives and unknown scales stay as they are.

    Parameters
    ----------
    mjd
        In d.
    scale
        Value of TIMESYS.

    References
    ----------
    FITS 4.0, "Time scale".
    """
    name = _SCALES.get((scale or "").upper().partition("(")[0])
    if name is None or not math.isfinite(mjd):
        return mjd
    with quietly():
        return float(Time(mjd, format="mjd", scale=name).utc.mjd)


def as_datetime(mjd: float) -> datetime.datetime:
    """MJD as an instant of the calendar, UTC without zone, rounded to microseconds."""
    return datetime.datetime(1858, 11, 17) + datetime.timedelta(microseconds=round(mjd * 86_400_000_000))


def as_mjd(instant: datetime.datetime) -> float:
    """Instant of the calendar, UTC without zone, as MJD."""
    return (instant - datetime.datetime(1858, 11, 17)) / datetime.timedelta(days=1)
