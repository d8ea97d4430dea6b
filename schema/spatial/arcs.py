"""Polygons of great circles and circles on the sphere, many at once.

A polygon is an array of unit vectors, shape (m, n, 3) for m polygons of n vertices each, counter-clockwise when seen
from outside of the sphere. Angles are radians.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Reals: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]

RIM = 1e-12
"""What lies so close to an edge lies on it: 2e-7 arcsec, more than rounding and less than anyone measures."""

_CIRCLE_RIM = 1e-15
_FEW = 1 << 17


def unit_vectors(lon_deg: Reals, lat_deg: Reals) -> Reals:
    """Unit vectors, shape (…, 3), of coordinates in degrees."""
    lon, lat = np.radians(np.mod(lon_deg, 360.0)), np.radians(lat_deg)
    found: Reals = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return found


def separations(a: Reals, b: Reals) -> Reals:
    """Angles between unit vectors.

    References
    ----------
    Kahan 2006, "How futile are mindless assessments of roundoff", §12.
    """
    return np.asarray(2.0 * np.arctan2(_length(a - b), _length(a + b)), dtype=np.float64)


def middles(vertices: Reals) -> Reals:
    """Directions of the sums of the vertices, shape (m, 3); the pole where they cancel."""
    total = vertices.sum(axis=1)
    length = _length(total)[:, None]
    pole = np.array([0.0, 0.0, 1.0])
    return np.where(length > 1e-9, total / np.maximum(length, 1e-9), pole)


def signed_areas(vertices: Reals) -> Reals:
    """Areas in steradian, negative where the vertices run clockwise; the smaller part of the sky counts.

    References
    ----------
    Van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30, 125, for each triangle with the middle.
    """
    middle = middles(vertices)[:, None, :]
    a, b = vertices, np.roll(vertices, -1, axis=1)
    # Differences keep the digits of small polygons.
    volume = _dot(middle, _cross(a - middle, b - middle))
    denominator = 1.0 + _dot(a, middle) + _dot(b, middle) + _dot(a, b)
    total = np.sum(2.0 * np.arctan2(volume, denominator), axis=1)
    return np.asarray(
        np.where(np.abs(total) > 2.0 * np.pi, total - np.copysign(4.0 * np.pi, total), total), dtype=np.float64
    )


def counterclockwise(vertices: Reals) -> Reals:
    """The same polygons, with the smaller part of the sky on the left of their edges."""
    turned = signed_areas(vertices) < 0.0
    return np.where(turned[:, None, None], vertices[:, ::-1], vertices)


def edge_normals(vertices: Reals) -> Reals:
    """Vector products of the ends of each edge, shape (m, n, 3), exact also for short ones."""
    nexts = np.roll(vertices, -1, axis=1)
    found: Reals = 0.5 * _cross(vertices - nexts, vertices + nexts)
    return found


def are_inside(points: Reals, vertices: Reals) -> Truths:
    """Whether points, shape (m, k, 3), lie in polygons; shape (m, k); on an edge either answer may come.

    Seen from a point inside, the directions to the vertices turn once round; from everywhere else they do not.
    """
    held = np.empty(points.shape[:2], dtype=bool)
    for part in _pieces(points, vertices):
        p = points[:, part, None, :]
        a = vertices[:, None, :, :] - p
        b = np.roll(a, -1, axis=2)
        turn = np.arctan2(_dot(p, _cross(a, b)), _dot(a, b) - _dot(p, a) * _dot(p, b))
        held[:, part] = turn.sum(axis=2) > np.pi
    return held


def arc_distances(points: Reals, vertices: Reals) -> Reals:
    """Distances of points, shape (m, k, 3), from the edges of polygons; shape (m, k, n)."""
    nexts = np.roll(vertices, -1, axis=1)
    normals = edge_normals(vertices)
    length = _length(normals)[..., None]
    is_edge = (length[:, None, :, 0]) > 0.0
    normals = normals / np.where(length > 0.0, length, 1.0)
    distances = np.empty((points.shape[0], points.shape[1], vertices.shape[1]))
    for part in _pieces(points, vertices):
        p = points[:, part, None, :]
        from_start = p - vertices[:, None, :, :]
        aside = np.abs(_dot(from_start, normals[:, None]))
        after = _dot(normals[:, None], _cross(vertices[:, None], from_start)) >= 0.0
        before = _dot(normals[:, None], _cross(p - nexts[:, None], nexts[:, None])) >= 0.0
        chord = np.minimum(_length(from_start), 2.0)
        ends = np.minimum(chord, np.roll(chord, -1, axis=2))
        distances[:, part] = np.where(
            is_edge & after & before, np.arcsin(np.minimum(aside, 1.0)), 2.0 * np.arcsin(0.5 * ends)
        )
    return distances


def circles_meet(a: Reals, a_radius: Reals, b: Reals, b_radius: Reals) -> Truths:
    """Whether circles with centres of shape (m, 3) have a point in common."""
    return separations(a, b) <= a_radius + b_radius + _CIRCLE_RIM


def is_circle_in_circle(a: Reals, a_radius: Reals, b: Reals, b_radius: Reals) -> Truths:
    """Whether the first circles lie in the second ones."""
    return np.asarray((separations(a, b) + a_radius <= b_radius + _CIRCLE_RIM) | (b_radius >= np.pi), dtype=bool)


def circle_meets_polygon(centre: Reals, radius: Reals, vertices: Reals) -> Truths:
    """Whether circles have a point in common with polygons."""
    return _reach(centre, vertices) <= radius + RIM


def is_circle_in_polygon(centre: Reals, radius: Reals, vertices: Reals) -> Truths:
    """Whether circles lie in polygons."""
    points = centre[:, None, :]
    inside = are_inside(points, vertices)[:, 0]
    edge = arc_distances(points, vertices)[:, 0].min(axis=1)
    return np.asarray(np.where(inside, edge, -edge) >= radius - RIM, dtype=np.bool_)


def is_polygon_in_circle(vertices: Reals, centre: Reals, radius: Reals) -> Truths:
    """Whether polygons lie in circles."""
    farthest = separations(vertices, centre[:, None, :]).max(axis=1)
    # A circle up to half of the sky holds an edge whose ends it holds; else what lies outside is a circle itself.
    small = radius <= np.pi / 2.0
    held = farthest <= radius + RIM
    if not small.all():
        held = np.where(small, held, _reach(-centre, vertices) >= np.pi - radius - RIM)
    return np.asarray(held, dtype=np.bool_)


def polygons_meet(a: Reals, b: Reals) -> Truths:
    """Whether polygons have a point in common."""
    held: Truths = np.asarray(are_inside(a[:, :1], b)[:, 0] | are_inside(b[:, :1], a)[:, 0])
    open_ = np.flatnonzero(~held)
    if len(open_):
        a, b = a[open_], b[open_]
        held[open_] = (
            crossings(a, b).any(axis=(1, 2))
            | (arc_distances(a, b) <= RIM).any(axis=(1, 2))
            | (arc_distances(b, a) <= RIM).any(axis=(1, 2))
        )
    return held


def is_polygon_in_polygon(a: Reals, b: Reals) -> Truths:
    """Whether the first polygons lie in the second ones, edges included."""
    on_b = arc_distances(a, b) <= RIM
    held: Truths = np.asarray((are_inside(a, b) | on_b.any(axis=2)).all(axis=1))
    left = np.flatnonzero(held)
    if len(left):
        a, b, on_b = a[left], b[left], on_b[left]
        on_a = (arc_distances(b, a) <= RIM).transpose(0, 2, 1)
        touch = on_b | np.roll(on_b, -1, axis=1) | on_a | np.roll(on_a, -1, axis=2)
        kept: Truths = np.asarray(~(crossings(a, b) & ~touch).any(axis=(1, 2)))
        # Where edges touch, each piece between the places of touch is looked at.
        for row in np.flatnonzero(kept & touch.any(axis=(1, 2))):
            points = _piece_middles(a[row], b[row], on_a[row])[None]
            near = arc_distances(points, b[row : row + 1])[0].min(axis=1) <= RIM
            kept[row] = bool((near | are_inside(points, b[row : row + 1])[0]).all())
        held[left] = kept
    return held


def crossings(a: Reals, b: Reals) -> Truths:
    """Which edges of the first polygons cross which of the second, shape (m, n, k)."""
    difference = b[:, None, :, :] - a[:, :, None, :]
    of_b = np.einsum("mijk,mik->mij", difference, edge_normals(a))
    of_a = -np.einsum("mijk,mjk->mij", difference, edge_normals(b))
    next_of_b, next_of_a = np.roll(of_b, -1, axis=2), np.roll(of_a, -1, axis=1)
    left = (of_b < 0.0) & (next_of_b > 0.0) & (of_a > 0.0) & (next_of_a < 0.0)
    right = (of_b > 0.0) & (next_of_b < 0.0) & (of_a < 0.0) & (next_of_a > 0.0)
    return np.asarray(left | right, dtype=np.bool_)


def moments(vertices: Reals) -> Reals:
    """Integrals of the direction over polygons, shape (m, 3), whose directions are the centroids.

    References
    ----------
    Brock 1975, J. Elasticity 5, 83: half of the sum of each edge's length times its normal.
    """
    normals = edge_normals(vertices)
    length = _length(normals)[..., None]
    angle = separations(vertices, np.roll(vertices, -1, axis=1))[..., None]
    normals = normals / np.where(length > 0.0, length, 1.0)
    return np.asarray(0.5 * np.sum(normals * angle, axis=1), dtype=np.float64)


def _piece_middles(a: Reals, b: Reals, on_a: Truths) -> Reals:
    """Middles of the pieces into which vertices of the second polygon cut the edges of the first, shape (k, 3)."""
    found = []
    for edge, start in enumerate(a):
        end = a[(edge + 1) % len(a)]
        cuts = b[on_a[edge]]
        cuts = cuts[np.argsort(separations(cuts, start))]
        stops = np.concatenate([start[None], cuts, end[None]])
        found.append(stops[:-1] + stops[1:])
    middle = np.concatenate(found)
    return np.asarray(middle / np.linalg.norm(middle, axis=1, keepdims=True), dtype=np.float64)


def _reach(centre: Reals, vertices: Reals) -> Reals:
    """Distances of points from polygons, 0 inside."""
    points = centre[:, None, :]
    edge = arc_distances(points, vertices)[:, 0].min(axis=1)
    return np.where(are_inside(points, vertices)[:, 0], 0.0, edge)


def _pieces(points: Reals, vertices: Reals) -> list[slice]:
    """Slices of the points, so that what is calculated at once stays small."""
    step = max(1, _FEW // max(1, points.shape[0] * vertices.shape[1]))
    return [slice(start, start + step) for start in range(0, points.shape[1], step)]


def _dot(a: Reals, b: Reals) -> Reals:
    """Scalar products; three terms are added quicker by hand than by a sum over an axis of three."""
    return np.asarray(a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2], dtype=np.float64)


def _cross(a: Reals, b: Reals) -> Reals:
    x = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    y = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    return np.stack([x, y, a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]], axis=-1)


def _length(a: Reals) -> Reals:
    return np.asarray(np.sqrt(_dot(a, a)), dtype=np.float64)
