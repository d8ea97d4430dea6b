"""Ranges of coordinates, between two meridians and two parallels, and the regions that meet them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from schema.engines.execute import EngineError
from schema.spatial import arcs
from schema.spatial.arcs import RIM, Reals, Truths
from schema.spatial.constructs import Condition, FixedPosition, position_vector
from schema.spatial.regions import Cap, RegionFunction, SkyRegion, pruned
from schema.spatial.shapes import Column, groups, read_shapes
from vo.regions import Range

_SLACK = 1e-14
_WIDEST_IN_CAP_DEG = 120.0
_WIDEST_CAP_DEG = 60.0


class RegionsMeetRange(RegionFunction):
    """Whether a region has a point in common with a range, given by its four numbers."""

    type = sa.Boolean()
    inherit_cache = True
    function = "regions_meet_range"


@compiles(RegionsMeetRange, "postgresql")
def _refused(element: RegionsMeetRange, compiler: SQLCompiler, **_: Any) -> NoReturn:
    del element, compiler
    raise EngineError(
        "This archive answers from its database itself, which cannot compare regions with a range of coordinates; "
        "ask for a circle or a polygon."
    )


def meets_range(region: SkyRegion, limits: Range) -> Condition:
    """Whether a stored region has a point in common with a range; false, or NULL, where it is none."""
    numbers = [limits.ra1, limits.ra2, limits.dec1, limits.dec2]
    exact = RegionsMeetRange(region.sql, sa.bindparam(None, numbers, sa.ARRAY(sa.Double()), unique=True))
    if region.cap is None:
        return exact
    # A chord is longer than the difference of heights.
    height = region.cap.vector[2]
    near = [
        height - region.cap.outer <= _bound(math.sin(math.radians(limits.dec2)) + _SLACK),
        height + region.cap.outer >= _bound(math.sin(math.radians(limits.dec1)) - _SLACK),
    ]
    cap = _cap(limits)
    return sa.and_(*near, exact) if cap is None else pruned(region.cap, cap, sa.and_(*near, exact))


def _cap(limits: Range) -> Cap | None:
    """A cap around a range; None around a wide one."""
    if limits.ra2 - limits.ra1 > _WIDEST_IN_CAP_DEG:
        return None
    centre = FixedPosition((limits.ra1 + limits.ra2) / 2.0, (limits.dec1 + limits.dec2) / 2.0)
    corners = arcs.unit_vectors(np.array([limits.ra1] * 2), np.array([limits.dec1, limits.dec2]))
    radius = math.degrees(float(arcs.separations(corners, np.array(centre.unit_vector)).max())) + 1e-9
    if radius >= _WIDEST_CAP_DEG:
        return None
    chord = 2.0 * math.sin(math.radians(radius) / 2.0)
    return Cap(position_vector(centre), chord, -1.0, (centre.lon % 360.0, centre.lat, radius))


def regions_meet_range(column: Column, limits: Column) -> pa.Array:
    """Whether regions have a point in common with a range; NULL where one is no region.

    Parameters
    ----------
    column
        Regions, as `schema.spatial.shapes` has them.
    limits
        The same list for each row: longitudes and latitudes of the sides, degrees, as in `vo.regions.Range`.
    """
    shapes = read_shapes(column)
    if not shapes.total:
        return pa.array([], pa.bool_())
    window = _Window(*np.radians(limits[0].as_py()))
    holds = np.zeros(len(shapes.count), dtype=bool)
    circles = np.flatnonzero(shapes.count == 1)
    holds[circles] = window.distances(shapes.vectors[shapes.start[circles]]) <= shapes.radius[circles] + RIM
    for parts, count in groups(shapes):
        holds[parts] = window.meets(shapes.vertices(parts, count))
    met = np.bincount(shapes.region, holds, minlength=shapes.total) > 0
    return pa.array(met, mask=~shapes.valid)


@dataclass(frozen=True, slots=True)
class _Window:
    """A range in radians; `lon2` is not less than `lon1`."""

    lon1: float
    lon2: float
    lat1: float
    lat2: float

    @property
    def is_band(self) -> bool:
        """Whether it goes all round."""
        return self.lon2 - self.lon1 >= 2.0 * math.pi - RIM

    @property
    def corners(self) -> Reals:
        """Unit vectors, shape (4, 3)."""
        lons, lats = np.degrees([self.lon1, self.lon2] * 2), np.degrees([self.lat1, self.lat1, self.lat2, self.lat2])
        return arcs.unit_vectors(lons, lats)

    def _is_between_meridians(self, x: Reals, y: Reals) -> Truths:
        if self.is_band:
            return np.ones(np.shape(x), dtype=bool)
        after = np.mod(np.arctan2(y, x) - self.lon1 + RIM, 2.0 * np.pi) - RIM
        return np.asarray(after <= self.lon2 - self.lon1 + RIM, dtype=np.bool_)

    def distances(self, points: Reals) -> Reals:
        """Distances of points, shape (…, 3), from the range; 0 inside."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        lat = np.arctan2(z, np.hypot(x, y))
        beyond = np.maximum(np.maximum(lat - self.lat2, self.lat1 - lat), 0.0)
        sides = np.minimum(self._side_distances(points, self.lon1), self._side_distances(points, self.lon2))
        return np.where(self._is_between_meridians(x, y), beyond, sides)

    def _side_distances(self, points: Reals, lon: float) -> Reals:
        """Distances of points from the part of a meridian between the parallels."""
        outward, aside = self._in_plane(points, lon)
        angle = np.arctan2(points[..., 2], outward)
        foot = (angle >= self.lat1) & (angle <= self.lat2)
        ends = [
            arcs.separations(points, np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]))
            for lat in (self.lat1, self.lat2)
        ]
        return np.where(foot, np.arcsin(np.minimum(np.abs(aside), 1.0)), np.minimum(*ends))

    @staticmethod
    def _in_plane(points: Reals, lon: float) -> tuple[Reals, Reals]:
        """Components towards a meridian's point on the equator and at right angles to its plane."""
        cosine, sine = math.cos(lon), math.sin(lon)
        x, y = points[..., 0], points[..., 1]
        return x * cosine + y * sine, y * cosine - x * sine

    def meets(self, vertices: Reals) -> Truths:
        """Whether polygons, shape (m, n, 3), have a point in common with the range."""
        holds: Truths = np.asarray((self.distances(vertices) <= RIM).any(axis=1))
        corners = np.broadcast_to(self.corners, (len(vertices), 4, 3))
        holds |= (arcs.arc_distances(corners, vertices) <= RIM).any(axis=(1, 2))
        left = np.flatnonzero(~holds)
        if len(left):
            found = arcs.are_inside(corners[left], vertices[left]).any(axis=1)
            holds[left] = found | self._is_crossed(vertices[left])
        return holds

    def _is_crossed(self, vertices: Reals) -> Truths:
        """Whether an edge of a polygon crosses a side of the range.

        A point of an edge is ``cos t * start + sin t * ahead``, with t from 0 to the length of the edge.
        """
        ends = np.roll(vertices, -1, axis=1)
        length = arcs.separations(vertices, ends)
        ahead = ends - vertices * np.cos(length)[..., None]
        ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-300)
        crossed = np.zeros(len(vertices), dtype=bool)
        for lat in (self.lat1, self.lat2):
            reach = np.hypot(vertices[..., 2], ahead[..., 2])
            highest = np.arctan2(ahead[..., 2], vertices[..., 2])
            turn = np.arccos(np.clip(math.sin(lat) / np.maximum(reach, 1e-300), -1.0, 1.0))
            for t in (highest - turn, highest + turn):
                at = self._points(vertices, ahead, t)
                hit = self._is_on(t, length) & (np.abs(at[..., 2] - math.sin(lat)) <= RIM)
                crossed |= (hit & self._is_between_meridians(at[..., 0], at[..., 1])).any(axis=1)
        for lon in () if self.is_band else (self.lon1, self.lon2):
            _, start_aside = self._in_plane(vertices, lon)
            _, ahead_aside = self._in_plane(ahead, lon)
            t = np.arctan2(-start_aside, ahead_aside)
            for each in (t, t + np.pi):
                at = self._points(vertices, ahead, each)
                outward, _ = self._in_plane(at, lon)
                angle = np.arctan2(at[..., 2], outward)
                hit = self._is_on(each, length) & (angle >= self.lat1 - RIM) & (angle <= self.lat2 + RIM)
                crossed |= hit.any(axis=1)
        return crossed

    @staticmethod
    def _points(start: Reals, ahead: Reals, t: Reals) -> Reals:
        return np.asarray(np.cos(t)[..., None] * start + np.sin(t)[..., None] * ahead, dtype=np.float64)

    @staticmethod
    def _is_on(t: Reals, length: Reals) -> Truths:
        return np.asarray(np.mod(t + RIM, 2.0 * np.pi) <= length + 2.0 * RIM, dtype=np.bool_)


def _bound(value: float) -> sa.ColumnElement[float]:
    return sa.bindparam(None, value, sa.Double(), unique=True)
