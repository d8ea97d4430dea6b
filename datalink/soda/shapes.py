"""Regions of the sky as points: their outline, and what lies inside."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from vo.dali.values import Shape
from vo.regions import Circle, Polygon, Range

Numbers = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]

_PIECE = 2_000_000
_EDGE = 1e-12


def outline(shape: Shape, count: int) -> tuple[Numbers, Numbers]:
    """Points along the border of a region, one after the other and round to the first again.

    Parameters
    ----------
    shape
        ICRS, degrees; edges of polygons are great circles, those of ranges meridians and parallels.
    count
        About how many points.

    Returns
    -------
    lon, lat
        In degrees.
    """
    if isinstance(shape, Range):
        return _range_outline(shape, max(count // 4, 2))
    if isinstance(shape, Circle):
        return _angles(_circle_outline(shape, count))
    corners = _vectors(*np.array(shape.vertices).T)
    return _angles(_edges(corners, max(count // len(corners), 2)))


def contains(shape: Shape, lon: Numbers, lat: Numbers) -> Truths:
    """Whether positions lie in a region, its border included; no position lies in none.

    Parameters
    ----------
    shape
        ICRS, degrees. Of the two sides of a polygon the smaller is inside, whichever way its vertices go.
    lon, lat
        In degrees, NaN for no position.
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    known = np.isfinite(lon) & np.isfinite(lat)
    match shape:
        case Range(ra1, ra2, dec1, dec2):
            turned = lon % 360.0
            in_lon = (turned >= ra1) & (turned <= ra2) | (turned + 360.0 >= ra1) & (turned + 360.0 <= ra2)
            # At a pole all meridians meet.
            return np.asarray(known & (lat >= dec1) & (lat <= dec2) & (in_lon | (np.abs(lat) == 90.0)))
        case Circle(ra, dec, radius):
            chord = np.linalg.norm(_vectors(lon, lat) - _vectors(np.array(ra), np.array(dec)), axis=-1)
            return np.asarray(known & (2 * np.arcsin(np.minimum(chord / 2, 1.0)) <= np.radians(radius) + _EDGE))
        case Polygon():
            inside = np.zeros(lon.shape, bool)
            places = np.flatnonzero(known)
            for piece in _pieces(places, len(shape.vertices)):
                inside.flat[piece] = _in_polygon(shape, lon.flat[piece], lat.flat[piece])
            return inside


def _pieces(places: npt.NDArray[np.intp], vertices: int) -> Iterator[npt.NDArray[np.intp]]:
    step = max(_PIECE // vertices, 1)
    for start in range(0, len(places), step):
        yield places[start : start + step]


def _in_polygon(shape: Polygon, lon: Numbers, lat: Numbers) -> Truths:
    """Sum of the angles under which the edges are seen: a full turn from inside, nothing from outside."""
    corners = _vectors(*np.array(shape.vertices).T)
    middle = corners.sum(axis=0)
    points = _vectors(lon, lat)
    near = points @ middle > 0
    first = corners[None] - (points @ corners.T)[..., None] * points[:, None]
    second = np.roll(first, -1, axis=1)
    sine = np.einsum("pvi,pi->pv", np.cross(first, second), points)
    cosine = np.einsum("pvi,pvi->pv", first, second)
    turns = np.abs(np.arctan2(sine, cosine).sum(axis=1)) / (2 * np.pi)
    return np.asarray(near & (turns > 0.25))


def _range_outline(shape: Range, count: int) -> tuple[Numbers, Numbers]:
    forth = np.linspace(0, 1, count)
    lon = shape.ra1 + (shape.ra2 - shape.ra1) * forth
    lat = shape.dec1 + (shape.dec2 - shape.dec1) * forth
    west, east = np.full(count, shape.ra1), np.full(count, shape.ra2)
    south, north = np.full(count, shape.dec1), np.full(count, shape.dec2)
    return np.concatenate([lon, east, lon[::-1], west]), np.concatenate([south, lat, north, lat[::-1]])


def _circle_outline(shape: Circle, count: int) -> Numbers:
    centre = _vectors(np.array(shape.ra), np.array(shape.dec))
    lon, lat = np.radians(shape.ra), np.radians(shape.dec)
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    angles = np.linspace(0, 2 * np.pi, count + 1)[:, None]
    radius = np.radians(shape.radius)
    return np.asarray(np.cos(radius) * centre + np.sin(radius) * (np.cos(angles) * north + np.sin(angles) * east))


def _edges(corners: Numbers, count: int) -> Numbers:
    """Points on great circles from corner to corner, shape (corners * count + 1, 3)."""
    forth = np.arange(count)[None, :, None] / count
    along = corners[:, None] * (1 - forth) + np.roll(corners, -1, axis=0)[:, None] * forth
    points = np.concatenate([along.reshape(-1, 3), corners[:1]])
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.where(length > 0, length, 1.0))


def _vectors(lon: Numbers, lat: Numbers) -> Numbers:
    a, d = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def _angles(vectors: Numbers) -> tuple[Numbers, Numbers]:
    x, y, z = vectors.T
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))
