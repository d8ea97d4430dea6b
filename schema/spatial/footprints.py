"""Hidden columns of regions: a cap of the sky around each, a disc inside it, and its numbers."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pyarrow as pa
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import lonlat_to_healpix

from schema.spatial import arcs
from schema.spatial.arcs import Reals
from schema.spatial.healpix import ORDER
from schema.spatial.region_text import read_regions
from schema.spatial.regions import NOWHERE, WIDE, WIDEST_IN_CELL_DEG
from schema.spatial.shapes import Column, Shapes, groups, read_shapes

_SLACK = 1e-12


def region_columns_of(column: Column, position: pa.Array | None = None) -> dict[str, pa.Array]:
    """Compute the hidden columns of regions.

    Parameters
    ----------
    column
        Regions as text (`schema.spatial.region_text`).
    position
        HEALPix numbers of the positions of the rows, where they have one.

    Returns
    -------
    columns
        By the suffixes of `schema.spatial.regions.REGION_COLUMNS`; NULL, but for ``hpx``, where there is no region, or
        none that can be read.
    """
    numbers = read_regions(column)
    shapes = read_shapes(numbers)
    centre, outer, inner = caps(shapes)
    hidden = ~shapes.valid
    lon = np.degrees(np.arctan2(centre[:, 1], centre[:, 0])) % 360.0
    lat = np.degrees(np.arctan2(centre[:, 2], np.hypot(centre[:, 0], centre[:, 1])))
    cells = np.asarray(
        lonlat_to_healpix(Longitude(lon, u.deg), Latitude(lat, u.deg), ORDER, num_threads=1), dtype=np.int64
    )
    cells = np.where(outer > 2.0 * np.sin(np.radians(WIDEST_IN_CELL_DEG) / 2.0), WIDE, cells)
    values = {"x": centre[:, 0], "y": centre[:, 1], "z": centre[:, 2], "outer": outer, "inner": inner}
    instead = np.full(shapes.total, NOWHERE) if position is None else position.fill_null(NOWHERE).to_numpy()
    columns = {"hpx": pa.array(np.where(hidden, instead, cells))}
    columns |= {suffix: pa.array(value, mask=hidden) for suffix, value in values.items()}
    columns["shape"] = numbers if shapes.valid.all() else _only(numbers, shapes)
    return columns


def caps(shapes: Shapes) -> tuple[Reals, Reals, Reals]:
    """Caps around regions and discs inside them.

    Returns
    -------
    centre
        Unit vectors, shape (total, 3).
    outer
        Chord, for a radius of 1, from the centre to the rim of a cap that holds the region.
    inner
        Chord of a cap that lies within the region; -1 where there is none around this centre.
    """
    count = len(shapes.count)
    centre, outer, inner = np.zeros((count, 3)), np.zeros(count), np.zeros(count)
    circles = np.flatnonzero(shapes.count == 1)
    centre[circles] = shapes.vectors[shapes.start[circles]]
    outer[circles] = inner[circles] = shapes.radius[circles]
    for parts, number in groups(shapes):
        vertices = shapes.vertices(parts, number)
        middle = arcs.middles(vertices)
        farthest = arcs.separations(vertices, middle[:, None, :]).max(axis=1) + _SLACK
        nearest = arcs.arc_distances(middle[:, None, :], vertices)[:, 0].min(axis=1) - _SLACK
        centre[parts] = middle
        # Beyond half of the sky a cap around the vertices need not hold the edges.
        outer[parts] = np.where(farthest < 0.5 * np.pi, farthest, np.pi)
        inner[parts] = np.where(arcs.are_inside(middle[:, None, :], vertices)[:, 0], nearest, -1.0)
    if count != shapes.total or not shapes.valid.all():
        centre, outer, inner = _joined(shapes, centre, outer, inner)
    return centre, _chord(np.minimum(outer, np.pi)), np.where(inner >= 0.0, _chord(np.maximum(inner, 0.0)), -1.0)


def _joined(shapes: Shapes, centre: Reals, outer: Reals, inner: Reals) -> tuple[Reals, Reals, Reals]:
    """One cap for all parts of each region."""
    total = np.stack([np.bincount(shapes.region, each, minlength=shapes.total) for each in centre.T], axis=1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    middle = np.where(length > 1e-9, total / np.maximum(length, 1e-9), np.array([0.0, 0.0, 1.0]))
    alone = shapes.parts[shapes.region] == 1
    middle[shapes.region[alone]] = centre[alone]
    apart = np.where(alone, 0.0, arcs.separations(centre, middle[shapes.region]) + _SLACK)
    reach, within = np.zeros(shapes.total), np.full(shapes.total, -1.0)
    np.maximum.at(reach, shapes.region, apart + outer)
    np.maximum.at(within, shapes.region, inner - apart)
    return middle, reach, within


def _chord(angle: Reals) -> Reals:
    chord: Reals = 2.0 * np.sin(0.5 * angle)
    return chord


def _only(numbers: pa.Array, shapes: Shapes) -> pa.Array:
    """The lists that are regions."""
    places = pa.array(np.arange(shapes.total), mask=~shapes.valid)
    return numbers.take(places)
