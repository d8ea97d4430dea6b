"""SCIENCE.CUBE.IFS with data and variance, and its white-light image."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from simulator import ifu
from simulator.calibration import Calibrations
from simulator.detector import Pixels
from simulator.exposure import Exposure
from simulator.headers import Card, header
from simulator.phase3 import (
    FLUX_UNIT,
    Product,
    base_name,
    common_cards,
    image_quality,
    point_source_noise,
    science_cards,
    start_and_end,
)
from simulator.spectra import NIGHT_SKY

FloatArray = NDArray[np.float64]

SCALE = 1e-20
UNIT = f"10**(-20){FLUX_UNIT}"


def cube_products(
    exposures: Sequence[Exposure], pixels: Sequence[list[Pixels]], calibrations: Calibrations, night: date
) -> list[Product]:
    """Reduce the exposures of one template to a cube; see `image_product.image_products`.

    Returns
    -------
    products
        The cube and its white-light image.
    """
    single = [_cube(exposure, frame, calibrations) for exposure, frame in zip(exposures, pixels, strict=True)]
    data = np.mean([cube for cube, _ in single], axis=0)
    variance = np.sum([variance for _, variance in single], axis=0) / len(single) ** 2
    name = base_name(exposures)
    science_name, white_name = f"{name}.fits", f"{name}_white.fits"
    fwhm = image_quality(exposures)
    scale = exposures[0].instrument.pixel_scale
    white_noise = math.sqrt(float(np.median(variance.mean(axis=0)))) / math.sqrt(ifu.PLANES) * SCALE
    limit = _ab_magnitude(5 * point_source_noise(white_noise, fwhm / scale), float(ifu.centres().mean()))
    target = exposures[0].target
    middle, step = float(ifu.centres()[ifu.PLANES // 2]), ifu.STEP
    cards: list[Card] = [
        *science_cards(exposures, night, "SCIENCE.CUBE.IFS", (target.ra, target.dec), [white_name]),
        ("FLUXCAL", "ABSOLUTE", "Type of flux calibration"),
        ("SPECSYS", "TOPOCENT", "Reference frame for spectral coordinates"),
        ("WAVELMIN", float(ifu.centres()[0]), "[nm] Minimum wavelength, air"),
        ("WAVELMAX", float(ifu.centres()[-1]), "[nm] Maximum wavelength, air"),
        ("SPEC_RES", round(middle / (ifu.LINE_FWHM * step), 1), "Resolving power at the central wavelength"),
        ("SKY_RES", fwhm, "[arcsec] Spatial resolution"),
        ("SKY_RERR", 0.05, "[arcsec] Error of SKY_RES"),
        ("PIXNOISE", float(f"{math.sqrt(float(np.median(variance))) * SCALE:.4e}"), f"[{FLUX_UNIT}] Pixel noise"),
        ("ABMAGLIM", round(limit, 3), "[mag] 5-sigma limit of the white light, AB"),
    ]
    start, end = start_and_end(exposures)
    white_cards = [
        *common_cards(exposures, night, "ANCILLARY.IMAGE.WHITELIGHT"),
        ("MJD-OBS", start, "[d] Start of observations"),
        ("MJD-END", end, "[d] End of observations"),
    ]
    celestial = ifu.wcs_cards(exposures[0])
    white_variance = variance.mean(axis=0) / ifu.PLANES
    return [
        Product(science_name, _hdus(cards, data, variance, [*celestial, *_spectral_cards()])),
        Product(white_name, _hdus(white_cards, data.mean(axis=0), white_variance, celestial)),
    ]


def _cube(exposure: Exposure, frame: list[Pixels], calibrations: Calibrations) -> tuple[FloatArray, FloatArray]:
    """Return flux density of the sources and its variance, in SCALE and its square, shape (planes, y, x)."""
    detectors = exposure.instrument.detectors
    adu = ifu.channels_to_cube([calibrations.reduce(exposure, frame, number) for number in range(len(detectors))])
    electrons = adu * detectors[0].conad
    # One electron is this flux density.
    unit = 1 / (ifu.sensitivity(exposure.instrument.telescope.area) * exposure.dit * ifu.STEP * 10 * SCALE)
    variance = (np.maximum(electrons, 0) + detectors[0].ron ** 2) * (unit**2)[:, None, None]
    spaxel = exposure.instrument.pixel_scale**2
    fwhm = np.full(ifu.PLANES, ifu.LINE_FWHM * ifu.STEP)
    sky = NIGHT_SKY.flux_in_bins(ifu.bin_edges(), fwhm) * spaxel / (ifu.STEP * 10 * SCALE)
    return electrons * unit[:, None, None] - sky[:, None, None], variance


def _ab_magnitude(flux_density: float, wavelength: float) -> float:
    """Return the AB magnitude of a flux density in erg/s/cm2/Angstrom at a wavelength in nm (Oke & Gunn 1983)."""
    return -2.5 * math.log10(flux_density * (wavelength * 10) ** 2 / 2.99792458e18) - 48.6


def _spectral_cards() -> list[Card]:
    return [
        ("CTYPE3", "AWAV", "Wavelength in air"),
        ("CUNIT3", "Angstrom", "Unit of the wavelength"),
        ("CRVAL3", ifu.FIRST_WAVELENGTH * 10, "[Angstrom] Wavelength of the first plane"),
        ("CRPIX3", 1.0, "[pix] Reference plane"),
        ("CD3_3", ifu.STEP * 10, "[Angstrom] Step between planes"),
        ("CD1_3", 0.0, "Transformation matrix element"),
        ("CD2_3", 0.0, "Transformation matrix element"),
        ("CD3_1", 0.0, "Transformation matrix element"),
        ("CD3_2", 0.0, "Transformation matrix element"),
        ("CRDER3", 0.1, "[Angstrom] Random error in axis 3"),
        ("SPECSYS", "TOPOCENT", "Reference frame for spectral coordinates"),
    ]


def _hdus(cards: list[Card], data: FloatArray, variance: FloatArray, wcs: list[Card]) -> fits.HDUList:
    """Return an empty primary HDU, the data and their variance, tied to each other by HDUCLASS keywords."""
    frame: list[Card] = [
        ("RADESYS", "FK5", "Coordinate reference frame"),
        ("EQUINOX", 2000.0, "Standard FK5"),
        ("CRDER1", 0.00002, "[deg] Random error in axis 1"),
        ("CRDER2", 0.00002, "[deg] Random error in axis 2"),
        ("CSYER1", 0.00003, "[deg] Systematic error in axis 1"),
        ("CSYER2", 0.00003, "[deg] Systematic error in axis 2"),
        ("HDUCLASS", "ESO", "Scheme of the extensions"),
        ("HDUDOC", "SDP", "Document of the scheme"),
        ("HDUVERS", "SDP version 8", "Version of the scheme"),
        ("HDUCLAS1", "IMAGE", "Kind of data"),
    ]
    data_cards: list[Card] = [
        ("EXTNAME", "DATA", "Extension name"),
        *wcs,
        *frame,
        ("HDUCLAS2", "DATA", "This extension contains the data"),
        ("ERRDATA", "STAT", "Extension with the variance"),
        ("BUNIT", UNIT, "Unit of the flux density"),
    ]
    stat_cards: list[Card] = [
        ("EXTNAME", "STAT", "Extension name"),
        *wcs,
        *frame,
        ("HDUCLAS2", "ERROR", "This extension contains the variance"),
        ("HDUCLAS3", "MSE", "Mean squared error"),
        ("SCIDATA", "DATA", "Extension with the data"),
        ("BUNIT", f"({UNIT})**2", "Unit of the variance"),
    ]
    return fits.HDUList(
        [
            fits.PrimaryHDU(header=header(cards)),
            fits.ImageHDU(data.astype(np.float32), header=header(data_cards)),
            fits.ImageHDU(variance.astype(np.float32), header=header(stat_cards)),
        ]
    )
