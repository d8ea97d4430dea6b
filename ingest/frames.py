"""Coordinates of other frames to ICRS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from astropy import units as u
from astropy.coordinates import (
    FK4,
    FK5,
    ICRS,
    BarycentricMeanEcliptic,
    CartesianRepresentation,
    FK4NoETerms,
    Galactic,
    Supergalactic,
    UnitSphericalRepresentation,
)
from astropy.time import Time

FrameName = Literal["ICRS", "FK5", "FK4", "FK4-NO-E", "GALACTIC", "ECLIPTIC", "SUPERGALACTIC"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A celestial frame.

    Attributes
    ----------
    name
        Which one.
    equinox
        Year: Besselian for FK4, Julian otherwise; of no meaning for ICRS and (super)galactic coordinates.
    """

    name: FrameName
    equinox: float = 2000.0


ICRS_FRAME = Frame("ICRS")


def frame_of(radesys: str | None, equinox: float | None) -> Frame:
    """Frame of equatorial coordinates from RADESYS and EQUINOX, with the defaults of the standard.

    References
    ----------
    FITS 4.0, "Celestial coordinate system representations" (RADESYS).
    """
    name = (radesys or "").upper()
    if equinox is not None and not 1800 <= equinox <= 2200:
        equinox = None
    if name in ("FK4", "FK4-NO-E"):
        return Frame("FK4" if name == "FK4" else "FK4-NO-E", equinox or 1950.0)
    if name == "FK5":
        return Frame("FK5", equinox or 2000.0)
    if name or equinox is None:
        return ICRS_FRAME
    return Frame("FK4", equinox) if equinox < 1984 else Frame("FK5", equinox)


def to_icrs(lon: Any, lat: Any, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of a frame as right ascension and declination, ICRS.

    Parameters
    ----------
    lon, lat
        Any shape, in deg.
    frame
        Their frame.

    Returns
    -------
    ra, dec
        Same shape, in deg; `ra` from 0 to 360. NaN where the input is NaN.
    """
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    if frame.name == "ICRS":
        return lon % 360.0, lat
    if frame.name in ("FK4", "FK4-NO-E"):
        kind = FK4 if frame.name == "FK4" else FK4NoETerms
        sky = kind(lon * u.deg, lat * u.deg, equinox=Time(frame.equinox, format="byear")).transform_to(ICRS())
        return sky.ra.deg, sky.dec.deg
    return spherical(_rotation(frame) @ unit_vector(lon, lat))


def galactic(ra: float, dec: float) -> tuple[float, float]:
    """Galactic longitude and latitude of a position, in deg."""
    lon, lat = spherical(_rotation(Frame("GALACTIC")).T @ unit_vector(ra, dec))
    return float(lon), float(lat)


def ecliptic(ra: float, dec: float) -> tuple[float, float]:
    """Ecliptic longitude and latitude of a position, mean ecliptic of J2000, in deg."""
    lon, lat = spherical(_rotation(Frame("ECLIPTIC")).T @ unit_vector(ra, dec))
    return float(lon), float(lat)


@lru_cache(maxsize=64)
def _rotation(frame: Frame) -> np.ndarray:
    """Matrix from a frame to ICRS, shape (3, 3), from the images of the three axes."""
    axes = UnitSphericalRepresentation.from_cartesian(CartesianRepresentation(np.eye(3)))
    match frame.name:
        case "FK5":
            there: Any = FK5(axes, equinox=Time(frame.equinox, format="jyear"))
        case "ECLIPTIC":
            there = BarycentricMeanEcliptic(axes, equinox=Time(frame.equinox, format="jyear"))
        case "SUPERGALACTIC":
            there = Supergalactic(axes)
        case _:
            there = Galactic(axes)
    return np.asarray(there.transform_to(ICRS()).cartesian.xyz)


def unit_vector(lon: Any, lat: Any) -> np.ndarray:
    """Unit vectors of directions in deg, shape (3, ...)."""
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def spherical(vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions of vectors of shape (3, ...), in deg: longitude from 0 to 360, latitude."""
    x, y, z = vector
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def separation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angle between vectors of shape (3, ...), in deg; exact for small angles."""
    cross = np.linalg.norm(np.cross(first, second, axis=0), axis=0)
    return np.asarray(np.degrees(np.arctan2(cross, np.sum(first * second, axis=0))))


def is_position(ra: float | None, dec: float | None) -> bool:
    """Whether two numbers can be a right ascension and a declination."""
    return ra is not None and dec is not None and math.isfinite(ra) and -360 < ra <= 360 and abs(dec) <= 90
