"""Parameters of SODA: text becomes values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from datalink.soda.cutout import STOKES
from datalink.soda.filters import Filters, OutputForm, PixelBox
from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, quoted, read_choice
from vo.dali.values import Shape, read_interval, read_shape

FORMS: dict[str, OutputForm] = {"application/fits": "fits", "image/fits": "fits", "fits": "fits"}
"""Values of RESPONSEFORMAT."""

_FILTERING = ("POS", "CIRCLE", "POLYGON", "BAND", "TIME", "SUB")
_SUB = re.compile(r"\s*(?:\[\s*([^\[\]:,*]+?)\s*\])?\s*(?:\[([^\[\]]*)\])?\s*")
_RANGE = re.compile(r"\s*(?:\*|([0-9]{1,12})\s*:\s*([0-9]{1,12}))\s*")
_NAME = re.compile(r"[A-Za-z0-9_.+\-]{1,40}")


@dataclass(frozen=True, slots=True)
class Combination:
    """One value of each parameter.

    Attributes
    ----------
    identifier
        ID.
    filters
        What is wanted of it; false for the whole.
    asked
        The values as the client wrote them.
    """

    identifier: str
    filters: Filters
    asked: str


@dataclass(frozen=True, slots=True)
class SodaQuery:
    """What one request asks for.

    Attributes
    ----------
    combinations
        One or more.
    form
        Of the results.
    prefix
        What the names of the results begin with.
    """

    combinations: tuple[Combination, ...]
    form: OutputForm = "fits"
    prefix: str = ""


def read_soda_query(parameters: Parameters, *, most: int) -> SodaQuery:
    """Read a request; each combination of values is one result.

    Parameters
    ----------
    parameters
        Of the request.
    most
        Most combinations; 1 for a service that takes one value of each parameter. Values of POL always go together.

    Raises
    ------
    MultiValuedParamNotSupported
        Raised for a parameter that comes more than once where it may not.
    UsageFault
        Raised for values that mean nothing, no ID, and too many combinations.

    References
    ----------
    SODA 1.0, "Parameters for SODA {sync} and {async}".
    """
    names = ("ID", *_FILTERING)
    given = {name: parameters.all(name) for name in names}
    if most == 1:
        for name in names:
            parameters.one(name)
    if not given["ID"]:
        raise UsageFault("ID is missing: it names the file to cut from.")
    count = 1
    for name in names:
        count *= max(len(given[name]), 1)
    if count > most:
        raise UsageFault(f"The parameters make {count} combinations; {most} are taken at once.")
    states = _read_states(parameters.all("POL"))
    form = FORMS[read_choice("RESPONSEFORMAT", parameters.one("RESPONSEFORMAT"), FORMS, default="fits")]
    return SodaQuery(tuple(_combinations(given, states)), form, _read_prefix(parameters.one("PREFIX")))


def _combinations(given: dict[str, tuple[str, ...]], states: frozenset[str]) -> Iterator[Combination]:
    lists: list[list[tuple[str, str] | None]] = [
        [(name, value) for value in given[name]] or [None] for name in _FILTERING
    ]
    read: dict[tuple[str, str], Any] = {
        (name, value): _read(name, value) for name in _FILTERING for value in given[name]
    }
    said = [("POL", state) for state in sorted(states)]
    for identifier in given["ID"]:
        for choice in product(*lists):
            chosen = [pair for pair in choice if pair is not None]
            values = {pair[0]: read[pair] for pair in chosen}
            shapes = tuple(values[name] for name in ("POS", "CIRCLE", "POLYGON") if name in values)
            filters = Filters(shapes, values.get("BAND"), values.get("TIME"), states, values.get("SUB"))
            asked = " ".join(f"{name}={' '.join(value.split())}" for name, value in [*chosen, *said])
            yield Combination(identifier, filters, asked)


def _read(name: str, text: str) -> object:
    match name:
        case "POS":
            return read_shape("POS", text)
        case "CIRCLE" | "POLYGON":
            return _read_bare_shape(name, text)
        case "SUB":
            return read_pixel_box(text)
    interval = read_interval(name, text)
    if name == "BAND" and interval.upper <= 0:
        raise UsageFault(f"BAND={quoted(text)} holds no wavelength: wavelengths are greater than zero, in m.")
    return interval


def _read_bare_shape(name: str, text: str) -> Shape:
    """A shape whose name is that of the parameter; clients that write it twice are understood."""
    words = text.split()
    if words[0].upper() == name:
        words = words[1:]
    try:
        return read_shape(name, " ".join([name, *words]))
    except UsageFault as fault:
        numbers = "lon lat radius" if name == "CIRCLE" else "lon1 lat1 lon2 lat2 lon3 lat3 …"
        if "is not understood" in str(fault):
            raise UsageFault(f"{name}={quoted(text)} is not understood; write {numbers}, in degrees.") from None
        raise


def _read_states(values: tuple[str, ...]) -> frozenset[str]:
    known = set(STOKES.values())
    wanted = frozenset(word.upper() for value in values for word in re.split(r"[\s/,]+", value) if word)
    for state in sorted(wanted - known):
        raise UsageFault(f"POL={quoted(state)} is no polarization state; known: {', '.join(STOKES.values())}.")
    return wanted


def read_pixel_box(text: str) -> PixelBox:
    """Read pixels by number: ``[2][101:200,51:150]``, ``[SCI][*,1:10]``, ``[1:10,1:10]`` or ``[2]``.

    Raises
    ------
    UsageFault
        Raised for text that is none of these, and for ranges in the wrong order.
    """
    match = _SUB.fullmatch(text)
    if match is None or match.groups() == (None, None):
        raise UsageFault(f"SUB={quoted(text)} is not understood; write [hdu][x1:x2,y1:y2,…], both ends included.")
    name, ranges = match.groups()
    hdu = None if name is None else (int(name) if name.isascii() and name.isdigit() and len(name) < 6 else name)
    if not ranges:
        return PixelBox(hdu, ())
    found: list[tuple[int, int] | None] = []
    for part in ranges.split(","):
        limits = _RANGE.fullmatch(part)
        if limits is None:
            raise UsageFault(f"SUB={quoted(text)} is not understood; a range is first:last or *, from 1.")
        if limits.group(1) is None:
            found.append(None)
            continue
        first, last = int(limits.group(1)), int(limits.group(2))
        if not 1 <= first <= last:
            raise UsageFault(f"SUB={quoted(text)}: a range goes from a pixel to one that is not before it, from 1.")
        found.append((first, last))
    return PixelBox(hdu, tuple(found))


def _read_prefix(text: str | None) -> str:
    if text is None:
        return ""
    if not _NAME.fullmatch(text.strip()):
        raise UsageFault(f"PREFIX={quoted(text)} begins no name of a file: letters, digits and _.+- only, at most 40.")
    return text.strip()
