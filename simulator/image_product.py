"""SCIENCE.IMAGE and SCIENCE.MEFIMAGE with weight maps: dithered exposures, shifted by whole pixels and averaged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from simulator.calibration import Calibrations
from simulator.detector import Pixels
from simulator.exposure import Exposure
from simulator.headers import Card, header
from simulator.imaging import PASSBANDS, wcs_cards
from simulator.observatory import HAWKI, Detector
from simulator.phase3 import (
    Product,
    base_name,
    common_cards,
    image_quality,
    point_source_noise,
    science_cards,
    start_and_end,
)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stack:
    """The average of dithered images of one detector.

    Attributes
    ----------
    image
        ADU/s, shape (ny, nx); NaN where no exposure looked.
    weight
        Seconds of exposure, same shape.
    wcs
        Cards of the celestial WCS.
    """

    detector: Detector
    image: FloatArray
    weight: FloatArray
    wcs: list[Card]


def image_products(
    exposures: Sequence[Exposure], pixels: Sequence[list[Pixels]], calibrations: Calibrations, night: date
) -> list[Product]:
    """Reduce the images of one template.

    Parameters
    ----------
    exposures
        Of one template, in time order.
    pixels
        Per exposure, one array per detector.

    Returns
    -------
    products
        The science file and its weight map.
    """
    detectors = exposures[0].instrument.detectors
    stacks = [_stack(exposures, pixels, calibrations, number) for number in range(len(detectors))]
    name = base_name(exposures)
    science_name, weight_name = f"{name}.fits", f"{name}_weight.fits"
    mef = len(stacks) > 1
    passband = PASSBANDS[exposures[0].setup.filter]
    cards = [
        *science_cards(
            exposures, night, "SCIENCE.MEFIMAGE" if mef else "SCIENCE.IMAGE", _centre(stacks), [weight_name]
        ),
        ("FILTER", exposures[0].setup.filter, "Filter"),
        ("FLUXCAL", "ABSOLUTE", "Type of flux calibration"),
        ("WAVELMIN", passband.minimum, "[nm] Minimum wavelength"),
        ("WAVELMAX", passband.maximum, "[nm] Maximum wavelength"),
    ]
    if exposures[0].instrument == HAWKI:
        cards += [
            ("DIT", exposures[0].dit, "[s] Integration time"),
            ("NDIT", exposures[0].ndit, "Number of integrations per exposure"),
            ("NJITTER", len(exposures), "Number of jitter positions"),
            ("NOFFSETS", 1, "Number of offset positions"),
            ("NUSTEP", 1, "Number of microsteps"),
        ]
    weight_cards = common_cards(exposures, night, "ANCILLARY.WEIGHTMAP")
    start, end = start_and_end(exposures)
    weight_cards += [("MJD-OBS", start, "[d] Start of observations"), ("MJD-END", end, "[d] End of observations")]
    science = [(stack.image, [*stack.wcs, *_photometry(stack, exposures)]) for stack in stacks]
    weight = [(stack.weight, [*stack.wcs, ("BUNIT", "s", "Unit of the weight: exposure time")]) for stack in stacks]
    names = [stack.detector.extname for stack in stacks]
    return [
        Product(science_name, _hdus(cards, science, names)),
        Product(weight_name, _hdus(weight_cards, weight, names)),
    ]


def _stack(
    exposures: Sequence[Exposure], pixels: Sequence[list[Pixels]], calibrations: Calibrations, number: int
) -> Stack:
    detector = exposures[0].instrument.detectors[number]
    right, up = (max(exposure.dither[axis] for exposure in exposures) for axis in (0, 1))
    left, down = (min(exposure.dither[axis] for exposure in exposures) for axis in (0, 1))
    total = np.zeros((detector.ny + up - down, detector.nx + right - left))
    weight = np.zeros_like(total)
    for exposure, frame in zip(exposures, pixels, strict=True):
        reduced = calibrations.reduce(exposure, frame, number) / exposure.dit
        if exposure.instrument == HAWKI:
            reduced -= np.median(reduced)
        x, y = right - exposure.dither[0], up - exposure.dither[1]
        window = np.s_[y : y + detector.ny, x : x + detector.nx]
        total[window] += reduced * exposure.exptime
        weight[window] += exposure.exptime
    image = np.full_like(total, np.nan)
    np.divide(total, weight, out=image, where=weight > 0)
    first = exposures[0]
    shift = (right - first.dither[0], up - first.dither[1])
    return Stack(detector, image, weight, [*wcs_cards(first, detector, shift), *_frame()])


def _frame() -> list[Card]:
    return [
        ("RADESYS", "FK5", "Coordinate reference frame"),
        ("EQUINOX", 2000.0, "Standard FK5"),
        ("CRDER1", 0.00002, "[deg] Random error in axis 1"),
        ("CRDER2", 0.00002, "[deg] Random error in axis 2"),
        ("CSYER1", 0.00003, "[deg] Systematic error in axis 1"),
        ("CSYER2", 0.00003, "[deg] Systematic error in axis 2"),
    ]


def _centre(stacks: Sequence[Stack]) -> tuple[float, float]:
    """Return the barycentre of the detectors' centres, FK5 J2000, degrees."""
    total = np.zeros(3)
    for stack in stacks:
        ny, nx = stack.image.shape
        wcs = WCS(fits.Header([("NAXIS", 2), *stack.wcs]))
        ra, dec = np.radians(wcs.wcs_pix2world([[nx / 2 + 0.5, ny / 2 + 0.5]], 1)[0])
        total += (math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec))
    x, y, z = total / np.linalg.norm(total)
    return math.degrees(math.atan2(y, x)) % 360.0, math.degrees(math.asin(z))


def _photometry(stack: Stack, exposures: Sequence[Exposure]) -> list[Card]:
    """Return unit, zero point, depth and image quality of one detector's image."""
    first, detector = exposures[0], stack.detector
    fwhm = image_quality(exposures)
    fwhm_pixels = fwhm / first.instrument.pixel_scale
    zero_point = PASSBANDS[first.setup.filter].zero_point - 2.5 * math.log10(detector.conad)
    seen = stack.image[stack.weight > 0]
    noise = 1.4826 * float(np.median(np.abs(np.diff(seen)))) / math.sqrt(2)
    limit = zero_point - 2.5 * math.log10(5 * point_source_noise(noise, fwhm_pixels))
    # The brightest pixel of a star holds this part of its light.
    peak = 4 * math.log(2) / math.pi / max(fwhm_pixels, 1.0) ** 2
    ceiling = (65535 - detector.bias if detector.bitpix == 16 else 60_000.0) / first.dit
    return [
        ("BUNIT", "adu/s", "Physical unit of the array"),
        ("PHOTZP", round(zero_point, 4), "[mag] Photometric zero point, AB"),
        ("PHOTZPER", 0.02, "[mag] Error of PHOTZP"),
        ("PHOTSYS", "AB", "Photometric system"),
        ("ABMAGLIM", round(limit, 3), "[mag] 5-sigma point-source limit, AB"),
        ("ABMAGSAT", round(zero_point - 2.5 * math.log10(ceiling / peak), 3), "[mag] Saturation limit, AB"),
        ("PSF_FWHM", fwhm, "[arcsec] Spatial resolution"),
        ("ELLIPTIC", 0.0, "Average ellipticity of point sources"),
        ("GAIN", round(detector.conad * len(exposures), 3), "[e-/ADU] Effective gain"),
        ("DETRON", detector.ron, "[e-] Detector read-out noise"),
    ]


def _hdus(cards: list[Card], images: Sequence[tuple[FloatArray, list[Card]]], names: Sequence[str]) -> fits.HDUList:
    """Put one image into the primary HDU, several into extensions behind an empty one."""
    if len(images) == 1:
        array, own = images[0]
        said = {keyword for keyword, _, _ in cards}
        own = [card for card in own if card[0] not in said]
        return fits.HDUList([fits.PrimaryHDU(array.astype(np.float32), header=header([*own, *cards]))])
    hdus: list[fits.PrimaryHDU | fits.ImageHDU] = [fits.PrimaryHDU(header=header(cards))]
    for (array, own), name in zip(images, names, strict=True):
        hdus.append(fits.ImageHDU(array.astype(np.float32), header=header([("EXTNAME", name, "Extension name"), *own])))
    return fits.HDUList(hdus)
