"""Range-lists, the form of SSA for several values and ranges in one parameter: ``1e-7/3e-7,5e-7/;source``."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from vo.dali.errors import UsageFault
from vo.dali.parameters import quoted
from vo.dali.values import Interval, read_number

_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<fraction>\.[0-9]*)?)?)?)?)?Z?"
)
_MJD_EPOCH = datetime.datetime(1858, 11, 17)
_MOST_ITEMS = 200


@dataclass(frozen=True, slots=True)
class RangeList:
    """Intervals, of which a value must meet one, and what they are qualified by.

    Attributes
    ----------
    items
        The intervals; none for no constraint.
    qualifier
        Text behind the semicolon, lower case; None without one.
    """

    items: tuple[Interval, ...]
    qualifier: str | None = None


def read_range_list(name: str, text: str, read: Callable[[str, str], Interval]) -> RangeList:
    """Read a range-list.

    The ends of a range may come in either order, since lists are sorted by the service; empty items say nothing.

    Parameters
    ----------
    name
        Of the parameter.
    text
        Its value.
    read
        Reads a single value; an imprecise one stands for an interval.

    Raises
    ------
    UsageFault
        Raised for what is no range-list of such values, and for steps, which no parameter here takes.

    References
    ----------
    SSA 1.1, "Range-list parameters".
    """
    list_, _, qualifier = text.partition(";")
    items = [item.strip() for item in list_.split(",") if item.strip()]
    if len(items) > _MOST_ITEMS:
        raise UsageFault(f"{name} has {len(items)} items; a list may have {_MOST_ITEMS}.")
    return RangeList(tuple(_item(name, item, read) for item in items), qualifier.strip().lower() or None)


def read_range(name: str, text: str, read: Callable[[str, str], Interval]) -> Interval | None:
    """Read a range-list that may have one item only.

    Raises
    ------
    UsageFault
        Raised as by `read_range_list`, and for more than one item.
    """
    found = read_range_list(name, text, read)
    if len(found.items) > 1:
        raise UsageFault(f"{name} takes one value or one range, not the list {quoted(text)}.")
    return found.items[0] if found.items else None


def _item(name: str, item: str, read: Callable[[str, str], Interval]) -> Interval:
    ends = item.split("/")
    if len(ends) > 2:
        raise UsageFault(f"{name}={quoted(item)} has a step; write a value, or a range as lower/upper.")
    if len(ends) == 1:
        return read(name, item)
    known = [read(name, end) if end.strip() else None for end in ends]
    lower, upper = known
    if lower is None or upper is None:
        return Interval(
            -math.inf if lower is None else lower.lower,
            math.inf if upper is None else upper.upper,
        )
    return Interval(min(lower.lower, upper.lower), max(lower.upper, upper.upper))


def read_value(name: str, text: str) -> Interval:
    """A number, as the interval that holds it alone."""
    number = read_number(name, text)
    return Interval(number, number)


def read_date(name: str, text: str) -> Interval:
    """A date in MJD: the whole period where it names one, such as a year or a day.

    Raises
    ------
    UsageFault
        Raised for what is no date of the calendar.

    References
    ----------
    SSA 1.1, "TIME".
    """
    found = _DATE.fullmatch(text.strip())
    if found is None:
        raise UsageFault(
            f"{name}={quoted(text)} is not a date; write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss."
        )
    numbers = {unit: int(number) for unit, number in found.groupdict().items() if number and unit != "fraction"}
    try:
        start = datetime.datetime(
            numbers["year"],
            numbers.get("month", 1),
            numbers.get("day", 1),
            numbers.get("hour", 0),
            numbers.get("minute", 0),
            numbers.get("second", 0),
        )
        fraction = found["fraction"]
        if "second" in numbers:
            start += datetime.timedelta(seconds=float(f"0{fraction}") if fraction and fraction != "." else 0.0)
            return Interval(mjd(start), mjd(start))
        return Interval(mjd(start), math.nextafter(mjd(_next(start, numbers)), -math.inf))
    except (ValueError, OverflowError):
        raise UsageFault(f"{name}={quoted(text)} is not a date of the calendar.") from None


def mjd(date: datetime.datetime) -> float:
    """Modified Julian date of an instant in UTC."""
    return (date - _MJD_EPOCH) / datetime.timedelta(days=1)


def date_of(mjd: float) -> datetime.datetime | None:
    """Instant in UTC of a modified Julian date; None beyond the calendar."""
    try:
        return _MJD_EPOCH + datetime.timedelta(days=mjd)
    except (OverflowError, ValueError):
        return None


def _next(start: datetime.datetime, numbers: dict[str, int]) -> datetime.datetime:
    """Where the period that a date names ends."""
    if "minute" in numbers:
        return start + datetime.timedelta(minutes=1)
    if "day" in numbers:
        return start + datetime.timedelta(days=1)
    if "month" in numbers and numbers["month"] < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)
