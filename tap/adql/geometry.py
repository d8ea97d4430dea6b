"""Geometries of a query as positions and circles, and what CONTAINS, INTERSECTS and DISTANCE ask of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.engines.constructs import Numbers
from schema.spatial.cells import CellIndex, CellLatitude, CellLongitude, StoredCellIndex
from schema.spatial.constructs import (
    AnyPosition,
    FixedPosition,
    Position,
    is_within,
    is_within_reach,
    position_of,
    separation,
)
from schema.spatial.frames import rotated, rotated_polygon
from schema.spatial.mocs import FixedMoc, is_in_moc, read_moc
from schema.spatial.motion import Astrometry, propagated
from schema.spatial.polygons import FixedPolygon, box, box_of_rows, is_in_polygon
from schema.spatial.region_text import read_region
from schema.spatial.regions import (
    Item,
    ReadPolygon,
    ReadRegion,
    ReadShape,
    RegionArea,
    RegionCentroid,
    SkyRegion,
    circle_region,
    fixed_region,
    lie_within,
    meet,
    polygon_of_rows,
    polygon_region,
    stored_region,
)
from schema.spatial.shapes import MOST_VERTICES
from tap.adql import nodes as n
from tap.adql.constants import constant_number
from tap.adql.errors import FaultError, fault
from tap.adql.frames import ICRS, asked_frame, common_frames, frame_literal, known_frame, transform_of
from tap.adql.resolve import Names
from tap.adql.scope import Relation, Source, SourceColumn
from tap.adql.types import SHAPE_FIELDS, Types
from tap.adql.user_functions import user_function

Radius: TypeAlias = float | sa.ColumnElement[Any]

_FEW_VERTICES = 32
"""So many edges are tested in SQL; it grows with them."""

_CAST_EXAMPLES = {
    "POINT": "'12.3 45.6'",
    "CIRCLE": "'12.3 45.6 1.0'",
    "POLYGON": "'1.0 0.1 2.0 0.2 3.0 0.3'",
}

_TEXT_XTYPES = frozenset({"adql:region", "adql:point"})


@dataclass(frozen=True, slots=True)
class Circle:
    """A circle on the sky; `radius` in degrees, a point has the radius 0."""

    centre: AnyPosition
    radius: Radius

    @property
    def is_point(self) -> bool:
        """Whether it is but a point."""
        return isinstance(self.radius, float) and self.radius == 0.0


@dataclass(frozen=True, slots=True)
class RowPolygon:
    """A polygon of which a vertex differs from row to row."""

    vertices: tuple[AnyPosition, ...]


Shape: TypeAlias = Circle | FixedPolygon | RowPolygon | SkyRegion | FixedMoc


class Geometry:
    """Lowers geometric functions.

    Parameters
    ----------
    names
        What the names of the query mean.
    types
        Types of its expressions.
    lower
        Lowers a real number of what is named, and refuses everything else.
    source
        Gives the column of SQL for a column of a relation.
    from_clause
        Gives what stands for a relation in FROM.
    value
        Lowers any value.

    Attributes
    ----------
    warnings
        Sentences for users, about coordinate systems that are not known.
    """

    def __init__(
        self,
        names: Names,
        types: Types,
        lower: Callable[[n.Expression, str], sa.ColumnElement[Any]],
        source: Callable[[Source], sa.ColumnElement[Any]],
        from_clause: Callable[[Relation], sa.FromClause],
        value: Callable[[n.Expression], sa.ColumnElement[Any]],
    ) -> None:
        self._names = names
        self._value = value
        self.warnings: list[str] = []
        self._types = types
        self._lower = lower
        self._source = source
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

    def contains(self, node: n.FunctionCall, *, null_is_false: bool = False) -> sa.ColumnElement[bool]:
        """Whether the first geometry lies in the second, rim included.

        With `null_is_false` the condition may be false instead of NULL, which lets the engine skip rows.
        """
        inner, outer = self._regions(node)
        if isinstance(outer, FixedMoc):
            return self._in_moc(node, inner, outer)
        if isinstance(inner, FixedMoc):
            raise _unsupported(node, "CONTAINS with a MOC as its first geometry")
        if isinstance(inner, Circle):
            if isinstance(outer, Circle):
                return self._touch(inner, outer, -1)
            if inner.is_point and isinstance(outer, FixedPolygon) and len(outer.vertices) <= _FEW_VERTICES:
                return is_in_polygon(inner.centre, outer)
        return lie_within(_as_region(inner), _as_region(outer), null_is_false=null_is_false)

    def intersects(self, node: n.FunctionCall, *, null_is_false: bool = False) -> sa.ColumnElement[bool]:
        """Whether two geometries have a point in common; `null_is_false` as in `contains`."""
        a, b = self._regions(node)
        for one, other in ((a, b), (b, a)):
            if isinstance(other, FixedMoc):
                return self._in_moc(node, one, other)
        if isinstance(a, Circle) and isinstance(b, Circle):
            return self._touch(a, b, 1)
        for point, polygon in ((a, b), (b, a)):
            is_small = isinstance(polygon, FixedPolygon) and len(polygon.vertices) <= _FEW_VERTICES
            if isinstance(point, Circle) and point.is_point and is_small:
                assert isinstance(polygon, FixedPolygon)
                return is_in_polygon(point.centre, polygon)
        return meet(_as_region(a), _as_region(b), null_is_false=null_is_false)

    def _regions(self, node: n.FunctionCall) -> tuple[Shape, Shape]:
        """Both geometries of a predicate, in one frame."""
        first, second = node.arguments
        a, b = self._region(first, node.name), self._region(second, node.name)
        frames = common_frames(first, second, self._names)
        return self._rotated(a, frames[0], ICRS, first), self._rotated(b, frames[1], ICRS, second)

    def _rotated(self, shape: Shape, source: str | None, target: str, node: n.Expression) -> Shape:
        if source is None or isinstance(shape, FixedMoc):
            return shape
        match shape:
            case Circle():
                return Circle(rotated(shape.centre, source, target), shape.radius)
            case FixedPolygon():
                return rotated_polygon(shape, source, target)
            case RowPolygon():
                return RowPolygon(tuple(rotated(vertex, source, target) for vertex in shape.vertices))
        raise _unsupported(node, f"A geometry of this kind in the frame {source}")

    def _in_moc(self, node: n.FunctionCall, point: Shape, moc: FixedMoc) -> sa.ColumnElement[bool]:
        if not (isinstance(point, Circle) and point.is_point):
            raise _unsupported(node, f"{node.name} of a MOC and anything but a point")
        return is_in_moc(point.centre, moc)

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
        if isinstance(region, FixedMoc):
            return _sql(region.area)
        if not isinstance(region, Circle):
            return RegionArea(_as_region(region).sql)
        half: sa.ColumnElement[Any] = sa.func.radians(_sql(region.radius), type_=sa.Double()) * 0.5
        sine: sa.ColumnElement[Any] = sa.func.sin(half, type_=sa.Double())
        return sine * sine * _sql(4.0 * math.pi * math.degrees(1.0) ** 2)

    def array(self, node: n.FunctionCall | n.UserDefinedFunctionCall) -> sa.ColumnElement[Any]:
        """A geometry as the numbers that DALI writes for it."""
        region = self._region(node, node.name)
        if isinstance(region, (SkyRegion, FixedMoc)):
            raise _unsupported(node, f"{node.name} of such a geometry as a value")
        return _numbers(region, node.name)

    def cast(self, node: n.Cast) -> sa.ColumnElement[Any]:
        """CAST to a geometry, as the numbers that DALI writes for it."""
        operand = _bare(node.operand)
        text = _cast_text(operand)
        if text is not None:
            return _numbers(_fixed_shape(text, node.target), node.target)
        return self._shape_of_text(node) if self._types.of(operand).is_text else self._value(operand)

    def _cast(self, node: n.Cast) -> Shape:
        """A geometry that CAST makes of text, or that has the kind already."""
        field = self._types.of(node)
        operand = _bare(node.operand)
        text = _cast_text(operand)
        if text is not None:
            return _fixed_shape(text, node.target)
        if self._types.of(operand).is_text:
            return _array_shape(self._shape_of_text(node), field.xtype)
        return self._region(operand, "CAST")

    def _shape_of_text(self, node: n.Cast) -> sa.ColumnElement[Any]:
        """The numbers of a geometry that differs from row to row, NULL where the text is none of its kind."""
        operand = _bare(node.operand)
        stored = None
        if isinstance(operand, n.ColumnReference):
            stored = self._stored_region(self._names.columns[id(operand)])
        if stored is not None:
            return ReadShape(stored.sql, node.target)
        return ReadShape(ReadRegion(sa.cast(self._value(operand), sa.Text())), node.target)

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
        frames = common_frames(arguments[0], arguments[1], self._names)
        points = (self._point(argument, "DISTANCE") for argument in arguments)
        a, b = (
            point if frame is None else rotated(point, frame, ICRS) for point, frame in zip(points, frames, strict=True)
        )
        return a, b

    def coordsys(self, node: n.FunctionCall) -> str:
        """The coordinate system of a geometry, as the query writes it, else ICRS."""
        self._region(node.arguments[0], node.name)
        literal = frame_literal(node.arguments[0], self._names)
        return ICRS if literal is None or not literal.value.strip() else literal.value

    def region_text(self, node: n.FunctionCall) -> sa.ColumnElement[Any]:
        """The text of a REGION, as the query writes it."""
        self._region(node, node.name)
        return self._value(node.arguments[0])

    def moc_text(self, node: n.UserDefinedFunctionCall) -> sa.ColumnElement[Any]:
        """A MOC as the query writes it."""
        self._user_shape(node, node.name)
        return self._value(node.arguments[0])

    def cell_index(self, node: n.UserDefinedFunctionCall, order: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Number of the HEALPix cell of a point, which the last arguments give."""
        place = node.arguments[1:]
        point = self._position(*place) if len(place) == 2 else self._point(place[0], node.name)
        if isinstance(point, Position) and point.hpx is not None:
            return StoredCellIndex(point.hpx, order, point.lon, point.lat)
        return CellIndex(order, _sql(point.lon), _sql(point.lat))

    def _user_shape(self, node: n.UserDefinedFunctionCall, owner: str) -> Shape:
        """What a user-defined function gives as a geometry."""
        called = user_function(node)
        self._types.of(node)
        arguments = node.arguments
        transform = transform_of(node)
        if transform is not None:
            source, target = (asked_frame(literal) for literal in transform[:2])
            return self._rotated(self._region(transform[2], owner), source, target, transform[2])
        match called.name if called is not None else None:
            case "ivo_healpix_center":
                order, index = (self._value(argument) for argument in arguments)
                return Circle(Position(CellLongitude(order, index), CellLatitude(order, index)), 0.0)
            case "ivo_epoch_prop_pos":
                return Circle(self._propagated(arguments), 0.0)
            case "MOC":
                (text,) = arguments
                assert isinstance(text, n.StringLiteral)
                try:
                    return read_moc(text.value)
                except ValueError as error:
                    raise fault(text.position, str(error)) from None
        raise fault(node.position, f"{owner} takes geometries; {node.name} gives none.")

    def _propagated(self, arguments: tuple[n.Expression, ...]) -> Position:
        for place, name in ((0, "ra"), (1, "dec"), (6, "ref_epoch"), (7, "out_epoch")):
            if isinstance(_bare(arguments[place]), n.NullLiteral):
                raise fault(arguments[place].position, f"The argument {name} of ivo_epoch_prop_pos must not be NULL.")
        values = [self._lower(argument, "ivo_epoch_prop_pos") for argument in arguments]
        return propagated(Astrometry(*values[:6]), values[7] - values[6])

    def _region(self, node: n.Expression, owner: str) -> Shape:
        column = _bare(node)
        if isinstance(column, n.ColumnReference):
            return self._column(column, owner)
        if isinstance(column, n.UserDefinedFunctionCall):
            return self._user_shape(column, owner)
        if isinstance(column, n.Cast) and column.target in SHAPE_FIELDS:
            self._types.of(column)
            return self._cast(column)
        shape, arguments = self._shape(node, owner)
        match shape.name:
            case "POINT" | "CENTROID":
                return Circle(self._point(shape, owner), 0.0)
            case "CIRCLE":
                return self._circle(arguments)
            case "POLYGON":
                return self._polygon(shape, arguments)
            case "BOX":
                return self._box(arguments)
            case "REGION":
                return self._text(arguments[0])
        raise _unsupported(shape, f"{owner} with {shape.name}")

    def _circle(self, arguments: tuple[n.Expression, ...]) -> Circle:
        radius = constant_number(arguments[-1])
        if radius is not None and not 0.0 <= radius < math.inf:
            raise fault(arguments[-1].position, f"The radius of a circle must not be negative, it is {radius:.10g}.")
        centre = self._position(*arguments[:2]) if len(arguments) == 3 else self._point(arguments[0], "CIRCLE")
        return Circle(centre, float(radius) if radius is not None else self._lower(arguments[-1], "A radius"))

    def _column(self, node: n.ColumnReference, owner: str) -> Shape:
        """A column that holds geometries: as text, or as an array."""
        source = self._names.columns[id(node)]
        field = self._types.of(node)
        if field.is_text and (field.xtype or "").lower() in _TEXT_XTYPES:
            return self._stored_region(source) or SkyRegion(ReadRegion(self._source(source)))
        if field.is_array:
            array = self._source(source)
            if field.xtype in ("point", "circle", "polygon"):
                return _array_shape(array, field.xtype)
        raise fault(node.position, f"{owner} takes geometries; this column holds none, by its xtype.")

    def _stored_region(self, source: Source) -> SkyRegion | None:
        if not (self._uses_stored and isinstance(source, SourceColumn)) or source.relation.table is None:
            return None
        return stored_region(self._from_clause(source.relation), source.name)

    def _text(self, node: n.Expression) -> SkyRegion:
        """REGION of a text."""
        assert isinstance(node, n.StringLiteral)
        region = fixed_region(read_region(node.value) or ())
        if region is None:
            raise fault(
                node.position,
                "This text is no region; write it as 'CIRCLE ICRS 10 20 0.5' or 'POLYGON ICRS 10 20 11 20 11 21'.",
            )
        return region

    def _polygon(self, shape: n.FunctionCall, arguments: tuple[n.Expression, ...]) -> FixedPolygon | RowPolygon:
        if all(_bare_kind(argument) in ("POINT", "CENTROID") for argument in arguments):
            points = [self._point(argument, "POLYGON") for argument in arguments]
        else:
            points = [self._position(*pair) for pair in zip(arguments[::2], arguments[1::2], strict=True)]
        if len(points) > MOST_VERTICES:
            raise fault(
                shape.position, f"A polygon may have {MOST_VERTICES:,} vertices at most, this one has {len(points):,}."
            )
        vertices = tuple(point for point in points if isinstance(point, FixedPosition))
        if len(vertices) < len(points):
            return RowPolygon(tuple(points))
        try:
            return FixedPolygon(vertices)
        except ValueError as error:
            raise fault(shape.position, str(error)) from None

    def _box(self, arguments: tuple[n.Expression, ...]) -> FixedPolygon | RowPolygon:
        centre = self._position(*arguments[:2]) if len(arguments) == 4 else self._point(arguments[0], "BOX")
        width, height = (constant_number(argument) for argument in arguments[-2:])
        if not isinstance(centre, FixedPosition) or width is None or height is None:
            for node, size in zip(arguments[-2:], (width, height), strict=True):
                if size is not None and not 0.0 < size < 180.0:
                    raise fault(node.position, "The width and height of a box must lie between 0 and 180 degrees.")
            sizes = (self._lower(argument, "The size of a box") for argument in arguments[-2:])
            return RowPolygon(box_of_rows(centre, *sizes))
        try:
            return box(centre, float(width), float(height))
        except ValueError as error:
            raise fault(arguments[-2].position, str(error)) from None

    def _point(self, node: n.Expression, owner: str) -> AnyPosition:
        column = _bare(node)
        if isinstance(column, n.ColumnReference):
            region = self._column(column, owner)
            if isinstance(region, Circle) and region.is_point:
                return region.centre
            raise fault(node.position, f"{owner} takes a point; this column holds other geometries.")
        if isinstance(column, (n.Cast, n.UserDefinedFunctionCall)):
            region = self._region(column, owner)
            if isinstance(region, Circle) and region.is_point:
                return region.centre
            what = "CAST" if isinstance(column, n.Cast) else column.name
            raise fault(node.position, f"{owner} takes a point; {what} gives another geometry.")
        shape, arguments = self._shape(node, owner)
        if shape.name == "CENTROID":
            region = self._region(arguments[0], "CENTROID")
            if isinstance(region, Circle):
                return region.centre
            if isinstance(region, FixedMoc):
                raise _unsupported(shape, "CENTROID of a MOC")
            known = _as_region(region)
            if known.centroid is not None:
                return known.centroid
            centroid = RegionCentroid(known.sql)
            return Position(Item(centroid, 1), Item(centroid, 2))
        if shape.name != "POINT":
            raise _unsupported(shape, f"{owner} with {shape.name}")
        return self._position(*arguments)

    def _shape(self, node: n.Expression, owner: str) -> tuple[n.FunctionCall, tuple[n.Expression, ...]]:
        """A geometric function and its arguments without the frame."""
        node = _bare(node)
        if not isinstance(node, n.FunctionCall):
            what = "a column" if isinstance(node, n.ColumnReference) else "this expression"
            raise _unsupported(node, f"{owner} with {what} as geometry")
        arguments = node.arguments
        if arguments and isinstance(arguments[0], n.StringLiteral) and node.name != "REGION":
            self._check_frame(arguments[0])
            arguments = arguments[1:]
        return node, arguments

    def _check_frame(self, literal: n.StringLiteral) -> None:
        if known_frame(literal) is None:
            warning = f"The coordinate system {literal.value!r} is not known here; its coordinates are taken for ICRS."
            if warning not in self.warnings:
                self.warnings.append(warning)

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
        if table.info.get("position") != (_stored_name(a), _stored_name(b)):
            return None
        return position_of(self._from_clause(a.relation))


def _stored_name(source: SourceColumn) -> str:
    assert isinstance(source.origin, sa.Column)
    return source.origin.name


def _as_region(shape: Shape) -> SkyRegion:
    assert not isinstance(shape, FixedMoc)
    match shape:
        case Circle():
            return circle_region(shape.centre, shape.radius)
        case FixedPolygon():
            return polygon_region(shape)
        case RowPolygon():
            return polygon_of_rows(shape.vertices)
    return shape


def _array_shape(array: sa.ColumnElement[Any], xtype: str | None) -> Shape:
    """A geometry of an array as DALI writes it."""
    match xtype:
        case "point":
            return Circle(Position(Item(array, 1), Item(array, 2)), 0.0)
        case "circle":
            return Circle(Position(Item(array, 1), Item(array, 2)), Item(array, 3))
    return SkyRegion(ReadPolygon(array))


def _numbers(shape: Circle | FixedPolygon | RowPolygon, kind: str) -> sa.ColumnElement[Any]:
    """A geometry as the numbers that DALI writes for it; `kind` tells a point from a circle of no size."""
    if isinstance(shape, Circle):
        numbers = [_sql(shape.centre.lon), _sql(shape.centre.lat)]
        if not shape.is_point or kind == "CIRCLE":
            numbers.append(_sql(shape.radius))
    else:
        numbers = [_sql(each) for vertex in shape.vertices for each in (vertex.lon, vertex.lat)]
    return Numbers(*numbers)


def _cast_text(node: n.Expression) -> n.StringLiteral | None:
    """The text that a query writes to be made a geometry."""
    if isinstance(node, n.FunctionCall) and node.name == "REGION":
        node = node.arguments[0]
    return node if isinstance(node, n.StringLiteral) else None


def _fixed_shape(text: n.StringLiteral, kind: str) -> Circle | FixedPolygon:
    """The geometry that a text gives.

    Raises
    ------
    FaultError
        Raised for a text that is no geometry of this kind.
    """
    numbers = read_region(text.value) or []
    try:
        if kind == "POLYGON" and numbers and numbers[0] >= 3.0 and len(numbers) == 1 + 2 * numbers[0]:
            return FixedPolygon(tuple(FixedPosition(*pair) for pair in zip(numbers[1::2], numbers[2::2], strict=True)))
        is_circle = len(numbers) == 4 and 0.0 <= numbers[3] <= 180.0
        if is_circle and (kind == "CIRCLE" or (kind == "POINT" and numbers[3] == 0.0)):
            return Circle(FixedPosition(numbers[1], numbers[2]), numbers[3])
    except ValueError as error:
        raise fault(text.position, str(error)) from None
    raise fault(text.position, f"This text is no {kind.lower()}; write it as {_CAST_EXAMPLES[kind]}.")


def _bare(node: n.Expression) -> n.Expression:
    while isinstance(node, n.Parentheses):
        node = node.operand
    return node


def _bare_kind(node: n.Expression) -> str | None:
    node = _bare(node)
    return node.name if isinstance(node, n.FunctionCall) else None


def _sql(value: float | sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.bindparam(None, value, sa.Double(), unique=True) if isinstance(value, float) else value


def _unsupported(node: n.Expression, what: str) -> FaultError:
    return fault(node.position, f"{what} is not supported by this service yet.")
