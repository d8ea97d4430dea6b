"""What the axes of an image mean, by its header."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS

from datalink.soda.cutout import STOKES, Numbers, SkyAxes, sky_axes
from vo.spectral import axis_wavelengths, spectral_axis

_CELESTIAL = re.compile(
    r"(?:CTYPE|CRVAL|CRPIX|CDELT|CROTA|CUNIT)[12]|(?:CD|PC)[12]_[12]|PV[12]_\d+|[AB]P?_(?:ORDER|\d_\d)|"
    r"RADE(?:SYS|CSYS)|EQUINOX|EPOCH|LON?POLE|LATPOLE|DATE-OBS|MJD-OBS"
)
_TIMES = {"UTC": "utc", "TAI": "tai", "TT": "tt", "TDB": "tdb", "TCB": "tcb", "TCG": "tcg", "UT1": "utc", "GPS": "tai"}
_TIME_UNITS_D = {"d": 1.0, "day": 1.0, "s": 1 / 86400, "sec": 1 / 86400, "h": 1 / 24, "min": 1 / 1440}


@dataclass(frozen=True)
class Keywords:
    """Header of astropy, read without surprises."""

    header: fits.Header

    def value(self, keyword: str) -> str | bool | int | float | None:
        """Value of a keyword; None without one, or where the card cannot be read."""
        try:
            found = self.header.get(keyword)
        except (fits.VerifyError, ValueError):
            return None
        return found if isinstance(found, str | bool | int | float) else None

    def text(self, keyword: str) -> str | None:
        """Value as text without blanks around it; None where it is empty or missing."""
        value = self.value(keyword)
        return None if value is None else f"{value}".strip() or None

    def number(self, keyword: str) -> float | None:
        """Value as a finite number; None where it is not one."""
        value = self.value(keyword)
        if value is None or isinstance(value, bool):
            return None
        try:
            number = float(value)
        except ValueError:
            return None
        return number if np.isfinite(number) else None

    def integer(self, keyword: str) -> int | None:
        """Value as a whole number; None where it is not one."""
        number = self.number(keyword)
        return int(number) if number is not None and number.is_integer() else None


@dataclass(frozen=True)
class ImageAxes:
    """The axes of an image.

    Attributes
    ----------
    keywords
        Of its header.
    lengths
        Of all axes, FITS order.
    hdus
        The file, where lookup tables of coordinates are.
    """

    keywords: Keywords
    lengths: tuple[int, ...]
    hdus: fits.HDUList

    @cached_property
    def _wcs(self) -> WCS | None:
        if not any(self._ctype(axis) for axis in range(1, len(self.lengths) + 1)):
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wcs = WCS(self.keywords.header, self.hdus)
                return wcs if wcs.naxis == len(self.lengths) else None
            except Exception:  # whatever a library finds wrong with a header: it has no such coordinates
                return None

    @cached_property
    def sky(self) -> tuple[SkyAxes, tuple[int, int]] | None:
        """The celestial axes and their numbers, from 1, in order; None where there are none that can be used."""
        wcs = self._wcs
        if wcs is None:
            return self._plain_sky()
        axes = sorted((wcs.wcs.lng + 1, wcs.wcs.lat + 1))
        if axes[0] < 1:
            return None
        return self._sky(wcs, axes[0], axes[1])

    def _plain_sky(self) -> tuple[SkyAxes, tuple[int, int]] | None:
        """The first two axes alone, where what the header says of others cannot be."""
        if len(self.lengths) < 2 or self._ctype(1)[:2] not in ("RA", "DE", "GL"):
            return None
        cards = [card for card in self.keywords.header.cards if _CELESTIAL.fullmatch(card.keyword)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wcs = WCS(fits.Header(cards))
            except Exception:  # as above
                return None
        if wcs.naxis != 2 or not wcs.has_celestial:
            return None
        return self._sky(wcs, 1, 2)

    def _sky(self, wcs: WCS, first: int, second: int) -> tuple[SkyAxes, tuple[int, int]] | None:
        lengths = self.lengths[first - 1], self.lengths[second - 1]
        try:
            celestial = wcs.sub([first, second]) if wcs.naxis > 2 else wcs
            corner = celestial.all_pix2world([[lengths[0] / 2, lengths[1] / 2]], 0)
        except Exception:  # axes that depend on others
            return None
        if not np.isfinite(corner).all() or not np.all(np.isfinite(celestial.pixel_scale_matrix)):
            return None
        found = sky_axes(celestial, lengths)
        return None if found is None else (found, (first, second))

    def _ctype(self, axis: int) -> str:
        return (self.keywords.text(f"CTYPE{axis}") or "").upper()

    @cached_property
    def spectral(self) -> int | None:
        """Number of the spectral axis, from 1."""
        return spectral_axis(self.keywords, len(self.lengths))

    def wavelengths(self, axis: int) -> Numbers:
        """Wavelengths in vacuum at the edges of the pixels of the spectral axis, in m; NaN where not known."""
        edges = np.arange(self.lengths[axis - 1] + 1, dtype=np.float64) + 0.5
        return axis_wavelengths(self.keywords, axis, len(self.lengths), edges)

    @cached_property
    def stokes(self) -> int | None:
        """Number of the polarization axis, from 1."""
        return next((axis for axis in self._numbers if self._ctype(axis) == "STOKES"), None)

    def states(self, axis: int) -> list[str | None]:
        """Names of the states along the polarization axis."""
        values = self._linear(axis, np.arange(1, self.lengths[axis - 1] + 1, dtype=np.float64))
        return [STOKES.get(round(value)) if np.isfinite(value) else None for value in values]

    @cached_property
    def temporal(self) -> int | None:
        """Number of the time axis, from 1."""
        names = {"TIME", "UT", "UTC", *_TIMES}
        return next((axis for axis in self._numbers if self._ctype(axis).partition("-")[0] in names), None)

    def instants(self, axis: int) -> Numbers:
        """MJD in UTC at the edges of the pixels of the time axis; NaN where not known.

        References
        ----------
        FITS 4.0, "Representations of time coordinates".
        """
        values = self._linear(axis, np.arange(self.lengths[axis - 1] + 1, dtype=np.float64) + 0.5)
        unit = (self.keywords.text(f"CUNIT{axis}") or self.keywords.text("TIMEUNIT") or "s").lower()
        kind = self._ctype(axis).partition("-")[0]
        return to_mjd_utc(self.keywords, values, unit, kind if kind in _TIMES else None)

    @property
    def _numbers(self) -> range:
        return range(1, len(self.lengths) + 1)

    def _linear(self, axis: int, pixels: Numbers) -> Numbers:
        number = self.keywords.number
        step = number(f"CD{axis}_{axis}") or number(f"CDELT{axis}")
        value, pixel = number(f"CRVAL{axis}"), number(f"CRPIX{axis}")
        if step is None or value is None:
            return np.full(len(pixels), np.nan)
        return value + (pixels - (pixel or 0.0)) * step


def to_mjd_utc(keywords: Keywords, values: Numbers, unit: str, scale: str | None = None) -> Numbers:
    """Times since the reference time of a header, as MJD in UTC; NaN where the header does not say enough.

    Parameters
    ----------
    keywords
        Of the header.
    values
        In `unit`.
    unit
        As the header writes it, lower case.
    scale
        Time scale; that of TIMESYS without one.
    """
    factor = _TIME_UNITS_D.get(unit)
    if factor is None:
        return np.full(np.shape(values), np.nan)
    whole, part = keywords.number("MJDREFI"), keywords.number("MJDREFF")
    reference = keywords.number("MJDREF") if whole is None else whole + (part or 0.0)
    if reference is None:
        whole, part = keywords.number("BJDREFI"), keywords.number("BJDREFF")
        reference = None if whole is None else whole + (part or 0.0) - 2_400_000.5
    mjd = np.asarray(values, float) * factor + (reference or 0.0)
    known = _TIMES.get((scale or keywords.text("TIMESYS") or "UTC").upper(), "utc")
    if known == "utc":
        return mjd
    good = np.isfinite(mjd)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mjd[good] = Time(mjd[good], format="mjd", scale=known).utc.mjd
    return mjd


def image_lengths(hdu: Any) -> tuple[int, ...]:
    """Lengths of the axes of an image HDU, FITS order; none for one without pixels."""
    shape = getattr(hdu, "shape", None) or ()
    return tuple(reversed(shape)) if all(shape) else ()
