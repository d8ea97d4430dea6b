"""Geometries of a query as positions and circles, and what CONTAINS, INTERSECTS and DISTANCE ask of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.engines.constructs import Numbers
from schema.spatial.constructs import (
    AnyPosition,
    FixedPosition,
    Position,
    is_within,
    is_within_reach,
    position_of,
    separation,
)
from schema.spatial.polygons import FixedPolygon, box, is_in_polygon
from tap.adql import nodes as n
from tap.adql.constants import constant_number
from tap.adql.errors import FaultError, fault
from tap.adql.resolve import Names
from tap.adql.scope import Relation, SourceColumn

Radius: TypeAlias = float | sa.ColumnElement[Any]

_NEUTRAL_FRAMES = frozenset({"", "ICRS", "J2000", "FK5"})
_OTHER_FRAMES = frozenset({"GALACTIC", "FK4", "B1950", "ECLIPTIC", "GALACTIC_I", "GALACTIC_II", "SUPER_GALACTIC"})


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle on the sky; `radius` in degrees, a point has the radius 0."""

    centre: AnyPosition
    radius: Radius


class Geometry:
    """Lowers geometric functions.

    Parameters
    ----------
    names
        What the names of the query mean.
    lower
        Lowers a real number of what is named, and refuses everything else.
    from_clause
        Gives what stands for a relation in FROM.
    """

    def __init__(
        self,
        names: Names,
        lower: Callable[[n.Expression, str], sa.ColumnElement[Any]],
        from_clause: Callable[[Relation], sa.FromClause],
    ) -> None:
        self._names = names
        self._lower = lower
        self._from_clause = from_clause
        self._uses_stored = True

    @contextmanager
    def stored(self, is_allowed: bool) -> Iterator[None]:
        """Say whether the stored vectors of positions may stand in what is lowered inside.

        In the groups of a grouped query they may not: they are no columns that GROUP BY knows.
        """
        before, self._uses_stored = self._uses_stored, is_allowed
        try:
            yield
        finally:
            self._uses_stored = before

    @property
    def uses_stored(self) -> bool:
        """Whether the stored vectors of positions may stand in what is lowered now."""
        return self._uses_stored

    def contains(self, node: n.FunctionCall) -> sa.ColumnElement[bool]:
        """Whether the first geometry lies in the second, rim included."""
        inner, outer = (self._region(argument, node.name) for argument in node.arguments)
        if isinstance(outer, FixedPolygon):
            return self._in_polygon(node, inner, outer)
        if isinstance(inner, FixedPolygon):
            raise _unsupported(node.arguments[0], "CONTAINS with a polygon as its first geometry")
        return self._touch(inner, outer, -1)

    def intersects(self, node: n.FunctionCall) -> sa.ColumnElement[bool]:
        """Whether two geometries have a point in common."""
        a, b = (self._region(argument, node.name) for argument in node.arguments)
        if isinstance(b, FixedPolygon):
            return self._in_polygon(node, a, b)
        if isinstance(a, FixedPolygon):
            return self._in_polygon(node, b, a)
        return self._touch(a, b, 1)

    def _in_polygon(
        self, node: n.FunctionCall, point: Circle | FixedPolygon, polygon: FixedPolygon
    ) -> sa.ColumnElement[bool]:
        if isinstance(point, FixedPolygon) or not (isinstance(point.radius, float) and point.radius == 0.0):
            raise _unsupported(node, f"{node.name} of a polygon and anything but a point")
        return is_in_polygon(point.centre, polygon)

    def _touch(self, a: Circle, b: Circle, sign: int) -> sa.ColumnElement[bool]:
        """Whether centres are at most ``b.radius + sign * a.radius`` apart."""
        if isinstance(a.radius, float) and isinstance(b.radius, float):
            reach = b.radius + sign * a.radius
            if reach >= 0.0:
                return is_within(a.centre, b.centre, reach)
            # A circle in a smaller one: never, but NULL where a coordinate is.
            return separation(a.centre, b.centre) < sa.literal_column("0")
        radii = [_sql(each.radius) for each in (a, b)]
        reach_of_row = radii[1] + radii[0] if sign > 0 else radii[1] - radii[0]
        if isinstance(a.radius, float) and a.radius == 0.0:
            reach_of_row = radii[1]
        elif isinstance(b.radius, float) and b.radius == 0.0 and sign > 0:
            reach_of_row = radii[0]
        return is_within_reach(a.centre, b.centre, reach_of_row)

    def area(self, node: n.FunctionCall) -> sa.ColumnElement[Any]:
        """Area of a geometry, square degrees."""
        region = self._region(node.arguments[0], node.name)
        if isinstance(region, FixedPolygon):
            return _sql(abs(region.signed_area))
        half: sa.ColumnElement[Any] = sa.func.radians(_sql(region.radius), type_=sa.Double()) * 0.5
        sine: sa.ColumnElement[Any] = sa.func.sin(half, type_=sa.Double())
        return sine * sine * _sql(4.0 * math.pi * math.degrees(1.0) ** 2)

    def array(self, node: n.FunctionCall) -> sa.ColumnElement[Any]:
        """A geometry as the numbers that DALI writes for it."""
        region = self._region(node, node.name)
        if isinstance(region, FixedPolygon):
            numbers = [_sql(each) for vertex in region.vertices for each in (vertex.lon, vertex.lat)]
        else:
            numbers = [_sql(region.centre.lon), _sql(region.centre.lat)]
            if node.name == "CIRCLE":
                numbers.append(_sql(region.radius))
        return Numbers(*numbers)

    def distance(self, node: n.FunctionCall) -> sa.ColumnElement[Any]:
        """Angle between two points, degrees."""
        return separation(*self._ends(node))

    def is_near(self, node: n.FunctionCall, radius: float, *, inclusive: bool) -> sa.ColumnElement[bool] | None:
        """Whether a DISTANCE is less than (or equal to) a fixed radius; None where no stored position helps."""
        a, b = self._ends(node)
        if radius < 0.0 or not (isinstance(a, Position) or isinstance(b, Position)):
            return None
        return is_within(a, b, radius, inclusive=inclusive)

    def coordinate(self, node: n.FunctionCall) -> sa.ColumnElement[Any]:
        """COORD1 or COORD2 of a point."""
        point = self._point(node.arguments[0], node.name)
        return _sql(point.lon if node.name == "COORD1" else point.lat)

    def _ends(self, node: n.FunctionCall) -> tuple[AnyPosition, AnyPosition]:
        arguments = node.arguments
        if len(arguments) == 4:
            return self._position(arguments[0], arguments[1]), self._position(arguments[2], arguments[3])
        return self._point(arguments[0], "DISTANCE"), self._point(arguments[1], "DISTANCE")

    def _region(self, node: n.Expression, owner: str) -> Circle | FixedPolygon:
        shape, arguments = self._shape(node, owner)
        match shape.name:
            case "POINT" | "CENTROID":
                return Circle(self._point(shape, owner), 0.0)
            case "CIRCLE":
                return self._circle(arguments)
            case "POLYGON":
                return self._polygon(shape, arguments)
            case "BOX":
                return self._box(shape, arguments)
        raise _unsupported(shape, f"{owner} with {shape.name}")

    def _circle(self, arguments: tuple[n.Expression, ...]) -> Circle:
        radius = constant_number(arguments[-1])
        if radius is not None and not 0.0 <= radius < math.inf:
            raise fault(arguments[-1].position, f"The radius of a circle must not be negative, it is {radius:.10g}.")
        centre = self._position(*arguments[:2]) if len(arguments) == 3 else self._point(arguments[0], "CIRCLE")
        return Circle(centre, float(radius) if radius is not None else self._lower(arguments[-1], "A radius"))

    def _polygon(self, shape: n.FunctionCall, arguments: tuple[n.Expression, ...]) -> FixedPolygon:
        if all(isinstance(argument, n.FunctionCall) and argument.name == "POINT" for argument in arguments):
            points = [self._point(argument, "POLYGON") for argument in arguments]
        else:
            points = [self._position(*pair) for pair in zip(arguments[::2], arguments[1::2], strict=True)]
        vertices = tuple(point for point in points if isinstance(point, FixedPosition))
        if len(vertices) < len(points):
            raise _unsupported(shape, "POLYGON of anything but numbers")
        try:
            return FixedPolygon(vertices)
        except ValueError as error:
            raise fault(shape.position, str(error)) from None

    def _box(self, shape: n.FunctionCall, arguments: tuple[n.Expression, ...]) -> FixedPolygon:
        centre = self._position(*arguments[:2]) if len(arguments) == 4 else self._point(arguments[0], "BOX")
        width, height = (constant_number(argument) for argument in arguments[-2:])
        if not isinstance(centre, FixedPosition) or width is None or height is None:
            raise _unsupported(shape, "BOX of anything but numbers")
        try:
            return box(centre, float(width), float(height))
        except ValueError as error:
            raise fault(arguments[-2].position, str(error)) from None

    def _point(self, node: n.Expression, owner: str) -> AnyPosition:
        shape, arguments = self._shape(node, owner)
        if shape.name == "CENTROID":
            region = self._region(arguments[0], "CENTROID")
            if isinstance(region, FixedPolygon):
                raise _unsupported(shape, "CENTROID of a polygon")
            return region.centre
        if shape.name != "POINT":
            raise _unsupported(shape, f"{owner} with {shape.name}")
        return self._position(*arguments)

    def _shape(self, node: n.Expression, owner: str) -> tuple[n.FunctionCall, tuple[n.Expression, ...]]:
        """A geometric function and its arguments without the frame."""
        while isinstance(node, n.Parentheses):
            node = node.operand
        if not isinstance(node, n.FunctionCall):
            what = "a column" if isinstance(node, n.ColumnReference) else "this expression"
            raise _unsupported(node, f"{owner} with {what} as geometry")
        arguments = node.arguments
        if arguments and isinstance(arguments[0], n.StringLiteral) and node.name != "REGION":
            _check_frame(arguments[0])
            arguments = arguments[1:]
        return node, arguments

    def _position(self, lon: n.Expression, lat: n.Expression) -> AnyPosition:
        fixed = constant_number(lon), constant_number(lat)
        if fixed[0] is not None and fixed[1] is not None:
            try:
                return FixedPosition(float(fixed[0]), float(fixed[1]))
            except ValueError as error:
                raise fault(lat.position, str(error)) from None
        return self.stored_position(lon, lat) or Position(self._lower(lon, "A point"), self._lower(lat, "A point"))

    def stored_position(self, lon: n.Expression, lat: n.Expression) -> Position | None:
        """The main position of a table if two columns are it; None for all else."""
        if not (self._uses_stored and isinstance(lon, n.ColumnReference) and isinstance(lat, n.ColumnReference)):
            return None
        sources = self._names.columns[id(lon)], self._names.columns[id(lat)]
        if not all(isinstance(source, SourceColumn) for source in sources):
            return None
        a, b = sources
        assert isinstance(a, SourceColumn)
        assert isinstance(b, SourceColumn)
        if a.relation is not b.relation or a.relation.table is None:
            return None
        table = a.relation.table.table
        if table.info.get("position") != (a.name, b.name):
            return None
        return position_of(self._from_clause(a.relation))


def _check_frame(node: n.StringLiteral) -> None:
    word = node.value.split(maxsplit=1)[0].upper() if node.value.split() else ""
    if word in _OTHER_FRAMES and word not in _NEUTRAL_FRAMES:
        raise fault(
            node.position, f"The frame {word} is not supported by this service yet; coordinates are ICRS, in degrees."
        )


def _sql(value: float | sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.bindparam(None, value, sa.Double(), unique=True) if isinstance(value, float) else value


def _unsupported(node: n.Expression, what: str) -> FaultError:
    return fault(node.position, f"{what} is not supported by this service yet.")
