"""Raw frames: exposures turned into FITS files."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from simulator import echelle, ifu, imaging, longslit
from simulator.detector import Pixels, read_out
from simulator.exposure import Exposure
from simulator.headers import Card, chip_cards, header, primary_cards
from simulator.observatory import HAWKI, KUYCHI, MUSE, QHAWAQ, UVES, Detector

Expose = Callable[[Exposure, int, int], NDArray[np.float64] | None]

EXPOSE: Mapping[str, Expose] = MappingProxyType(
    {
        QHAWAQ.name: imaging.expose,
        HAWKI.name: imaging.expose,
        KUYCHI.name: longslit.expose,
        UVES.name: echelle.expose,
        MUSE.name: ifu.expose,
    }
)
"""What light falls on a detector, by instrument."""


def take(exposure: Exposure, seed: int) -> list[Pixels]:
    """Return the pixels of an exposure, ADU, one array per detector."""
    expose = EXPOSE[exposure.instrument.name]
    return [
        read_out(expose(exposure, number, seed), exposure, number, seed)
        for number in range(len(exposure.instrument.detectors))
    ]


def raw_frame(exposure: Exposure, moon: tuple[float, float], pixels: list[Pixels] | None) -> fits.HDUList:
    """Put a raw frame together.

    Parameters
    ----------
    moon
        RA and DEC of the Moon, degrees.
    pixels
        One array per detector; None for a file whose headers are complete and whose data units are empty.
    """
    primary = primary_cards(exposure, moon)
    detectors = exposure.instrument.detectors
    if not detectors[0].extname:
        cards = [*_wcs(exposure, detectors[0]), *primary, *chip_cards(detectors[0], 1)]
        return fits.HDUList([_image(fits.PrimaryHDU, cards, pixels[0] if pixels else None)])
    hdus = [fits.PrimaryHDU(header=header(primary))]
    for number, detector in enumerate(detectors):
        cards = [("EXTNAME", detector.extname, "Extension name"), *_wcs(exposure, detector)]
        if exposure.kind.sees_the_sky:
            cards += [("RADECSYS", "FK5", "Coordinate reference frame"), ("EQUINOX", 2000.0, "Standard FK5 (years)")]
        cards += chip_cards(detector, number + 1)
        data = pixels[number] if pixels else None
        if exposure.instrument.compressed and data is not None:
            hdus.append(fits.CompImageHDU(data, header=header(cards), compression_type="RICE_1"))
        else:
            hdus.append(_image(fits.ImageHDU, cards, data))
    return fits.HDUList(hdus)


def _wcs(exposure: Exposure, detector: Detector) -> list[Card]:
    """Return the WCS cards of one detector: celestial only where an image of the sky is."""
    if exposure.kind.sees_the_sky and exposure.instrument in (QHAWAQ, HAWKI):
        return imaging.wcs_cards(exposure, detector)
    return [] if exposure.instrument == MUSE else imaging.pixel_cards()


def _image(kind: type[fits.PrimaryHDU | fits.ImageHDU], cards: list[Card], data: Pixels | None) -> fits.PrimaryHDU:
    """Make an image HDU; unsigned integers get BSCALE and BZERO as real numbers, as ESO's pipelines demand."""
    if data is None:
        # The WCS keeps its two axes although there is no array (FITS 4.0, section 8.2).
        axes: list[Card] = [("WCSAXES", 2, "Number of WCS axes")] if any(card[0] == "CTYPE1" for card in cards) else []
        return kind(header=header([*axes, *cards]))
    if data.dtype != np.uint16:
        return kind(data, header=header(cards))
    hdu = kind((data.astype(np.int32) - 32768).astype(np.int16), header=header(cards))
    hdu.header["BZERO"] = (32768.0, "pixel=FITS*BSCALE+BZERO")
    hdu.header["BSCALE"] = (1.0, "pixel=FITS*BSCALE+BZERO")
    return hdu
