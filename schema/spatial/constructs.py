"""Positions on the sky and their relations as SQL expressions, the same for every engine.

All angles are degrees, ICRS. An expression is NULL where a coordinate is NULL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from schema.spatial.cones import CONE_TYPES, RIM, WIDEST_CONE, cone_parameters, is_in_cone, unit_vector

Number: TypeAlias = sa.ColumnElement[Any]
Condition: TypeAlias = sa.ColumnElement[bool]
Vector: TypeAlias = tuple[Number, Number, Number]

_SLACK = 1e-14
_SLACK_DEG = 1e-10
_WIDEST_BAND = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """A point that differs from row to row.

    Attributes
    ----------
    lon, lat
        Coordinates.
    vector
        Its unit vector where it is stored, else None.
    hpx
        Its HEALPix number (nested, order 29) where it is stored, else None.
    """

    lon: Number
    lat: Number
    vector: Vector | None = None
    hpx: Number | None = None


@dataclass(frozen=True, slots=True)
class FixedPosition:
    """A point that is the same for all rows.

    Raises
    ------
    ValueError
        Raised for coordinates that are not finite and a latitude beyond the poles.
    """

    lon: float
    lat: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.lon) and math.isfinite(self.lat)):
            raise ValueError("The coordinates of a point must be finite.")
        if abs(self.lat) > 90.0:
            raise ValueError(f"The latitude of a point must lie within -90 and 90 degrees, not {self.lat:.10g}.")

    @property
    def unit_vector(self) -> tuple[float, float, float]:
        """Unit vector, made with the same steps as the stored ones."""
        return unit_vector(self.lon, self.lat)


class Neighbours(FunctionElement[bool]):
    """A condition that all pairs of unit vectors fulfil that are so far apart or less: x, y, z, x, y, z, length.

    It says no more than the engine can make use of, by an index or by sorting; an exact test stands beside it.
    """

    type = sa.Boolean()
    inherit_cache = True


@compiles(Neighbours)
def _neighbours(element: Neighbours, compiler: SQLCompiler, **kw: Any) -> str:
    x, y, a, u, v, b, width = (compiler.process(each.self_group(), **kw) for each in element.clauses)
    is_fixed = isinstance(list(element.clauses)[6], sa.BindParameter)
    if is_fixed and getattr(compiler.dialect, "has_pg_sphere", False):
        # The same twice, so that the index of either side serves.
        first, second = f"{x}, {y}, {a}", f"{u}, {v}, {b}"
        return (
            f"(archive.sky_point({first}) <@ archive.sky_cap({second}, {width})"
            f" AND archive.sky_point({second}) <@ archive.sky_cap({first}, {width}))"
        )
    return f"({a} >= {b} - {width} AND {a} <= {b} + {width})"


AnyPosition: TypeAlias = Position | FixedPosition


def position_of(table: sa.FromClause) -> Position | None:
    """Main position of a published table or an alias of it, with what is stored for it; None without one."""
    base = table.element if isinstance(table, sa.Alias) else table
    names = base.info.get("position") if isinstance(base, sa.Table) else None
    if names is None or not {"hpx", "ux", "uy", "uz"} <= set(table.c.keys()):
        return None
    lon, lat = names
    return Position(table.c[lon], table.c[lat], (table.c.ux, table.c.uy, table.c.uz), table.c.hpx)


def separation(a: AnyPosition, b: AnyPosition) -> Number:
    """Angle between two points, good from nothing to 180 degrees.

    References
    ----------
    With stored vectors 2 atan2(|a-b|, |a+b|) (Kahan 2006, "How futile are mindless assessments of roundoff", §12);
    else Vincenty 1975, Survey Review 23, 88, on a sphere.
    """
    if _vector(a) is not None and _vector(b) is not None and (isinstance(a, Position) or isinstance(b, Position)):
        difference, total = _length(a, b, "-"), _length(a, b, "+")
        return sa.func.degrees(2.0 * sa.func.atan2(difference, total), type_=sa.Double())
    lon1, lat1 = _radians(a)
    lon2, lat2 = _radians(b)
    turn = lon2 - lon1
    sin, cos = sa.func.sin, sa.func.cos
    across = cos(lat2) * sin(turn)
    along = cos(lat1) * sin(lat2) - sin(lat1) * cos(lat2) * cos(turn)
    inward = sin(lat1) * sin(lat2) + cos(lat1) * cos(lat2) * cos(turn)
    return sa.func.degrees(sa.func.atan2(sa.func.sqrt(across * across + along * along), inward), type_=sa.Double())


def is_within(a: AnyPosition, b: AnyPosition, radius: float, *, inclusive: bool = True) -> Condition:
    """Whether two points are at most, or less than, a fixed radius apart.

    Where one is the stored position of a table and the other fixed, the condition begins with ranges of HEALPix
    numbers, which let the engine skip all the rest of the sky. Where both differ from row to row, it begins with a
    band of latitude, which lets the engine join sorted rows instead of trying all pairs.

    Raises
    ------
    ValueError
        Raised for a radius that is negative or not a number.
    """
    if not radius >= 0.0:
        raise ValueError(f"A radius must not be negative, it is {radius:.10g}.")
    if isinstance(a, FixedPosition) and isinstance(b, Position):
        a, b = b, a
    if not isinstance(a, Position) or a.vector is None or _vector(b) is None:
        apart = separation(a, b)
        near = apart <= _bound(radius) if inclusive else apart < _bound(radius)
        return _in_band(a, b, _bound(radius * (1 + 1e-12) + _SLACK_DEG), near) if radius < _WIDEST_BAND else near
    near = _is_near(a, b, radius, inclusive)
    if isinstance(b, Position) and radius < _WIDEST_BAND:
        return _in_band(a, b, _bound(2.0 * math.sin(math.radians(radius) / 2.0) + _SLACK), near)
    if a.hpx is None or not isinstance(b, FixedPosition) or radius >= WIDEST_CONE:
        return near
    values = cone_parameters(b.lon, b.lat, radius, inclusive=inclusive)
    parameters = [
        sa.bindparam(None, value, type_, unique=True) for value, type_ in zip(values, CONE_TYPES, strict=True)
    ]
    return is_in_cone(a.vector, a.hpx, parameters, inclusive=inclusive)


def is_within_reach(a: AnyPosition, b: AnyPosition, radius: Number) -> Condition:
    """Whether two points are at most so far apart as the row says, degrees; never where its radius is negative."""
    # A chord is shorter than its arc: in radians the radius also bounds the difference of vectors.
    is_stored = _are_stored(a, b)
    width = sa.func.radians(radius, type_=sa.Double()) + _bound(_SLACK) if is_stored else radius + _bound(_SLACK_DEG)
    return _in_band(a, b, width, separation(a, b) <= radius)


def _are_stored(a: AnyPosition, b: AnyPosition) -> bool:
    return isinstance(a, Position) and isinstance(b, Position) and a.vector is not None and b.vector is not None


def _in_band(a: AnyPosition, b: AnyPosition, width: Number, near: Condition) -> Condition:
    """A condition on pairs of rows behind one that it implies; `width` in the measure of `_height`."""
    if not (isinstance(a, Position) and isinstance(b, Position)):
        return near
    if a.vector is not None and b.vector is not None:
        return sa.and_(Neighbours(*a.vector, *b.vector, width), near)
    first, second = _height(a, False), _height(b, False)
    return sa.and_(first >= second - width, first <= second + width, near)


def _height(position: Position, is_stored: bool) -> Number:
    """What puts rows in order of latitude: the third component of the vector, else degrees; NULL as the position is."""
    if is_stored and position.vector is not None:
        return position.vector[2]
    return position.lat + position.lon * sa.literal_column("0")


def _is_near(a: AnyPosition, b: AnyPosition, radius: float, inclusive: bool) -> Condition:
    """Exact test on unit vectors; beyond 90 degrees from the antipode, where chords are short again."""
    if radius > 180.0 or (radius == 180.0 and inclusive):
        return _squared(a, b, "-") <= _bound(5.0)
    rim = RIM if inclusive else 0.0
    if radius <= 90.0:
        chord = 2.0 * math.sin(math.radians(radius) / 2.0)
        limit = _bound((chord + rim) ** 2)
        return _squared(a, b, "-") <= limit if inclusive else _squared(a, b, "-") < limit
    chord = 2.0 * math.sin(math.radians(180.0 - radius) / 2.0)
    limit = _bound(max(chord - rim, 0.0) ** 2)
    return _squared(a, b, "+") >= limit if inclusive else _squared(a, b, "+") > limit


def _squared(a: AnyPosition, b: AnyPosition, sign: str) -> Number:
    first, second = _vector(a), _vector(b)
    assert first is not None
    assert second is not None
    parts = [x - y if sign == "-" else x + y for x, y in zip(first, second, strict=True)]
    return parts[0] * parts[0] + parts[1] * parts[1] + parts[2] * parts[2]


def _length(a: AnyPosition, b: AnyPosition, sign: str) -> Number:
    return sa.func.sqrt(_squared(a, b, sign), type_=sa.Double())


def position_vector(position: AnyPosition) -> Vector:
    """Unit vector of a point: the stored one, else computed from its coordinates."""
    vector = _vector(position)
    if vector is not None:
        return vector
    lon, lat = _radians(position)
    return sa.func.cos(lat) * sa.func.cos(lon), sa.func.cos(lat) * sa.func.sin(lon), sa.func.sin(lat)


def _vector(position: AnyPosition) -> Vector | None:
    if isinstance(position, Position):
        return position.vector
    x, y, z = position.unit_vector
    return _bound(x), _bound(y), _bound(z)


def _radians(position: AnyPosition) -> tuple[Number, Number]:
    if isinstance(position, FixedPosition):
        return _bound(math.radians(position.lon)), _bound(math.radians(position.lat))
    return sa.func.radians(position.lon, type_=sa.Double()), sa.func.radians(position.lat, type_=sa.Double())


def _bound(value: float) -> Number:
    return sa.bindparam(None, value, sa.Double(), unique=True)
