"""What the observatory looks at."""

from dataclasses import dataclass
from datetime import datetime

from simulator.ephemeris import horizontal
from simulator.observatory import Site

LOWEST = 25.0
"""Altitude in degrees below which a target chosen by season is not worth a slot."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place on the sky.

    Attributes
    ----------
    ra, dec
        FK5 J2000, degrees.
    spectrum
        Name in `simulator.spectra.SPECTRA`.
    nebula
        Whether diffuse light surrounds the position.
    """

    name: str
    ra: float
    dec: float
    spectrum: str
    nebula: bool = False


ORION_NEBULA = Target("M 42", 83.8221, -5.3911, "nebula", nebula=True)
ORION_STAR = Target("HD 37022", 83.81860, -5.38968, "hot star", nebula=True)
ORION_SLIT = Target("M 42 bar", 83.8350, -5.4200, "nebula", nebula=True)

FIELD_AT_ZERO = Target("QSF 0000-72", 359.9980, -72.3000, "quasar")
FIELD_AT_POLE = Target("SCP field", 37.0000, -89.9850, "cool star")
STAR_AT_POLE = Target("sigma Oct", 317.19510, -88.95650, "cool star")

SEASONAL = (
    Target("NGC 253", 11.8880, -25.2882, "nebula", nebula=True),
    Target("NGC 1365", 53.4015, -36.1404, "nebula", nebula=True),
    Target("NGC 2070", 84.6763, -69.1009, "nebula", nebula=True),
    Target("NGC 2440", 115.4806, -18.2086, "nebula", nebula=True),
    Target("NGC 3132", 151.7570, -40.4364, "nebula", nebula=True),
    Target("M 83", 204.2538, -29.8658, "nebula", nebula=True),
    Target("NGC 6302", 258.4357, -37.1033, "nebula", nebula=True),
    Target("M 17", 275.1963, -16.1715, "nebula", nebula=True),
    Target("NGC 7009", 316.0451, -11.3634, "nebula", nebula=True),
    Target("NGC 7293", 337.4107, -20.8371, "nebula", nebula=True),
)
FLUX_STANDARDS = (
    Target("LTT 1020", 28.6988, -27.4778, "standard"),
    Target("GD 71", 88.1151, 15.8862, "standard"),
    Target("LTT 3218", 130.3958, -32.9428, "standard"),
    Target("EG 274", 245.8908, -39.2292, "standard"),
    Target("LTT 7987", 302.7375, -30.2181, "standard"),
    Target("Feige 110", 349.9933, -5.1656, "standard"),
)
STANDARD_FIELDS = (
    Target("SA 92", 13.8200, 0.7000, "standard"),
    Target("SA 98", 103.0200, -0.3300, "standard"),
    Target("SA 104", 190.4900, -0.5300, "standard"),
    Target("SA 110", 280.6000, 0.3500, "standard"),
    Target("SA 113", 325.3750, 0.4990, "standard"),
)


def altitude(target: Target, instant: datetime, site: Site) -> float:
    """Return the altitude of a target in degrees at an instant (UTC)."""
    return horizontal(target.ra, target.dec, instant, site).altitude


def best_instant(target: Target, instants: list[datetime], site: Site) -> datetime:
    """Return which of some instants (UTC) sees a target highest."""
    return max(instants, key=lambda instant: altitude(target, instant, site))


def highest(targets: tuple[Target, ...], instants: list[datetime], site: Site) -> list[Target]:
    """Order targets by how high they come at some instants (UTC), highest first."""
    return sorted(targets, key=lambda target: -max(altitude(target, instant, site) for instant in instants))


def rises(target: Target, instants: list[datetime], site: Site) -> bool:
    """Tell whether a target stands at least `LOWEST` degrees high at one of some instants (UTC)."""
    return max(altitude(target, instant, site) for instant in instants) >= LOWEST
