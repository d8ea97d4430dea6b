"""A thousand invented rows of ObsCore, every column now and then NULL, and what plain Python makes of conditions."""

from __future__ import annotations

import datetime
import random
from typing import Any

import numpy as np
from astropy.coordinates import offset_by

from vo.regions import Circle, Polygon, Region, Union, write_stcs

COLLECTIONS = ("KUYCHI", "kuychi", "UVES", "ESO-DSS2", "dss1", "O'Neill & <Co>", "Ωmega")
TYPES = ("image", "cube", "spectrum", "timeseries", None)
FORMATS = ("application/fits", "image/jpeg", "application/x-votable+xml;content=datalink")
POLARIZATIONS = (None, "/I/", "/I/Q/U/V/", "/RR/LL/", "/XX/YY/", "/Q/U/")
TARGETS = ("M 42", "m 42", "NGC 1365", "Häuptling", "a'b\"c", None)
CALIBRATIONS = (None, "absolute", "relative", "normalized", "uncalibrated")
CLUSTERS = ((83.6, -5.4), (0.02, 3.0), (180.0, 88.5), (200.0, -89.2), (269.9, 40.0))


def products(count: int, seed: int = 42) -> list[dict[str, Any]]:
    """Rows for ``ivoa.obscore``, the same each time for a seed."""
    dice = random.Random(seed)
    return [_product(number, dice) for number in range(count)]


def _product(number: int, dice: random.Random) -> dict[str, Any]:
    def sometimes(value: Any) -> Any:
        return value if dice.random() < 0.85 else None

    position, region, fov = _place(dice)
    em_min = 10 ** dice.uniform(-7.5, -3)
    t_min = dice.uniform(51000, 60000)
    kind = dice.choice(TYPES)
    has_times, has_band = dice.random() < 0.9, dice.random() < 0.9
    return {
        "dataproduct_type": kind,
        "dataproduct_subtype": dice.choice(("SPECTRUM", None, "IMAGE")),
        "calib_level": dice.choice((0, 1, 2, 2, 3, 3, 4)),
        "obs_collection": dice.choice(COLLECTIONS),
        "obs_id": f"ob {number // 3}",
        "obs_publisher_did": f"ivo://archive.example/ID?P.{number:05d}",
        "dp_id": f"P.{number:05d}",
        "access_format": dice.choice(FORMATS),
        "access_estsize": sometimes(dice.randrange(10**6)),
        "target_name": dice.choice(TARGETS),
        "target_class": dice.choice((None, "star", "Galaxy", "QSO")),
        "s_ra": None if position is None else position[0],
        "s_dec": None if position is None else position[1],
        "s_fov": fov,
        "s_region": None if region is None else write_stcs(region),
        "s_resolution": sometimes(round(10 ** dice.uniform(-1, 1), 3)),
        "s_xel1": sometimes(dice.choice((64, 2048))),
        "s_xel2": sometimes(dice.choice((64, 4096))),
        "s_pixel_scale": sometimes(0.2),
        "t_min": t_min if has_times else None,
        "t_max": t_min + dice.choice((0.0, 0.01, 0.5)) if has_times else None,
        "t_exptime": sometimes(round(10 ** dice.uniform(0, 4), 1)),
        "t_resolution": sometimes(round(10 ** dice.uniform(0, 4), 1)),
        "em_min": em_min if has_band else None,
        "em_max": em_min * dice.choice((1.0, 1.2, 3.0)) if has_band else None,
        "em_res_power": sometimes(round(10 ** dice.uniform(1, 5), 1)),
        "em_xel": sometimes(dice.choice((1, 3000))),
        "em_calib_status": dice.choice((*CALIBRATIONS[:3], "calibrated")),
        "o_calib_status": dice.choice(CALIBRATIONS),
        "o_ucd": sometimes("phot.flux.density;em.wl"),
        "pol_states": dice.choice(POLARIZATIONS),
        "facility_name": sometimes(dice.choice(("ESO-VLT-U2", "ESO-NTT"))),
        "instrument_name": sometimes(dice.choice(("UVES", "uves", "EFOSC"))),
        "obs_creator_did": sometimes(f"ivo://eso.org/origfile?{number}"),
        "obs_title": sometimes(f"Product {number} of <a> & 'b'"),
        "last_mod_date": datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=7 * number),
        "obs_release_date": datetime.datetime(2020, 1, 1),
        "snr": sometimes(round(10 ** dice.uniform(0, 2), 2)),
        "data_rights": "public",
    }


def _place(dice: random.Random) -> tuple[tuple[float, float] | None, Region | None, float | None]:
    kind = dice.random()
    if kind < 0.1:
        return None, None, None
    ra, dec = dice.choice(CLUSTERS)
    dec = max(-89.9, min(89.9, dec + dice.gauss(0, 1.5)))
    ra = (ra + dice.gauss(0, 1.5 if abs(dec) < 80 else 60)) % 360.0
    ra, dec = round(ra, 7), round(dec, 7)
    if kind < 0.15:
        return (ra, dec), None, None
    size = dice.choice((0.02, 0.3, 1.5))
    if kind < 0.5:
        return (ra, dec), Circle(ra, dec, size), 2 * size
    if kind < 0.9:
        return (ra, dec), square(ra, dec, size), 2 * size
    return (ra, dec), Union((Circle(ra, dec, size / 2), square(ra, max(-80.0, min(80.0, dec)), size))), 3 * size


def square(ra: float, dec: float, size: float) -> Polygon:
    """A polygon of four corners, each at the same distance from a point."""
    angles = np.radians([45.0, 135.0, 225.0, 315.0])
    lon, lat = offset_by(np.radians(ra), np.radians(dec), angles, np.radians(size))
    corners = zip(lon.to_value("deg") % 360.0, lat.to_value("deg"), strict=True)
    return Polygon(tuple((round(float(lon), 7), round(float(lat), 7)) for lon, lat in corners))
