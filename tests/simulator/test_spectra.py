from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from simulator import echelle, ifu, longslit
from simulator.night import Night
from simulator.observatory import UVES
from simulator.spectra import Line, Spectrum, air_to_vacuum, gaussian_in_bins


def line_centre(x: np.ndarray, y: np.ndarray, near: float, reach: float) -> float:
    """Measure the centre of a line by the first moment over the mean of the ends."""
    part = np.abs(x - near) <= reach
    x, y = x[part], y[part].astype(float)
    y = y - np.interp(x, (x[0], x[-1]), (y[:2].mean(), y[-2:].mean()))
    return float((x * y).sum() / y.sum())


def raw(night: Night, prefix: str, kind: str, lamp: str | None = None) -> Path:
    for path in night.raw_frames:
        header = fits.getheader(path)
        if not path.name.startswith(prefix) or header["ESO DPR TYPE"] != kind:
            continue
        if lamp is None or header["ESO INS LAMP1 NAME"] == lamp:
            return path
    raise LookupError(kind)


@pytest.mark.parametrize(
    ("air", "vacuum"),
    # Hydrogen, [O III], [O II] and Ca II as the literature lists them in both media.
    [
        (656.279, 656.461),
        (486.135, 486.269),
        (500.684, 500.824),
        (372.603, 372.709),
        (393.366, 393.478),
        (906.86, 907.11),
    ],
)
def test_wavelengths_in_air_become_those_in_vacuum(air: float, vacuum: float) -> None:
    assert air_to_vacuum(np.array([air]))[0] == pytest.approx(vacuum, abs=0.002)


# Columns of the slit spectrograph follow a published parabola; lines as NIST lists them, in air.
@pytest.mark.parametrize("wavelength", [447.148, 471.315, 501.568, 614.306, 640.225, 667.815, 738.398])
def test_lines_of_the_long_slit_arc_are_at_their_wavelengths(night: Night, wavelength: float) -> None:
    with fits.open(raw(night, "KUYCH.", "WAVE,LAMP")) as hdus:
        spectrum = hdus[0].data.mean(axis=0)
    columns = np.arange(len(spectrum), dtype=float)
    expected = np.interp(wavelength, longslit.wavelength(columns), columns)
    assert line_centre(columns, spectrum, expected, 5) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("wavelength", [376.527, 378.084, 385.058, 392.862, 394.898, 404.442])
def test_lines_of_the_echelle_arc_are_at_their_wavelengths(night: Night, wavelength: float) -> None:
    detector = UVES.detectors[0]
    rows = np.arange(float(detector.ny))
    with fits.open(raw(night, "UVES.", "LAMP,WAVE")) as hdus:
        image = hdus[0].data[:, 50:-50].astype(float) - 150.0
    measured = 0
    for order in echelle.ORDERS:
        grid = echelle.wavelength(order, rows, detector)
        expected = np.interp(wavelength, grid, rows, left=np.nan, right=np.nan)
        if not 10 < expected < detector.ny - 10:
            continue
        columns = np.rint(echelle.trace(order, rows, detector)).astype(int)[:, None] + np.arange(-8, 9)
        spectrum = np.take_along_axis(image, columns, axis=1).sum(axis=1)
        assert line_centre(rows, spectrum, expected, 5) == pytest.approx(expected, abs=0.1)
        measured += 1
    assert measured


@pytest.mark.parametrize(
    ("lamp", "wavelength"), [("HgCd", 546.074), ("HgCd", 643.847), ("Ne", 640.225), ("Xe", 881.941), ("Xe", 904.545)]
)
def test_lines_of_the_integral_field_arcs_are_at_their_wavelengths(night: Night, lamp: str, wavelength: float) -> None:
    with fits.open(raw(night, "MUSE.", "WAVE", lamp)) as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["CHAN01", "CHAN02", "CHAN03", "CHAN04"]
        for hdu in hdus[1:]:
            spectrum = hdu.data[:, :32].mean(axis=1)
            assert line_centre(ifu.centres(), spectrum, wavelength, 5.7) == pytest.approx(wavelength, abs=0.1)


# In vacuum; [O III] and H beta stand alone at this resolution.
@pytest.mark.parametrize("wavelength", [434.169, 486.269, 587.725])
def test_nebular_lines_of_the_slit_spectrum_are_at_their_vacuum_wavelengths(
    product: Callable[[str], Path], wavelength: float
) -> None:
    with fits.open(product("KUYCHI_M_42_bar")) as hdus:
        assert hdus[1].header["TUCD1"] == "em.wl"
        row = hdus[1].data[0]
        found = line_centre(row["WAVE"], row["FLUX"], wavelength, 4.0)
    assert found == pytest.approx(wavelength, abs=0.1)


@pytest.mark.parametrize("wavelength", [393.366, 396.847])
def test_calcium_lines_of_the_echelle_spectrum_are_at_their_air_wavelengths(
    product: Callable[[str], Path], wavelength: float
) -> None:
    with fits.open(product("UVES_sigma_Oct")) as hdus:
        assert hdus[1].header["TUCD1"] == "em.wl;obs.atmos"
        row = hdus[1].data[0]
        found = line_centre(row["WAVE"], row["FLUX"], wavelength, 1.3)
    assert found == pytest.approx(wavelength, abs=0.02)


@pytest.mark.parametrize("wavelength", [486.135, 713.580, 906.860])
def test_nebular_lines_of_the_cube_are_at_their_air_wavelengths(
    product: Callable[[str], Path], wcs_of: Callable[[fits.Header], WCS], wavelength: float
) -> None:
    with fits.open(product("MUSE_M_42")) as hdus:
        header = hdus["DATA"].header
        assert header["CTYPE3"] == "AWAV"
        spectrum = hdus["DATA"].data.mean(axis=(1, 2))
        planes = np.arange(len(spectrum))
        metres = wcs_of(header).wcs_pix2world(np.column_stack([0 * planes, 0 * planes, planes]), 0)[:, 2]
    assert line_centre(metres * 1e9, spectrum, wavelength, 5.0) == pytest.approx(wavelength, abs=0.15)


def test_the_flux_of_a_line_in_the_slit_spectrum_is_the_flux_of_the_source(product: Callable[[str], Path]) -> None:
    with fits.open(product("KUYCHI_QSF")) as hdus:
        row = hdus[1].data[0]
    part = np.abs(row["WAVE"] - 540.0) < 15
    # The continuum of the quasar: 3e-15 erg/s/cm2/Angstrom at 550 nm, falling with the power -0.6.
    assert np.median(row["FLUX"][part]) == pytest.approx(3e-15 * (540 / 550) ** -0.6, rel=0.03)


def test_errors_of_the_spectra_are_the_scatter_of_the_fluxes(product: Callable[[str], Path]) -> None:
    with fits.open(product("KUYCHI_QSF")) as hdus:
        row = hdus[1].data[0]
    clean = (row["WAVE"] > 640) & (row["WAVE"] < 740)
    flux, error = row["FLUX"][clean], row["ERR"][clean]
    smooth = np.polyval(np.polyfit(row["WAVE"][clean], flux, 3), row["WAVE"][clean])
    assert np.std((flux - smooth) / error) == pytest.approx(1.0, abs=0.35)


def test_gaussians_keep_their_area_and_their_centre() -> None:
    edges = np.arange(60.0)
    parts = gaussian_in_bins(edges, 31.3, 4.0)
    centres = (edges[1:] + edges[:-1]) / 2
    assert parts.sum() == pytest.approx(1.0, abs=1e-6)
    assert (parts * centres).sum() == pytest.approx(31.3, abs=1e-4)
    assert gaussian_in_bins(edges, -40.0, 4.0).sum() == 0
    assert gaussian_in_bins(edges, 400.0, 4.0).sum() == 0


def test_an_absorption_line_takes_its_equivalent_width_away() -> None:
    edges = np.linspace(500, 600, 1001)
    width = np.full(1000, 0.3)
    continuum = Spectrum(1e-15).flux_in_bins(edges, width)
    absorbed = Spectrum(1e-15, lines=(Line(550.0, -0.5, 1.0),)).flux_in_bins(edges, width)
    assert ((continuum - absorbed) / continuum * 0.1).sum() == pytest.approx(0.5, rel=1e-3)
