# ruff: noqa: S608 - what is put together here is SQL that the compiler has made, and whole numbers.
"""Coverage maps that a query spells out, and whether positions lie in them."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from mocpy import MOC
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from schema.spatial.cells import DEEPEST, CellIndex, StoredCellIndex
from schema.spatial.constructs import AnyPosition, Condition, FixedPosition, Position
from schema.spatial.healpix import few_ranges

_MOST_RANGES = 2_000
_FEW_RANGES = 8


@dataclass(frozen=True, slots=True)
class FixedMoc:
    """A part of the sky, ICRS.

    Attributes
    ----------
    ranges
        First and last number of HEALPix cells, nested scheme of order 29, both included, in order, disjoint.
    """

    ranges: tuple[tuple[int, int], ...]

    @property
    def area(self) -> float:
        """Area in square degrees: all cells are of one size."""
        cells = sum(last - first + 1 for first, last in self.ranges)
        return 4.0 * math.pi * math.degrees(1.0) ** 2 * cells / (12 << 2 * DEEPEST)


@lru_cache(maxsize=64)
def read_moc(text: str) -> FixedMoc:
    """Read a coverage map as text.

    Parameters
    ----------
    text
        ``order/cells …`` such as ``3/1-3,5 4/30``.

    Raises
    ------
    ValueError
        Raised with a sentence for what cannot be read and for more than 2,000 ranges.

    References
    ----------
    MOC 2.0, "ASCII serialization".
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ranges = np.asarray(
                MOC.from_string(text.replace(",", " "), format="ascii").to_depth29_ranges, dtype=np.int64
            )
    except Exception:
        raise ValueError("This is no MOC; write it as in MOC('3/1-3,5 4/30').") from None
    if len(ranges) > _MOST_RANGES:
        raise ValueError(f"This MOC has {len(ranges)} ranges of cells; at most {_MOST_RANGES} are taken.")
    return FixedMoc(tuple((int(first), int(end) - 1) for first, end in ranges))


def is_in_moc(position: AnyPosition, moc: FixedMoc) -> Condition:
    """Whether a point lies in a coverage map, NULL where a coordinate is.

    Where the position of a table is stored, the condition begins with few ranges of HEALPix numbers.
    """
    # No cell has the number -1: an empty map holds no point, but leaves NULL what is NULL.
    ranges = moc.ranges or ((-1, -1),)
    order: sa.ColumnElement[int] = sa.literal_column(str(DEEPEST))
    if isinstance(position, FixedPosition):
        lon, lat = _bound(position.lon), _bound(position.lat)
        return InRanges(CellIndex(order, lon, lat), ranges)
    if not isinstance(position, Position) or position.hpx is None:
        return InRanges(CellIndex(order, position.lon, position.lat), ranges)
    hpx = position.hpx
    exact = InRanges(StoredCellIndex(hpx, order, position.lon, position.lat), ranges)
    return sa.and_(sa.or_(*(hpx.between(_whole(first), _whole(last)) for first, last in few_ranges(ranges))), exact)


class InRanges(FunctionElement[bool]):
    """Whether a whole number lies in one of some ranges, in order and disjoint; NULL where it is NULL."""

    type = sa.Boolean()
    inherit_cache = False

    def __init__(self, value: sa.ColumnElement[Any], ranges: tuple[tuple[int, int], ...]) -> None:
        self.ranges = ranges
        super().__init__(value)


@compiles(InRanges, "duckdb")
def _in_ranges_duckdb(element: InRanges, compiler: SQLCompiler, **kw: Any) -> str:
    (value,) = element.clauses
    return _searched(compiler.process(value.self_group(), **kw), element.ranges)


def _searched(value: str, ranges: tuple[tuple[int, int], ...]) -> str:
    """A search that halves the ranges until few are left: DuckDB has none for lists."""
    if len(ranges) <= _FEW_RANGES:
        return f"({' OR '.join(f'{value} BETWEEN {first:d} AND {last:d}' for first, last in ranges)})"
    half = len(ranges) // 2
    below, above = _searched(value, ranges[:half]), _searched(value, ranges[half:])
    return f"CASE WHEN {value} < {ranges[half][0]:d} THEN {below} ELSE {above} END"


@compiles(InRanges)
def _in_ranges(element: InRanges, compiler: SQLCompiler, **kw: Any) -> str:
    (value,) = element.clauses
    firsts, lasts = (", ".join(f"{each[end]:d}" for each in element.ranges) for end in (0, 1))
    return (
        f"(SELECT bool_or(q.v BETWEEN r.a AND r.b) FROM (SELECT {compiler.process(value.self_group(), **kw)} AS v "
        f"OFFSET 0) AS q, unnest(CAST(ARRAY[{firsts}] AS BIGINT[]), CAST(ARRAY[{lasts}] AS BIGINT[])) AS r(a, b))"
    )


def _bound(value: float) -> sa.ColumnElement[float]:
    return sa.bindparam(None, value, sa.Double(), unique=True)


def _whole(value: int) -> sa.ColumnElement[int]:
    return sa.bindparam(None, value, sa.BigInteger(), unique=True)
