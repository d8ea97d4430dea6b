"""MUSE: four channels, each with eight slices of the field side by side, dispersed along y.

Channel c shows rows 8 c to 8 c + 7 of a field of 32 x 32 spaxels; a slice is one row of the field, 32 pixels wide and
followed by a gap of four. Wavelengths are the same in all channels and linear, in air.
"""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator.exposure import Exposure
from simulator.headers import Card
from simulator.imaging import add_star
from simulator.observatory import MUSE, Kind
from simulator.sky import star_catalogue
from simulator.spectra import NIGHT_SKY, SPECTRA, arc

FloatArray = NDArray[np.float64]

SIZE = 32
"""Spaxels along each side of the field."""
SLICES = 8
SLICE_STEP = 36
FIRST_WAVELENGTH, STEP = 480.0, 1.125
"""Centre of the first plane and distance of the planes, nm, in air."""
PLANES = MUSE.detectors[0].ny
LINE_FWHM = 2.5
"""Width of an unresolved line, planes."""
EFFICIENCY = 0.25


def bin_edges() -> FloatArray:
    """Return the wavelengths of the edges of the planes, nm, in air."""
    return FIRST_WAVELENGTH + STEP * (np.arange(PLANES + 1.0) - 0.5)


def centres() -> FloatArray:
    """Return the wavelengths of the planes, nm, in air."""
    return FIRST_WAVELENGTH + STEP * np.arange(float(PLANES))


def sensitivity(area: float) -> FloatArray:
    """Return electrons per erg/cm2 in each plane for a collecting area in cm2."""
    return area * EFFICIENCY * (0.6 + 0.4 * np.sin((centres() - 400.0) / 180.0)) * centres() / 1.98644586e-9


def wcs_cards(exposure: Exposure) -> list[Card]:
    """Return the celestial WCS of the field of view, north up: the target in its middle."""
    scale = exposure.instrument.pixel_scale / 3600
    return [
        ("CTYPE1", "RA---TAN", "Coordinate type"),
        ("CTYPE2", "DEC--TAN", "Coordinate type"),
        ("CUNIT1", "deg", "Unit of the coordinate"),
        ("CUNIT2", "deg", "Unit of the coordinate"),
        ("CRVAL1", exposure.target.ra, "[deg] RA of the reference pixel"),
        ("CRVAL2", exposure.target.dec, "[deg] DEC of the reference pixel"),
        ("CRPIX1", (SIZE + 1) / 2, "[pix] Reference pixel"),
        ("CRPIX2", (SIZE + 1) / 2, "[pix] Reference pixel"),
        ("CD1_1", -scale, "Transformation matrix element"),
        ("CD1_2", 0.0, "Transformation matrix element"),
        ("CD2_1", 0.0, "Transformation matrix element"),
        ("CD2_2", scale, "Transformation matrix element"),
    ]


def cube_to_channels(cube: FloatArray) -> list[FloatArray]:
    """Slice a cube, shape (PLANES, SIZE, SIZE), into the images of the channels, shape (PLANES, 288) each."""
    channels = []
    for channel in range(SIZE // SLICES):
        image = np.zeros((PLANES, SLICES * SLICE_STEP))
        for part in range(SLICES):
            image[:, part * SLICE_STEP : part * SLICE_STEP + SIZE] = cube[:, channel * SLICES + part, :]
        channels.append(image)
    return channels


def channels_to_cube(channels: list[FloatArray]) -> FloatArray:
    """Put the images of the channels back into a cube; the inverse of `cube_to_channels`."""
    cube = np.empty((PLANES, SIZE, SIZE))
    for channel, image in enumerate(channels):
        for part in range(SLICES):
            cube[:, channel * SLICES + part, :] = image[:, part * SLICE_STEP : part * SLICE_STEP + SIZE]
    return cube


def expose(exposure: Exposure, number: int, seed: int) -> FloatArray | None:
    """Return the electrons that light gives to one channel, shape (PLANES, 288); None without light."""
    spectrum = _even_light(exposure)
    if spectrum is not None:
        return cube_to_channels(np.broadcast_to(spectrum[:, None, None], (PLANES, SIZE, SIZE)))[number]
    if not exposure.kind.sees_the_sky:
        return None
    return cube_to_channels(field_of_view(exposure, seed))[number]


def _even_light(exposure: Exposure) -> FloatArray | None:
    """Return the electrons per plane of light that fills the field: lamps and twilight."""
    lamp = (centres() / 700.0) ** 1.5 * np.exp(1 - centres() / 700.0)
    if exposure.kind in {Kind.FLAT, Kind.ILLUMINATION}:
        return 3_000.0 * exposure.dit * lamp
    if exposure.kind is Kind.TWILIGHT_FLAT:
        return 800.0 * exposure.dit * lamp
    if exposure.kind is Kind.ARC:
        return 2.0 + arc(exposure.setup.lamp, 800.0 * exposure.dit).flux_in_bins(
            bin_edges(), np.full(PLANES, LINE_FWHM * STEP)
        )
    return None


def field_of_view(exposure: Exposure, seed: int) -> FloatArray:
    """Return the electrons per plane and spaxel of one exposure, shape (PLANES, SIZE, SIZE)."""
    fwhm = np.full(PLANES, LINE_FWHM * STEP)
    spaxel = exposure.instrument.pixel_scale**2
    cube = np.broadcast_to((NIGHT_SKY.flux_in_bins(bin_edges(), fwhm) * spaxel)[:, None, None], (PLANES, SIZE, SIZE))
    cube = cube + source_cube(exposure, seed)
    return cube * (sensitivity(exposure.instrument.telescope.area) * exposure.dit)[:, None, None]


def source_cube(exposure: Exposure, seed: int) -> FloatArray:
    """Return the flux of the sources without the sky, erg/s/cm2 per plane and spaxel, shape (PLANES, SIZE, SIZE).

    A nebula fills the field with a gradient; stars have the spectrum of hot stars.
    """
    edges, fwhm = bin_edges(), np.full(PLANES, LINE_FWHM * STEP)
    wcs = WCS(fits.Header([("NAXIS", 2), *wcs_cards(exposure)]))
    stars = star_catalogue(exposure.target, seed)
    light = np.zeros((SIZE, SIZE))
    for x, y, magnitude in zip(*wcs.wcs_world2pix(stars.ra, stars.dec, 0), stars.magnitude, strict=True):
        # An AB magnitude of 0 is 3.63e-9 erg/s/cm2/Angstrom at 550 nm; the hot star's spectrum is scaled to it.
        scale = 3.63e-9 * 10 ** (-0.4 * magnitude) / SPECTRA["hot star"].continuum
        add_star(light, float(x), float(y), scale, exposure.seeing / exposure.instrument.pixel_scale)
    cube: FloatArray = SPECTRA["hot star"].flux_in_bins(edges, fwhm)[:, None, None] * light
    spectrum = SPECTRA[exposure.target.spectrum].flux_in_bins(edges, fwhm)[:, None, None]
    if exposure.target.nebula:
        y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
        cube += spectrum * 0.02 * np.exp(-0.5 * (x - 0.5 * y) ** 2)
        return cube
    point = np.zeros((SIZE, SIZE))
    middle = (SIZE - 1) / 2
    add_star(point, middle, middle, 1.0, exposure.seeing / exposure.instrument.pixel_scale)
    cube += spectrum * point
    return cube
