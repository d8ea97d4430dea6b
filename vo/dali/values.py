"""Values of parameters as DALI writes them: numbers, intervals, shapes."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.regions import Circle, Polygon, Range

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INFINITY = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_MOST_NUMBERS = 4000

Shape = Circle | Range | Polygon


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from one to another, both included.

    Attributes
    ----------
    lower, upper
        Bounds, `lower` not above `upper`; either may be infinite, never NaN.
    """

    lower: float
    upper: float


def read_number(name: str, text: str) -> float:
    """One finite number.

    Raises
    ------
    UsageFault
        Raised for everything else, NaN and infinity among it.

    References
    ----------
    DALI 1.1, "Numbers".
    """
    word = text.strip()
    number = float(word) if _NUMBER.fullmatch(word) else math.nan
    if not math.isfinite(number):
        raise UsageFault(f"{name} must be a finite number, not {quoted(text)}.")
    return number


def read_interval(name: str, text: str) -> Interval:
    """Two numbers with a blank between them, or one that is both bounds; -Inf and +Inf leave a side open.

    Raises
    ------
    UsageFault
        Raised for another count of numbers, NaN, a single infinity, and bounds in the wrong order.

    References
    ----------
    DALI 1.1, "Interval"; SIA 2.0, "{query} resource".
    """
    words = text.split()
    if len(words) not in (1, 2):
        raise UsageFault(f"{name} takes one number or two with a blank between them, not {quoted(text)}.")
    bounds = [_bound(name, word) for word in words]
    interval = Interval(bounds[0], bounds[-1])
    if interval.lower > interval.upper:
        raise UsageFault(f"{name}={quoted(text)} has its bounds in the wrong order: the lower one comes first.")
    if interval.lower == math.inf or interval.upper == -math.inf:
        raise UsageFault(f"{name}={quoted(text)} holds no number: give a finite one, -Inf as lower or +Inf as upper.")
    return interval


def read_shape(name: str, text: str) -> Shape:
    """A circle, range or polygon of coordinates in degrees, ICRS.

    Raises
    ------
    UsageFault
        Raised for other shapes, a wrong count of numbers, coordinates that are not on the sky, and bounds of a range
        in the wrong order.

    References
    ----------
    SIA 2.0, "POS"; DALI 1.1, "Circle", "Range", "Polygon".
    """
    keyword, *words = text.split()
    if len(words) > _MOST_NUMBERS:
        raise UsageFault(f"{name} has {len(words)} numbers; a polygon may have {_MOST_NUMBERS // 2} vertices.")
    try:
        match keyword.upper(), len(words):
            case "CIRCLE", 3:
                lon, lat, radius = (read_number(name, word) for word in words)
                return Circle(lon, lat, radius)
            case "RANGE", 4:
                return _range(name, words)
            case "POLYGON", count if count >= 6 and count % 2 == 0:
                numbers = [read_number(name, word) for word in words]
                return Polygon(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    except ValueError as error:
        raise UsageFault(f"{name}={quoted(text)} is no region of the sky. {error}") from None
    raise UsageFault(
        f"{name}={quoted(text)} is not understood; write CIRCLE lon lat radius, RANGE lon1 lon2 lat1 lat2 or "
        "POLYGON lon1 lat1 lon2 lat2 lon3 lat3 …, in degrees."
    )


def _range(name: str, words: list[str]) -> Range:
    """Range of coordinates; what is open goes as far as the coordinate does."""
    lon1, lon2, lat1, lat2 = (_bound(name, word) for word in words)
    sides = [(lon1, lon2, 0.0, 360.0), (lat1, lat2, -90.0, 90.0)]
    found = []
    for low, high, least, most in sides:
        found += [least if low == -math.inf else low, most if high == math.inf else high]
    return Range(*found)


def _bound(name: str, word: str) -> float:
    if _INFINITY.fullmatch(word):
        return float(word)
    return read_number(name, word)
