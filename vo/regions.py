"""Regions of the sky: ICRS, degrees."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """A point.

    Attributes
    ----------
    ra, dec
        In deg, ICRS.
    """

    ra: float
    dec: float

    def __post_init__(self) -> None:
        require_position(self.ra, self.dec)


@dataclass(frozen=True, slots=True)
class Circle:
    """A small circle with its inside.

    Attributes
    ----------
    ra, dec
        Centre, in deg, ICRS.
    radius
        In deg, 0 to 180.
    """

    ra: float
    dec: float
    radius: float

    def __post_init__(self) -> None:
        require_position(self.ra, self.dec)
        if not 0 <= self.radius <= 180:
            raise ValueError(f"The radius of a circle is {self.radius}, not 0 to 180 degrees.")


@dataclass(frozen=True, slots=True)
class Range:
    """What lies between two meridians and two parallels.

    Attributes
    ----------
    ra1, ra2
        Limits in right ascension, in deg, ICRS; from the first eastwards to the second, which is not less.
    dec1, dec2
        Limits in declination, in deg; the second is not less.
    """

    ra1: float
    ra2: float
    dec1: float
    dec2: float

    def __post_init__(self) -> None:
        require_position(self.ra1, self.dec1)
        require_position(self.ra2, self.dec2)
        if self.ra1 > self.ra2 or self.dec1 > self.dec2:
            raise ValueError("The limits of a range are in the wrong order: the lower one comes first.")


@dataclass(frozen=True, slots=True)
class Polygon:
    """A region bounded by great circles, smaller than half the sky.

    Attributes
    ----------
    vertices
        Three or more pairs (ra, dec), in deg, ICRS, counter-clockwise when seen from the origin towards the sky.
    """

    vertices: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if len(self.vertices) < 3:
            raise ValueError(f"A polygon needs three vertices or more, got {len(self.vertices)}.")
        for ra, dec in self.vertices:
            require_position(ra, dec)


@dataclass(frozen=True, slots=True)
class Union:
    """Several regions together.

    Attributes
    ----------
    parts
        Two or more.
    """

    parts: tuple[Circle | Polygon, ...]


Region = Position | Circle | Polygon | Union


def require_position(ra: float, dec: float) -> None:
    """Refuse coordinates that are no point of the sky.

    Raises
    ------
    ValueError
        Raised if `ra` is not in 0 to 360 or `dec` not in -90 to 90 degrees; for NaN too.
    """
    if not (0 <= ra <= 360 and -90 <= dec <= 90) or math.isnan(ra + dec):
        raise ValueError(f"({ra}, {dec}) is not a position: ra is 0 to 360, dec -90 to 90 degrees.")


def write_stcs(region: Region, digits: int = 7) -> str:
    """Write a region as STC-S text.

    Parameters
    ----------
    region
        What to write.
    digits
        Digits after the point; seven are a third of a milliarcsecond.

    References
    ----------
    ObsCore 1.1, "Spatial extent: s_region"; TAP 1.1, "STC-S"; STC-S 1.33 (IVOA note).
    """
    match region:
        case Position(ra, dec):
            return f"POSITION ICRS {_numbers(digits, ra, dec)}"
        case Circle(ra, dec, radius):
            return f"CIRCLE ICRS {_numbers(digits, ra, dec, radius)}"
        case Polygon(vertices):
            return f"POLYGON ICRS {_numbers(digits, *(number for vertex in vertices for number in vertex))}"
        case Union(parts):
            inner = " ".join(write_stcs(part, digits).replace(" ICRS", "", 1) for part in parts)
            return f"UNION ICRS ({inner})"


def _numbers(digits: int, *values: float) -> str:
    return " ".join(f"{value:.{digits}f}".rstrip("0").rstrip(".") for value in values)
