"""UVES, blue arm: ten short orders side by side, dispersed along y."""

import numpy as np
from numpy.typing import NDArray

from simulator.exposure import Exposure
from simulator.observatory import Detector, Kind
from simulator.spectra import SPECTRA, Spectrum, arc, gaussian_in_bins

FloatArray = NDArray[np.float64]

ORDERS = range(95, 105)
RESOLVING_POWER = 20_000
EFFICIENCY = 0.12
_CENTRAL_PRODUCT = 390.0 * 99.5
_STEP = 1 / (2 * RESOLVING_POWER)
LINE_FWHM = 2.0
"""Width of an unresolved line, pixels."""
SLIT_PIXELS = 16
"""Length of the slit image across an order."""


def wavelength(order: int, row: FloatArray, detector: Detector) -> FloatArray:
    """Return the wavelength in nm, in air, at a row (0-based; whole numbers are pixel centres) of an order."""
    return _CENTRAL_PRODUCT / order * (1 + _STEP * (row - (detector.ny - 1) / 2))


def trace(order: int, row: FloatArray, detector: Detector) -> FloatArray:
    """Return the light-sensitive column (0-based) on which an order lies at a row: curved, blue orders to the right."""
    return 20.0 + 24.0 * (order - ORDERS.start) + 2.0 * ((row - detector.ny / 2) / detector.ny * 2) ** 2


def blaze(detector: Detector) -> FloatArray:
    """Return the relative efficiency along an order, shape (ny,), 1 in its middle."""
    return np.sinc(0.55 * np.linspace(-1, 1, detector.ny)) ** 2


def bin_edges(order: int, detector: Detector) -> FloatArray:
    """Return the wavelengths of the edges of an order's rows, nm, in air, shape (ny + 1,)."""
    return wavelength(order, np.arange(detector.ny + 1.0) - 0.5, detector)


def sensitivity(centres: FloatArray, area: float) -> FloatArray:
    """Return electrons per erg/cm2 in the middle of the blaze, at wavelengths in nm, for an area in cm2."""
    return area * EFFICIENCY * centres / 1.98644586e-9


def expose(exposure: Exposure, number: int, seed: int) -> FloatArray | None:  # noqa: ARG001 - all instruments are called alike
    """Return the electrons that light gives to the detector, shape (ny, nx); None without light."""
    detector = exposure.instrument.detectors[number]
    if exposure.kind in {Kind.BIAS, Kind.DARK}:
        return None
    image = np.zeros((detector.ny, detector.nx))
    for order in ORDERS:
        edges = bin_edges(order, detector)
        spectrum = _order_spectrum(exposure, edges) * blaze(detector)
        _paint(image, spectrum, trace(order, np.arange(float(detector.ny)), detector), _across(exposure))
    return image


def _order_spectrum(exposure: Exposure, edges: FloatArray) -> FloatArray:
    """Return the electrons per row that one order gets before its blaze, shape (ny,)."""
    fwhm = LINE_FWHM * np.diff(edges)
    if exposure.kind in {Kind.FLAT, Kind.ORDER_DEFINITION}:
        return np.full(len(fwhm), 12_000.0 * exposure.dit)
    if exposure.kind in {Kind.ARC, Kind.FORMAT_CHECK}:
        return arc(exposure.setup.lamp, 12_000.0 * exposure.dit).flux_in_bins(edges, fwhm)
    spectrum: Spectrum = SPECTRA[exposure.target.spectrum]
    centres = (edges[1:] + edges[:-1]) / 2
    light = sensitivity(centres, exposure.instrument.telescope.area) * exposure.dit
    return spectrum.flux_in_bins(edges, fwhm) * light


def _across(exposure: Exposure) -> float:
    """Return the width of the light across an order: a star's FWHM in pixels, 0 for the evenly lit slit."""
    if exposure.kind is Kind.ORDER_DEFINITION:
        return 3.0
    return exposure.seeing / exposure.instrument.pixel_scale if exposure.kind.sees_the_sky else 0.0


def _paint(image: FloatArray, spectrum: FloatArray, centre: FloatArray, fwhm: float) -> None:
    """Add the light of one order to an image, shape (ny, nx), in place."""
    columns = np.arange(-SLIT_PIXELS // 2 - 1, SLIT_PIXELS // 2 + 2)
    for row, (light, column) in enumerate(zip(spectrum, centre, strict=True)):
        first = int(np.rint(column)) + columns[0]
        edges = first + np.arange(len(columns) + 1) - 0.5
        if fwhm:
            profile = gaussian_in_bins(edges, float(column), fwhm)
        else:
            profile = np.diff(np.clip(edges, column - SLIT_PIXELS / 2, column + SLIT_PIXELS / 2)) / SLIT_PIXELS
        start, stop = max(first, 0), min(first + len(columns), image.shape[1])
        image[row, start:stop] += light * profile[start - first : stop - first]
