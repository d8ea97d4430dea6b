from __future__ import annotations

import datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS

from ingest.cards import Header, read_cards
from ingest.filters import band
from ingest.times import as_datetime, as_mjd, read_clock, read_date, to_utc
from vo.spectral import read_spectral_axis, read_spectral_column, spectral_axis, vacuum


def read(cards: dict[str, object]) -> Header:
    return Header(read_cards(fits.Header(cards).tostring(endcard=False, padding=False).encode()))


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "WAVE", "CRVAL1": 5e-7, "CDELT1": 1e-10, "CUNIT1": "m"},
        {"CTYPE1": "WAVE", "CRVAL1": 500.0, "CDELT1": 0.1, "CUNIT1": "nm"},
        {"CTYPE1": "AWAV", "CRVAL1": 5000.0, "CDELT1": 1.0, "CUNIT1": "Angstrom"},
        {"CTYPE1": "FREQ", "CRVAL1": 115.27, "CDELT1": -0.01, "CUNIT1": "GHz"},
        {"CTYPE1": "ENER", "CRVAL1": 5.0, "CDELT1": 0.01, "CUNIT1": "keV"},
        {"CTYPE1": "VRAD", "CRVAL1": -1e5, "CDELT1": 1e3, "CUNIT1": "m/s", "RESTFRQ": 1.420405751786e9},
        {"CTYPE1": "VOPT", "CRVAL1": 100.0, "CDELT1": 2.0, "CUNIT1": "km/s", "RESTWAV": 0.21106114},
        {"CTYPE1": "ZOPT", "CRVAL1": 0.1, "CDELT1": 1e-4, "RESTWAV": 6.5628e-7},
        {"CTYPE1": "WAVE-LOG", "CRVAL1": 5e-7, "CDELT1": 1e-10, "CUNIT1": "m"},
    ],
    ids=lambda cards: str(cards["CTYPE1"]),
)
def test_wavelengths_are_those_of_astropy(cards: dict[str, object]) -> None:
    cards = cards | {"CRPIX1": 11.0}
    header = read(cards)
    assert spectral_axis(header, 1) == 1
    found = read_spectral_axis(header, 1, (100,))
    assert found is not None
    ends = WCS(fits.Header(cards)).wcs_pix2world([[0.5], [100.5]], 1)[:, 0]
    kind = str(cards["CTYPE1"])[:4]
    if kind in ("WAVE", "AWAV"):
        waves = np.sort(ends)
        if kind == "AWAV":
            waves = np.array([vacuum(wave) for wave in waves])
    elif kind in ("FREQ", "ENER"):
        unit = u.Hz if kind == "FREQ" else u.J
        waves = np.sort((ends * unit).to_value(u.m, u.spectral()))
    elif kind == "VRAD":
        frequencies = (ends * u.m / u.s).to_value(u.Hz, u.doppler_radio(cards["RESTFRQ"] * u.Hz))
        waves = np.sort((frequencies * u.Hz).to_value(u.m, u.spectral()))
    else:
        speeds = ends if kind == "VOPT" else ends * 299_792_458.0
        waves = np.sort((speeds * u.m / u.s).to_value(u.m, u.doppler_optical(cards["RESTWAV"] * u.m)))
    assert (found.em_min, found.em_max) == pytest.approx(tuple(waves), rel=1e-9)
    assert found.em_xel == 100


@pytest.mark.parametrize(
    ("air", "in_vacuum"), [(6562.801, 6564.614), (4861.323, 4862.683), (5889.950, 5891.583)], ids=["Ha", "Hb", "NaD2"]
)
def test_lines_in_air_come_out_at_their_vacuum_wavelengths(air: float, in_vacuum: float) -> None:
    assert vacuum(air * 1e-10) == pytest.approx(in_vacuum * 1e-10, abs=2e-13)


def test_log_linear_spectra_of_sdss_are_understood() -> None:
    header = read({"CTYPE1": "LINEAR", "CRVAL1": 3.55, "CD1_1": 1e-4, "CRPIX1": 1.0, "DC-FLAG": 1})
    found = read_spectral_axis(header, 1, (4000,))
    assert found is not None
    assert (found.em_min, found.em_max) == pytest.approx((10**3.54995 * 1e-10, 10**3.94995 * 1e-10))


@pytest.mark.parametrize(
    "cards",
    [
        {"CTYPE1": "VRAD", "CRVAL1": 0.0, "CDELT1": 1.0, "CRPIX1": 1.0},
        {"CTYPE1": "WAVE", "CRVAL1": 1.0, "CDELT1": 0.0, "CRPIX1": 1.0},
        {"CTYPE1": "WAVE", "CRVAL1": -5.0, "CDELT1": 1e-3, "CRPIX1": 1.0},
        {"CTYPE1": "FREQ", "CRVAL1": 0.0, "CDELT1": 1.0, "CRPIX1": 0.5},
        {"CTYPE1": "WAVE", "CRVAL1": 5.0, "CDELT1": 1.0, "CUNIT1": "parsec"},
        {"CTYPE1": "WAVE", "CDELT1": 1.0},
        {"CTYPE1": "PIXEL", "CRVAL1": 5000.0, "CDELT1": 1.0},
    ],
)
def test_axes_that_do_not_say_enough_say_nothing(cards: dict[str, object]) -> None:
    assert read_spectral_axis(read(cards), 1, (10,)) is None


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2024-03-10T01:02:03.004", "2024-03-10T01:02:03.004"), ("2018-07-25T19:01:42.709Z", "2018-07-25T19:01:42.709"),
        ("2024-03-10 01:02:03", "2024-03-10T01:02:03"), ("1996-02-29T23:59:59.999999", "1996-02-29T23:59:59.999999"),
        ("2024-03-10", "2024-03-10T00:00:00"), ("13/05/93", "1993-05-13T00:00:00"), (20101004, "2010-10-04T00:00:00"),
        ("2016/11/30T01:02", "2016-11-30T01:02:00"),
    ],
)  # fmt: skip
def test_dates_are_read_in_all_their_forms(text: str | int, iso: str) -> None:
    found = read_date(text)
    assert found is not None
    assert found.mjd == pytest.approx(Time(iso, scale="utc").mjd, abs=1e-10)
    rounding = datetime.timedelta(microseconds=2)
    assert as_datetime(found.mjd) == pytest.approx(datetime.datetime.fromisoformat(iso), abs=rounding)
    assert as_mjd(as_datetime(found.mjd)) == pytest.approx(found.mjd, abs=1e-10)


@pytest.mark.parametrize(
    "text",
    ["2022-13-45T25:61:61.000", "2023-02-29", "", "yesterday", "2024-03-10T25:00:00", "2024", None, "31/31/99", True,
     "2024-03-10T01:02:03+05:00", "0000-00-00"],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert read_date(text) is None


def test_a_leap_second_is_a_time_of_day() -> None:
    assert read_clock("23:59:60.5") == pytest.approx(86400.5 / 86400)
    assert read_clock("24:00:01.1") is None


@pytest.mark.parametrize("scale", ["TAI", "TT", "TDB", "TCB", "ET"])
def test_other_time_scales_become_utc(scale: str) -> None:
    name = {"ET": "tt"}.get(scale, scale.lower())
    assert to_utc(54000.25, scale) == pytest.approx(Time(54000.25, format="mjd", scale=name).utc.mjd, abs=1e-11)


@pytest.mark.parametrize("scale", [None, "UTC", "LOCAL", "?"])
def test_utc_and_unknown_scales_stay(scale: str | None) -> None:
    assert to_utc(54000.25, scale) == 54000.25


@pytest.mark.parametrize(
    ("name", "inside_nm", "outside_nm"),
    [
        ("V", 545, 650), ("V_BESS", 545, 650), ("B639", 436, 545), ("g#782", 470, 600), ("r_SDSS", 620, 800),
        ("g.MP9401", 470, 600), ("Ks", 2150, 1650), ("KS", 2150, 1650), ("Kshort_G1105", 2150, 1650), ("H", 1650, 2150),
        ("R#642", 640, 450), ("i", 750, 600), ("Free,V", 545, 650),
    ],
)  # fmt: skip
def test_broad_bands_let_their_light_through(name: str, inside_nm: float, outside_nm: float) -> None:
    limits = band(name)
    assert limits is not None
    assert limits[0] < inside_nm * 1e-9 < limits[1]
    assert not limits[0] < outside_nm * 1e-9 < limits[1]


@pytest.mark.parametrize(
    "name",
    ["", None, "Free", "Clear", "GG435", "OG530", "NB_2.25", "B,V", "HK_G0603", "N_SW", "Thin1", "Medium", "CN#835"],
)
def test_other_filters_are_not_guessed(name: str | None) -> None:
    assert band(name) is None


@pytest.mark.parametrize(
    ("cards", "low", "high"),
    [
        ({"TUCD1": "em.wl", "TUNIT1": "nm", "TDMIN1": 300.0, "TDMAX1": 1000.0}, 3e-7, 1e-6),
        ({"TUCD1": "em.wl;obs.atmos", "TUNIT1": "Angstrom", "TDMIN1": 4861.323, "TDMAX1": 6562.801}, 4.862683e-7,
         6.564614e-7),
        ({"TUCD1": "em.freq", "TUNIT1": "GHz", "TDMIN1": 299.792458, "TDMAX1": 2997.92458}, 1e-4, 1e-3),
        ({"TUCD1": "em.energy", "TUNIT1": "keV", "TDMIN1": 1.239841984, "TDMAX1": 12.39841984}, 1e-10, 1e-9),
    ],
    ids=str,
)  # fmt: skip
def test_the_first_column_of_a_spectrum_says_its_range(cards: dict[str, object], low: float, high: float) -> None:
    found = read_spectral_column(read(cards | {"NELEM": 50}), 1)
    assert found is not None
    assert (found.em_min, found.em_max) == pytest.approx((low, high), rel=1e-6)
    assert found.em_xel == 50


@pytest.mark.parametrize(
    "cards",
    [
        {"TUCD1": "em.wl", "TUNIT1": "nm"},
        {"TUCD1": "time", "TUNIT1": "s", "TDMIN1": 1.0, "TDMAX1": 2.0},
        {"TUCD1": "em.wl", "TUNIT1": "parsec", "TDMIN1": 1.0, "TDMAX1": 2.0},
        {"TUCD1": "em.freq", "TUNIT1": "Hz", "TDMIN1": 0.0, "TDMAX1": 2.0},
        {"TUCD1": "em.wl", "TUNIT1": "nm", "TDMIN1": -1.0, "TDMAX1": 2.0},
    ],
    ids=str,
)
def test_columns_that_do_not_say_enough_say_nothing(cards: dict[str, object]) -> None:
    assert read_spectral_column(read(cards), 1) is None
