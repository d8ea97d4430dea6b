from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_skycoord

from ingest.astrometry import AstrometryError, celestial_axes, coverage, footprint
from ingest.cards import Header, read_cards
from ingest.frames import Frame, ecliptic, frame_of, galactic, to_icrs
from vo.regions import Polygon, Union


def read(**cards: object) -> Header:
    header = fits.Header()
    for keyword, value in cards.items():
        header[keyword.replace("__", "-")] = value
    return Header(read_cards(header.tostring(endcard=False, padding=False).encode()))


def wcs_cards(ra: float, dec: float, scale: float = 1e-3, **more: object) -> dict[str, object]:
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": 30.0, "CRPIX2": 60.0,
        "CD1_1": -scale, "CD1_2": 0.2 * scale, "CD2_1": 0.2 * scale, "CD2_2": scale, **more,
    }  # fmt: skip


CASES = {
    "ICRS": {"RADESYS": "ICRS"},
    "FK5": {"RADESYS": "FK5", "EQUINOX": 2000.0},
    "FK5 of date": {"RADESYS": "FK5", "EQUINOX": 2004.73},
    "old spelling": {"RADECSYS": "FK5", "EQUINOX": 2000.0},
    "FK4": {"RADESYS": "FK4", "EQUINOX": 1950.0},
    "equinox alone": {"EQUINOX": 1950.0},
    "nothing": {},
    "galactic": {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
    "ecliptic": {"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN", "EQUINOX": 2000.0},
    "supergalactic": {"CTYPE1": "SLON-SIN", "CTYPE2": "SLAT-SIN"},
    "zenithal": {"CTYPE1": "RA---ZPN", "CTYPE2": "DEC--ZPN", "PV2_1": 1.0, "PV2_3": 42.0},
}
FIELDS = [(83.6, -5.4), (0.001, 10.0), (359.99, -45.0), (120.0, 89.97), (200.0, -89.98), (180.0, 0.01)]


@pytest.mark.parametrize("cards", CASES.values(), ids=CASES)
@pytest.mark.parametrize("centre", FIELDS, ids=str)
def test_a_footprint_lies_where_astropy_puts_the_pixels(centre: tuple[float, float], cards: dict[str, object]) -> None:
    header = read(**wcs_cards(*centre) | cards)
    found = footprint(header, (100, 200))
    given = wcs_cards(*centre) | cards
    judge = fits.Header({keyword.replace("RADEC", "RADE"): value for keyword, value in given.items()})
    if "SLON-SIN" in judge.values():
        wcs = WCS(judge)
        lon, lat = wcs.all_pix2world([[49.5, 99.5], [-0.5, -0.5], [99.5, -0.5], [99.5, 199.5], [-0.5, 199.5]], 0).T
        expected = SkyCoord(lon, lat, unit="deg", frame="supergalactic").icrs
    elif "ELON-TAN" in judge.values():
        wcs = WCS(judge)
        lon, lat = wcs.all_pix2world([[49.5, 99.5], [-0.5, -0.5], [99.5, -0.5], [99.5, 199.5], [-0.5, 199.5]], 0).T
        expected = SkyCoord(lon, lat, unit="deg", frame="barycentricmeanecliptic").icrs
    else:
        expected = pixel_to_skycoord(
            np.array([49.5, -0.5, 99.5, 99.5, -0.5]), np.array([99.5, -0.5, -0.5, 199.5, 199.5]), WCS(judge)
        ).icrs
    middle = SkyCoord(*found.centre, unit="deg")
    assert middle.separation(expected[0]).arcsec < 1e-4
    assert found.vertices is not None
    corners = SkyCoord(found.vertices, unit="deg")
    for corner in expected[1:]:
        assert corners.separation(corner).arcsec.min() < 1e-4
    assert found.pixel_scale == pytest.approx(3600 * np.sqrt(1e-6 * 1.04))


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("centre", FIELDS, ids=str)
def test_vertices_go_round_counter_clockwise_as_seen_from_the_origin(centre: tuple[float, float], flip: int) -> None:
    found = footprint(read(**wcs_cards(*centre) | {"CD1_1": flip * -1e-3, "CD1_2": 0.0, "CD2_1": 0.0}), (100, 200))
    assert found.vertices is not None
    middle = SkyCoord(*found.centre, unit="deg")
    angles = middle.position_angle(SkyCoord(found.vertices, unit="deg")).deg
    turns = np.diff(np.append(angles, angles[0])) % 360
    assert turns.sum() == pytest.approx(360)  # position angles grow from north over east: counter-clockwise


def test_other_axes_do_not_matter() -> None:
    plain = footprint(read(**wcs_cards(10.0, 20.0)), (100, 200))
    swapped = read(
        CTYPE1="FREQ", CRVAL1="nonsense", CTYPE2="DEC--TAN", CTYPE3="RA---TAN", CRVAL2=20.0, CRVAL3=10.0, CRPIX2=60.0,
        CRPIX3=30.0, CD2_2=1e-3, CD2_3=2e-4, CD3_2=2e-4, CD3_3=-1e-3, CTYPE4="STOKES", CDELT4=0.0,
    )  # fmt: skip
    assert celestial_axes(swapped) == (3, 2)
    found = footprint(swapped, (7, 200, 100, 1))
    assert found.centre == pytest.approx(plain.centre)
    assert set(found.vertices or ()) == set(plain.vertices or ())


@pytest.mark.parametrize(
    "cards",
    [
        pytest.param({"CTYPE1": "PIXEL", "CTYPE2": "PIXEL"}, id="pixels"),
        pytest.param({"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN"}, id="the Sun"),
        pytest.param({"CTYPE1": "CRLN-CAR", "CTYPE2": "CRLT-CAR"}, id="a map of the Sun"),
        pytest.param({"CTYPE2": "DEC--SIN"}, id="two projections"),
        pytest.param({"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"}, id="no projection"),
        pytest.param({"CD1_1": 0.0, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.0}, id="singular"),
        pytest.param({"CD1_1": "nan"}, id="no number"),
        pytest.param({"CTYPE1": "RA---TAN-SIP", "A_ORDER": 10**9, "B_ORDER": 2}, id="a polynomial without end"),
        pytest.param({"CRVAL2": 123.0}, id="beyond the pole"),
        pytest.param({"CRVAL1": 0.0, "CRVAL2": 0.0}, id="not set"),
    ],
)
def test_coordinates_that_are_none_are_one_error(cards: dict[str, object]) -> None:
    with pytest.raises(AstrometryError):
        footprint(read(**wcs_cards(10.0, 20.0) | cards), (100, 200))


def test_no_pixel_scale_is_an_error() -> None:
    cards = {keyword: value for keyword, value in wcs_cards(10.0, 20.0).items() if not keyword.startswith("CD")}
    with pytest.raises(AstrometryError, match="scale"):
        footprint(read(**cards), (100, 200))


def test_a_map_of_the_whole_sky_has_a_centre_and_no_outline() -> None:
    header = read(
        CTYPE1="RA---CAR", CTYPE2="DEC--CAR", CRVAL1=0.0, CRVAL2=0.0, CRPIX1=180.5, CRPIX2=90.5, CDELT1=-1.0, CDELT2=1.0
    )
    found = coverage([footprint(header, (360, 180))])
    assert found.region is None
    assert found.fov == 360.0
    assert SkyCoord(*found.centre, unit="deg").separation(SkyCoord(0, 0, unit="deg")).deg < 1


def test_a_wide_image_follows_its_curved_edges() -> None:
    axes = {"CTYPE1": "RA---CAR", "CTYPE2": "DEC--CAR", "CRVAL1": 60.0, "CRVAL2": 0.0}
    header = read(**axes, CRPIX1=20.5, CRPIX2=-59.5, CDELT1=-1.0, CDELT2=1.0)
    found = footprint(header, (40, 20))
    assert found.vertices is not None
    assert len(found.vertices) == 64
    assert {round(dec, 6) for _, dec in found.vertices} >= {60.0, 80.0}


def test_detectors_together_are_a_union_around_their_middle() -> None:
    parts = [footprint(read(**wcs_cards(ra, -30.0, 1e-4)), (100, 100)) for ra in (359.9, 0.1, 0.1)]
    found = coverage(parts)
    assert isinstance(found.region, Union)
    assert len(found.region.parts) == 2
    assert SkyCoord(*found.centre, unit="deg").separation(SkyCoord(0.0, -30.0, unit="deg")).deg < 0.01
    corners = [vertex for part in found.region.parts if isinstance(part, Polygon) for vertex in part.vertices]
    reach = SkyCoord(*found.centre, unit="deg").separation(SkyCoord(corners, unit="deg")).deg.max()
    assert found.fov == pytest.approx(2 * reach)
    assert found.shape is None


@pytest.mark.parametrize(
    ("radesys", "equinox", "frame"),
    [
        (None, None, Frame("ICRS")), ("ICRS", 2000.0, Frame("ICRS")), ("FK5", None, Frame("FK5", 2000.0)),
        (None, 2000.0, Frame("FK5", 2000.0)), (None, 1950.0, Frame("FK4", 1950.0)), ("FK4", None, Frame("FK4", 1950.0)),
        (None, 0.0, Frame("ICRS")), ("FK5", -99.0, Frame("FK5", 2000.0)), ("fk5", 2000.0, Frame("FK5", 2000.0)),
    ],
)  # fmt: skip
def test_frames_have_the_defaults_of_the_standard(radesys: str | None, equinox: float | None, frame: Frame) -> None:
    assert frame_of(radesys, equinox) == frame


@pytest.mark.parametrize(
    ("frame", "judge"),
    [
        (Frame("FK5", 1975.0), {"frame": "fk5", "equinox": "J1975"}),
        (Frame("FK4", 1950.0), {"frame": "fk4", "equinox": "B1950"}),
        (Frame("FK4-NO-E", 1950.0), {"frame": "fk4noeterms", "equinox": "B1950"}),
        (Frame("GALACTIC"), {"frame": "galactic"}),
        (Frame("SUPERGALACTIC"), {"frame": "supergalactic"}),
        (Frame("ECLIPTIC", 2000.0), {"frame": "barycentricmeanecliptic"}),
    ],
    ids=str,
)
def test_any_direction_turns_as_astropy_turns_it(frame: Frame, judge: dict[str, str]) -> None:
    random = np.random.default_rng(3)
    lon = np.concatenate([random.uniform(0, 360, 200), [0, 360, 0, 0]])
    lat = np.concatenate([np.degrees(np.arcsin(random.uniform(-1, 1, 200))), [0, 0, 90, -90]])
    found = SkyCoord(*to_icrs(lon, lat, frame), unit="deg")
    assert found.separation(SkyCoord(lon, lat, unit="deg", **judge).icrs).arcsec.max() < 1e-5


def test_galactic_and_ecliptic_coordinates_are_those_of_astropy() -> None:
    sky = SkyCoord([83.6, 0.0, 266.4], [-5.4, 89.9, -28.9], unit="deg")
    for one in sky:
        here = one.ra.deg, one.dec.deg
        assert SkyCoord(*galactic(*here) * u.deg, frame="galactic").separation(one.galactic).arcsec < 1e-5
        there = one.barycentricmeanecliptic
        assert ecliptic(*here) == pytest.approx((there.lon.deg, there.lat.deg), abs=1e-8)
