"""Regions as text → lists of numbers (`schema.spatial.shapes`)."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schema.spatial.arcs import Reals, Truths
from schema.spatial.constructs import FixedPosition
from schema.spatial.polygons import box
from schema.spatial.shapes import MOST_VERTICES, Column, Whole

_USUAL = r"(?i)^\s*(?:POLYGON|CIRCLE|POSITION)\s+(?:(?:ICRS|J2000|FK5)\s+)?[-+0-9.eE][-+0-9.eE\s]*$"
_SHAPES = frozenset({"POLYGON", "CIRCLE", "POSITION", "POINT", "BOX"})
_FRAMES = frozenset({"ICRS", "J2000", "FK5"})
_PLACES = frozenset({"UNKNOWNREFPOS", "BARYCENTER", "GEOCENTER", "HELIOCENTER", "TOPOCENTER"})
_PASSED_OVER = frozenset({"UNION", "SPHERICAL2"}) | _FRAMES | _PLACES
_SEPARATORS = re.compile(r"[\s,()]+")


def read_region(text: str) -> list[float] | None:
    """Numbers of a region that is written as text, None where it cannot be read.

    Parameters
    ----------
    text
        STC-S (POSITION, CIRCLE, POLYGON, BOX, several of them, UNION; frames ICRS, J2000, FK5 or none, which are not
        told apart), the same words in the manner of DALI, or bare numbers: two are a point, three a circle, six and
        more a polygon. Degrees.

    References
    ----------
    TAP 1.1, "STC-S"; DALI 1.1, "Circle", "Polygon"; STC-S 1.33 (IVOA note).
    """
    words = [word.upper() for word in _SEPARATORS.split(text) if word]
    found: list[float] = []
    shape, numbers = "", list[float]()
    try:
        for word in words:
            if word in _SHAPES:
                found += _part(shape, numbers)
                shape, numbers = word, []
            elif word not in _PASSED_OVER:
                numbers.append(float(word))
            elif numbers:
                found += _part(shape, numbers)
                shape, numbers = "", []
        found += _part(shape, numbers)
    except ValueError:
        return None
    return found or None


def _part(shape: str, numbers: list[float]) -> list[float]:
    count = len(numbers)
    if not shape:
        if not numbers:
            return []
        shape = {2: "POINT", 3: "CIRCLE"}.get(count, "POLYGON")
    match shape, count:
        case "POINT" | "POSITION", 2:
            return [1.0, *numbers, 0.0]
        case "CIRCLE", 3:
            return [1.0, *numbers]
        case "BOX", 4:
            corners = box(FixedPosition(numbers[0], numbers[1]), numbers[2], numbers[3]).vertices
            return [4.0, *(each for corner in corners for each in (corner.lon, corner.lat))]
        case "POLYGON", _ if count >= 6 and count % 2 == 0 and count <= 2 * MOST_VERTICES:
            return [count / 2, *numbers]
    raise ValueError(f"{shape} does not have {count} numbers.")


def read_regions(column: Column) -> pa.Array:
    """Numbers of regions that are written as text; NULL where they cannot be read.

    Parameters
    ----------
    column
        Texts, as `read_region` takes them.
    """
    texts = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(texts, pa.ChunkedArray):
        texts = pa.concat_arrays(texts.chunks)
    texts = texts.cast(pa.string())
    is_usual = np.array(pc.fill_null(pc.match_substring_regex(texts, _USUAL), False).to_numpy(zero_copy_only=False))
    try:
        quick = _usual_regions(texts, is_usual)
    except pa.ArrowInvalid:
        is_usual[:] = False
        quick = _lists(np.zeros(len(texts), np.int64), np.empty(0))
    rest = np.flatnonzero(~is_usual & np.asarray(texts.is_valid().to_numpy(zero_copy_only=False), dtype=bool))
    if not len(rest):
        return quick
    slow = pa.array([read_region(text) for text in texts.take(pa.array(rest)).to_pylist()], quick.type)
    places = np.arange(len(texts))
    places[rest] = len(texts) + np.arange(len(rest))
    return pa.concat_arrays([quick, slow]).take(pa.array(places))


def _usual_regions(texts: pa.Array, is_usual: Truths) -> pa.Array:
    """Regions of the rows that have a usual form, all at once; NULL in all others."""
    words = pc.ascii_split_whitespace(pc.ascii_trim_whitespace(texts.filter(pa.array(is_usual))))
    offsets = np.asarray(words.offsets, dtype=np.int64)
    words = words.values
    first, second = (pc.ascii_upper(words.take(pa.array(offsets[:-1] + place))) for place in (0, 1))
    skipped = 1 + np.asarray(pc.is_in(second, pa.array(sorted(_FRAMES))).to_numpy(zero_copy_only=False), np.int64)
    kinds = first.to_numpy(zero_copy_only=False)
    given = np.diff(offsets) - skipped
    is_polygon = (kinds == "POLYGON") & (given >= 6) & (given % 2 == 0) & (given <= 2 * MOST_VERTICES)
    is_read = is_polygon | ((kinds == "CIRCLE") & (given == 3)) | ((kinds == "POSITION") & (given == 2))
    count = np.where(is_read, given, 0)
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    numbers = words.take(pa.array(np.repeat(offsets[:-1] + skipped, count) + step)).cast(pa.float64())
    some = np.where(is_polygon, 1 + given, np.where(is_read, 4, 0))
    start = np.cumsum(some) - some
    values = np.zeros(int(some.sum()))
    values[start[is_read]] = np.where(is_polygon, given // 2, 1)[is_read]
    values[np.repeat(start + 1, count) + step] = numbers.to_numpy(zero_copy_only=False)
    size = np.zeros(len(texts), np.int64)
    size[is_usual] = some
    return _lists(size, values)


def _lists(size: Whole, values: Reals) -> pa.Array:
    """Lists of so many values each; those of none are NULL."""
    offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), mask=pa.array(size == 0))
