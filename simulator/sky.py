"""The toy sky: stars around a target."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator.seeds import generator
from simulator.targets import Target

FloatArray = NDArray[np.float64]

FIELD_RADIUS = 0.05
"""Stars are known to this many degrees from a target; larger than every field of view of the observatory."""


@dataclass(frozen=True, slots=True)
class Stars:
    """Stars, one array element each.

    Attributes
    ----------
    ra, dec
        FK5 J2000, degrees.
    magnitude
        AB, the same in each filter but for `colour`.
    colour
        g minus r; a filter sees `magnitude` plus its own multiple of it.
    """

    ra: FloatArray
    dec: FloatArray
    magnitude: FloatArray
    colour: FloatArray


def tangent_plane(ra: float, dec: float) -> WCS:
    """Return the gnomonic projection around a direction: pixels are degrees, and the direction is pixel (1, 1)."""
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.cunit = ["deg", "deg"]
    plane.wcs.crval = [ra, dec]
    plane.wcs.crpix = [1.0, 1.0]
    plane.wcs.cd = [[1.0, 0.0], [0.0, 1.0]]
    plane.wcs.radesys = "FK5"
    plane.wcs.equinox = 2000.0
    return plane


@lru_cache(maxsize=64)
def star_catalogue(target: Target, seed: int) -> Stars:
    """Return the stars around a target: a field, and a loose cluster in its middle arc minute.

    Parameters
    ----------
    seed
        Of the simulation; the same target and seed have the same stars in every night and instrument.
    """
    rng = generator(seed, "stars", target.name)
    field, cluster = 300, 16
    radius = np.concatenate(
        [FIELD_RADIUS * np.sqrt(rng.uniform(0, 1, field)), 0.007 * np.sqrt(rng.uniform(0, 1, cluster))]
    )
    angle = rng.uniform(0, 2 * np.pi, field + cluster)
    ra, dec = tangent_plane(target.ra, target.dec).wcs_pix2world(radius * np.sin(angle), radius * np.cos(angle), 0)
    # Counts of stars that grow by a factor of 1.6 per magnitude, from 15.5 to 21.
    growth = 1.6**5.5
    magnitude = 15.5 + np.log(1 + rng.uniform(0, 1, field + cluster) * (growth - 1)) / np.log(1.6)
    return Stars(ra, dec, magnitude, rng.normal(0.6, 0.3, field + cluster))
