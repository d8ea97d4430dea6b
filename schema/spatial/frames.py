"""Reference frames as rotations, and positions carried from one to another.

References
----------
Catalogue of ADQL User Defined Functions 1.2, "ivo_geom_transform": all transformations are simple rotations, with the
equinoxes J2000 for FK5 and ECLIPTIC and B1950 for FK4.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from schema.engines.constructs import RealFunction
from schema.spatial.constructs import AnyPosition, FixedPosition, Position, Vector, position_vector
from schema.spatial.polygons import FixedPolygon

Matrix = npt.NDArray[np.float64]

# The pole of the new frame in the old one, and the longitude that the old pole has in the new one; degrees.
_GALACTIC_OF_J2000 = (192.8594812065348, 27.12825118085622, 122.9319185680026)
_GALACTIC_OF_FK4 = (192.25, 27.4, 123.0)
_SUPERGALACTIC_OF_GALACTIC = (47.37, 6.32, 90.0)
_MAS_DEG = 1.0 / 3.6e6
_OBLIQUITY_DEG = 84381.406 / 3600.0

FRAMES = ("ICRS", "FK5", "FK4", "ECLIPTIC", "GALACTIC", "SUPER_GALACTIC")


def _turn(axis: int, angle: float) -> Matrix:
    """Rotation of the axes by an angle in degrees."""
    made = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    made[a, a] = made[b, b] = cosine
    made[a, b], made[b, a] = sine, -sine
    return made


def _of_pole(lon: float, lat: float, old_pole: float) -> Matrix:
    return _turn(2, 180.0 - old_pole) @ _turn(1, 90.0 - lat) @ _turn(2, lon)


@lru_cache(maxsize=64)
def rotation(source: str, target: str) -> Matrix:
    """Matrix that carries unit vectors of one frame into another.

    Parameters
    ----------
    source, target
        Of `FRAMES`. FK5 is taken for ICRS, as in the catalogue's examples; they differ by 0.02 seconds of arc.

    References
    ----------
    GALACTIC: Blaauw et al. 1960, MNRAS 121, 123, for FK4, and the same in J2000. SUPER_GALACTIC: de Vaucouleurs et
    al. 1976, Second Reference Catalogue of Bright Galaxies. ECLIPTIC: mean obliquity of J2000, IAU 2006.
    """
    matrix = _from_icrs(target) @ _from_icrs(source).T
    matrix.setflags(write=False)
    return matrix


def _from_icrs(frame: str) -> Matrix:
    j2000 = _turn(0, 19.9 * _MAS_DEG) @ _turn(1, 9.1 * _MAS_DEG) @ _turn(2, -22.9 * _MAS_DEG)
    galactic = _of_pole(*_GALACTIC_OF_J2000) @ j2000
    match frame:
        case "GALACTIC":
            return galactic
        case "SUPER_GALACTIC":
            return _of_pole(*_SUPERGALACTIC_OF_GALACTIC) @ galactic
        case "FK4":
            return _of_pole(*_GALACTIC_OF_FK4).T @ galactic
        case "ECLIPTIC":
            return _turn(0, _OBLIQUITY_DEG)
    return np.eye(3)


def is_same_frame(source: str, target: str) -> bool:
    """Whether coordinates mean the same in both."""
    return source == target or {source, target} <= {"ICRS", "FK5"}


def rotated(position: AnyPosition, source: str, target: str) -> AnyPosition:
    """A position in another frame; its longitude lies within 0 and 360 degrees."""
    if is_same_frame(source, target):
        return position
    matrix = rotation(source, target)
    if isinstance(position, FixedPosition):
        return fixed_position(matrix @ np.array(position.unit_vector))
    return position_at(_product(matrix, position_vector(position)))


def rotated_polygon(polygon: FixedPolygon, source: str, target: str) -> FixedPolygon:
    """A polygon in another frame."""
    if is_same_frame(source, target):
        return polygon
    matrix = rotation(source, target)
    return FixedPolygon(tuple(fixed_position(matrix @ vector) for vector in polygon.vectors))


def fixed_position(vector: Matrix) -> FixedPosition:
    """The point to which a vector, shape (3,), points."""
    x, y, z = (float(each) for each in vector)
    return FixedPosition(math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.atan2(z, math.hypot(x, y))))


def position_at(vector: Vector) -> Position:
    """The point to which a unit vector of expressions points; NULL where it is not finite."""
    x, y, z = vector
    # The opposite direction and half a turn more: 0 to 360 degrees without a second look at the sign.
    lon: sa.ColumnElement[float] = sa.func.degrees(RealFunction("atan2", -y, -x), type_=sa.Double()) + _bound(180.0)
    across = RealFunction("sqrt", x * x + y * y)
    lat: sa.ColumnElement[float] = sa.func.degrees(RealFunction("atan2", z, across), type_=sa.Double())
    return Position(lon, lat, vector)


def _product(matrix: Matrix, vector: Vector) -> Vector:
    x, y, z = (
        vector[0] * _bound(float(row[0])) + vector[1] * _bound(float(row[1])) + vector[2] * _bound(float(row[2]))
        for row in matrix
    )
    return x, y, z


def _bound(value: float) -> sa.ColumnElement[float]:
    return sa.bindparam(None, value, sa.Double(), unique=True)
