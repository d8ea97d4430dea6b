"""Polygons of great circles, and whether positions lie in them, as SQL expressions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from schema.engines.constructs import RealFunction
from schema.spatial.constructs import AnyPosition, Condition, FixedPosition, Number, Position, Vector, position_vector
from schema.spatial.healpix import circle_ranges

_WIDEST_CAP = 60.0


@dataclass(frozen=True, slots=True)
class FixedPolygon:
    """A polygon whose edges are great circles shorter than half of one; its inside is the smaller part of the sky.

    Attributes
    ----------
    vertices
        At least three, in either sense of rotation; the last is joined to the first.

    Raises
    ------
    ValueError
        Raised for fewer than three vertices and for edges between opposite points.
    """

    vertices: tuple[FixedPosition, ...]

    def __post_init__(self) -> None:
        if len(self.vertices) < 3:
            raise ValueError("A polygon needs at least three points.")
        vectors = self.vectors
        if np.any(np.linalg.norm(vectors + np.roll(vectors, -1, axis=0), axis=1) < 1e-9):
            raise ValueError("The ends of an edge of a polygon must not lie opposite each other.")

    @property
    def vectors(self) -> npt.NDArray[np.float64]:
        """Unit vectors of the vertices, shape (n, 3)."""
        return np.array([vertex.unit_vector for vertex in self.vertices])

    @property
    def signed_area(self) -> float:
        """Area in square degrees, negative where the vertices run clockwise as seen from inside the sphere's centre.

        References
        ----------
        Van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125, for each triangle with the middle.
        """
        a = self.vectors
        b = np.roll(a, -1, axis=0)
        middle = self.middle
        volume = np.cross(a, b) @ middle
        denominator = 1.0 + a @ middle + b @ middle + np.sum(a * b, axis=1)
        total = float(np.sum(2.0 * np.arctan2(volume, denominator)))
        # What is counted beyond half of the sphere belongs to the other side.
        if abs(total) > 2.0 * math.pi:
            total -= math.copysign(4.0 * math.pi, total)
        return total * math.degrees(1.0) ** 2

    @property
    def middle(self) -> npt.NDArray[np.float64]:
        """Direction of the sum of the vertices; any direction where they cancel."""
        total = self.vectors.sum(axis=0)
        length = float(np.linalg.norm(total))
        return total / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])

    @property
    def cap(self) -> tuple[float, float, float]:
        """Longitude, latitude and radius, degrees, of a circle around all vertices."""
        x, y, z = self.middle
        chords = np.linalg.norm(self.vectors - self.middle, axis=1)
        radius = 2.0 * math.degrees(math.asin(min(float(chords.max()) / 2.0, 1.0)))
        return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y))), radius


def box(centre: FixedPosition, width: float, height: float) -> FixedPolygon:
    """A box of great circles, each at right angles to an arm of a cross on the centre.

    Parameters
    ----------
    centre
        Where the arms of the cross meet; they run along the coordinates there.
    width, height
        Length of the whole arms, degrees, more than 0 and less than 180.

    Raises
    ------
    ValueError
        Raised for other sizes.

    References
    ----------
    ADQL 2.1, "BOX"; STC 1.33, "Box".
    """
    if not (0.0 < width < 180.0 and 0.0 < height < 180.0):
        raise ValueError("The width and height of a box must lie between 0 and 180 degrees.")
    east = math.radians(width) / 2.0
    north = math.atan(math.tan(math.radians(height) / 2.0) * math.cos(east))
    return FixedPolygon(
        tuple(
            _turned(centre, lon, lat) for lon, lat in ((-east, -north), (east, -north), (east, north), (-east, north))
        )
    )


def box_of_rows(centre: AnyPosition, width: Number, height: Number) -> tuple[Position, ...]:
    """Corners of a box, as `box` has them, whose place or size differs from row to row; NULL for other sizes."""
    lon, lat = (_bound(each) if isinstance(each, float) else each for each in (centre.lon, centre.lat))
    east, upward = (_half(each) for each in (width, height))
    north = RealFunction("atan", RealFunction("tan", upward) * RealFunction("cos", east))
    tilt: Number = sa.func.radians(lat, type_=sa.Double())
    sin_tilt, cos_tilt = RealFunction("sin", tilt), RealFunction("cos", tilt)
    ahead = RealFunction("cos", north) * RealFunction("cos", east)
    aside, above = RealFunction("cos", north) * RealFunction("sin", east), RealFunction("sin", north)
    corners = []
    for eastward, northward in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)):
        y, z = aside * _bound(eastward), above * _bound(northward)
        x, height_of_corner = ahead * cos_tilt - z * sin_tilt, ahead * sin_tilt + z * cos_tilt
        turn: Number = sa.func.degrees(RealFunction("atan2", y, x), type_=sa.Double())
        across = RealFunction("sqrt", x * x + y * y)
        corner_lat: Number = sa.func.degrees(RealFunction("atan2", height_of_corner, across), type_=sa.Double())
        corners.append(Position(turn + lon, corner_lat))
    return tuple(corners)


def _half(size: Number) -> Number:
    """Half of a size in radians; NULL for what no box has."""
    known = sa.case((sa.and_(size > _bound(0.0), size < _bound(180.0)), size))
    half: Number = sa.func.radians(known, type_=sa.Double()) * _bound(0.5)
    return half


def is_in_polygon(position: AnyPosition, polygon: FixedPolygon) -> Condition:
    """Whether a point lies in a polygon; on the rim itself, to rounding, either answer may come.

    Seen from a point inside, the directions to the vertices turn once round; from everywhere else they do not.
    Where the position of a table is stored, the condition begins with ranges of HEALPix numbers.
    """
    vectors = polygon.vectors
    nexts = np.roll(vectors, -1, axis=0)
    normals, cosines = np.cross(vectors, nexts), np.sum(vectors * nexts, axis=1)
    if polygon.signed_area < 0.0:
        normals = -normals
    point = position_vector(position)
    along = [_dot(point, vector) for vector in vectors]
    turns = [
        sa.func.atan2(_dot(point, normal), _bound(float(cosine)) - along[i] * along[(i + 1) % len(along)])
        for i, (normal, cosine) in enumerate(zip(normals, cosines, strict=True))
    ]
    inside = reduce(add, turns) > _bound(math.pi)
    lon, lat, radius = polygon.cap
    if not isinstance(position, Position) or position.hpx is None or radius >= _WIDEST_CAP:
        return inside
    hpx = position.hpx
    ranges = circle_ranges(lon, lat, radius)
    return sa.and_(sa.or_(*(hpx.between(_whole(first), _whole(last)) for first, last in ranges)), inside)


def _turned(centre: FixedPosition, lon: float, lat: float) -> FixedPosition:
    """A point given around (0, 0), in radians, carried to where the centre is."""
    x, y, z = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    tilt = math.radians(centre.lat)
    x, z = x * math.cos(tilt) - z * math.sin(tilt), x * math.sin(tilt) + z * math.cos(tilt)
    return FixedPosition(math.degrees(math.atan2(y, x)) + centre.lon, math.degrees(math.atan2(z, math.hypot(x, y))))


def _dot(point: Vector, vector: npt.NDArray[np.float64]) -> Number:
    x, y, z = (_bound(float(each)) for each in vector)
    return point[0] * x + point[1] * y + point[2] * z


def _bound(value: float) -> Number:
    return sa.bindparam(None, value, sa.Double(), unique=True)


def _whole(value: int) -> Number:
    return sa.bindparam(None, value, sa.BigInteger(), unique=True)
