"""SCIENCE.SPECTRUM: one row of a binary table that holds wavelength, flux and error."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from simulator import echelle, longslit
from simulator.calibration import Calibrations
from simulator.detector import Pixels
from simulator.exposure import Exposure
from simulator.headers import Card, header
from simulator.observatory import KUYCHI, UVES
from simulator.phase3 import FLUX_UNIT, Product, base_name, science_cards, start_and_end
from simulator.spectra import air_to_vacuum

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Extracted:
    """A one-dimensional spectrum.

    Attributes
    ----------
    wavelength
        nm, increasing, in air or vacuum.
    flux, error
        In `unit`.
    resolution
        Resolving power in the middle.
    """

    wavelength: FloatArray
    flux: FloatArray
    error: FloatArray
    unit: str
    in_air: bool
    resolution: float


def spectrum_products(
    exposures: Sequence[Exposure], pixels: Sequence[list[Pixels]], calibrations: Calibrations, night: date
) -> list[Product]:
    """Reduce the spectra of one template to one product; see `image_product.image_products`."""
    extract: Callable[[Exposure, FloatArray], Extracted] = {KUYCHI.name: extract_slit, UVES.name: extract_orders}[
        exposures[0].instrument.name
    ]
    single = [
        extract(exposure, calibrations.reduce(exposure, frame, 0))
        for exposure, frame in zip(exposures, pixels, strict=True)
    ]
    flux = np.mean([spectrum.flux for spectrum in single], axis=0)
    error = np.sqrt(np.sum([spectrum.error**2 for spectrum in single], axis=0)) / len(single)
    first = single[0]
    spectrum = Extracted(first.wavelength, flux, error, first.unit, first.in_air, first.resolution)
    table = _table(exposures, spectrum)
    primary = fits.PrimaryHDU(header=header(_primary_cards(exposures, night, spectrum)))
    return [Product(f"{base_name(exposures)}.fits", fits.HDUList([primary, table]))]


def extract_slit(exposure: Exposure, image: FloatArray) -> Extracted:
    """Sum the rows of a long-slit image that hold the target, take the sky off and calibrate the flux.

    Parameters
    ----------
    image
        ADU, shape (ny, nx), reduced.
    """
    detector = exposure.instrument.detectors[0]
    profile = longslit.source_profile(exposure)
    source, empty = profile > 1e-3 * profile.max(), profile < 1e-6 * profile.max()
    light = image[source].sum(axis=0) - np.median(image[empty], axis=0) * source.sum()
    read_noise = detector.ron / detector.conad
    noise = np.sqrt(np.maximum(image[source], 0).sum(axis=0) / detector.conad + source.sum() * read_noise**2)
    edges = longslit.bin_edges(detector)
    sensitivity = longslit.sensitivity((edges[1:] + edges[:-1]) / 2, exposure.instrument.telescope.area)
    # One ADU is this flux density: electrons over sensitivity, time and the width of the bin in Angstrom.
    adu = detector.conad / sensitivity / exposure.dit / (np.diff(air_to_vacuum(edges)) * 10)
    wavelength = air_to_vacuum(longslit.wavelength(np.arange(detector.nx, dtype=float)))
    middle = detector.nx // 2
    resolution = wavelength[middle] / (longslit.LINE_FWHM * (wavelength[middle + 1] - wavelength[middle]))
    return Extracted(wavelength, light * adu, noise * adu, FLUX_UNIT, in_air=False, resolution=float(resolution))


def extract_orders(exposure: Exposure, image: FloatArray) -> Extracted:
    """Sum echelle orders across, take the blaze out and merge them on even steps; the flux stays in ADU.

    Parameters
    ----------
    image
        ADU, shape (ny, nx), reduced.
    """
    detector = exposure.instrument.detectors[0]
    rows = np.arange(detector.ny, dtype=float)
    blaze = echelle.blaze(detector)
    first = echelle.wavelength(echelle.ORDERS[-1], rows, detector)
    last = echelle.wavelength(echelle.ORDERS[0], rows, detector)
    step = round(float(first[1] - first[0]), 4)
    grid = np.arange(np.ceil(first[0] / step), np.floor(last[-1] / step) + 1) * step
    total, weights, variances = np.zeros_like(grid), np.zeros_like(grid), np.zeros_like(grid)
    for order in echelle.ORDERS:
        wavelength = echelle.wavelength(order, rows, detector)
        columns = np.rint(echelle.trace(order, rows, detector)).astype(int)[:, None] + np.arange(-9, 10)
        pixels = np.take_along_axis(image, np.clip(columns, 0, detector.nx - 1), axis=1)
        light = pixels.sum(axis=1)
        variance = np.maximum(light, 0) / detector.conad + pixels.shape[1] * (detector.ron / detector.conad) ** 2
        # Orders differ in the width of their bins: counts go to counts per step of the common grid.
        scale = step / np.gradient(wavelength) / blaze
        inside = (grid >= wavelength[0]) & (grid <= wavelength[-1])
        weight = np.interp(grid[inside], wavelength, blaze**2)
        total[inside] += weight * np.interp(grid[inside], wavelength, light * scale)
        variances[inside] += weight**2 * np.interp(grid[inside], wavelength, variance * scale**2)
        weights[inside] += weight
    flux, error = total / weights, np.sqrt(variances) / weights
    return Extracted(grid, flux, error, "adu", in_air=True, resolution=float(echelle.RESOLVING_POWER))


def _limits(spectrum: Extracted) -> tuple[float, float]:
    return round(float(spectrum.wavelength[0]), 6), round(float(spectrum.wavelength[-1]), 6)


def _primary_cards(exposures: Sequence[Exposure], night: date, spectrum: Extracted) -> list[Card]:
    target = exposures[0].target
    calibrated = spectrum.unit == FLUX_UNIT
    shortest, longest = _limits(spectrum)
    good = spectrum.error > 0
    return [
        *science_cards(exposures, night, "SCIENCE.SPECTRUM", (target.ra, target.dec), []),
        ("SPECSYS", "TOPOCENT", "Reference frame for spectral coordinates"),
        ("EXT_OBJ", target.nebula, "TRUE if extended"),
        ("CONTNORM", False, "TRUE if normalised to the continuum"),
        ("TOT_FLUX", False, "TRUE if all source flux is captured"),
        ("FLUXCAL", "ABSOLUTE" if calibrated else "UNCALIBRATED", "Type of flux calibration"),
        ("FLUXERR", 10.0 if calibrated else -1.0, "[%] Uncertainty in flux scale"),
        ("WAVELMIN", shortest, "[nm] Minimum wavelength"),
        ("WAVELMAX", longest, "[nm] Maximum wavelength"),
        ("SPEC_BIN", round(float(np.mean(np.diff(spectrum.wavelength))), 8), "[nm] Mean wavelength bin"),
        ("SPEC_ERR", 0.0005, "[nm] Statistical error of the wavelengths"),
        ("SPEC_SYE", 0.0, "[nm] Systematic error of the wavelengths"),
        ("SPEC_RES", round(spectrum.resolution, 1), "Resolving power in the middle"),
        ("SNR", round(float(np.median(spectrum.flux[good] / spectrum.error[good])), 2), "Median signal-to-noise ratio"),
    ]


def _table(exposures: Sequence[Exposure], spectrum: Extracted) -> fits.BinTableHDU:
    """Return the table of one row (ESO-044286 v8, section on 1-D spectra)."""
    first = exposures[0]
    start, end = start_and_end(exposures)
    shortest, longest = _limits(spectrum)
    length = len(spectrum.wavelength)
    # Only the long slit sees sky to subtract.
    flux_ucd = "phot.flux.density;em.wl;src.net" if spectrum.unit == FLUX_UNIT else "phot.flux.density;em.wl"
    wave_ucd = "em.wl;obs.atmos" if spectrum.in_air else "em.wl"
    columns = (
        ("WAVE", spectrum.wavelength, "nm", wave_ucd, "Data.SpectralAxis.Value"),
        ("FLUX", spectrum.flux, spectrum.unit, flux_ucd, "Data.FluxAxis.Value"),
        ("ERR", spectrum.error, spectrum.unit, f"stat.error;{flux_ucd}", "Data.FluxAxis.Accuracy.StatError"),
    )
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(name=name, format=f"{length}D", unit=unit, array=values[None, :])
            for name, values, unit, _, _ in columns
        ]
    )
    medium = "air" if spectrum.in_air else "vacuum"
    cards: list[Card] = [
        ("EXTNAME", "SPECTRUM", "Extension name"),
        ("VOCLASS", "SPECTRUM v1.0", "VO data model"),
        ("VOPUB", "ESO/SAF", "VO publishing authority"),
        ("TITLE", base_name(exposures), "Dataset title"),
        ("OBJECT", first.target.name, "Target designation"),
        ("RA", round(first.target.ra, 8), "[deg] Spectroscopic target position (J2000)"),
        ("DEC", round(first.target.dec, 8), "[deg] Spectroscopic target position (J2000)"),
        ("APERTURE", round(first.setup.slit / 3600, 8), "[deg] Slit width"),
        ("TELAPSE", round((end - start) * 86400, 4), "[s] Total elapsed time"),
        ("TMID", round((start + end) / 2, 8), "[d] MJD mid exposure"),
        ("SPEC_VAL", round((shortest + longest) / 2, 6), "[nm] Mean wavelength"),
        ("SPEC_BW", round(longest - shortest, 6), "[nm] Bandpass width"),
        ("NELEM", length, "Length of the data arrays"),
        ("TDMIN1", float(spectrum.wavelength[0]), f"[nm] Start in spectral coordinate, {medium}"),
        ("TDMAX1", float(spectrum.wavelength[-1]), f"[nm] Stop in spectral coordinate, {medium}"),
    ]
    for number, (_, _, _, ucd, utype) in enumerate(columns, 1):
        cards += [(f"TUCD{number}", ucd, ""), (f"TUTYP{number}", f"Spectrum.{utype}", "")]
    table.header.extend(header(cards).cards)
    return table
