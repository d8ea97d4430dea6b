"""What one SIA 2 query asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, RowLimits, quoted, read_maxrec
from vo.dali.values import Interval, Shape, read_interval, read_shape
from vo.tables.formats import OutputFormat, choose_format

OVERLAPS: dict[str, tuple[str, str]] = {"BAND": ("em_min", "em_max"), "TIME": ("t_min", "t_max")}
"""Parameters that ask for a common part with an interval of ObsCore."""

RANGES: dict[str, str] = {
    "FOV": "s_fov",
    "SPATRES": "s_resolution",
    "SPECRP": "em_res_power",
    "EXPTIME": "t_exptime",
    "TIMERES": "t_resolution",
}
"""Parameters whose interval must hold a number of ObsCore."""

TEXTS: dict[str, str] = {
    "COLLECTION": "obs_collection",
    "FACILITY": "facility_name",
    "INSTRUMENT": "instrument_name",
    "DPTYPE": "dataproduct_type",
    "TARGET": "target_name",
    "FORMAT": "access_format",
}
"""Parameters that name a text of ObsCore, letter by letter."""

MOST_VALUES = 200
"""Values that one parameter may have in one request."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SiaQuery:
    """What one SIA 2 query asks for; an empty tuple means no constraint.

    Attributes
    ----------
    regions
        Search regions, ICRS, degrees; a product matches if it meets any of them.
    overlaps, ranges, texts
        Values by the names of `OVERLAPS`, `RANGES` and `TEXTS`; one of each name must match.
    polarizations
        States, of which a product must have one.
    ids
        Publisher's identifiers.
    calib_levels
        Degrees of calibration.
    maxrec
        Most rows to return, already cut to the limit of the service.
    output
        Form of the answer.
    run_id
        Name under which the client keeps the query, None without one.
    """

    regions: tuple[Shape, ...]
    overlaps: dict[str, tuple[Interval, ...]]
    ranges: dict[str, tuple[Interval, ...]]
    texts: dict[str, tuple[str, ...]]
    polarizations: tuple[str, ...]
    ids: tuple[str, ...]
    calib_levels: tuple[int, ...]
    maxrec: int
    output: OutputFormat
    run_id: str | None = None


def read_sia_query(parameters: Parameters, rows: RowLimits, *, accept: str | None = None) -> SiaQuery:
    """Read the parameters of a query; those that SIA does not know are ignored.

    Parameters
    ----------
    parameters
        Of the request.
    rows
        Numbers of rows that the service gives.
    accept
        Accept header, heard when no parameter chooses a format.

    Raises
    ------
    UsageFault
        Raised with a sentence about the first parameter with a value that means nothing.

    References
    ----------
    SIA 2.0, "{query} resource".
    """

    def every(name: str, read: Callable[[str, str], T]) -> tuple[T, ...]:
        values = parameters.all(name)
        if len(values) > MOST_VALUES:
            raise UsageFault(f"{name} is given {len(values)} times; a request may have {MOST_VALUES}.")
        return tuple(read(name, value) for value in values)

    return SiaQuery(
        regions=every("POS", read_shape),
        overlaps={name: every(name, _non_negative if name == "BAND" else read_interval) for name in OVERLAPS},
        ranges={name: every(name, read_interval) for name in RANGES},
        texts={name: every(name, _media_type if name == "FORMAT" else _text) for name in TEXTS},
        polarizations=every("POL", _text),
        ids=every("ID", _text),
        calib_levels=every("CALIB", _calib_level),
        maxrec=read_maxrec(parameters.one("MAXREC"), default=rows.default, hard=rows.hard),
        output=choose_format(parameters.one("RESPONSEFORMAT"), accept),
        run_id=parameters.one("RUNID"),
    )


def _text(name: str, text: str) -> str:
    del name
    return text


def _media_type(name: str, text: str) -> str:
    """A media type; a blank stands where a client forgot to write the plus sign as %2B."""
    del name
    return text.replace("x-votable xml", "x-votable+xml")


def _non_negative(name: str, text: str) -> Interval:
    interval = read_interval(name, text)
    if interval.upper < 0.0:
        raise UsageFault(f"{name}={quoted(text)} is below zero; it is a wavelength in vacuum, in m.")
    return interval


def _calib_level(name: str, text: str) -> int:
    if not re.fullmatch(r"\s*[0-4]\s*", text, re.ASCII):
        raise UsageFault(f"{name} must be a whole number from 0 to 4, not {quoted(text)}.")
    return int(text)
