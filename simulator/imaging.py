"""What an imager sees: stars where its WCS says, diffuse light, an even sky."""

import math
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator.exposure import Exposure
from simulator.headers import Card
from simulator.observatory import HAWKI, QHAWAQ, Detector, Kind
from simulator.sky import star_catalogue
from simulator.spectra import gaussian_in_bins

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Passband:
    """A filter of one instrument.

    Attributes
    ----------
    zero_point
        AB magnitude of a star that gives one electron per second.
    sky
        Electrons per second and pixel.
    colour
        Multiple of a star's g minus r that is added to its magnitude.
    minimum, maximum
        Half-power wavelengths, nm.
    """

    zero_point: float
    sky: float
    colour: float
    minimum: float
    maximum: float


PASSBANDS = {
    "g_SDSS": Passband(25.3, 3.5, 1.0, 405.0, 550.0),
    "r_SDSS": Passband(25.6, 8.5, 0.0, 560.0, 690.0),
    "Ks": Passband(26.0, 150.0, -1.0, 1984.0, 2308.0),
}


def wcs_cards(exposure: Exposure, detector: Detector, shift: tuple[float, float] = (0.0, 0.0)) -> list[Card]:
    """Return the celestial WCS of one detector: its reference is the target, moved by the dither.

    Parameters
    ----------
    shift
        Pixels to add to the reference pixel, x and y.

    Notes
    -----
    HAWKI has the ZPN projection with the radial distortion of its real files, QHAWAQ a gnomonic one.
    """
    scale, angle = exposure.instrument.pixel_scale / 3600, math.radians(exposure.instrument.rotation)
    projection = "ZPN" if exposure.instrument == HAWKI else "TAN"
    cards: list[Card] = [
        ("CTYPE1", f"RA---{projection}", "Coordinate type"),
        ("CTYPE2", f"DEC--{projection}", "Coordinate type"),
        ("CRVAL1", exposure.target.ra, "[deg] RA of the reference pixel"),
        ("CRVAL2", exposure.target.dec, "[deg] DEC of the reference pixel"),
        ("CRPIX1", detector.crpix[0] + exposure.dither[0] + shift[0], "[pix] Reference pixel"),
        ("CRPIX2", detector.crpix[1] + exposure.dither[1] + shift[1], "[pix] Reference pixel"),
        ("CUNIT1", "deg", "Unit of the coordinate"),
        ("CUNIT2", "deg", "Unit of the coordinate"),
        ("CD1_1", -scale * math.cos(angle), "Transformation matrix element"),
        ("CD1_2", scale * math.sin(angle), "Transformation matrix element"),
        ("CD2_1", scale * math.sin(angle), "Transformation matrix element"),
        ("CD2_2", scale * math.cos(angle), "Transformation matrix element"),
    ]
    if projection == "ZPN":
        cards += [("PV2_1", 1.0, "Linear term of ZPN"), ("PV2_3", 400.0, "Cubic term of ZPN")]
    return cards


def pixel_cards() -> list[Card]:
    """Return a WCS that says no more than that pixels are pixels."""
    return [
        ("CTYPE1", "PIXEL", "Pixel coordinate system"),
        ("CTYPE2", "PIXEL", "Pixel coordinate system"),
        ("CRVAL1", 1.0, "Value of ref pixel"),
        ("CRVAL2", 1.0, "Value of ref pixel"),
        ("CRPIX1", 1.0, "Ref pixel"),
        ("CRPIX2", 1.0, "Ref pixel"),
        ("CDELT1", 1.0, "Binning factor"),
        ("CDELT2", 1.0, "Binning factor"),
    ]


def expose(exposure: Exposure, number: int, seed: int) -> FloatArray | None:
    """Return the electrons that light gives to one detector in one integration, shape (ny, nx); None without light."""
    detector = exposure.instrument.detectors[number]
    if exposure.kind is Kind.TWILIGHT_FLAT:
        level = {QHAWAQ.name: 24_000.0, HAWKI.name: 18_000.0}[exposure.instrument.name]
        return np.full((detector.ny, detector.nx), level * (1 - 0.04 * exposure.expno))
    if not exposure.kind.sees_the_sky:
        return None
    return sky_image(exposure, detector, seed)


def sky_image(exposure: Exposure, detector: Detector, seed: int) -> FloatArray:
    """Return the electrons of sky and stars in one integration, shape (ny, nx)."""
    passband = PASSBANDS[exposure.setup.filter]
    wcs = WCS(fits.Header([("NAXIS", 2), *wcs_cards(exposure, detector)]))
    stars = star_catalogue(exposure.target, seed)
    x, y = wcs.wcs_world2pix(stars.ra, stars.dec, 0)
    rate = 10 ** (-0.4 * (stars.magnitude + passband.colour * stars.colour - passband.zero_point))
    fwhm = exposure.seeing / exposure.instrument.pixel_scale
    image = np.full((detector.ny, detector.nx), passband.sky)
    if exposure.target.nebula:
        centre = wcs.wcs_world2pix([[exposure.target.ra, exposure.target.dec]], 0)[0]
        width = 40 / exposure.instrument.pixel_scale
        image += 1.5 * passband.sky * diffuse_light(detector, float(centre[0]), float(centre[1]), width)
    for star in range(len(rate)):
        add_star(image, float(x[star]), float(y[star]), float(rate[star]), fwhm)
    return image * exposure.dit


def diffuse_light(detector: Detector, x: float, y: float, width: float) -> FloatArray:
    """Return a smooth blob of peak 1, shape (ny, nx), around a pixel (0-based); `width` is its sigma in pixels."""
    rows, columns = np.arange(detector.ny) - y, np.arange(detector.nx) - x
    light: FloatArray = np.outer(np.exp(-0.5 * (rows / width) ** 2), np.exp(-0.5 * (columns / width) ** 2))
    return light


def add_star(image: FloatArray, x: float, y: float, flux: float, fwhm: float) -> None:
    """Add a round Gaussian star to an image in place, integrated over each pixel.

    Parameters
    ----------
    x, y
        Centre, pixels, 0-based.
    fwhm
        Pixels.
    """
    reach = 4 * fwhm
    ny, nx = image.shape
    if not (-reach < x < nx + reach and -reach < y < ny + reach):
        return
    across = gaussian_in_bins(np.arange(nx + 1.0) - 0.5, x, fwhm)
    along = gaussian_in_bins(np.arange(ny + 1.0) - 0.5, y, fwhm)
    columns, rows = np.flatnonzero(across), np.flatnonzero(along)
    if len(columns) and len(rows):
        window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        image[window] += flux * np.outer(along[window[0]], across[window[1]])
