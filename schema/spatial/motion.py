"""Where a star stands at another epoch, as an SQL expression."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from schema.engines.constructs import RealFunction
from schema.spatial.constructs import Position, Vector
from schema.spatial.frames import position_at

Number = sa.ColumnElement[Any]

_KM_YEAR_PER_S = 4.740470446
"""One astronomical unit per Julian year, km/s."""
_MAS = math.radians(1.0 / 3.6e6)


@dataclass(frozen=True, slots=True)
class Astrometry:
    """What is known of a star at an epoch.

    Attributes
    ----------
    lon, lat
        Degrees, any frame.
    parallax
        Milliseconds of arc; NULL for a star at an infinite distance.
    pm_lon, pm_lat
        Proper motion, mas/yr, the first times the cosine of the latitude; NULL for none.
    radial_velocity
        km/s; NULL for none.
    """

    lon: Number
    lat: Number
    parallax: Number
    pm_lon: Number
    pm_lat: Number
    radial_velocity: Number


def propagated(star: Astrometry, years: Number) -> Position:
    """Position of a star in linear motion after so many Julian years; NULL where a coordinate or the time is.

    References
    ----------
    Lindegren 1997, ESA SP-1200, Vol. 1, §1.5.5, "rigorous treatment"; catalogue of ADQL UDFs 1.2, "ivo_epoch_prop_pos".
    """
    lon: Number = sa.func.radians(star.lon, type_=sa.Double())
    lat: Number = sa.func.radians(star.lat, type_=sa.Double())
    sin_lon, cos_lon = (RealFunction(name, lon) for name in ("sin", "cos"))
    sin_lat, cos_lat = (RealFunction(name, lat) for name in ("sin", "cos"))
    nothing: Number = sa.literal_column("0.0")
    step = years * _bound(_MAS)
    east = sa.func.coalesce(star.pm_lon, nothing, type_=sa.Double()) * step
    north = sa.func.coalesce(star.pm_lat, nothing, type_=sa.Double()) * step
    recession = star.radial_velocity * star.parallax * _bound(1.0 / _KM_YEAR_PER_S)
    outward = _bound(1.0) + sa.func.coalesce(recession, nothing, type_=sa.Double()) * step
    vector: Vector = (
        cos_lat * cos_lon * outward - sin_lon * east - sin_lat * cos_lon * north,
        cos_lat * sin_lon * outward + cos_lon * east - sin_lat * sin_lon * north,
        sin_lat * outward + cos_lat * north,
    )
    moved = position_at(vector)
    # The vector is not of length one, so that distances must be taken from the angles.
    return Position(moved.lon, moved.lat)


def _bound(value: float) -> Number:
    return sa.bindparam(None, value, sa.Double(), unique=True)
