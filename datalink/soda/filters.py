"""What a cutout is made of, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vo.dali.values import Interval, Shape


@dataclass(frozen=True, slots=True)
class PixelBox:
    """Pixels of one HDU, chosen by their numbers.

    Attributes
    ----------
    hdu
        Number or name (EXTNAME) of the HDU; None for the first with pixels.
    ranges
        First and last pixel of each axis in FITS order, from 1, both included; None for the whole axis.
    """

    hdu: int | str | None
    ranges: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that hold together; what is None or empty asks for nothing.

    Attributes
    ----------
    shapes
        Regions of the sky, ICRS, degrees; what is wanted lies in all of them.
    band
        Wavelengths in vacuum, in m.
    time
        MJD, UTC.
    pol
        Names of polarization states, upper case; any of them.
    box
        Pixels by number.
    """

    shapes: tuple[Shape, ...] = ()
    band: Interval | None = None
    time: Interval | None = None
    pol: frozenset[str] = frozenset()
    box: PixelBox | None = None

    def __bool__(self) -> bool:
        return bool(self.shapes or self.band or self.time or self.pol or self.box)


@dataclass(frozen=True, slots=True)
class Product:
    """What is known of a file without opening it; None for unknown.

    Attributes
    ----------
    dp_id
        Identifier.
    dataproduct_type
        Of ObsCore.
    s_ra, s_dec
        Position, ICRS, in deg.
    s_region
        Region covered, STC-S.
    em_min, em_max
        Wavelengths covered, in m.
    t_min, t_max
        Times covered, MJD.
    pol_states
        Of ObsCore: ``/I/Q/``.
    """

    dp_id: str
    dataproduct_type: str | None = None
    s_ra: float | None = None
    s_dec: float | None = None
    s_region: str | None = None
    em_min: float | None = None
    em_max: float | None = None
    t_min: float | None = None
    t_max: float | None = None
    pol_states: str | None = None

    @property
    def covers(self) -> str:
        """What the data cover, a sentence for people."""
        parts = []
        if self.s_region is not None:
            parts.append(f"the region {self.s_region[:400]}")
        elif self.s_ra is not None and self.s_dec is not None:
            parts.append(f"the position {self.s_ra:.6f} {self.s_dec:.6f} (ICRS, degrees)")
        if self.em_min is not None and self.em_max is not None:
            parts.append(f"wavelengths from {self.em_min:.6g} to {self.em_max:.6g} m")
        if self.t_min is not None and self.t_max is not None:
            parts.append(f"MJD {self.t_min:.6f} to {self.t_max:.6f}")
        if self.pol_states:
            parts.append(f"polarization states {self.pol_states}")
        return f"{self.dp_id} covers {', '.join(parts)}." if parts else f"What {self.dp_id} covers is not known."


OutputForm = Literal["fits", "png"]


class CutError(Exception):
    """A cutout that cannot be made; the text is one sentence for the one who asked."""


class NoOverlapError(CutError):
    """Raised if no pixel and no row meets the conditions (SODA 1.0, "Successful Requests")."""


class TooLargeError(CutError):
    """Raised if a cutout would have more bytes than it may."""
