"""Header to metadata for any telescope: the standard keywords and their usual relatives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ingest.cards import Card
from ingest.content import Content, product_type
from ingest.frames import Frame, frame_of, is_position, to_icrs
from ingest.times import is_mjd, read_clock, read_date, to_utc
from vo.spectral import Spectrum, read_spectral_axis, read_spectral_column, spectral_axis

Row = dict[str, Any]

_PROCESSED = ("CCDPROC", "FLATCOR", "ZEROCOR", "PROCSOFT", "PIPEVER")
_RAW_WORDS = ("ADU", "COUNT", "COUNTS", "DN", "ELECTRONS", "COUNTS / PIXEL")
_UNIT_SECONDS = {"ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0}
_LAMPS = ("BIAS", "ZERO", "DARK", "FLAT", "COMPARISON", "ARC", "LAMP", "DOME", "DOMEFLAT", "DOME FLAT")
_SEXAGESIMAL = re.compile(r"([+-]?)(\d{1,3})[:\s](\d{1,2})[:\s](\d{1,2}(?:\.\d*)?)", re.ASCII)
_ENDINGS = re.compile(r"(\.(fits|fit|fts|tfits|mt|ftz))?(\.(fz|gz|Z|bz2|xz))?$", re.IGNORECASE)
FITS_NAME = re.compile(r"\.(fits|fit|fts|tfits|mt|ftz)(\.(fz|gz|Z|bz2|xz))?$", re.IGNORECASE)
"""Names that say FITS."""

_TARGETS = ("OBJECT", "STANDARD", "STD", "SKY", "SCIENCE", "LIGHT", "TARGET", "SPECTROSCOPIC", "IMAGING")
_CLOCKS = ("TIME-OBS", "TIME_OBS", "UT", "UTC", "UTSTART", "UTC-OBS", "UT-START", "UTOBS", "UTSHUT", "TIME-BEG", "TIME")
_NOTHING = ("UNKNOWN", "NONE", "NULL", "N/A", "UNDEFINED")
_STOKES = {
    1: "I", 2: "Q", 3: "U", 4: "V", -1: "RR", -2: "LL", -3: "RL", -4: "LR", -5: "XX", -6: "YY", -7: "XY", -8: "YX",
}  # fmt: skip
_STATE_ORDER = ("I", "Q", "U", "V", "RR", "LL", "RL", "LR", "XX", "YY", "XY", "YX", "POLI", "POLA")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """When the light was collected.

    Attributes
    ----------
    start, end
        MJD, UTC; None where unknown.
    """

    start: float | None
    end: float | None


class Translator:
    """What the header of one file means.

    A translator says constants first, then a table of pairs, then methods ``to_<column>`` for what needs thought; later
    ones win. Subclasses know an observatory or a standard and say only where they differ.

    Parameters
    ----------
    content
        The file.

    Attributes
    ----------
    warnings
        What is odd, in sentences.
    """

    name: ClassVar[str] = "base"

    constants: ClassVar[Mapping[str, Any]] = {"data_rights": "public"}

    texts: ClassVar[dict[str, tuple[str, ...]]] = {
        "target_name": ("OBJECT", "TARGNAME", "TARGET", "SOURCE"),
        "facility_name": ("TELESCOP", "OBSERVAT", "MISSION"),
        "instrument_name": ("INSTRUME", "DETNAM", "CAMERA"),
        "proposal_id": ("PROG_ID", "PROPOSID", "PROPID", "GEMPRGID", "PROPOSAL", "PROJECT", "RUNID"),
        "obs_id": ("OBS_ID", "OBSID", "ROOTNAME", "GEMPRGID"),
        "filter": ("FILTER", "FILTERS", "FILTNAM1", "FILTER1", "FILTER01", "BAND"),
        "bib_reference": ("REFERENC",),
        "obs_title": ("TITLE",),
        "o_unit": ("BUNIT",),
        "obs_creator_did": ("ORIGFILE",),
    }

    numbers: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "snr": ("SNR",),
        "abmaglim": ("ABMAGLIM",),
        "strehl": ("STREHL",),
        "em_res_power": ("SPEC_RES", "SPECRP"),
    }

    integers: ClassVar[Mapping[str, tuple[str, ...]]] = {"n_obs": ("NCOMBINE",)}

    methods: ClassVar[tuple[str, ...]] = ()

    positions: ClassVar[tuple[tuple[str, str], ...]] = (
        ("RA", "DEC"),
        ("RA_TARG", "DEC_TARG"),
        ("TARG_RA", "TARG_DEC"),
        ("PLUG_RA", "PLUG_DEC"),
        ("RA_OBJ", "DEC_OBJ"),
        ("OBJCTRA", "OBJCTDEC"),
        ("RA_NOM", "DEC_NOM"),
        ("RA_PNT", "DEC_PNT"),
        ("CAT-RA", "CAT-DEC"),
        ("OBJRA", "OBJDEC"),
        ("RA_DEG", "DEC_DEG"),
        ("TELRA", "TELDEC"),
        ("CRVAL1", "CRVAL2"),
    )

    exposures: ClassVar[tuple[str, ...]] = (
        "EXPTIME", "EXPOSURE", "EXPOSED", "TEXPTIME", "XPOSURE", "EFFEXPTM", "EXP_TIME", "INTTIME", "ITIME", "ONTIME",
        "LIVETIME",
    )  # fmt: skip

    def __init__(self, content: Content) -> None:
        self.content = content
        self.warnings: list[str] = []

    @classmethod
    def can_translate(cls, content: Content) -> bool:
        """Whether this translator knows the file."""
        return isinstance(content, Content)

    def row(self) -> Row:
        """Columns of ObsCore that the keywords tell; position, times and wavelengths are asked for by themselves."""
        content = self.content
        row: Row = dict(self.constants)
        row.update({column: content.text(*keywords) for column, keywords in self.texts.items()})
        row.update({column: content.number(*keywords) for column, keywords in self.numbers.items()})
        row.update({column: content.integer(*keywords) for column, keywords in self.integers.items()})
        row["dataproduct_type"], row["dataproduct_subtype"] = self.product_type()
        row["calib_level"] = self.calib_level()
        row["pol_states"] = self.pol_states()
        row["o_ucd"] = self.observable(row)
        row["s_resolution"] = self.resolution()
        for column in self.methods:
            row[column] = getattr(self, f"to_{column}")()
        for column in ("filter", "facility_name", "instrument_name", "proposal_id", "obs_id"):
            if f"{row.get(column)}".upper() in _NOTHING:
                row[column] = None
        row["obs_collection"] = row.get("obs_collection") or self.collection(row)
        return row

    def dp_id(self) -> str:
        """Identifier in the archive: ARCFILE of files that nobody has changed since, else the name of the file."""
        archive_name = self.content.text("ARCFILE")
        if archive_name and not self.is_processed():
            return without_ending(archive_name)
        return without_ending(self.content.fits.name) or self.content.fits.name

    def is_processed(self) -> bool:
        """Whether software has changed the data after the telescope wrote them."""
        return self.content.card(*_PROCESSED) is not None or (self.content.number("NCOMBINE") or 1) > 1

    def is_raw(self) -> bool:
        """Whether the file is what a detector of this observatory gave and belongs to the table of raw files."""
        return False

    def raw_row(self) -> Row:
        """Columns of ``dbo.raw`` that the keywords tell."""
        return {}

    def on_sky(self) -> bool:
        """Whether the file looks at the sky: coordinates of bias, dark and lamp frames mean nothing."""
        kind = (self.content.text("OBSTYPE", "IMAGETYP") or "").upper()
        return kind not in _LAMPS

    def uses_wcs(self) -> bool:
        """Whether celestial axes of images tell the footprint; not so for frames of slit spectrographs."""
        return self.on_sky()

    def product_type(self) -> tuple[str | None, str | None]:
        """Type and subtype."""
        return product_type(self.content) if self.on_sky() else (None, self.content.text("OBSTYPE", "IMAGETYP"))

    def calib_level(self) -> int:
        """Level of calibration (ObsCore 1.1, "Calibration level")."""
        if self.content.main.kind == "table":
            return 2
        unit = (self.content.text("BUNIT") or "").upper()
        unsigned = self.content.main.header.integer("BZERO") == 32768
        kind = (self.content.text("OBSTYPE", "IMAGETYP") or "").upper()
        observed = kind in (*_LAMPS, *_TARGETS) and unit in ("", *_RAW_WORDS)
        return 1 if (unsigned or observed) and not self.is_processed() else 2

    def collection(self, row: Row) -> str:
        """Collection of a file that names none: its instrument, else its telescope."""
        return row.get("instrument_name") or row.get("facility_name") or "unknown"

    def position(self) -> tuple[float, float] | None:
        """Position that keywords state, ICRS, in deg."""
        for lon_word, lat_word in self.positions:
            lon_card, lat_card = self.content.card(lon_word), self.content.card(lat_word)
            if lon_card is None or lat_card is None:
                continue
            if lon_word == "CRVAL1" and self.content.main.shape:
                return None
            lon, lat = _angle(lon_card, hours=True), _angle(lat_card, hours=False)
            if lon is None or lat is None or not is_position(lon, lat):
                self.warnings.append(
                    f"{lon_word} = {lon_card.value}, {lat_word} = {lat_card.value} is not a position on the sky."
                )
                continue
            if lon == 0 == lat:
                self.warnings.append(f"{lon_word} = {lat_word} = 0 is taken as not set.")
                continue
            ra, dec = to_icrs(lon, lat, self.frame())
            return float(ra), float(dec)
        return None

    def frame(self) -> Frame:
        """Frame of the position that keywords state."""
        equinox = self.content.number("EQUINOX", "EPOCH")
        return frame_of(self.content.text("RADESYS", "RADECSYS"), equinox)

    def exposure(self) -> float | None:
        """Exposure time as the header states it, in s."""
        for keyword in self.exposures:
            card = self.content.card(keyword)
            seconds = _seconds(card) if card is not None else None
            if seconds is None:
                continue
            if seconds >= 0:
                return seconds
            self.warnings.append(f"{keyword} = {seconds} is not a time of exposure.")
        return None

    def total_exposure(self) -> float | None:
        """Exposure time of all integrations together, in s."""
        return self.exposure()

    def times(self) -> TimeRange:
        """Start and end of the observation."""
        scale = self.content.text("TIMESYS")
        start, end = self._start(), self._end()
        if start is not None:
            start = to_utc(start, scale)
        if end is not None:
            end = to_utc(end, scale)
        if start is not None and (end is None or end < start):
            if end is not None:
                self.warnings.append("The end of the observation is before its start and is not used.")
            end = start + (self.total_exposure() or 0.0) / 86400
        return TimeRange(start, end)

    def _start(self) -> float | None:
        mjd = self.content.number("MJD-OBS", "MJD_OBS", "MJDSTART", "MJD-BEG", "EXPSTART")
        if is_mjd(mjd):
            return mjd
        if mjd is not None:
            self.warnings.append(f"MJD-OBS = {mjd} is not the time of an observation.")
        start = self._date("DATE-OBS", "DATE-BEG", "DATE_OBS", clocks=_CLOCKS)
        julian = self.content.number("JD-OBS", "JD", "JULDATE")
        if start is None and julian is not None and is_mjd(julian - 2400000.5):
            return julian - 2400000.5
        return start

    def _end(self) -> float | None:
        mjd = self.content.number("MJD-END", "MJD_END", "MJDEND", "EXPEND")
        return mjd if is_mjd(mjd) else self._date("DATE-END", "DATE_END", clocks=("TIME-END", "TIME_END"))

    def _date(self, *keywords: str, clocks: tuple[str, ...]) -> float | None:
        card = self.content.card(*keywords)
        if card is None:
            return None
        instant = read_date(card.value)
        if instant is None or not is_mjd(instant.mjd):
            self.warnings.append(f"{card.keyword} = {card.value} is not a date.")
            return None
        if instant.has_clock:
            return instant.mjd
        for keyword in clocks:
            clock = read_clock(self.content.value(keyword))
            if clock is not None:
                return instant.mjd + clock
        self.warnings.append(f"{card.keyword} = {card.value} has no time of day; midnight is used.")
        return instant.mjd

    def spectrum(self) -> Spectrum | None:
        """Range of wavelengths."""
        main = self.content.main
        if not self.on_sky():
            return None
        if main.kind == "table":
            return read_spectral_column(main.header, main.shape[1] if len(main.shape) > 1 else 0)
        if main.kind != "image":
            return None
        axis = spectral_axis(main.header, len(main.shape))
        if axis is None:
            return None
        found = read_spectral_axis(main.header, axis, main.shape)
        if found is None:
            self.warnings.append(f"The spectral axis {axis} does not say its wavelengths.")
        return found

    def pol_states(self) -> str | None:
        """States of polarization between slashes, in the order of the standard (ObsCore 1.1, "pol_states")."""
        header, shape = self.content.main.header, self.content.main.shape
        for axis, length in enumerate(shape, start=1):
            if (header.text(f"CTYPE{axis}") or "").upper() == "STOKES":
                first, step = header.number(f"CRVAL{axis}") or 1.0, header.number(f"CDELT{axis}") or 1.0
                start = first + (1 - (header.number(f"CRPIX{axis}") or 1.0)) * step
                states = {_STOKES.get(round(start + number * step)) for number in range(min(length, 12))}
                return _states(states)
        text = self.content.text("STOKES")
        return _states({part.strip().upper() for part in text.split("/")}) if text else None

    def observable(self, row: Row) -> str | None:
        """UCD of what the pixels mean, by their unit."""
        unit = (row.get("o_unit") or "").upper().replace(" ", "")
        if row["dataproduct_type"] == "visibility":
            return "stat.fourier"
        if row["dataproduct_type"] not in ("image", "cube", "spectrum"):
            return None
        if row["calib_level"] == 1 or unit in _RAW_WORDS:
            return "phot.count"
        if unit == "K":
            return "phys.temperature"
        if unit.startswith(("JY", "MJY", "ERG", "10**", "1E-", "W/M", "W.M")):
            return "phot.flux.density"
        return None

    def resolution(self) -> float | None:
        """Spatial resolution, in arcsec."""
        seeing = self.content.number("PSF_FWHM", "SKY_RES")
        if seeing is not None and seeing > 0:
            return seeing
        beam = self.content.number("BMAJ")
        return beam * 3600 if beam is not None and 0 < beam < 10 else None

    def release(self) -> float | None:
        """When the header says that the file becomes public, MJD; None where it says nothing."""
        instant = read_date(self.content.value("RELEASE", "RELDATE"))
        return None if instant is None else instant.mjd

    def file_date(self) -> float | None:
        """When the file was written, MJD."""
        instant = read_date(self.content.value("DATE"))
        return None if instant is None or not is_mjd(instant.mjd) else instant.mjd

    def release_days(self) -> bool:
        """Whether the proprietary period of the archive holds for this file."""
        return False


def without_ending(name: str) -> str:
    """Name of a file without the endings of FITS and of compression."""
    return _ENDINGS.sub("", name.strip(), count=1)


def _states(states: set[str | None]) -> str | None:
    known = [state for state in _STATE_ORDER if state in states]
    return f"/{'/'.join(known)}/" if known else None


def _angle(card: Card, *, hours: bool) -> float | None:
    """Angle of a card in deg; sexagesimal right ascensions are in hours."""
    if isinstance(card.value, str) and (match := _SEXAGESIMAL.fullmatch(card.value.strip())):
        sign, first, minutes, seconds = match.groups()
        degrees = int(first) + int(minutes) / 60 + float(seconds) / 3600
        return (-degrees if sign == "-" else degrees) * (15 if hours else 1)
    if isinstance(card.value, bool) or card.value is None:
        return None
    try:
        number = float(card.value)
    except ValueError:
        return None
    words = (card.unit or card.comment).lower()
    return number * 15 if hours and words.startswith(("h", "hour", "[h")) and abs(number) <= 24 else number


def _seconds(card: Card) -> float | None:
    try:
        number = float(card.value) if card.value is not None and not isinstance(card.value, bool) else None
    except ValueError:
        return None
    if number is None or not abs(number) <= 1e12:
        return None
    return number * _UNIT_SECONDS.get((card.unit or "s").lower(), 1.0)
