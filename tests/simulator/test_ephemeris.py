from datetime import date, datetime

import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.time import Time
from astropy.utils import iers

from simulator.ephemeris import Horizontal, darkness, horizontal
from simulator.observatory import PARANAL


@pytest.fixture(autouse=True)
def _bundled_earth_rotation():
    """Keep astropy off the network."""
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


PLACE = EarthLocation.from_geodetic(PARANAL.longitude, PARANAL.latitude, PARANAL.elevation)


def test_the_horizon_agrees_with_astropy_all_over_the_sky() -> None:
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, 60), np.degrees(np.arcsin(rng.uniform(-1, 1, 60)))
    instant = datetime(2000, 1, 2, 3, 4, 5)
    # In 2000 the equator of date is that of J2000 to arc seconds.
    judged = SkyCoord(ra, dec, unit="deg").transform_to(AltAz(obstime=Time(instant), location=PLACE))
    ours = [horizontal(ra[number], dec[number], instant, PARANAL) for number in range(60)]
    assert np.allclose([place.altitude for place in ours], judged.alt.deg, atol=0.02)
    turned = (np.array([place.azimuth for place in ours]) + 180.0 - judged.az.deg + 180.0) % 360.0 - 180.0
    assert np.allclose(turned * np.cos(judged.alt.rad), 0.0, atol=0.02)


@pytest.mark.parametrize("night", [date(2003, 12, 21), date(2010, 6, 21), date(2024, 3, 10)], ids=str)
def test_the_sun_stands_where_the_turning_points_of_the_night_say(night: date) -> None:
    found = darkness(night, PARANAL)
    instants = [found.sunset, found.dusk, found.dawn, found.sunrise]
    assert instants == sorted(instants)
    times = Time(instants)
    altitude = get_sun(times).transform_to(AltAz(obstime=times, location=PLACE)).alt.deg
    # The grid is two minutes wide, half a degree of the Sun's way; precession since 2000 is neglected.
    assert np.allclose(altitude, [-0.83, -18.0, -18.0, -0.83], atol=1.0)


@pytest.mark.parametrize(
    ("altitude", "airmass"), [(90.0, 1.0), (60.0, 1.154), (30.0, 1.994), (10.0, 5.60), (0.0, 38.0)]
)
def test_the_airmass_agrees_with_published_tables(altitude: float, airmass: float) -> None:
    assert Horizontal(altitude, 0.0, 0.0).airmass == pytest.approx(airmass, rel=0.02)
