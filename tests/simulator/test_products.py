"""Products against the ESO Science Data Products Standard, ESO-044286 version 8, Table 8."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

from simulator.night import Night

ReadWCS = Callable[[fits.Header], WCS]


def keywords(text: str) -> list[str]:
    return text.split()


EVERYWHERE = keywords(
    "PRODCATG ORIGIN TELESCOP INSTRUME OBJECT RA DEC RADESYS EQUINOX EXPTIME TEXPTIME MJD-OBS MJD-END PROG_ID OBID1 "
    "NCOMBINE OBSTECH FLUXCAL PROCSOFT REFERENC PROV1 DATE CHECKSUM DATASUM"
)
CELESTIAL = keywords("CRVAL1 CRVAL2 CRPIX1 CRPIX2 CTYPE1 CTYPE2 CUNIT1 CUNIT2 CD1_1 CD1_2 CD2_1 CD2_2")
PHOTOMETRY = keywords("BUNIT PHOTZP PHOTSYS ABMAGLIM ABMAGSAT PSF_FWHM")
PRIMARY = {
    "SCIENCE.IMAGE": [*EVERYWHERE, *CELESTIAL, *PHOTOMETRY, "FILTER", "ASSON1"],
    "SCIENCE.MEFIMAGE": [*EVERYWHERE, "FILTER", "ASSON1", "NDIT", "NJITTER", "NOFFSETS", "NUSTEP"],
    "SCIENCE.SPECTRUM": [
        *EVERYWHERE,
        *keywords("SPECSYS EXT_OBJ CONTNORM TOT_FLUX FLUXERR WAVELMIN WAVELMAX SPEC_BIN SNR SPEC_RES"),
    ],
    "SCIENCE.CUBE.IFS": [
        *EVERYWHERE,
        *keywords("SPECSYS WAVELMIN WAVELMAX SPEC_RES SKY_RES PIXNOISE ABMAGLIM ASSON1 DATE-OBS"),
    ],
}
EXTENSION = {
    "SCIENCE.IMAGE": [],
    "SCIENCE.MEFIMAGE": [*CELESTIAL, *PHOTOMETRY, "EXTNAME", "CHECKSUM", "DATASUM"],
    "SCIENCE.SPECTRUM": keywords(
        "OBJECT RA DEC NELEM VOCLASS VOPUB TITLE APERTURE TELAPSE TMID SPEC_VAL SPEC_BW TFIELDS TDMIN1 TDMAX1 EXTNAME "
        "TTYPE1 TTYPE2 TTYPE3 TFORM1 TFORM2 TFORM3 TUNIT1 TUNIT2 TUNIT3 TUTYP1 TUTYP2 TUTYP3 TUCD1 TUCD2 TUCD3 "
        "CHECKSUM DATASUM"
    ),
    "SCIENCE.CUBE.IFS": [
        *CELESTIAL,
        *keywords("BUNIT CRVAL3 CRPIX3 CTYPE3 CUNIT3 CD3_3 HDUCLASS HDUDOC HDUVERS HDUCLAS1 HDUCLAS2 EXTNAME"),
        *keywords("CHECKSUM DATASUM"),
    ],
}
REFUSED = re.compile(r"CDELT\d|PROV0|OBID0|ARCFILE|ORIGFILE|P3ORIG|CONTINUE|CROTA|PC\d_\d|ASSOC")


def science(night: Night, category: str = "SCIENCE.") -> list[Path]:
    return [path for path in night.products if fits.getheader(path)["PRODCATG"].startswith(category)]


def test_all_four_categories_are_made(night: Night) -> None:
    categories = [fits.getheader(path)["PRODCATG"] for path in night.products]
    assert set(categories) == {*PRIMARY, "ANCILLARY.WEIGHTMAP", "ANCILLARY.IMAGE.WHITELIGHT"}


def test_mandatory_keywords_are_there_and_have_a_value(night: Night) -> None:
    for path in science(night):
        with fits.open(path) as hdus:
            category = hdus[0].header["PRODCATG"]
            assert set(PRIMARY[category]) - set(hdus[0].header) == set()
            for hdu in hdus[1:]:
                assert set(EXTENSION[category]) - set(hdu.header) == set()
            for hdu in hdus:
                for keyword, value in hdu.header.items():
                    assert value != "" or keyword in {"REFERENC", "COMMENT"}, (path.name, keyword)


def test_refused_keywords_are_absent(night: Night) -> None:
    for path in night.products:
        with fits.open(path) as hdus:
            for number, hdu in enumerate(hdus):
                assert [keyword for keyword in hdu.header if REFUSED.match(keyword)] == []
                assert number == 0 or "PRODCATG" not in hdu.header
                assert number == 0 or hdu.name
        header = fits.getheader(path)
        if header["PRODCATG"] == "SCIENCE.SPECTRUM":
            assert "BUNIT" not in header
        if header["PRODCATG"] == "SCIENCE.CUBE.IFS":
            assert not {"FILTER", "SPEC_BIN"} & set(header)


def test_names_dates_and_origins_obey_the_rules(night: Night) -> None:
    for path in night.products:
        header = fits.getheader(path)
        assert len(path.name) <= 68
        assert re.fullmatch(r"[A-Za-z0-9._+-]+\.fits", path.name)
        assert header["DATE"] == "2024-03-11"
        assert header["ORIGIN"].startswith("ESO") or header["NOESODAT"] is True


def test_exposure_times_fit_between_start_and_end(night: Night) -> None:
    for path in science(night):
        header = fits.getheader(path)
        elapsed = (header["MJD-END"] - header["MJD-OBS"]) * 86400
        assert 0 < header["EXPTIME"] <= header["TEXPTIME"] <= elapsed


def test_values_lie_in_their_ranges(night: Night) -> None:
    for path in science(night):
        with fits.open(path) as hdus:
            for header in (hdu.header for hdu in hdus):
                for keyword in ("ABMAGLIM", "PSF_FWHM", "SKY_RES", "SKY_RERR"):
                    assert 0 < header.get(keyword, 1) < 99
                assert header.get("ABMAGSAT", 0) < header.get("ABMAGLIM", 99)
                assert 0 <= header.get("RA", 0) <= 360
                assert 0 < header.get("WAVELMIN", 1) < header.get("WAVELMAX", 2)
                assert header.get("SPEC_RES", 1) > 0
                assert header.get("SNR", 1) > 0


def test_provenance_names_the_raw_frames_and_agrees_with_their_headers(
    night: Night, raw_headers: dict[str, fits.Header]
) -> None:
    by_name = {header["ARCFILE"]: header for header in raw_headers.values()}
    used = []
    for path in science(night):
        header = fits.getheader(path)
        parents = [by_name[header[f"PROV{number}"]] for number in range(1, header["NCOMBINE"] + 1)]
        assert f"PROV{len(parents) + 1}" not in header
        used += [parent["ARCFILE"] for parent in parents]
        for parent in parents:
            assert parent["ESO DPR CATG"] == "SCIENCE"
            assert parent["ESO OBS ID"] == header["OBID1"]
            assert parent["ESO OBS PROG ID"] == header["PROG_ID"]
            assert parent["ESO DPR TECH"] == header["OBSTECH"]
            assert (parent["TELESCOP"], parent["INSTRUME"]) == (header["TELESCOP"], header["INSTRUME"])
            assert parent["ESO OBS TARG NAME"] == header["OBJECT"]
        seconds = [parent["EXPTIME"] * parent.get("ESO DET NDIT", 1) for parent in parents]
        assert header["TEXPTIME"] == pytest.approx(sum(seconds))
        assert header["MJD-OBS"] == min(parent["MJD-OBS"] for parent in parents)
        assert header["MJD-END"] == pytest.approx(parents[-1]["MJD-OBS"] + seconds[-1] / 86400, abs=1e-6)
    assert sorted(used) == sorted(name for name, raw in by_name.items() if raw["ESO DPR CATG"] == "SCIENCE")


def test_companions_exist_and_have_the_geometry_of_their_science_file(night: Night) -> None:
    companions = []
    for path in science(night):
        with fits.open(path) as hdus:
            name = hdus[0].header.get("ASSON1")
            if name is None:
                continue
            companions.append(name)
            with fits.open(night.directory / name) as others:
                assert others[0].header["PRODCATG"] in {"ANCILLARY.WEIGHTMAP", "ANCILLARY.IMAGE.WHITELIGHT"}
                assert len(hdus) == len(others)
                for hdu, other in zip(hdus, others, strict=True):
                    assert (hdu.data is None) == (other.data is None)
                    if hdu.data is not None:
                        assert hdu.data.shape[-2:] == other.data.shape
                        for keyword in CELESTIAL:
                            assert hdu.header[keyword] == other.header[keyword]
    everyone = {path.name for path in night.products}
    assert sorted(companions) == sorted(everyone - {path.name for path in science(night)})


@pytest.mark.parametrize("category", ["SCIENCE.IMAGE", "SCIENCE.MEFIMAGE", "SCIENCE.CUBE.IFS"])
def test_the_centre_lies_inside_the_footprint(night: Night, wcs_of: ReadWCS, category: str) -> None:
    paths = science(night, category)
    assert paths
    for path in paths:
        with fits.open(path) as hdus:
            centre = SkyCoord(hdus[0].header["RA"], hdus[0].header["DEC"], unit="deg", frame="fk5")
            images = [hdu for hdu in hdus if hdu.data is not None and hdu.name != "STAT"]
            corners = []
            for hdu in images:
                ny, nx = hdu.data.shape[-2:]
                x, y = wcs_of(hdu.header).celestial.world_to_pixel(centre)
                corners.append((x / nx, y / ny))
                if len(images) == 1:
                    assert (x, y) == pytest.approx(((nx - 1) / 2, (ny - 1) / 2), abs=0.01)
            if len(images) > 1:
                # Between the detectors: beyond the inner corner of each.
                assert np.mean(corners, axis=0) == pytest.approx((0.5, 0.5), abs=0.01)


def test_the_field_at_right_ascension_zero_straddles_it(product: Callable[[str], Path], wcs_of: ReadWCS) -> None:
    ra = wcs_of(fits.getheader(product("QHAWAQ_QSF"))).calc_footprint()[:, 0]
    assert ra.min() < 0.1
    assert ra.max() > 359.9


def test_the_field_at_the_pole_holds_the_pole(product: Callable[[str], Path], wcs_of: ReadWCS) -> None:
    header = fits.getheader(product("QHAWAQ_SCP"))
    x, y = wcs_of(header).world_to_pixel(SkyCoord(0.0, -90.0, unit="deg", frame="fk5"))
    assert -0.5 < x < header["NAXIS1"] - 0.5
    assert -0.5 < y < header["NAXIS2"] - 0.5


def test_weights_are_seconds_and_empty_pixels_have_none(night: Night) -> None:
    for path in science(night, "SCIENCE.IMAGE") + science(night, "SCIENCE.MEFIMAGE"):
        with fits.open(path) as hdus, fits.open(night.directory / hdus[0].header["ASSON1"]) as weights:
            for hdu, weight in zip(hdus, weights, strict=True):
                if hdu.data is None:
                    continue
                assert np.array_equal(np.isnan(hdu.data), weight.data == 0)
                assert weight.data.max() == pytest.approx(hdus[0].header["EXPTIME"])
                assert weight.data.min() >= 0
                assert np.isfinite(weight.data).all()


def test_the_limiting_magnitude_is_five_times_the_noise_of_a_star(night: Night, wcs_of: ReadWCS) -> None:
    for path in science(night, "SCIENCE.IMAGE"):
        with fits.open(path) as hdus:
            header, image = hdus[0].header, hdus[0].data
            sigma = header["PSF_FWHM"] / 2.3548 / (abs(np.linalg.det(wcs_of(header).pixel_scale_matrix)) ** 0.5 * 3600)
            # Noise between neighbours, free of stars and of the smooth sky.
            middle = image[40:-40, 40:-40]
            noise = 1.4826 * np.median(np.abs(middle[:, 1:] - middle[:, :-1])) / np.sqrt(2)
            limit = header["PHOTZP"] - 2.5 * np.log10(5 * noise * np.sqrt(4 * np.pi) * sigma)
            assert header["ABMAGLIM"] == pytest.approx(limit, abs=0.1)


def test_spectra_are_one_row_that_agrees_with_the_headers(night: Night) -> None:
    paths = science(night, "SCIENCE.SPECTRUM")
    assert len(paths) >= 4
    for path in paths:
        with fits.open(path) as hdus:
            primary, table = hdus[0].header, hdus[1].header
            assert (primary["NAXIS"], table["NAXIS2"], table["PCOUNT"], table["GCOUNT"]) == (0, 1, 0, 1)
            assert len({table[f"TFORM{number}"] for number in (1, 2, 3)}) == 1
            assert table["TUNIT2"] == table["TUNIT3"]
            assert table["TTYPE1"] == "WAVE"
            assert table["TUCD1"] in {"em.wl", "em.wl;obs.atmos"}
            assert table["TUTYP1"] == "Spectrum.Data.SpectralAxis.Value"
            assert table["TUTYP2"] == "Spectrum.Data.FluxAxis.Value"
            assert table["TUTYP3"] == "Spectrum.Data.FluxAxis.Accuracy.StatError"
            assert table["TUCD3"] == f"stat.error;{table['TUCD2']}"
            assert (table["VOCLASS"], table["VOPUB"]) == ("SPECTRUM v1.0", "ESO/SAF")
            row = hdus[1].data[0]
            wave = row["WAVE"]
            assert len(wave) == table["NELEM"]
            assert np.all(np.diff(wave) > 0)
            assert np.isfinite(row["FLUX"]).all()
            assert np.isfinite(row["ERR"]).all()
            assert (wave[0], wave[-1]) == pytest.approx((primary["WAVELMIN"], primary["WAVELMAX"]), abs=1e-5)
            assert (wave[0], wave[-1]) == pytest.approx((table["TDMIN1"], table["TDMAX1"]), abs=1e-9)
            assert primary["SPEC_BIN"] == pytest.approx(np.median(np.diff(wave)), rel=0.1)
            for keyword in ("RA", "DEC", "OBJECT"):
                assert primary[keyword] == table[keyword]
            elapsed = (primary["MJD-END"] - primary["MJD-OBS"]) * 86400
            assert table["TELAPSE"] == pytest.approx(elapsed, abs=1e-3)
            assert table["TELAPSE"] >= primary["TEXPTIME"]
            assert table["TMID"] == pytest.approx((primary["MJD-OBS"] + primary["MJD-END"]) / 2, abs=1e-7)
            assert table["SPEC_VAL"] == pytest.approx((wave[0] + wave[-1]) / 2, abs=1e-4)
            assert table["SPEC_BW"] == pytest.approx(wave[-1] - wave[0], abs=1e-4)
            assert 0 < table["APERTURE"] < 0.1
            assert primary["SNR"] == pytest.approx(np.median(row["FLUX"] / row["ERR"]), rel=0.01)
            if primary["FLUXCAL"] == "UNCALIBRATED":
                assert (primary["FLUXERR"], table["TUNIT2"]) == (-1, "adu")
            else:
                assert 0 < primary["FLUXERR"] <= 100
            assert primary["TOT_FLUX"] is False


def test_cubes_hold_data_and_variance_tied_to_each_other(night: Night) -> None:
    paths = science(night, "SCIENCE.CUBE.IFS")
    assert len(paths) == 2
    for path in paths:
        with fits.open(path) as hdus:
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "DATA", "STAT"]
            data, stat = hdus["DATA"], hdus["STAT"]
            assert data.data.shape == stat.data.shape
            assert (data.header["ERRDATA"], stat.header["SCIDATA"]) == ("STAT", "DATA")
            assert (data.header["HDUCLAS2"], stat.header["HDUCLAS2"]) == ("DATA", "ERROR")
            assert stat.header["HDUCLAS3"] == "MSE"
            assert (stat.data > 0).all()
            with fits.open(night.directory / hdus[0].header["ASSON1"]) as white:
                assert np.allclose(white["DATA"].data, data.data.mean(axis=0), rtol=1e-4)
            noise = np.sqrt(np.median(stat.data)) * 1e-20
            assert hdus[0].header["PIXNOISE"] == pytest.approx(noise, rel=0.01)


def test_the_variance_of_a_cube_is_the_scatter_of_its_planes(product: Callable[[str], Path]) -> None:
    with fits.open(product("MUSE_M_83")) as hdus:
        data, stat = hdus["DATA"].data.astype(float), hdus["STAT"].data
    # Second differences along the spectrum are free of the continuum; these planes have no lines.
    line_free = slice(245, 325)
    data, stat = data[line_free], stat[line_free]
    second = data[2:] - 2 * data[1:-1] + data[:-2]
    assert np.std(second / np.sqrt(6 * stat[1:-1])) == pytest.approx(1.0, abs=0.05)
