"""Keywords that the products of all categories share (ESO Science Data Products Standard, ESO-044286 v8, Table 8)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from astropy.io import fits

from simulator.ephemeris import mjd
from simulator.exposure import Exposure
from simulator.headers import SOFTWARE, Card, simulated
from simulator.observatory import QUIPU_SITE

FLUX_UNIT = "erg.s**(-1).cm**(-2).angstrom**(-1)"
"""Flux density as the ESO data interface control document spells it."""

SHUTTER = timedelta(milliseconds=50)
"""Time that a shutter takes to close; the end of an exposure includes it."""


@dataclass(frozen=True, slots=True)
class Product:
    """A reduced file: a science file or a companion of one."""

    name: str
    hdus: fits.HDUList


def base_name(exposures: Sequence[Exposure]) -> str:
    """Name the products of one template; unique over all nights by the number of the observing block."""
    first = exposures[0]
    numbers = f"{first.block.number}_{first.template.number}"
    words = (first.instrument.name, first.target.name, first.setup.filter, numbers)
    return "_".join(word.replace(" ", "_") for word in words if word)


def start_and_end(exposures: Sequence[Exposure]) -> tuple[float, float]:
    """Return MJD-OBS of the first and MJD-END of the last exposure, days."""
    return round(mjd(exposures[0].start), 8), round(mjd(exposures[-1].end + SHUTTER), 8)


def common_cards(exposures: Sequence[Exposure], night: date, category: str) -> list[Card]:
    """Return what the primary header of each product and companion says about its origin.

    Parameters
    ----------
    exposures
        Science exposures of one template, in time order.
    category
        PRODCATG.
    """
    first = exposures[0]
    cards: list[Card] = [
        ("PRODCATG", category, "Data product category"),
        ("ORIGIN", first.instrument.telescope.origin, "Observatory"),
        ("DATE", (night + timedelta(days=1)).isoformat(), "Date this file was written"),
        ("TELESCOP", first.instrument.telescope.name, "Telescope"),
        ("INSTRUME", first.instrument.name, "Instrument"),
        ("OBJECT", first.target.name, "Target designation"),
        ("PROCSOFT", SOFTWARE, "Data reduction software"),
        ("REFERENC", "", "Bibliographic reference"),
    ]
    if first.instrument.telescope.site == QUIPU_SITE:
        cards.append(("NOESODAT", True, "TRUE if non-ESO data were used"))
    return [*cards, *simulated()]


def science_cards(
    exposures: Sequence[Exposure], night: date, category: str, centre: tuple[float, float], companions: Sequence[str]
) -> list[Card]:
    """Return the keywords that all science products share.

    Parameters
    ----------
    centre
        RA and DEC of the product, FK5 J2000, degrees.
    companions
        Names of the files that go with it.
    """
    first = exposures[0]
    start, end = start_and_end(exposures)
    total = sum(exposure.exptime for exposure in exposures)
    cards: list[Card] = [
        *common_cards(exposures, night, category),
        ("RA", round(centre[0] % 360.0, 8), "[deg] Right ascension (J2000)"),
        ("DEC", round(centre[1], 8), "[deg] Declination (J2000)"),
        ("EQUINOX", 2000.0, "Standard FK5"),
        ("RADESYS", "FK5", "Coordinate reference frame"),
        ("TIMESYS", "UTC", "Time system used"),
        ("EXPTIME", total, "[s] Total integration time per pixel"),
        ("TEXPTIME", total, "[s] Total integration time of all exposures"),
        ("MJD-OBS", start, "[d] Start of observations"),
        ("MJD-END", end, "[d] End of observations"),
        ("DATE-OBS", first.start.isoformat(timespec="milliseconds"), "Start of observations, UTC"),
        ("PROG_ID", first.block.programme, "Programme identification"),
        ("OBID1", first.block.number, "Observation block ID"),
        ("NCOMBINE", len(exposures), "Number of combined raw science frames"),
        ("OBSTECH", first.frame_kind.tech, "Technique of observation"),
    ]
    cards += [(f"PROV{n}", exposure.arcfile, "Originating science file") for n, exposure in enumerate(exposures, 1)]
    cards += [(f"ASSON{n}", name, "Name of companion file") for n, name in enumerate(companions, 1)]
    return cards


def image_quality(exposures: Sequence[Exposure]) -> float:
    """Return the mean full width at half maximum of a star, arcsec."""
    return round(sum(exposure.seeing for exposure in exposures) / len(exposures), 3)


def point_source_noise(pixel_noise: float, fwhm: float) -> float:
    """Return the noise of an optimally measured Gaussian star, in the unit of `pixel_noise`; `fwhm` in pixels."""
    return pixel_noise * math.sqrt(4 * math.pi) * max(fwhm, 1.0) / 2.3548
