"""Wavelengths that a file covers, in metres of vacuum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

SPEED_OF_LIGHT = 299_792_458.0
_PLANCK_EV = 4.135667696e-15

_LENGTHS = {
    "m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "micron": 1e-6, "microns": 1e-6, "micrometer": 1e-6,
    "micrometers": 1e-6, "nm": 1e-9, "nanometer": 1e-9, "nanometers": 1e-9, "nanometre": 1e-9,
    "angstrom": 1e-10, "angstroms": 1e-10, "ang": 1e-10, "a": 1e-10, "0.1nm": 1e-10,
}  # fmt: skip
_FREQUENCIES = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9, "thz": 1e12}
_ENERGIES = {"ev": 1.0, "kev": 1e3, "mev": 1e6, "gev": 1e9, "tev": 1e12, "j": 1 / 1.602176634e-19}
_SPEEDS = {"m/s": 1.0, "m s-1": 1.0, "m s^-1": 1.0, "m.s-1": 1.0, "km/s": 1e3, "km s-1": 1e3, "km.s-1": 1e3}
_WAVES = ("WAVE", "AWAV", "LAMBDA", "WAVELENG", "WAVELENGTH", "ANGSTROM", "NANOMETER", "MICRON", "NM", "UM")
_AIR_FROM = 2e-7

Pixels = npt.NDArray[np.float64]


class Header(Protocol):
    """Keywords of a FITS header; of a missing one the value is None."""

    def value(self, keyword: str, /) -> str | bool | int | float | None:
        """Value as it is written."""

    def text(self, keyword: str, /) -> str | None:
        """Value as text without blanks around it; None where it is empty."""

    def number(self, keyword: str, /) -> float | None:
        """Value as a finite number; None where it is not one."""

    def integer(self, keyword: str, /) -> int | None:
        """Value as a whole number; None where it is not one."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Range of a spectral axis.

    Attributes
    ----------
    em_min, em_max
        Shortest and longest wavelength at the outer edges of the pixels, in vacuum, in m.
    em_xel
        Number of samples.
    em_unit
        Unit of the axis in the file.
    em_ucd
        UCD of the axis in the file.
    """

    em_min: float
    em_max: float
    em_xel: int
    em_unit: str | None = None
    em_ucd: str | None = None


def vacuum(wavelength: float) -> float:
    """Wavelength in air as wavelength in vacuum, both in m; below 200 nm nothing changes.

    Notes
    -----
    Line lists and so wavelength solutions are in air of 15 °C. The formula of the FITS standard (Greisen et al. 2006,
    equation 65) is for 0 °C and would be 0.1 Angstrom off at 6563.

    References
    ----------
    Ciddor 1996 (Applied Optics 35, 1566), equation 1; turned round by iteration.
    """
    return float(in_vacuum(np.array(wavelength)))


def in_vacuum(wavelengths: Pixels) -> Pixels:
    """`vacuum` for many wavelengths."""
    found = wavelengths
    with np.errstate(all="ignore"):
        for _ in range(3):
            square = (1e-6 / found) ** 2
            found = wavelengths * (1 + 0.05792105 / (238.0185 - square) + 0.00167917 / (57.362 - square))
    return np.where(wavelengths < _AIR_FROM, wavelengths, found)


def spectral_axis(header: Header, count: int) -> int | None:
    """Number of the spectral axis, from 1; None without one.

    Parameters
    ----------
    header
        Of an image.
    count
        Number of axes of the image.
    """
    for axis in range(1, count + 1):
        if _kind(header, axis, count) is not None:
            return axis
    return None


def _kind(header: Header, axis: int, count: int) -> str | None:
    """What an axis counts: WAVE, AWAV, FREQ, ENER, VRAD, VOPT or ZOPT."""
    kind = (header.text(f"CTYPE{axis}") or "").upper()
    word = kind.partition("-")[0]
    if word in ("AWAV", "FREQ", "ENER", "VRAD", "VOPT", "ZOPT"):
        return word
    if word in _WAVES:
        return "WAVE"
    if word in ("VELO", "VELOCITY", "FELO"):
        return "VOPT" if word == "FELO" else "VRAD"
    unit = (header.text(f"CUNIT{axis}") or "").lower()
    if unit in _LENGTHS and unit not in ("m", "cm", "mm") and word in ("LINEAR", "", "SPECTRUM", "LAMBDA"):
        return "WAVE"
    if word == "LINEAR" and count == 1 and (_is_log(header) or _looks_like_angstrom(header, axis)):
        return "WAVE"
    return None


def _looks_like_angstrom(header: Header, axis: int) -> bool:
    """IRAF leaves the unit out: linear axes of its spectra are in Angstrom."""
    start = header.number(f"CRVAL{axis}")
    return start is not None and start > 500 and _step(header, axis) is not None


def _is_log(header: Header) -> bool:
    return header.integer("DC-FLAG") == 1 or (header.text("WFITTYPE") or "").upper() == "LOG-LINEAR"


def _step(header: Header, axis: int) -> float | None:
    step = header.number(f"CD{axis}_{axis}")
    if step is None:
        step = header.number(f"CDELT{axis}")
    return step if step else None


def read_spectral_axis(header: Header, axis: int, shape: tuple[int, ...]) -> Spectrum | None:
    """Range of the spectral axis of an image.

    Parameters
    ----------
    header
        Of the image.
    axis
        Number of the axis, from 1.
    shape
        Lengths of all axes in FITS order.

    Returns
    -------
    Spectrum or None
        None where the header does not say enough, as for velocities without a rest frequency.

    References
    ----------
    FITS 4.0, "Spectral coordinate system representations"; Greisen et al. 2006.
    """
    count = shape[axis - 1]
    waves = sorted(axis_wavelengths(header, axis, len(shape), np.array([0.5, count + 0.5])).tolist())
    if not (0 < waves[0] < waves[1] < math.inf):
        return None
    kind = _kind(header, axis, len(shape))
    return Spectrum(waves[0], waves[1], count, header.text(f"CUNIT{axis}"), _UCDS.get(kind or ""))


def axis_wavelengths(header: Header, axis: int, axes: int, pixels: Pixels) -> Pixels:
    """Wavelengths in vacuum at places along the spectral axis of an image, in m.

    Parameters
    ----------
    header
        Of the image.
    axis
        Number of the axis, from 1.
    axes
        Number of axes of the image.
    pixels
        Coordinates, 1 in the middle of the first pixel.

    Returns
    -------
    wavelengths
        Of the same shape; NaN where the header does not say enough, as for velocities without a rest frequency.
    """
    kind = _kind(header, axis, axes)
    value, pixel, step = header.number(f"CRVAL{axis}"), header.number(f"CRPIX{axis}"), _step(header, axis)
    unknown = np.full(np.shape(pixels), np.nan)
    if kind is None or value is None or step is None:
        return unknown
    unit = header.text(f"CUNIT{axis}")
    ctype = (header.text(f"CTYPE{axis}") or "").upper()
    with np.errstate(all="ignore"):
        places = value + (np.asarray(pixels, float) - (1.0 if pixel is None else pixel)) * step
        if _is_log(header) and value < 10:
            places = 10**places
        elif ctype.endswith("-LOG") and value > 0:
            places = value * np.exp((places - value) / value)
        try:
            return _wavelengths(header, kind, unit, ctype, float(places.flat[0]), places)
        except ValueError:
            return unknown


def read_spectral_column(header: Header, rows: int) -> Spectrum | None:
    """Range of the spectral coordinate in the first column of a table, as TDMIN1 and TDMAX1 state it.

    Parameters
    ----------
    header
        Of the table.
    rows
        Number of its rows; one row holds arrays.

    References
    ----------
    ESO Science Data Products Standard (ESO-044286), "Spectrum".
    """
    low, high = header.number("TDMIN1"), header.number("TDMAX1")
    ucd, unit = header.text("TUCD1") or "", header.text("TUNIT1")
    if low is None or high is None:
        return None
    waves = sorted(column_wavelengths(ucd, unit, np.array([low, high])).tolist())
    count = header.integer("NELEM") or (rows if rows > 1 else 0)
    return (
        Spectrum(waves[0], waves[1], count, header.text("TUNIT1"), ucd) if 0 < waves[0] <= waves[1] < math.inf else None
    )


def column_wavelengths(ucd: str, unit: str | None, values: Pixels) -> Pixels:
    """Values of a column as wavelengths in vacuum, in m.

    Parameters
    ----------
    ucd
        Of the column.
    unit
        Of the column; None for that of the SI.
    values
        As the table has them.

    Returns
    -------
    wavelengths
        Of the same shape; NaN where the column holds no spectral coordinate or has a unit that is not known.
    """
    lower = (unit or "").strip().lower()
    values = np.asarray(values, float)
    with np.errstate(all="ignore"):
        try:
            if ucd.startswith("em.wl"):
                waves = _known(_LENGTHS, lower, "m") * values
                return in_vacuum(waves) if "obs.atmos" in ucd else waves
            if ucd.startswith("em.freq"):
                return SPEED_OF_LIGHT / (_known(_FREQUENCIES, lower, "hz") * values)
            if ucd.startswith("em.energy"):
                return SPEED_OF_LIGHT * _PLANCK_EV / (_known(_ENERGIES, lower, "ev") * values)
        except ValueError:
            pass
    return np.full(values.shape, np.nan)


_UCDS = {
    "WAVE": "em.wl", "AWAV": "em.wl;obs.atmos", "FREQ": "em.freq", "ENER": "em.energy",
    "VRAD": "spect.dopplerVeloc.radio", "VOPT": "spect.dopplerVeloc.opt", "ZOPT": "src.redshift",
}  # fmt: skip


def _wavelengths(header: Header, kind: str, unit: str | None, ctype: str, start: float, values: Pixels) -> Pixels:
    """Values of an axis as vacuum wavelengths in m; ValueError where something is missing."""
    lower = (unit or "").strip().lower()
    if kind in ("WAVE", "AWAV"):
        waves = values * (_LENGTHS.get(lower) or _length_of(ctype, start, unit))
        return in_vacuum(waves) if kind == "AWAV" or header.value("VACUUM") is False else waves
    if kind == "FREQ":
        return SPEED_OF_LIGHT / (values * _known(_FREQUENCIES, lower, "hz"))
    if kind == "ENER":
        return SPEED_OF_LIGHT * _PLANCK_EV / (values * _known(_ENERGIES, lower, "ev"))
    rest = _rest_wavelength(header)
    if kind == "ZOPT":
        return rest * (1 + values)
    beta = values * _known(_SPEEDS, lower, "m/s") / SPEED_OF_LIGHT
    return rest / (1 - beta) if kind == "VRAD" else rest * (1 + beta)


def _length_of(ctype: str, value: float, unit: str | None) -> float:
    """Unit of a wavelength that has none in CUNIT: by CTYPE, else metres, or Angstrom where metres cannot be."""
    if unit is not None:
        raise ValueError(f"{unit} is no unit of length.")
    return _LENGTHS.get(ctype.lower(), 1e-10 if value > 500 else 1.0)


def _known(table: dict[str, float], unit: str, default: str) -> float:
    try:
        return table[unit or default]
    except KeyError:
        raise ValueError(f"{unit} is not a unit of this axis.") from None


def _rest_wavelength(header: Header) -> float:
    for keyword in ("RESTFRQ", "RESTFREQ"):
        frequency = header.number(keyword)
        if frequency:
            return SPEED_OF_LIGHT / frequency
    wave = header.number("RESTWAV")
    if not wave:
        raise ValueError("There is no rest frequency.")
    return wave
