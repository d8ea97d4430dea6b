"""A fixed cone as parameters of a fixed number, so that one select serves all narrow cones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import sqlalchemy as sa

from schema.spatial.healpix import MOST_RANGES, circle_ranges

Number: TypeAlias = sa.ColumnElement[Any]

WIDEST_CONE = 60.0
"""Radius in degrees from which on ranges of HEALPix numbers no longer help."""

# Each component of two unit vectors is off by at most some units in the last place, so that rows right on the rim of
# a circle, or at its centre for a radius of zero, are counted in. It is 1e-10 of a second of arc.
RIM = 5e-16

CONE_TYPES: tuple[sa.types.TypeEngine[Any], ...] = (sa.Double(),) * 4 + (sa.BigInteger(),) * (2 * MOST_RANGES)
"""Types of the parameters of a cone."""


def unit_vector(lon: float, lat: float) -> tuple[float, float, float]:
    """Unit vector of a point given in degrees, made with the same steps as the stored ones."""
    lon, lat = math.radians(lon % 360.0), math.radians(lat)
    return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)


def cone_parameters(lon: float, lat: float, radius: float, *, inclusive: bool = True) -> tuple[float | int, ...]:
    """Parameters of a cone: its unit vector, the square of its chord, and the ends of ranges of HEALPix numbers.

    Parameters
    ----------
    lon, lat, radius
        ICRS, degrees.
    inclusive
        Whether its rim belongs to it.

    Raises
    ------
    ValueError
        Raised for coordinates and radii that no such cone has.
    """
    if not (math.isfinite(lon) and -90.0 <= lat <= 90.0 and 0.0 <= radius < WIDEST_CONE):
        raise ValueError("A narrow cone needs finite coordinates and a radius from 0 to 60 degrees.")
    chord = 2.0 * math.sin(math.radians(radius) / 2.0)
    ranges = circle_ranges(lon % 360.0, lat, radius)
    # There are always as many ranges: the last one fills up what is missing.
    ranges += ranges[-1:] * (MOST_RANGES - len(ranges))
    limit = (chord + (RIM if inclusive else 0.0)) ** 2
    return (*unit_vector(lon, lat), limit, *(end for pair in ranges for end in pair))


def is_in_cone(
    vector: tuple[Number, Number, Number], hpx: Number, parameters: Sequence[Number], *, inclusive: bool = True
) -> sa.ColumnElement[bool]:
    """Whether a stored position lies in a cone given by its parameters.

    Ranges of HEALPix numbers come first: they let the engine skip all the rest of the sky.
    """
    limit, ends = parameters[3], parameters[4:]
    parts = [x - y for x, y in zip(vector, parameters[:3], strict=True)]
    squared = parts[0] * parts[0] + parts[1] * parts[1] + parts[2] * parts[2]
    near = squared <= limit if inclusive else squared < limit
    return sa.and_(sa.or_(*(hpx.between(*pair) for pair in zip(ends[::2], ends[1::2], strict=True))), near)
