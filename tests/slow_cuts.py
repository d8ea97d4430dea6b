"""An independent way to cutouts: the whole file in memory, and a decision for each of its pixels."""

from __future__ import annotations

import gzip
import io
from typing import Any

import ncompress
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_skycoord

SKY = ("RA", "DE", "GL")


def open_whole(content: bytes) -> fits.HDUList:
    """All of a file, in memory, its pixels as they are stored."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:2] == b"\x1f\x9d":
        content = ncompress.decompress(content)
    return fits.open(io.BytesIO(content), do_not_scale_image_data=True, lazy_load_hdus=False)


def celestial(header: fits.Header, hdus: fits.HDUList) -> WCS | None:
    """Celestial part of the coordinates of an image, as astropy has it."""
    try:
        wcs = WCS(header, hdus)
    except Exception:
        return None
    if not wcs.has_celestial or wcs.wcs.ctype[wcs.wcs.lng][:2] not in SKY:
        return None
    return wcs.celestial


class HalfPixels:
    """Directions of the middles, edges and corners of all pixels of an image."""

    def __init__(self, wcs: WCS, nx: int, ny: int) -> None:
        self.wcs, self.nx, self.ny = wcs, nx, ny
        y, x = np.mgrid[0 : 2 * ny + 1, 0 : 2 * nx + 1] / 2 - 0.5
        self.vectors = directions(wcs, x, y)

    def touched(self, centre: np.ndarray, radius: float) -> tuple[int, int, int, int] | None:
        """First and last column, first and last row of pixels with a point in a circle; radius in radian."""
        inside = within(self.vectors, centre, radius)
        pixels = np.zeros((self.ny, self.nx), bool)
        for dy in range(3):
            for dx in range(3):
                pixels |= inside[dy : dy + 2 * self.ny : 2, dx : dx + 2 * self.nx : 2]
        if not pixels.any():
            return None
        columns, rows = np.flatnonzero(pixels.any(axis=0)), np.flatnonzero(pixels.any(axis=1))
        return int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1])

    def touches(self, x: tuple[float, float], y: tuple[float, float], centre: np.ndarray, radius: float) -> bool:
        """Whether a circle reaches into a part of the image, looked at 32 times a pixel."""
        across = np.linspace(*x, round(32 * (x[1] - x[0])) + 1)
        along = np.linspace(*y, round(32 * (y[1] - y[0])) + 1)
        return bool(within(directions(self.wcs, *np.meshgrid(across, along)), centre, radius).any())


def directions(wcs: WCS, x: Any, y: Any) -> np.ndarray:
    """Unit vectors, ICRS, of pixel coordinates from 0."""
    return np.moveaxis(pixel_to_skycoord(x, y, wcs, origin=0).icrs.cartesian.xyz.value, 0, -1)


def direction(position: SkyCoord) -> np.ndarray:
    return np.asarray(position.cartesian.xyz.value)


def within(vectors: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        found = np.asarray(vectors @ centre >= np.cos(radius) - 1e-11)
        # The cosine says little of small angles.
        apart = np.linalg.norm(vectors[found] - centre, axis=-1)
    found[found] = apart <= 2 * np.sin(radius / 2) * (1 + 1e-9) + 1e-13
    return found
