# ruff: noqa: S608 - what is put together here is SQL that the compiler has made.
"""Regions of rows and of queries, and their relations, as SQL expressions.

A region that is stored has a cap of the sky around it and a disc inside it. Most pairs are decided by these, in plain
SQL; the rest by an exact test of the engine (`schema.spatial.shapes`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from schema.engines.constructs import Numbers
from schema.spatial.constructs import AnyPosition, Condition, FixedPosition, Number, Vector, position_vector
from schema.spatial.healpix import ORDER, circle_ranges
from schema.spatial.polygons import FixedPolygon
from schema.spatial.shapes import read_shapes, region_centroids, regions_lie_within, regions_meet

REGION_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "hpx": sa.BigInteger(),
    "x": sa.Double(),
    "y": sa.Double(),
    "z": sa.Double(),
    "outer": sa.Double(),
    "inner": sa.Double(),
    "shape": sa.ARRAY(sa.Double()),
}
"""Suffixes of the hidden columns of a region column, ``s_region_hpx`` …, in order.

``hpx`` is the HEALPix number (nested, order 29) of the centre of the cap, `WIDE` for caps wider than
`WIDEST_IN_CELL_DEG`. It is never NULL, because DuckDB skips nothing of columns with NULL once a range lies outside of
their values: rows without a region have the cell of their position, or `NOWHERE`. ``x``, ``y``, ``z`` are the unit
vector of the centre; ``outer`` is the chord from it to the rim of a cap around the region, ``inner`` to that of a cap
within it, negative where the centre lies outside; ``shape`` the numbers of the region.
"""

WIDEST_IN_CELL_DEG = 1.5
WIDE, NOWHERE = -1, 12 * 4**ORDER - 1

_WIDEST_SEARCH_DEG = 60.0
_SLACK = 1e-14


class RegionFunction(FunctionElement[Any]):
    """A function of regions, given by their numbers.

    Attributes
    ----------
    function
        Its name; in DuckDB it begins with ``quipu_``, in PostgreSQL it stands in the schema ``archive`` and takes
        regions that are taken apart (`schema.spatial.postgresql`).
    """

    inherit_cache = True
    function = ""


class RegionsMeet(RegionFunction):
    """Whether two regions, given by their numbers, have a point in common."""

    type = sa.Boolean()
    inherit_cache = True
    function = "regions_meet"


class RegionsLieWithin(RegionFunction):
    """Whether the first region lies within the second."""

    type = sa.Boolean()
    inherit_cache = True
    function = "regions_lie_within"


class RegionArea(RegionFunction):
    """Area of a region, square degrees."""

    type = sa.Double()
    inherit_cache = True
    function = "region_area"


class RegionCentroid(RegionFunction):
    """Longitude and latitude of the centroid of a region, degrees."""

    type = sa.ARRAY(sa.Double())
    inherit_cache = True
    function = "region_centroid"


class ReadRegion(RegionFunction):
    """Numbers of a region that is written as text."""

    type = sa.ARRAY(sa.Double())
    inherit_cache = True
    function = "read_region"


class ReadShape(FunctionElement[Any]):
    """What DALI writes for a geometry of one kind, out of the numbers of a region; NULL for all other regions.

    A circle with the radius 0 is a point, and a point is such a circle.

    Parameters
    ----------
    numbers
        As `schema.spatial.shapes` has them.
    kind
        ``POINT``, ``CIRCLE`` or ``POLYGON``.
    """

    type = sa.ARRAY(sa.Double())
    inherit_cache = False

    def __init__(self, numbers: sa.ColumnElement[Any], kind: str) -> None:
        self.condition, self.first, self.last = {
            "POINT": ("{v}[1] = 1 AND {count} = 4 AND {v}[4] = 0", 2, "3"),
            "CIRCLE": ("{v}[1] = 1 AND {count} = 4", 2, "4"),
            "POLYGON": ("{v}[1] >= 3 AND {count} = 1 + 2 * {v}[1]", 2, "{count}"),
        }[kind]
        super().__init__(numbers)

    def made_of(self, value: str, count: str, area: str) -> str:
        """SQL of the answer: of the numbers, how many they are, and their area, which only regions have."""
        words = {"v": value, "count": count}
        condition, last = self.condition.format(**words), self.last.format(**words)
        return f"CASE WHEN {condition} AND {area} IS NOT NULL THEN {value}[{self.first:d}:{last}] END"


class ReadPolygon(RegionFunction):
    """Numbers of a polygon that is an array as DALI writes it."""

    type = sa.ARRAY(sa.Double())
    inherit_cache = True


class Item(FunctionElement[float]):
    """A number of an array, counted from 1."""

    type = sa.Double()
    inherit_cache = False

    def __init__(self, array: sa.ColumnElement[Any], place: int) -> None:
        self.place = place
        super().__init__(array)


@compiles(RegionFunction, "duckdb")
def _region_function(element: RegionFunction, compiler: SQLCompiler, **kw: Any) -> str:
    return f"quipu_{element.function}({', '.join(compiler.process(each, **kw) for each in element.clauses)})"


@compiles(ReadPolygon, "duckdb")
def _read_polygon(element: ReadPolygon, compiler: SQLCompiler, **kw: Any) -> str:
    array = compiler.process(element.clauses, **kw)
    return f"CASE WHEN {array} IS NOT NULL THEN list_prepend(len({array}) / 2.0, {array}) END"


@compiles(ReadShape, "duckdb")
def _read_shape(element: ReadShape, compiler: SQLCompiler, **kw: Any) -> str:
    numbers = compiler.process(element.clauses, **kw)
    made = element.made_of("v", "len(v)", "quipu_region_area(v)")
    return f"list_transform([{numbers}], lambda v: {made})[1]"


@compiles(ReadShape)
def _read_shape_of_parts(element: ReadShape, compiler: SQLCompiler, **kw: Any) -> str:
    numbers = compiler.process(element.clauses, **kw)
    made = element.made_of("q.v", "cardinality(q.v)", "archive.region_area(archive.region_parts(q.v))")
    return f"(SELECT {made.replace('q.v[', '(q.v)[')} FROM (SELECT {numbers} AS v OFFSET 0) AS q)"


@compiles(Item)
def _item(element: Item, compiler: SQLCompiler, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)})[{element.place:d}]"


@compiles(RegionFunction)
def _function_of_parts(element: RegionFunction, compiler: SQLCompiler, **kw: Any) -> str:
    # The parts of what is the same for all rows are computed once, by the planner.
    parts = (f"archive.region_parts({compiler.process(each, **kw)})" for each in element.clauses)
    return f"archive.{element.function}({', '.join(parts)})"


@compiles(ReadRegion, "postgresql")
def _function_of_text(element: ReadRegion, compiler: SQLCompiler, **kw: Any) -> str:
    return f"archive.{element.function}({compiler.process(element.clauses, **kw)})"


@compiles(ReadPolygon)
def _polygon_of_array(element: ReadPolygon, compiler: SQLCompiler, **kw: Any) -> str:
    array = compiler.process(element.clauses, **kw)
    return f"(CAST(cardinality({array}) AS DOUBLE PRECISION) / 2 || {array})"


Measure: TypeAlias = float | Number


@dataclass(frozen=True, slots=True, eq=False)
class Cap:
    """A cap of the sky around a region and one inside it, with one centre.

    Attributes
    ----------
    vector
        Unit vector of the centre.
    outer, inner
        Chords from the centre to the rims; a negative `inner` means that there is none.
    fixed
        Longitude, latitude and radius of the outer cap, degrees, where they are the same for all rows.
    hpx
        Stored HEALPix number of the centre.
    """

    vector: Vector
    outer: Measure
    inner: Measure
    fixed: tuple[float, float, float] | None = None
    hpx: Number | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SkyRegion:
    """A region.

    Attributes
    ----------
    numbers
        As `schema.spatial.shapes` has them: an expression, or numbers that are the same for all rows.
    cap
        What is known about its place; None if nothing is.
    """

    numbers: Number | tuple[float, ...]
    cap: Cap | None = None

    @property
    def centroid(self) -> FixedPosition | None:
        """Its centroid where it is the same for all rows."""
        if not isinstance(self.numbers, tuple):
            return None
        lon, lat = region_centroids(_column(self.numbers))[0].as_py()
        return FixedPosition(lon, lat)

    @property
    def sql(self) -> Number:
        """The numbers as an expression."""
        if isinstance(self.numbers, tuple):
            return sa.bindparam(None, list(self.numbers), sa.ARRAY(sa.Double()), unique=True)
        return self.numbers


def region_names(name: str) -> dict[str, str]:
    """Names of the hidden columns of a region column, by suffix."""
    return {suffix: f"{name}_{suffix}" for suffix in REGION_COLUMNS}


def stored_region(table: sa.FromClause, name: str) -> SkyRegion | None:
    """Region of a column of a published table, or of an alias of it; None where nothing is stored for it."""
    base = table.element if isinstance(table, sa.Alias) else table
    if not isinstance(base, sa.Table) or name not in base.info.get("regions", ()):
        return None
    column = {suffix: table.c[hidden] for suffix, hidden in region_names(name).items()}
    vector = column["x"], column["y"], column["z"]
    return SkyRegion(column["shape"], Cap(vector, column["outer"], column["inner"], None, column["hpx"]))


def circle_region(centre: AnyPosition, radius: Measure) -> SkyRegion:
    """A circle, or a point with the radius 0; degrees."""
    if not isinstance(radius, float):
        return SkyRegion(Numbers(_sql(1.0), _sql(centre.lon), _sql(centre.lat), radius))
    radius = min(radius, 180.0)
    chord = 2.0 * math.sin(math.radians(radius) / 2.0)
    if isinstance(centre, FixedPosition):
        place = centre.lon % 360.0, centre.lat, radius
        return SkyRegion((1.0, centre.lon, centre.lat, radius), Cap(position_vector(centre), chord, chord, place, None))
    numbers = Numbers(_sql(1.0), centre.lon, centre.lat, _sql(radius))
    return SkyRegion(numbers, Cap(position_vector(centre), chord, chord))


def polygon_region(polygon: FixedPolygon) -> SkyRegion:
    """A polygon of numbers."""
    lon, lat, radius = polygon.cap
    numbers = (float(len(polygon.vertices)), *(each for point in polygon.vertices for each in (point.lon, point.lat)))
    if radius >= 90.0:
        return SkyRegion(numbers)
    radius += 1e-9
    chord = 2.0 * math.sin(math.radians(radius) / 2.0)
    centre = FixedPosition(lon, max(-90.0, min(90.0, lat)))
    return SkyRegion(numbers, Cap(position_vector(centre), chord, -1.0, (lon, lat, radius)))


def fixed_region(numbers: Sequence[float]) -> SkyRegion | None:
    """A region of numbers as `schema.spatial.shapes` has them; None where they are none."""
    shapes = read_shapes(_column(tuple(numbers)))
    if not shapes.valid[0]:
        return None
    if len(shapes.count) > 1:
        return SkyRegion(tuple(numbers))
    points = tuple(FixedPosition(lon, lat) for lon, lat in zip(shapes.lon.tolist(), shapes.lat.tolist(), strict=True))
    if len(points) > 1:
        return polygon_region(FixedPolygon(points))
    return circle_region(points[0], float(numbers[3]))


def polygon_of_rows(vertices: Sequence[AnyPosition]) -> SkyRegion:
    """A polygon with vertices that differ from row to row."""
    numbers = [_sql(each) for vertex in vertices for each in (vertex.lon, vertex.lat)]
    return SkyRegion(Numbers(_sql(float(len(vertices))), *numbers))


def meet(a: SkyRegion, b: SkyRegion, *, null_is_false: bool = False) -> Condition:
    """Whether two regions have a point in common; NULL where one is none.

    With `null_is_false` it may be false there; then ranges of HEALPix numbers let the engine skip rows.
    """
    if isinstance(a.numbers, tuple) and isinstance(b.numbers, tuple):
        return _known(regions_meet(_column(a.numbers), _column(b.numbers)))
    exact = RegionsMeet(a.sql, b.sql)
    if a.cap is None or b.cap is None:
        return exact
    square = _squared(a.cap, b.cap)
    outside = [square > _square(_sum(a.cap.outer, b.cap.outer, _SLACK))]
    inside = _overlap(square, a.cap.inner, b.cap.inner)
    decided = _three_way(square, outside, inside, exact)
    return pruned(a.cap, b.cap, decided) if null_is_false else decided


def lie_within(a: SkyRegion, b: SkyRegion, *, null_is_false: bool = False) -> Condition:
    """Whether the first region lies within the second; NULL and `null_is_false` as in `meet`."""
    if isinstance(a.numbers, tuple) and isinstance(b.numbers, tuple):
        return _known(regions_lie_within(_column(a.numbers), _column(b.numbers)))
    exact = RegionsLieWithin(a.sql, b.sql)
    if a.cap is None or b.cap is None:
        return exact
    square = _squared(a.cap, b.cap)
    outside = [square > _square(_sum(a.cap.outer, b.cap.outer, _SLACK))]
    beyond = square > _square(_sum(b.cap.outer, _SLACK))
    if not isinstance(a.cap.inner, float):
        outside.append(sa.and_(a.cap.inner >= 0.0, beyond))
    elif a.cap.inner >= 0.0:
        outside = [beyond]
    inside: Condition | None = None
    if not (isinstance(b.cap.inner, float) and b.cap.inner < 0.0):
        room = _sum(b.cap.inner, _minus(a.cap.outer), -_SLACK)
        inside = sa.and_(_sql(room) >= 0.0, square <= _square(room))
    decided = _three_way(square, outside, inside, exact)
    return pruned(a.cap, b.cap, decided) if null_is_false else decided


def _three_way(square: Number, outside: list[Condition], inside: Condition | None, exact: Number) -> Condition:
    """Surely not, surely, else as the exact test says."""
    branches: list[tuple[Condition, Any]] = [(each, sa.false()) for each in outside]
    if inside is not None:
        branches.append((inside, sa.true()))
    branches.append((square.is_(sa.null()), sa.cast(sa.null(), sa.Boolean())))
    return sa.case(*branches, else_=exact)


def _overlap(square: Number, a: Measure, b: Measure) -> Condition | None:
    """Whether discs inside of two regions have a point in common; None where there are no such discs."""
    conditions: list[Condition] = []
    for inner in (a, b):
        if isinstance(inner, float):
            if inner < 0.0:
                return None
        else:
            conditions.append(inner >= 0.0)
    # The chord of the sum of two angles; beyond 180 degrees it falls again, which only leaves more to the exact test.
    reach = _sum(_product(a, _cosine(b)), _product(b, _cosine(a)), -_SLACK)
    return sa.and_(*conditions, _sql(reach) >= 0.0, square <= _square(reach))


def pruned(a: Cap, b: Cap, condition: Condition) -> Condition:
    """A condition behind one that it implies and by which the engine can skip rows."""
    if a.fixed is not None:
        a, b = b, a
    if b.fixed is None:
        width = _sql(_sum(a.outer, b.outer, _SLACK))
        return sa.and_(a.vector[2] >= b.vector[2] - width, a.vector[2] <= b.vector[2] + width, condition)
    lon, lat, radius = b.fixed
    if a.hpx is None or radius + WIDEST_IN_CELL_DEG >= _WIDEST_SEARCH_DEG:
        return condition
    ranges = circle_ranges(lon, lat, radius + WIDEST_IN_CELL_DEG)
    cells = [a.hpx.between(_whole(first), _whole(last)) for first, last in ranges]
    return sa.and_(sa.or_(*cells, a.hpx.between(_whole(WIDE), _whole(WIDE))), condition)


def _squared(a: Cap, b: Cap) -> Number:
    x, y, z = (one - other for one, other in zip(a.vector, b.vector, strict=True))
    return x * x + y * y + z * z


def _sum(*terms: Measure) -> Measure:
    known = sum(each for each in terms if isinstance(each, float))
    total: Measure = float(known)
    for each in terms:
        if not isinstance(each, float):
            total = each + _sql(total)
    return total


def _product(a: Measure, b: Measure) -> Measure:
    if isinstance(a, float) and isinstance(b, float):
        return a * b
    return 0.0 if 0.0 in (x for x in (a, b) if isinstance(x, float)) else _sql(a) * _sql(b)


def _minus(value: Measure) -> Measure:
    return -value


def _square(value: Measure) -> Number:
    return _sql(value * value) if isinstance(value, float) else value * value


def _cosine(chord: Measure) -> Measure:
    """Cosine of half the angle of a chord."""
    if isinstance(chord, float):
        return math.sqrt(max(0.0, 1.0 - 0.25 * chord * chord))
    return sa.func.sqrt(sa.literal_column("1.0") - chord * chord * sa.literal_column("0.25"), type_=sa.Double())


def _known(answer: pa.Array) -> Condition:
    """A truth value that is the same for all rows."""
    value = answer[0].as_py()
    if value is None:
        return sa.cast(sa.null(), sa.Boolean())
    return sa.literal_column("1") == sa.literal_column("1" if value else "0")


def _column(numbers: tuple[float, ...]) -> pa.Array:
    return pa.array([list(numbers)], pa.list_(pa.float64()))


def _sql(value: Measure) -> Number:
    return sa.bindparam(None, value, sa.Double(), unique=True) if isinstance(value, float) else value


def _whole(value: int) -> Number:
    return sa.bindparam(None, value, sa.BigInteger(), unique=True)
