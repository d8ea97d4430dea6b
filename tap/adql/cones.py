"""Conditions that ask for a cone written in numbers, found by their form, so that one plan serves all such cones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from schema.spatial.cones import CONE_TYPES, cone_parameters, is_in_cone
from schema.spatial.constructs import Condition
from tap.adql import nodes as n
from tap.adql.geometry import Geometry
from tap.adql.open_literals import Bindings, OpenLiteral, open_number

_NEUTRAL_FRAMES = frozenset({"", "ICRS", "J2000", "FK5"})

_Numbers: TypeAlias = tuple[OpenLiteral, ...]


@dataclass(frozen=True, slots=True)
class Cones:
    """Lowers conditions on the stored position of a table and a narrow cone of literals.

    Attributes
    ----------
    geometry
        Knows stored positions.
    bindings
        Takes the parameters.
    """

    geometry: Geometry
    bindings: Bindings

    def covers(self, node: n.FunctionCall) -> Condition | None:
        """CONTAINS or INTERSECTS of a column point and a circle of literals; None for all other forms."""
        first, second = node.arguments
        point, circle = _call(first), _call(second)
        if node.name == "INTERSECTS" and point is not None and point.name == "CIRCLE":
            point, circle = circle, point
        if point is None or circle is None or point.name != "POINT" or circle.name != "CIRCLE":
            return None
        numbers = _circle(circle)
        return None if numbers is None else self._condition(_coordinates(point), numbers, True)

    def is_near(self, node: n.FunctionCall, radius: n.Expression, *, inclusive: bool) -> Condition | None:
        """DISTANCE of a column point and a point of literals, at most a literal; None for all other forms."""
        reach = open_number(radius)
        ends = (
            (node.arguments[:2], node.arguments[2:])
            if len(node.arguments) == 4
            else tuple(_coordinates(_call(argument)) for argument in node.arguments)
        )
        if reach is None or ends[0] is None or ends[1] is None:
            return None
        for place, centre in ((ends[0], ends[1]), (ends[1], ends[0])):
            numbers = _numbers(centre)
            if numbers is not None:
                return self._condition(place, (*numbers, reach), inclusive)
        return None

    def _condition(
        self, place: tuple[n.Expression, ...] | None, numbers: _Numbers, inclusive: bool
    ) -> Condition | None:
        if place is None or len(place) != 2:
            return None
        position = self.geometry.stored_position(place[0], place[1])
        if position is None or position.vector is None or position.hpx is None:
            return None
        try:
            parameters = self.bindings.bind(numbers, partial(cone_parameters, inclusive=inclusive), CONE_TYPES)
        except ValueError:
            # No narrow cone, or none at all: what it is, is seen where all geometry is.
            return None
        return is_in_cone(position.vector, position.hpx, parameters, inclusive=inclusive)


def _call(node: n.Expression) -> n.FunctionCall | None:
    while isinstance(node, n.Parentheses):
        node = node.operand
    return node if isinstance(node, n.FunctionCall) else None


def _coordinates(node: n.FunctionCall | None, name: str = "POINT") -> tuple[n.Expression, ...] | None:
    """Arguments of a function without the frame; None where the frame is another one."""
    if node is None or node.name != name:
        return None
    frame, *others = node.arguments
    if not isinstance(frame, n.StringLiteral):
        return node.arguments
    words = frame.value.split(maxsplit=1)
    return tuple(others) if not words or words[0].upper() in _NEUTRAL_FRAMES else None


def _numbers(nodes: tuple[n.Expression, ...] | None) -> _Numbers | None:
    if nodes is None:
        return None
    found = [open_number(node) for node in nodes]
    numbers = tuple(number for number in found if number is not None)
    return numbers if len(numbers) == len(nodes) else None


def _circle(node: n.FunctionCall) -> _Numbers | None:
    arguments = _coordinates(node, "CIRCLE")
    if arguments is None or len(arguments) == 3:
        return _numbers(arguments)
    centre, radius = _numbers(_coordinates(_call(arguments[0]))), _numbers(arguments[1:])
    return None if centre is None or radius is None else centre + radius
