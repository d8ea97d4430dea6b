"""What one cone search asks for."""

from __future__ import annotations

from dataclasses import dataclass

from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, RowLimits, quoted, read_maxrec
from vo.dali.values import read_number
from vo.regions import Circle
from vo.tables.annotations import Param
from vo.tables.field import Field

INPUTS = (
    Param(Field("RA", "double", unit="deg", ucd="pos.eq.ra", description="Right ascension of the centre, ICRS.")),
    Param(Field("DEC", "double", unit="deg", ucd="pos.eq.dec", description="Declination of the centre, ICRS.")),
    Param(Field("SR", "double", unit="deg", ucd="phys.angSize", description="Radius of the cone, 0 to 180.")),
    Param(Field("VERB", "int", description="Columns: 1 the fewest, 2 the usual ones, 3 all."), "2"),
    Param(Field("MAXREC", "int", description="Most rows to give.")),
)
"""The parameters that a cone search knows."""

_VERBOSITIES = ("1", "2", "3")


@dataclass(frozen=True, slots=True)
class ConeQuery:
    """What one cone search asks for.

    Attributes
    ----------
    cone
        Where to look.
    verbosity
        1 for the fewest columns, 2 for the usual ones, 3 for all.
    maxrec
        Most rows to return, already cut to the limit of the service.
    """

    cone: Circle
    verbosity: int
    maxrec: int


def read_cone_query(parameters: Parameters, rows: RowLimits) -> ConeQuery:
    """Read the parameters of a cone search; those that it does not know are ignored.

    Raises
    ------
    UsageFault
        Raised with a sentence about the first parameter that is missing, repeated, or out of its range.

    References
    ----------
    Simple Cone Search 1.03, "Requirements for Compliance".
    """
    ra = _number(parameters, "RA", 0.0, 360.0)
    dec = _number(parameters, "DEC", -90.0, 90.0)
    radius = _number(parameters, "SR", 0.0, 180.0)
    maxrec = read_maxrec(parameters.one("MAXREC"), default=rows.default, hard=rows.hard)
    return ConeQuery(Circle(ra, dec, radius), _verbosity(parameters.one("VERB")), maxrec)


def _number(parameters: Parameters, name: str, least: float, most: float) -> float:
    text = parameters.one(name)
    if text is None:
        raise UsageFault(f"{name} is missing: a cone search needs RA, DEC and SR, in degrees.")
    number = read_number(name, text)
    if not least <= number <= most:
        raise UsageFault(f"{name}={quoted(text)} is out of range: {least:g} to {most:g} degrees.")
    return number


def _verbosity(text: str | None) -> int:
    if text is None:
        return 2
    if text.strip() not in _VERBOSITIES:
        raise UsageFault(f"VERB must be 1, 2 or 3, not {quoted(text)}.")
    return int(text)
