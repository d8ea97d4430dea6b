"""KUYCHI: a long slit, dispersed along x."""

import numpy as np
from numpy.typing import NDArray

from simulator.exposure import Exposure
from simulator.observatory import Detector, Kind
from simulator.spectra import NIGHT_SKY, SPECTRA, Spectrum, arc, gaussian_in_bins

FloatArray = NDArray[np.float64]

LINE_FWHM = 3.0
"""Width of an unresolved line, pixels."""
SOURCE_ROW = 95.0
"""Row on which the target falls, 0-based."""
EFFICIENCY = 0.22


def wavelength(pixel: FloatArray) -> FloatArray:
    """Return the wavelength in nm, in air, at a column (0-based; whole numbers are pixel centres)."""
    return 400.0 + 0.66 * pixel + 5e-5 * pixel**2


def bin_edges(detector: Detector) -> FloatArray:
    """Return the wavelengths of the edges of the columns, nm, in air, shape (nx + 1,)."""
    return wavelength(np.arange(detector.nx + 1.0) - 0.5)


def sensitivity(centres: FloatArray, area: float) -> FloatArray:
    """Return electrons per erg/cm2 at wavelengths in nm, for a collecting area in cm2: EFFICIENCY, less in the blue."""
    photon_energy = 1.98644586e-9 / centres
    return area * EFFICIENCY * (0.55 + 0.45 * np.tanh((centres - 430.0) / 60.0)) / photon_energy


def _electrons(spectrum: Spectrum, exposure: Exposure) -> FloatArray:
    """Return the electrons per column that a spectrum gives in the exposure."""
    edges = bin_edges(exposure.instrument.detectors[0])
    flux = spectrum.flux_in_bins(edges, LINE_FWHM * np.diff(edges))
    centres = (edges[1:] + edges[:-1]) / 2
    return flux * sensitivity(centres, exposure.instrument.telescope.area) * exposure.dit


def expose(exposure: Exposure, number: int, seed: int) -> FloatArray | None:  # noqa: ARG001 - all instruments are called alike
    """Return the electrons that light gives to the detector, shape (ny, nx); None without light."""
    detector = exposure.instrument.detectors[number]
    edges = bin_edges(detector)
    rows = np.ones(detector.ny)
    if exposure.kind is Kind.FLAT:
        lamp = 1600.0 * exposure.dit * ((edges[1:] / 600.0) ** 2.5 * np.exp(1.2 - edges[1:] / 500.0))
        return np.outer(rows, lamp)
    if exposure.kind is Kind.ARC:
        lines = arc(exposure.setup.lamp, 900.0 * exposure.dit)
        return np.outer(rows, 2.0 + lines.flux_in_bins(edges, LINE_FWHM * np.diff(edges)))
    if not exposure.kind.sees_the_sky:
        return None
    slit_area = exposure.setup.slit * exposure.instrument.pixel_scale
    image = np.outer(rows, _electrons(NIGHT_SKY, exposure) * slit_area)
    source = _electrons(SPECTRA[exposure.target.spectrum], exposure)
    return image + np.outer(source_profile(exposure), source)


def source_profile(exposure: Exposure) -> FloatArray:
    """Return how the light of the target is spread over the rows, shape (ny,), sum about 1."""
    ny = exposure.instrument.detectors[0].ny
    width = 12.0 if exposure.target.nebula else exposure.seeing
    return gaussian_in_bins(np.arange(ny + 1.0) - 0.5, SOURCE_ROW, width / exposure.instrument.pixel_scale)
