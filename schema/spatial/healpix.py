"""Regions of the sky as few ranges of HEALPix numbers, for the planner to cut on."""

from __future__ import annotations

import math
from functools import lru_cache

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle, Latitude, Longitude
from cdshealpix.nested import cone_search

ORDER = 29
MOST_RANGES = 4

_CELL_DEG = 58.6
"""Side of a base cell; each order halves it."""


@lru_cache(maxsize=1024)
def circle_ranges(lon: float, lat: float, radius: float, most: int = MOST_RANGES) -> tuple[tuple[int, int], ...]:
    """Cover a circle by ranges of HEALPix numbers.

    Parameters
    ----------
    lon, lat
        Centre, ICRS, degrees; any longitude, latitude within ±90.
    radius
        Degrees, 0 to 180.
    most
        Most ranges to give: those with the narrowest gaps between them are joined.

    Returns
    -------
    ranges
        First and last number of each, both included, nested scheme of order 29, in order, disjoint. Every point of
        the circle lies in one; how much more lies in them depends on the circle.

    References
    ----------
    Górski et al. 2005, ApJ 622, 759, "Nested scheme".
    """
    # A hair more than asked for, so that no point on the rim falls out by rounding.
    padded = radius * (1 + 1e-12) + 1e-10
    depth = int(min(max(math.floor(math.log2(4 * _CELL_DEG / padded)), 0), ORDER - 4))
    cells, depths, _ = cone_search(
        Longitude(lon % 360.0, u.deg), Latitude(lat, u.deg), Angle(min(padded, 180.0), u.deg), depth, depth_delta=2
    )
    shift = 2 * (ORDER - depths.astype(np.int64))
    first = cells.astype(np.int64) << shift
    last = ((cells.astype(np.int64) + 1) << shift) - 1
    return _merged(first, last, most)


def few_ranges(ranges: tuple[tuple[int, int], ...], most: int = MOST_RANGES) -> tuple[tuple[int, int], ...]:
    """Cover ranges, first and last number included, by at most so many: those with the narrowest gaps are joined."""
    ends = np.array(ranges, dtype=np.int64).reshape(-1, 2)
    return _merged(ends[:, 0], ends[:, 1], most)


def _merged(first: np.ndarray, last: np.ndarray, most: int) -> tuple[tuple[int, int], ...]:
    """At most so many ranges, cut at the widest gaps."""
    order = np.argsort(first)
    first, last = first[order], last[order]
    gaps = first[1:] - last[:-1] - 1
    cuts = np.argsort(gaps, kind="stable")[::-1][: most - 1]
    cuts = np.sort(cuts[gaps[cuts] > 0])
    starts = np.concatenate([first[:1], first[cuts + 1]])
    ends = np.concatenate([last[cuts], last[-1:]])
    return tuple((int(start), int(end)) for start, end in zip(starts, ends, strict=True))
