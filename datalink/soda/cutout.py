"""Which pixels a condition on the sky, the wavelength or the polarization touches; arrays and WCS in, slices out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import FK4, FK5, ICRS, BaseCoordinateFrame, Galactic, SkyCoord
from astropy.wcs import WCS
from astropy.wcs.utils import wcs_to_celestial_frame

from datalink.soda.shapes import contains, outline
from vo.dali.values import Interval, Shape
from vo.regions import Circle

Numbers = npt.NDArray[np.float64]

STOKES = {
    1: "I", 2: "Q", 3: "U", 4: "V", -1: "RR", -2: "LL", -3: "RL", -4: "LR", -5: "XX", -6: "YY", -7: "XY", -8: "YX",
}  # fmt: skip
"""Names of the values of a STOKES axis (FITS 4.0, "Conventional Stokes values")."""

_SAGITTA_PX = 0.005
_FEWEST, _MOST = 128, 8192
_SIDE = 64
_GRID = 512
_TOUCH_PX = 1e-6


@dataclass(frozen=True)
class SkyAxes:
    """The two celestial axes of an image.

    Attributes
    ----------
    wcs
        Celestial, two axes in the order of the pixel axes; any distortion that astropy applies.
    shape
        Pixels along the first and the second of them, FITS order.
    frame
        Of the coordinates.
    """

    wcs: WCS
    shape: tuple[int, int]
    frame: BaseCoordinateFrame

    def to_pixels(self, lon: Numbers, lat: Numbers) -> tuple[Numbers, Numbers]:
        """Pixel coordinates, 0 in the middle of the first pixel, of positions in ICRS; NaN outside of the projection.

        Parameters
        ----------
        lon, lat
            In deg.
        """
        sky = SkyCoord(lon, lat, unit=u.deg, frame="icrs").transform_to(self.frame).spherical
        world = self._ordered(sky.lon.deg, sky.lat.deg)
        with np.errstate(all="ignore"):
            x, y = self.wcs.wcs_world2pix(*world, 0)
            if self.wcs.has_distortion:
                # The iteration is made for the surroundings of the image.
                nx, ny = self.shape
                near = (np.abs(x - nx / 2) < 2 * nx) & (np.abs(y - ny / 2) < 2 * ny)
                if near.any():
                    x[near], y[near] = self.wcs.all_world2pix(world[0][near], world[1][near], 0, quiet=True)
        return x, y

    def to_sky(self, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        """Positions in ICRS, in deg, of pixel coordinates; NaN where the projection has none."""
        with np.errstate(all="ignore"):
            lon, lat = self._ordered(*self.wcs.all_pix2world(x, y, 0))
            known = np.isfinite(lon) & (np.abs(lat) <= 90)
        sky = SkyCoord(np.where(known, lon, 0), np.where(known, lat, 0), unit=u.deg, frame=self.frame).icrs
        return np.where(known, sky.ra.deg, np.nan), np.where(known, sky.dec.deg, np.nan)

    def _ordered(self, lon: Numbers, lat: Numbers) -> tuple[Numbers, Numbers]:
        """Longitude and latitude in the order of the axes, or turned back from it."""
        return (lon, lat) if self.wcs.wcs.lng < self.wcs.wcs.lat else (lat, lon)


def sky_axes(wcs: WCS, shape: tuple[int, int]) -> SkyAxes | None:
    """Celestial axes that regions can be compared with; None for the sun, planets and unknown frames."""
    try:
        frame = wcs_to_celestial_frame(wcs)
    except ValueError:
        return None
    return SkyAxes(wcs, shape, frame) if isinstance(frame, ICRS | FK5 | FK4 | Galactic) else None


def touched_pixels(sky: SkyAxes, shape: Shape) -> tuple[slice, slice] | None:
    """Smallest rectangle of whole pixels that holds every pixel which a region touches.

    What is common to region and image is bounded by parts of their two borders, so its extremes lie on these: where
    the outline of the region runs inside the image, and where the border of the image runs inside the region.

    Parameters
    ----------
    sky
        Axes of the image.
    shape
        ICRS, degrees.

    Returns
    -------
    slices
        Along the first and second celestial axis, 0-based; None if no pixel is touched.
    """
    nx, ny = sky.shape
    points = [_clipped(*sky.to_pixels(*outline(shape, _outline_count(sky, shape))), nx, ny)]
    x, y = _border(nx, ny)
    lon, lat = sky.to_sky(x, y)
    inside = contains(shape, lon, lat)
    points.append(np.stack([x[inside], y[inside]], axis=1))
    if not np.isfinite(lon).all():
        points.append(_grid_points(sky, shape))
    found = np.concatenate(points)
    if not len(found):
        return None
    (x0, y0), (x1, y1) = found.min(axis=0), found.max(axis=0)
    return _pixels_between(x0, x1, nx), _pixels_between(y0, y1, ny)


def touched_channels(edges: Numbers, interval: Interval) -> slice | None:
    """Pixels of a spectral or time axis of which some part lies in an interval; one pixel for a single value.

    Parameters
    ----------
    edges
        Coordinates at the outer edges of the pixels, shape (n + 1,), rising or falling; NaN for unknown.
    interval
        In the unit of `edges`.

    Returns
    -------
    channels
        None if none is touched.
    """
    low, high = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
    if interval.lower == interval.upper:
        touched = (low <= interval.lower) & (interval.lower <= high)
        found = np.flatnonzero(touched)[:1]
    else:
        found = np.flatnonzero((high > interval.lower) & (low < interval.upper))
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else None


def wanted_states(states: list[str | None], wanted: frozenset[str]) -> slice | None:
    """Planes of a polarization axis that hold states.

    Planes at even distances are taken alone; others with those between them, for a linear axis cannot name them.

    Parameters
    ----------
    states
        Of each plane; None for one that has no name.
    wanted
        Names, upper case.

    Returns
    -------
    planes
        None if there is none of the states.
    """
    found = [number for number, state in enumerate(states) if state in wanted]
    if not found:
        return None
    steps = set(np.diff(found).tolist())
    return slice(found[0], found[-1] + 1, steps.pop() if len(steps) == 1 else 1)


def _outline_count(sky: SkyAxes, shape: Shape) -> int:
    """Points so dense that the chords between them leave a circle by less than a part of a pixel."""
    if not isinstance(shape, Circle):
        return 4 * _MOST // 16
    scale = math.sqrt(abs(float(np.linalg.det(sky.wcs.pixel_scale_matrix)))) or 1.0
    radius_px = shape.radius / scale
    return int(min(max(math.pi * math.sqrt(radius_px / (2 * _SAGITTA_PX)), _FEWEST), _MOST))


def _border(nx: int, ny: int) -> tuple[Numbers, Numbers]:
    """Points along the outer edges of the border pixels, corners among them."""
    across = np.linspace(-0.5, nx - 0.5, _SIDE + 1)
    along = np.linspace(-0.5, ny - 0.5, _SIDE + 1)
    south, north = np.full(_SIDE + 1, -0.5), np.full(_SIDE + 1, ny - 0.5)
    west, east = np.full(_SIDE + 1, -0.5), np.full(_SIDE + 1, nx - 0.5)
    return np.concatenate([across, across, west, east]), np.concatenate([south, north, along, along])


def _grid_points(sky: SkyAxes, shape: Shape) -> Numbers:
    """Corners of those pixels, or blocks of pixels, of an image with parts off the sky whose middle is in a region."""
    nx, ny = sky.shape
    step_x, step_y = -(-nx // _GRID), -(-ny // _GRID)
    x, y = np.meshgrid(np.arange(0.0, nx, step_x), np.arange(0.0, ny, step_y))
    inside = contains(shape, *sky.to_sky(x.ravel(), y.ravel()))
    middle = np.stack([x.ravel()[inside], y.ravel()[inside]], axis=1)
    reach = np.array([step_x - 1.0, step_y - 1.0])
    return np.asarray(np.clip(np.concatenate([middle - reach, middle + reach]), -0.5, [nx - 0.5, ny - 0.5]))


def _clipped(x: Numbers, y: Numbers, nx: int, ny: int) -> Numbers:
    """Ends of those parts of a line that lie in the image, shape (n, 2).

    References
    ----------
    Liang, Barsky 1984 (ACM Transactions on Graphics 3, 1).
    """
    start = np.stack([x[:-1], y[:-1]], axis=1)
    way = np.stack([x[1:], y[1:]], axis=1) - start
    first, last = np.zeros(len(start)), np.ones(len(start))
    with np.errstate(all="ignore"):
        for axis, length in ((0, nx), (1, ny)):
            to_low = (-0.5 - start[:, axis]) / way[:, axis]
            to_high = (length - 0.5 - start[:, axis]) / way[:, axis]
            moves = way[:, axis] != 0
            beside = ~moves & ((start[:, axis] < -0.5) | (start[:, axis] > length - 0.5))
            first = np.where(moves, np.maximum(first, np.minimum(to_low, to_high)), np.where(beside, 2.0, first))
            last = np.where(moves, np.minimum(last, np.maximum(to_low, to_high)), last)
    meets = (first <= last) & np.isfinite(way).all(axis=1)
    start, way = start[meets], way[meets]
    return np.concatenate([start + first[meets, None] * way, start + last[meets, None] * way, _alone(x, y, nx, ny)])


def _alone(x: Numbers, y: Numbers, nx: int, ny: int) -> Numbers:
    """Points in the image; those whose neighbours are off the sky begin no line."""
    with np.errstate(invalid="ignore"):
        inside = (x >= -0.5) & (x <= nx - 0.5) & (y >= -0.5) & (y <= ny - 0.5)
    return np.stack([x[inside], y[inside]], axis=1)


def _pixels_between(low: float, high: float, length: int) -> slice:
    first = min(max(math.floor(low + 0.5 + _TOUCH_PX), 0), length - 1)
    last = min(max(math.ceil(high - 0.5 - _TOUCH_PX), first), length - 1)
    return slice(first, last + 1)
