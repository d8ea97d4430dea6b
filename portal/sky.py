"""A map of the sky as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass

import astropy.units as u
import cdshealpix
import numpy as np
import numpy.typing as npt

from portal.holdings import SKY_ORDER

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dot:
    """One cell of the map: place in a box of 4 × 2 with its centre at 0, and strength from 0 to 1."""

    x: float
    y: float
    strength: float


def hammer(ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
    """Hammer's equal-area projection, RA 0 in the middle and growing to the left, as charts of the sky have it.

    Parameters
    ----------
    ra, dec
        Degrees.

    Returns
    -------
    x, y
        −2 to 2 and −1 to 1; y grows to the north.
    """
    half = np.radians((np.asarray(ra, float) + 180) % 360 - 180) / 2
    latitude = np.radians(np.asarray(dec, float))
    scale = np.sqrt(1 + np.cos(latitude) * np.cos(half))
    return -2 * np.cos(latitude) * np.sin(half) / scale, np.sin(latitude) / scale


def map_of(sky: dict[int, int]) -> list[Dot]:
    """Dots of a density map.

    Parameters
    ----------
    sky
        Products in each HEALPix cell, nested, order `portal.holdings.SKY_ORDER`.
    """
    if not sky:
        return []
    cells = np.array(list(sky), dtype=np.uint64)
    lon, lat = cdshealpix.healpix_to_lonlat(cells, SKY_ORDER)
    x, y = hammer(lon.to_value(u.deg), lat.to_value(u.deg))
    top = math.log1p(max(sky.values()))
    return [
        Dot(float(a), float(-b), 0.25 + 0.75 * math.log1p(n) / top) for a, b, n in zip(x, y, sky.values(), strict=True)
    ]


def graticule() -> list[str]:
    """Meridians each 60° and parallels each 30°, as SVG paths."""
    along = np.linspace(-90, 90, 61)
    across = np.linspace(-179.999, 179.999, 121)
    lines = [hammer(np.full_like(along, ra), along) for ra in (-179.999, -120, -60, 0, 60, 120, 179.999)]
    lines += [hammer(across, np.full_like(across, dec)) for dec in (-60, -30, 0, 30, 60)]
    return ["M" + " L".join(f"{a:.3f},{-b:.3f}" for a, b in zip(x, y, strict=True)) for x, y in lines]
