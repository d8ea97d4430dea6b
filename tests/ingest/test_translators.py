from __future__ import annotations

import datetime
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ingest.cards import Header, read_cards
from ingest.headers import FitsFile, Hdu, read_fits
from ingest.obscore import Description, describe
from ingest.release import ReleaseRule
from ingest.translators.base import without_ending

NOW = datetime.datetime(2026, 1, 1)


@pytest.fixture
def described(tmp_path: Path):  # type: ignore[no-untyped-def]
    def make(*hdus: Any, name: str = "file.fits", rule: ReleaseRule | None = None, **cards: object) -> Description:
        stream = io.BytesIO()
        units = fits.HDUList(list(hdus) or [fits.PrimaryHDU(np.zeros((4, 5), np.int16))])
        for keyword, value in cards.items():
            units[0].header[keyword] = value
        units.writeto(stream)
        path = tmp_path / name
        path.write_bytes(stream.getvalue())
        return describe(read_fits(path), authority="toy.example", rule=rule or ReleaseRule(), now=NOW)

    return make


def eso(**cards: object) -> dict[str, object]:
    frame: dict[str, object] = {
        "INSTRUME": "TOYCAM", "RA": 10.0, "DEC": 20.0, "RADESYS": "ICRS", "EXPTIME": 10.0, "MJD-OBS": 60000.5,
        "ARCFILE": "TOY.2023-02-25T12:00:00.000.fits",
    }  # fmt: skip
    return frame | {f"HIERARCH ESO {keyword.replace('_', ' ')}": value for keyword, value in cards.items()}


@pytest.mark.parametrize(
    ("category", "kind", "technique", "product", "on_sky"),
    [
        ("SCIENCE", "OBJECT", "IMAGE", "image", True),
        ("SCIENCE", "OBJECT", "ECHELLE,SLIT", "spectrum", True),
        ("SCIENCE", "STAR,DARK,M4", "ECHELLE", "spectrum", True),
        ("SCIENCE", "FRINGE,OBJECT", "INTERFEROMETRY", "visibility", True),
        ("SCIENCE", "OBJECT", "IFU", "spectrum", True),
        ("CALIB", "STD", "IMAGE", "image", True),
        ("CALIB", "SKY,FLAT", "IMAGE", "image", True),
        ("CALIB", "FLAT,SKY", "IMAGE", "image", True),
        ("CALIB", "BIAS", "IMAGE", None, False),
        ("CALIB", "DARK", "IMAGE", None, False),
        ("CALIB", "FLAT,LAMP", "SPECTRUM", None, False),
        ("CALIB", "FLAT", "IMAGE", None, False),
        ("CALIB", "WAVE,LAMP", "IFU", None, False),
        ("TECHNICAL", "OTHER", "IMAGE", None, False),
        ("ACQUISITION", "OBJECT", "IMAGE,CHOPNOD", "image", True),
    ],
)
def test_raw_frames_are_told_apart_by_their_dpr_keywords(
    described, category: str, kind: str, technique: str, product: str | None, on_sky: bool
) -> None:  # type: ignore[no-untyped-def]
    found = described(**eso(DPR_CATG=category, DPR_TYPE=kind, DPR_TECH=technique))
    assert found.raw is not None
    assert (found.raw["dp_cat"], found.raw["dp_type"], found.raw["dp_tech"]) == (category, kind, technique)
    assert (found.obscore["dataproduct_type"], found.obscore["dataproduct_subtype"]) == (product, kind)
    assert found.obscore["calib_level"] == 1
    assert (found.obscore.get("s_ra") is not None) == on_sky
    assert (found.raw.get("ra") is not None) == on_sky
    assert found.dp_id == "TOY.2023-02-25T12:00:00.000"


@pytest.mark.parametrize(
    ("instrument", "dit", "ndit", "exptime", "total"),
    [
        ("ISAAC", 4.0, 25, 4.0, 100.0),
        ("EFOSC", None, None, 600.0, 600.0),
        ("VIRCAM", 5.0, 2, 5.0, 5.0),
        ("TOYIR", 5.0, 4, 20.0, 20.0),
        ("TOYIR", 0.0, 3, 0.0, 0.0),
    ],
)
def test_exposures_of_infrared_detectors_are_summed_up(
    described, instrument: str, dit: float | None, ndit: int | None, exptime: float, total: float
) -> None:  # type: ignore[no-untyped-def]
    cards = eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="IMAGE") | {"INSTRUME": instrument, "EXPTIME": exptime}
    if dit is not None:
        cards |= {"HIERARCH ESO DET DIT": dit, "HIERARCH ESO DET NDIT": ndit}
    found = described(**cards)
    assert found.obscore["t_exptime"] == pytest.approx(total)
    assert found.raw is not None
    assert found.raw["exposure"] == exptime
    assert found.obscore["t_max"] == pytest.approx(60000.5 + total / 86400)


def test_a_slit_spectrograph_has_no_footprint_though_it_says_tan(described) -> None:  # type: ignore[no-untyped-def]
    wcs = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0, "CDELT1": -1e-4, "CDELT2": 1e-4,
    }  # fmt: skip
    image = described(**eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="IMAGE"), **wcs)
    spectrum = described(**eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="SPECTRUM"), **wcs)
    assert image.obscore["s_region"].startswith("POLYGON ICRS ")
    assert spectrum.obscore["s_region"] == "POSITION ICRS 10 20"


def test_products_of_pipelines_have_the_name_of_their_file(described) -> None:  # type: ignore[no-untyped-def]
    cards = eso(PRO_CATG="MASTER_BIAS", DPR_CATG="CALIB", DPR_TYPE="BIAS", DPR_TECH="IMAGE")
    found = described(name="master_bias.fits", **cards)
    assert (found.dp_id, found.name, found.raw) == ("master_bias", "master_bias.fits", None)
    assert (found.obscore["calib_level"], found.obscore["dataproduct_subtype"]) == (2, "MASTER_BIAS")


@pytest.mark.parametrize("archive_name", ["ADP.2016-07-15T08:22:40.678.fits", "M.TOYCAM.2016-07-15T08:22:40.678.fits"])
def test_names_that_the_archive_gave_are_kept(described, archive_name: str) -> None:  # type: ignore[no-untyped-def]
    cards = eso(PRO_CATG="MASTER_BIAS") | {"ARCFILE": archive_name}
    assert described(**cards).dp_id == archive_name.removesuffix(".fits")


@pytest.mark.parametrize(
    "cards", [{"RA": -596.52, "DEC": -596.52}, {"RA": 10.0, "DEC": 91.0}, {"RA": "nan", "DEC": 5.0}, {"RA": 400.0}],
    ids=str,
)  # fmt: skip
def test_positions_off_the_sky_become_null_with_a_warning(described, cards: dict[str, object]) -> None:  # type: ignore[no-untyped-def]
    found = described(**eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="SPECTRUM") | cards)
    assert found.obscore.get("s_ra") is None
    assert found.obscore.get("s_region") is None
    assert any("not a position" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("keywords", "ra", "dec"),
    [
        ({"RA": "17:39:50.83", "DEC": "-19:45:18.4"}, 264.961792, -19.755111),
        ({"RA": "05 35 17.3", "DEC": "-00 23 28"}, 83.822083, -0.391111),
        ({"RA_TARG": 10.5, "DEC_TARG": -3.25}, 10.5, -3.25),
        ({"RA": -10.0, "DEC": 5.0}, 350.0, 5.0),
    ],
    ids=str,
)
def test_positions_are_read_in_their_usual_forms(described, keywords: dict[str, object], ra: float, dec: float) -> None:  # type: ignore[no-untyped-def]
    found = described(**keywords, RADESYS="ICRS")
    assert (found.obscore["s_ra"], found.obscore["s_dec"]) == pytest.approx((ra, dec), abs=1e-6)


def test_a_right_ascension_in_hours_is_recognised_by_its_comment(described) -> None:  # type: ignore[no-untyped-def]
    found = described(RA=(10.0, "[h] right ascension"), DEC=(5.0, "[deg]"), RADESYS="ICRS")
    assert found.obscore["s_ra"] == pytest.approx(150.0)


def spectrum_hdus(ucd: str = "em.wl") -> list[Any]:
    columns = [fits.Column(name, "9D", array=np.zeros((1, 9))) for name in ("WAVE", "FLUX")]
    table = fits.BinTableHDU.from_columns(columns, name="SPECTRUM")
    more = {"VOCLASS": "SPECTRUM V1.0", "NELEM": 9, "APERTURE": 0.0005, "TITLE": "a star", "TUCD1": ucd}
    table.header.update(more)
    return [fits.PrimaryHDU(), table]


PHASE3 = {
    "PRODCATG": "SCIENCE.SPECTRUM", "ARCFILE": "ADP.2020-01-01T00:00:00.000.fits", "RA": 10.0, "DEC": 20.0,
    "RADESYS": "ICRS", "MJD-OBS": 58000.0, "MJD-END": 58001.0, "EXPTIME": 900.0, "TEXPTIME": 1800.0, "PROG_ID": "MULTI",
    "PROGID1": "091.A-0001(A)", "PROGID2": "091.A-0001(B)", "OBID1": 11, "OBID2": 12, "INSTRUME": "TOYSPEC",
    "WAVELMIN": 300.0, "WAVELMAX": 656.2801, "SPEC_RES": 5300.0, "FLUXCAL": "ABSOLUTE", "CONTNORM": False,
    "NCOMBINE": 4, "OBSTECH": "ECHELLE", "ORIGFILE": "star.fits", "ORIGIN": "ESO", "REFERENC": "2016A&A...594A..91L",
}  # fmt: skip


def test_a_phase3_spectrum_is_described_by_the_standard(described) -> None:  # type: ignore[no-untyped-def]
    found = described(*spectrum_hdus(), **PHASE3)
    assert found.raw is None
    expected = {
        "dataproduct_type": "spectrum", "dataproduct_subtype": "SPECTRUM", "calib_level": 2, "t_exptime": 900.0,
        "obs_id": "11,12", "multi_ob": "M", "proposal_id": "091.A-0001(A),091.A-0001(B)", "t_max": 58001.0, "em_xel": 9,
        "em_res_power": 5300.0, "o_calib_status": "absolute", "n_obs": 4, "obs_title": "a star", "s_fov": 0.0005,
        "obs_creator_did": "ivo://eso.org/origfile?star.fits", "bib_reference": "2016A&A...594A..91L",
        "s_region": "CIRCLE ICRS 10 20 0.00025", "dp_id": "ADP.2020-01-01T00:00:00.000",
        "obs_publisher_did": "ivo://toy.example/ID?ADP.2020-01-01T00:00:00.000",
    }  # fmt: skip
    assert {column: found.obscore[column] for column in expected} == expected
    assert (found.obscore["em_min"], found.obscore["em_max"]) == pytest.approx((3e-7, 6.562801e-7))


def test_wavelengths_in_air_are_published_in_vacuum(described) -> None:  # type: ignore[no-untyped-def]
    found = described(*spectrum_hdus("em.wl;obs.atmos"), **PHASE3)
    assert found.obscore["em_max"] == pytest.approx(6.564614e-7, abs=2e-13)


@pytest.mark.parametrize("category", ["science.image", "SCIENCE", "IMAGE", ""])
def test_a_category_that_the_standard_does_not_know_is_no_phase3_product(described, category: str) -> None:  # type: ignore[no-untyped-def]
    cards = eso(DPR_CATG="CALIB", DPR_TYPE="SKY,FLAT") | {"PRODCATG": category}
    assert described(name="flat.fits", **cards).dp_id == ("flat" if category else "TOY.2023-02-25T12:00:00.000")


def test_a_mosaic_of_detectors_is_a_union(described) -> None:  # type: ignore[no-untyped-def]
    hdus: list[Any] = [fits.PrimaryHDU()]
    for number in range(3):
        image = fits.ImageHDU(np.zeros((100, 100), np.int16), name=f"CHIP{number}")
        wcs = {
            "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 20.0, "CDELT1": -1e-3,
            "CDELT2": 1e-3, "CRPIX1": 50.0 + 110 * number, "CRPIX2": 50.0,
        }  # fmt: skip
        image.header.update(wcs)
        hdus.append(image)
    found = described(*hdus, **eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="IMAGE"))
    assert found.obscore["s_region"].startswith("UNION ICRS (POLYGON ")
    assert found.obscore["s_region"].count("POLYGON") == 3


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.fits", "a"), ("a.fits.Z", "a"), ("a.fits.fz", "a"), ("a.FITS.GZ", "a"), ("a.fit", "a"), ("a.tfits", "a"),
        ("a.mt", "a"), ("a.b.fits", "a.b"), ("TOY.2024-03-10T01:02:03.004", "TOY.2024-03-10T01:02:03.004"),
        ("a.tar", "a.tar"), ("a.fits.fits", "a.fits"), ("a.gz", "a"),
    ],
)  # fmt: skip
def test_endings_are_no_part_of_an_identifier(name: str, stem: str) -> None:
    assert without_ending(name) == stem


def test_names_of_people_are_not_indexed(described) -> None:  # type: ignore[no-untyped-def]
    cards = eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="IMAGE", **{"OBS_PI-COI_NAME": "HUAMAN POMA"})
    cards |= eso(OBS_OBSERVER="HUAMAN POMA", TEL_OPER="HUAMAN POMA")
    found = described(**cards, OBSERVER="HUAMAN POMA")
    assert found.raw is not None
    assert "HUAMAN" not in f"{found.obscore} {found.raw}"
    assert "HUAMAN" in f"{found.header}"


def test_a_release_date_of_the_header_counts(described) -> None:  # type: ignore[no-untyped-def]
    found = described(RELEASE="2030-05-06")
    assert found.release_date == datetime.datetime(2030, 5, 6)
    assert found.obscore["data_rights"] == "proprietary"
    assert described().obscore["data_rights"] == "public"


def test_values_that_a_column_cannot_hold_are_left_out_with_a_warning(described) -> None:  # type: ignore[no-untyped-def]
    cards = eso(DPR_CATG="SCIENCE", DPR_TYPE="OBJECT", DPR_TECH="IMAGE", OBS_ID=10**12, TEL_AIRM_START=-5.0)
    found = described(**cards | {"EXPTIME": -3.0, "MJD-OBS": 9.99e99, "DATE-OBS": "2022-13-45T25:61:61.000"})
    assert found.raw is not None
    assert [found.raw[column] for column in ("ob_id", "tel_airm_start", "exposure", "mjd_obs")] == [None] * 4
    assert found.obscore["t_min"] is None
    assert found.obscore["obs_id"] == "1000000000000"
    assert {word for word in ("ob_id", "tel_airm_start", "exposure", "MJD-OBS", "DATE-OBS") if any(
        word in warning for warning in found.warnings)} == {
        "ob_id", "tel_airm_start", "exposure", "MJD-OBS", "DATE-OBS"}  # fmt: skip


@pytest.mark.parametrize("cards", [{"TFIELDS": 10**15}, {"ZIMAGE": True, "ZNAXIS": 10**15}], ids=str)
def test_counts_without_end_are_not_counted_up(cards: dict[str, object]) -> None:
    header = fits.Header({"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 0} | cards)
    read = Header(read_cards(header.tostring(endcard=False, padding=False).encode()))
    primary = Header(read_cards(fits.Header({"SIMPLE": True}).tostring(endcard=False, padding=False).encode()))
    file = FitsFile("altered.fits", "", (Hdu(0, primary, 0, 2880, 0), Hdu(1, read, 2880, 5760, 0)))
    assert describe(file, authority="toy.example", rule=ReleaseRule(), now=NOW).dp_id == "altered"


def test_one_spectrum_with_axes_of_length_one_on_the_sky_is_a_spectrum(described) -> None:  # type: ignore[no-untyped-def]
    axes = {
        "CTYPE1": "FREQ", "CRVAL1": 345.8e9, "CDELT1": 1e6, "CRPIX1": 500.0, "CUNIT1": "Hz", "CTYPE2": "RA---TAN",
        "CRVAL2": 83.8, "CDELT2": -0.005, "CRPIX2": 1.0, "CTYPE3": "DEC--TAN", "CRVAL3": -5.4, "CDELT3": 0.005,
        "CRPIX3": 1.0,
    }  # fmt: skip
    found = described(fits.PrimaryHDU(np.zeros((1, 1, 1000), np.float32)), **axes)
    assert found.obscore["dataproduct_type"] == "spectrum"
    assert (found.obscore["s_ra"], found.obscore["s_dec"]) == pytest.approx((83.8, -5.4))
    assert found.obscore["em_xel"] == 1000
    assert found.obscore["em_min"] == pytest.approx(299792458 / 346.3005e9)


@pytest.mark.parametrize(
    ("cards", "t_min", "t_max", "exposure"),
    [
        ({"EXPSTART": 59800.25, "EXPEND": 59800.5, "EFFEXPTM": 120.0}, 59800.25, 59800.5, 120.0),
        ({"DATE-OBS": "2004-10-20", "TIME-OBS": "06:00:00", "EXPTIME": 86.4}, 53298.25, 53298.251, 86.4),
        ({"DATE-OBS": "2004-10-20", "UTC-OBS": "06:00:00.00"}, 53298.25, 53298.25, None),
        ({"JD": 2453298.75, "XPOSURE": 8.64}, 53298.25, 53298.2501, 8.64),
        ({"DATE-OBS": "2004-10-20T06:00:32.184", "TIMESYS": "TT", "DATE-END": "2004-10-20T06:01:04.184"},
         53298.25 - 32 / 86400, 53298.25, None),
        ({"MJD-OBS": 53298.25, "MJD-END": 53298.0, "EXPTIME": 86.4}, 53298.25, 53298.251, 86.4),
    ],
    ids=str,
)  # fmt: skip
def test_times_are_found_under_their_usual_names(
    described, cards: dict[str, object], t_min: float, t_max: float, exposure: float | None
) -> None:  # type: ignore[no-untyped-def]
    found = described(**cards).obscore
    assert (found["t_min"], found["t_max"]) == pytest.approx((t_min, t_max), abs=1e-9)
    assert found["t_exptime"] == exposure
