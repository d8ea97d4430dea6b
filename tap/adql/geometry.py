"""Geometries of a query as positions and circles, and what CONTAINS, INTERSECTS and DISTANCE ask of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.spatial.constructs import AnyPosition, FixedPosition, Position, is_within, position_of, separation
from tap.adql import nodes as n
from tap.adql.constants import constant_number
from tap.adql.errors import fault
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
        Lowers a number.
    from_clause
        Gives what stands for a relation in FROM.
    """

    def __init__(
        self,
        names: Names,
        lower: Callable[[n.Expression], sa.ColumnElement[Any]],
        from_clause: Callable[[Relation], sa.FromClause],
    ) -> None:
        self._names = names
        self._lower = lower
        self._from_clause = from_clause

    def contains(self, node: n.FunctionCall) -> sa.ColumnElement[bool]:
        """Whether the first geometry lies in the second, rim included."""
        inner, outer = (self._circle(argument, node.name) for argument in node.arguments)
        return self._touch(inner, outer, -1)

    def intersects(self, node: n.FunctionCall) -> sa.ColumnElement[bool]:
        """Whether two geometries have a point in common."""
        a, b = (self._circle(argument, node.name) for argument in node.arguments)
        return self._touch(a, b, 1)

    def _touch(self, a: Circle, b: Circle, sign: int) -> sa.ColumnElement[bool]:
        """Whether centres are at most ``b.radius + sign * a.radius`` apart."""
        if isinstance(a.radius, float) and isinstance(b.radius, float):
            reach = b.radius + sign * a.radius
            if reach >= 0.0:
                return is_within(a.centre, b.centre, reach)
            # A circle in a smaller one: never, but NULL where a coordinate is.
            return separation(a.centre, b.centre) < sa.literal_column("0")
        radii = [each.radius if not isinstance(each.radius, float) else _bound(each.radius) for each in (a, b)]
        reach_of_row = radii[1] + radii[0] if sign > 0 else radii[1] - radii[0]
        if isinstance(a.radius, float) and a.radius == 0.0:
            reach_of_row = radii[1]
        elif isinstance(b.radius, float) and b.radius == 0.0 and sign > 0:
            reach_of_row = radii[0]
        return separation(a.centre, b.centre) <= reach_of_row

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
        value = point.lon if node.name == "COORD1" else point.lat
        return _bound(value) if isinstance(value, float) else value

    def _ends(self, node: n.FunctionCall) -> tuple[AnyPosition, AnyPosition]:
        arguments = node.arguments
        if len(arguments) == 4:
            return self._position(arguments[0], arguments[1]), self._position(arguments[2], arguments[3])
        return self._point(arguments[0], "DISTANCE"), self._point(arguments[1], "DISTANCE")

    def _circle(self, node: n.Expression, owner: str) -> Circle:
        shape, arguments = self._shape(node, owner)
        if shape.name == "POINT":
            return Circle(self._position(*arguments), 0.0)
        if shape.name != "CIRCLE":
            raise fault(shape.position, f"{owner} with {shape.name} is not supported by this service yet.")
        radius = constant_number(arguments[-1])
        if radius is not None and not 0.0 <= radius < math.inf:
            raise fault(arguments[-1].position, f"The radius of a circle must not be negative, it is {radius:.10g}.")
        centre = self._position(*arguments[:2]) if len(arguments) == 3 else self._point(arguments[0], "CIRCLE")
        return Circle(centre, float(radius) if radius is not None else self._lower(arguments[-1]))

    def _point(self, node: n.Expression, owner: str) -> AnyPosition:
        shape, arguments = self._shape(node, owner)
        if shape.name != "POINT":
            raise fault(shape.position, f"{owner} with {shape.name} is not supported by this service yet.")
        return self._position(*arguments)

    def _shape(self, node: n.Expression, owner: str) -> tuple[n.FunctionCall, tuple[n.Expression, ...]]:
        """A geometric function and its arguments without the frame."""
        while isinstance(node, n.Parentheses):
            node = node.operand
        if not isinstance(node, n.FunctionCall):
            what = "a column" if isinstance(node, n.ColumnReference) else "this expression"
            raise fault(node.position, f"{owner} with {what} as geometry is not supported by this service yet.")
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
        return self._stored_position(lon, lat) or Position(self._lower(lon), self._lower(lat))

    def _stored_position(self, lon: n.Expression, lat: n.Expression) -> Position | None:
        if not (isinstance(lon, n.ColumnReference) and isinstance(lat, n.ColumnReference)):
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


def _bound(value: float) -> sa.ColumnElement[Any]:
    return sa.bindparam(None, value, sa.Double(), unique=True)
