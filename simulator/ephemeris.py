"""Sun, Moon, sidereal time and the horizon, as exactly as planning a toy night needs (a minute, an arc minute)."""

import math
import warnings
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from astropy.coordinates import get_body, get_sun
from astropy.time import Time

from simulator.errors import SimulationError
from simulator.observatory import Site

MJD_EPOCH = datetime(1858, 11, 17)
_STEP = timedelta(minutes=2)


def mjd(instant: datetime) -> float:
    """Return the Modified Julian Date of an instant, UTC, days."""
    return (instant - MJD_EPOCH) / timedelta(days=1)


def sidereal_time(instant: datetime, longitude: float) -> float:
    """Return the local mean sidereal time in degrees, 0 to 360; UT1 is taken as UTC (0.9 s at most).

    Parameters
    ----------
    instant
        UTC.
    longitude
        Degrees, east positive.

    References
    ----------
    Meeus, Astronomical Algorithms, 2nd edition, chapter 12.
    """
    days = mjd(instant) - 51544.5
    return (280.46061837 + 360.98564736629 * days + 0.000387933 * (days / 36525) ** 2 + longitude) % 360.0


@dataclass(frozen=True, slots=True)
class Horizontal:
    """A direction above the horizon, degrees; the azimuth counts from south over west, as in ESO headers."""

    altitude: float
    azimuth: float
    parallactic: float

    @property
    def airmass(self) -> float:
        """The airmass of a plane-parallel atmosphere with a curved edge (Pickering 2002); 1 at the zenith."""
        altitude = max(self.altitude, 0.0)
        return 1.0 / math.sin(math.radians(altitude + 244.0 / (165.0 + 47.0 * altitude**1.1)))


def horizontal(ra: float, dec: float, instant: datetime, site: Site) -> Horizontal:
    """Return where a direction (degrees) stands at an instant (UTC)."""
    hour_angle = math.radians(sidereal_time(instant, site.longitude) - ra)
    delta, phi = math.radians(dec), math.radians(site.latitude)
    sine = math.sin(phi) * math.sin(delta) + math.cos(phi) * math.cos(delta) * math.cos(hour_angle)
    azimuth = math.atan2(math.sin(hour_angle), math.cos(hour_angle) * math.sin(phi) - math.tan(delta) * math.cos(phi))
    parallactic = math.atan2(
        math.sin(hour_angle), math.tan(phi) * math.cos(delta) - math.sin(delta) * math.cos(hour_angle)
    )
    altitude = math.degrees(math.asin(max(-1.0, min(1.0, sine))))
    return Horizontal(altitude, math.degrees(azimuth) % 360.0, math.degrees(parallactic))


@dataclass(frozen=True, slots=True)
class Darkness:
    """The turning points of one night at a site, UTC, and the Moon at its middle (degrees, equator of date)."""

    sunset: datetime
    dusk: datetime
    dawn: datetime
    sunrise: datetime
    moon: tuple[float, float]


def darkness(night: date, site: Site) -> Darkness:
    """Find sunset, the ends of astronomical twilight (Sun at -18 degrees) and sunrise of a night.

    Parameters
    ----------
    night
        Local date on which the night begins.

    Raises
    ------
    SimulationError
        Raised if the Sun does not set or it does not get dark.
    """
    noon = datetime(night.year, night.month, night.day, 12) - timedelta(hours=site.longitude / 15)
    instants = [noon + number * _STEP for number in range(timedelta(days=1) // _STEP)]
    # UTC is taken as terrestrial time (a minute does not matter); years without known leap seconds are no concern here.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="ERFA function")
        sun = get_sun(Time([mjd(instant) for instant in instants], format="mjd", scale="tt"))
    delta, phi = np.radians(sun.dec.deg), math.radians(site.latitude)
    hour_angle = np.radians([sidereal_time(instant, site.longitude) for instant in instants] - sun.ra.deg)
    altitude = np.degrees(np.arcsin(np.sin(delta) * math.sin(phi) + np.cos(delta) * math.cos(phi) * np.cos(hour_angle)))
    down, dark = np.flatnonzero(altitude < -0.83), np.flatnonzero(altitude < -18.0)
    if not len(down) or not len(dark):
        raise SimulationError(f"the night of {night} has no dark time at latitude {site.latitude}")
    middle = instants[(dark[0] + dark[-1]) // 2]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="ERFA function")
        moon = get_body("moon", Time(mjd(middle), format="mjd", scale="tt"))
    return Darkness(
        instants[down[0]], instants[dark[0]], instants[dark[-1]], instants[down[-1]], (moon.ra.deg, moon.dec.deg)
    )
