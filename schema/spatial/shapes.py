"""Regions of the sky as lists of numbers, and what they have in common, column by column.

A region is a list of parts, one after the other: ``1, lon, lat, radius`` for a circle (a point has the radius 0) and
``n, lon, lat, lon, lat, …`` for a polygon of n vertices; ICRS, degrees. A list that is no region gives NULL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schema.spatial import arcs
from schema.spatial.arcs import Reals, Truths

MOST_VERTICES = 2000
"""Most vertices of a region, over all its parts."""

_TOGETHER = 1 << 16
_MOST_BYTES = 1 << 22
_OPPOSITE = 1e-9

Whole: TypeAlias = npt.NDArray[np.int64]
Column: TypeAlias = Any
"""A `pyarrow.Array` or `pyarrow.ChunkedArray`."""


@dataclass(frozen=True)
class Shapes:
    """The parts of many regions.

    Attributes
    ----------
    total
        Number of regions.
    valid
        Which of them are regions, shape (total,). Others have no parts.
    region
        Which region a part belongs to, ascending, shape (parts,).
    count
        Vertices of a part, 1 for a circle.
    start
        Where its vertices begin.
    lon, lat, vectors
        Of all vertices and centres, degrees, and their unit vectors.
    radius
        Of a circle, radians; 0 for polygons.
    """

    total: int
    valid: Truths
    region: Whole
    count: Whole
    start: Whole
    lon: Reals
    lat: Reals
    vectors: Reals
    radius: Reals

    @cached_property
    def parts(self) -> Whole:
        """Number of parts of each region."""
        return np.bincount(self.region, minlength=self.total).astype(np.int64)

    def vertices(self, parts: Whole, count: int) -> Reals:
        """Vertices of parts that all have so many, shape (len(parts), count, 3); polygons run counter-clockwise."""
        found = self.vectors[self.start[parts][:, None] + np.arange(count)]
        return found if count == 1 else arcs.counterclockwise(found)


def read_shapes(column: Column) -> Shapes:
    """Take lists of numbers apart.

    Parameters
    ----------
    column
        Lists of double.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    array = array.cast(pa.list_(pa.float64()))
    total = len(array)
    offsets = np.asarray(array.offsets, dtype=np.int64)
    values = np.asarray(array.values.to_numpy(zero_copy_only=False), dtype=np.float64)
    valid = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    cursor, ends = offsets[:-1].copy(), offsets[1:]
    valid &= ends > cursor
    regions, counts, firsts = [], [], []
    going = np.flatnonzero(valid)
    while len(going):
        number = values[cursor[going]]
        fits = (number == 1.0) | ((number >= 3.0) & (number <= MOST_VERTICES) & (np.floor(number) == number))
        count = np.where(fits, number, 1.0).astype(np.int64)
        after = cursor[going] + np.where(count == 1, 4, 1 + 2 * count)
        fits &= after <= ends[going]
        valid[going[~fits]] = False
        going, count, after = going[fits], count[fits], after[fits]
        regions.append(going)
        counts.append(count)
        firsts.append(cursor[going] + 1)
        cursor[going] = after
        going = going[after < ends[going]]
    region, count, first = (
        (np.concatenate(each) if each else np.empty(0, np.int64)) for each in (regions, counts, firsts)
    )
    return _checked(total, valid, region, count, first, values)


def _checked(total: int, valid: Truths, region: Whole, count: Whole, first: Whole, values: Reals) -> Shapes:
    order = np.lexsort((first, region))
    region, count, first = region[order], count[order], first[order]
    start, places = _expanded(first, count)
    lon, lat = values[places], values[places + 1]
    circles = count == 1
    radius = np.zeros(len(count))
    radius[circles] = values[first[circles] + 2]
    with np.errstate(invalid="ignore"):
        vertex_is_good = np.isfinite(lon) & (np.abs(lat) <= 90.0)
        part_is_good = (radius >= 0.0) & (radius <= 180.0)
    if len(count):
        part_is_good &= np.logical_and.reduceat(vertex_is_good, start)
    lon, lat = np.where(vertex_is_good, lon, 0.0), np.where(vertex_is_good, lat, 0.0)
    vectors = arcs.unit_vectors(lon, lat)
    nexts = np.arange(1, len(lon) + 1)
    nexts[start + count - 1] = start
    if len(count):
        opposite = np.linalg.norm(vectors + vectors[nexts], axis=1) < _OPPOSITE
        part_is_good &= ~np.logical_or.reduceat(opposite, start)
    valid = valid.copy()
    valid[region[~part_is_good]] = False
    valid[np.bincount(region, count, minlength=total) > MOST_VERTICES] = False
    kept = valid[region]
    radius = np.radians(radius[kept])
    return Shapes(total, valid, region[kept], count[kept], start[kept], lon, lat, vectors, radius)


def _expanded(first: Whole, count: Whole) -> tuple[Whole, Whole]:
    """Where the vertices of each part begin among all, and the place of each vertex's longitude in the list."""
    start = np.cumsum(count) - count
    step = np.arange(int(count.sum())) - np.repeat(start, count)
    return start, np.repeat(first, count) + 2 * step


def regions_meet(a: Column, b: Column) -> pa.Array:
    """Whether regions of two columns have a point in common; NULL where one is no region."""
    return _in_slices(a, b, _slices_meet)


def _slices_meet(a: Column, b: Column) -> pa.Array:
    left, right = read_shapes(a), read_shapes(b)
    region, x, y = _pairs(left, right)
    holds = _test(left, x, right, y, _meet)
    return _truths(np.bincount(region, holds, minlength=left.total) > 0, left, right)


def regions_lie_within(a: Column, b: Column) -> pa.Array:
    """Whether regions of the first column lie in those of the second, NULL where one is no region.

    Each part of the first must lie in one part of the second: parts are not joined before.
    """
    return _in_slices(a, b, _slices_lie_within)


def _slices_lie_within(a: Column, b: Column) -> pa.Array:
    left, right = read_shapes(a), read_shapes(b)
    _, x, y = _pairs(left, right)
    holds = _test(left, x, right, y, _lie_within)
    lies = np.bincount(x, holds, minlength=len(left.region)) > 0
    return _truths(np.bincount(left.region, ~lies, minlength=left.total) == 0, left, right)


def _in_slices(a: Column, b: Column, relation: Callable[[Column, Column], pa.Array]) -> pa.Array:
    """Ask for some rows after the others where regions have many vertices, so that memory stays small."""
    rows = max(1, _MOST_BYTES * max(1, len(a)) // max(1, a.nbytes + b.nbytes))
    if len(a) <= rows:
        return relation(a, b)
    starts = range(0, len(a), rows)
    return pa.concat_arrays([relation(a.slice(start, rows), b.slice(start, rows)) for start in starts])


def region_areas(column: Column) -> pa.Array:
    """Areas, square degrees; the parts of a region are added up."""
    shapes = read_shapes(column)
    area = np.zeros(len(shapes.count))
    circles = shapes.count == 1
    area[circles] = 4.0 * np.pi * np.sin(0.5 * shapes.radius[circles]) ** 2
    for parts, count in groups(shapes):
        area[parts] = np.abs(arcs.signed_areas(shapes.vertices(parts, count)))
    total = np.bincount(shapes.region, area, minlength=shapes.total) * np.degrees(1.0) ** 2
    return pa.array(total, mask=~shapes.valid)


def region_centroids(column: Column) -> pa.Array:
    """Centroids: lists of longitude and latitude, degrees; of what has no area, the middle of its vertices."""
    shapes = read_shapes(column)
    moment = np.zeros((len(shapes.count), 3))
    middle = np.zeros((len(shapes.count), 3))
    circles = np.flatnonzero(shapes.count == 1)
    middle[circles] = shapes.vectors[shapes.start[circles]]
    moment[circles] = np.pi * np.sin(shapes.radius[circles])[:, None] ** 2 * middle[circles]
    for parts, count in groups(shapes):
        vertices = shapes.vertices(parts, count)
        middle[parts] = arcs.middles(vertices)
        moment[parts] = arcs.moments(vertices)
        small = np.linalg.norm(moment[parts], axis=1) < 1e-20
        moment[parts[small]] = 0.0
    sums, middles = (_sums(shapes, each) for each in (moment, middle))
    sums = np.where(np.linalg.norm(sums, axis=1, keepdims=True) > 0.0, sums, middles)
    lon = np.degrees(np.arctan2(sums[:, 1], sums[:, 0])) % 360.0
    lat = np.degrees(np.arctan2(sums[:, 2], np.hypot(sums[:, 0], sums[:, 1])))
    flat = np.stack([lon, lat], axis=1).ravel()
    offsets = np.arange(0, 2 * shapes.total + 2, 2, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat), mask=pa.array(~shapes.valid))


def groups(shapes: Shapes) -> list[tuple[Whole, int]]:
    """Polygons with equal numbers of vertices, few enough to be treated at once."""
    found = []
    for count in np.unique(shapes.count[shapes.count > 1]):
        parts = np.flatnonzero(shapes.count == count)
        step = max(1, _TOGETHER // int(count))
        found += [(parts[begin : begin + step], int(count)) for begin in range(0, len(parts), step)]
    return found


def _sums(shapes: Shapes, vectors: Reals) -> Reals:
    return np.stack([np.bincount(shapes.region, each, minlength=shapes.total) for each in vectors.T], axis=1)


def _truths(holds: Truths, left: Shapes, right: Shapes) -> pa.Array:
    return pa.array(holds, mask=~(left.valid & right.valid))


def _pairs(left: Shapes, right: Shapes) -> tuple[Whole, Whole, Whole]:
    """All pairs of parts of regions in the same row: the row, the part of the left, the part of the right."""
    a, b = left.parts, right.parts
    number = a * b
    region = np.repeat(np.arange(left.total), number)
    step = np.arange(len(region)) - np.repeat(np.cumsum(number) - number, number)
    wide = np.maximum(b, 1)[region]
    return region, (np.cumsum(a) - a)[region] + step // wide, (np.cumsum(b) - b)[region] + step % wide


Pairwise: TypeAlias = Callable[[Reals, Reals, Reals, Reals], Truths]


def _test(left: Shapes, x: Whole, right: Shapes, y: Whole, relation: Pairwise) -> Truths:
    """Ask for each pair of parts, in groups of equal numbers of vertices."""
    holds = np.zeros(len(x), dtype=bool)
    kinds = left.count[x] * (MOST_VERTICES + 1) + right.count[y]
    for kind in np.unique(kinds):
        n, k = divmod(int(kind), MOST_VERTICES + 1)
        chosen = np.flatnonzero(kinds == kind)
        step = max(1, _TOGETHER // (n * k))
        for begin in range(0, len(chosen), step):
            some = chosen[begin : begin + step]
            a, b = x[some], y[some]
            holds[some] = relation(left.vertices(a, n), left.radius[a], right.vertices(b, k), right.radius[b])
    return holds


def _meet(a: Reals, a_radius: Reals, b: Reals, b_radius: Reals) -> Truths:
    match a.shape[1] == 1, b.shape[1] == 1:
        case True, True:
            return arcs.circles_meet(a[:, 0], a_radius, b[:, 0], b_radius)
        case True, False:
            return arcs.circle_meets_polygon(a[:, 0], a_radius, b)
        case False, True:
            return arcs.circle_meets_polygon(b[:, 0], b_radius, a)
    return arcs.polygons_meet(a, b)


def _lie_within(a: Reals, a_radius: Reals, b: Reals, b_radius: Reals) -> Truths:
    match a.shape[1] == 1, b.shape[1] == 1:
        case True, True:
            return arcs.is_circle_in_circle(a[:, 0], a_radius, b[:, 0], b_radius)
        case True, False:
            return arcs.is_circle_in_polygon(a[:, 0], a_radius, b)
        case False, True:
            return arcs.is_polygon_in_circle(a, b[:, 0], b_radius)
    return arcs.is_polygon_in_polygon(a, b)
