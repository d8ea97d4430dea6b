"""What one SSA query asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ssap.range_lists import read_date, read_range, read_range_list, read_value
from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, RowLimits, quoted, read_choice, read_maxrec
from vo.dali.values import Interval, read_number

DEFAULT_SIZE_DEG = 1.0 / 30.0
"""Diameter of the search region where SIZE is absent or 0: spectra of what is seen at the position."""

VOTABLE = "application/x-votable+xml"
FITS = ("application/fits", "image/fits")

FRAMES = {
    "ICRS": "ICRS",
    "FK5": "FK5",
    "J2000": "FK5",
    "FK4": "FK4",
    "ECLIPTIC": "ECLIPTIC",
    "GALACTIC": "GALACTIC",
    "GALACTIC_II": "GALACTIC",
    "SUPER_GALACTIC": "SUPER_GALACTIC",
}
"""Frames of POS, and the names that `schema.spatial.frames` has for them."""

FLUX_LEVELS: dict[str, tuple[str, ...]] = {
    "any": (),
    "absolute": ("absolute",),
    "relative": ("relative", "absolute"),
    "normalized": ("normalized",),
}
WAVE_LEVELS: dict[str, tuple[str, ...]] = {
    "any": (),
    "absolute": ("absolute", "calibrated"),
    "relative": ("relative", "absolute", "calibrated"),
}
"""States of calibration that are good enough; none for every one."""

_FORMAT_WORDS: dict[str, tuple[str, ...]] = {
    "compliant": (VOTABLE,),
    "votable": (VOTABLE,),
    "fits": FITS,
    "xml": ("application/xml",),
    "graphic": ("image/jpeg", "image/png", "image/gif"),
    "native": (),
}


@dataclass(frozen=True, slots=True)
class Formats:
    """Forms in which spectra are wanted.

    Attributes
    ----------
    media_types
        Lower case.
    native
        Whether the form in which a spectrum is kept is wanted, whatever it is.
    """

    media_types: frozenset[str]
    native: bool


@dataclass(frozen=True, slots=True)
class SpectrumQuery:
    """What one SSA query asks for; None or an empty tuple means no constraint.

    Attributes
    ----------
    position
        Centre of the region, in deg, in `frame`.
    frame
        One of the values of `FRAMES`.
    size
        Diameter of the region, in deg.
    bands, times
        Intervals, in m and MJD; a spectrum must have a part in common with one of them.
    formats
        None for all.
    resolving_power, snr
        Least values.
    spatial_resolution, time_resolution
        Largest values, in deg and s.
    target_name, target_classes, collection, publisher_did, creator_did
        Texts, without regard to case; of the collection a part is enough, unless it is an IVOA identifier.
    flux_levels, wave_levels
        States of calibration that are good enough.
    modified
        Interval of the date of the last change, MJD.
    top
        Number of the best rows to give.
    maxrec
        Most rows to return, already cut to the limit of the service.
    run_id
        Name under which the client keeps the query, None without one.
    """

    position: tuple[float, float] | None
    frame: str
    size: float
    bands: tuple[Interval, ...]
    times: tuple[Interval, ...]
    formats: Formats | None
    resolving_power: float | None
    spatial_resolution: float | None
    time_resolution: float | None
    snr: float | None
    target_name: str | None
    target_classes: tuple[str, ...]
    flux_levels: tuple[str, ...]
    wave_levels: tuple[str, ...]
    publisher_did: str | None
    creator_did: str | None
    collection: str | None
    modified: Interval | None
    top: int | None
    maxrec: int
    run_id: str | None


def check_operation(parameters: Parameters) -> None:
    """Refuse other operations and other versions of the protocol.

    Raises
    ------
    UsageFault
        Raised with the names of those that are there.

    References
    ----------
    SSA 1.1, "Version number negotiation", "REQUEST".
    """
    request = parameters.one("REQUEST")
    if request is not None and request.strip().lower() != "querydata":
        raise UsageFault(f"REQUEST={quoted(request)} is not an operation of this service; it knows queryData.")
    version = parameters.one("VERSION")
    if version is not None and not re.fullmatch(r"1\.[01][0-9]?", version.strip()):
        raise UsageFault(f"VERSION={quoted(version)} is not spoken here; this is SSA 1.1.")


def asks_for_metadata(parameters: Parameters) -> bool:
    """Whether a request is about the service itself.

    References
    ----------
    SSA 1.1, "Metadata Query".
    """
    return (parameters.one("FORMAT") or "").strip().lower() == "metadata"


def read_spectrum_query(parameters: Parameters, rows: RowLimits) -> SpectrumQuery:
    """Read the parameters of queryData; those that it does not know are ignored.

    APERTURE, REDSHIFT, VARAMPL and COMPRESS are checked and change nothing.

    Raises
    ------
    UsageFault
        Raised with a sentence about the first parameter that is repeated or means nothing.

    References
    ----------
    SSA 1.1, "Input Parameters".
    """
    one = parameters.one
    for name in ("REDSHIFT", "VARAMPL"):
        read_range(name, one(name) or "", read_value)
    _number(parameters, "APERTURE")
    read_choice("COMPRESS", one("COMPRESS"), ("true", "false", "1", "0"), default="true")
    position, frame = _position(one("POS"))
    return SpectrumQuery(
        position=position,
        frame=frame,
        size=_size(parameters),
        bands=_bands(one("BAND")),
        times=read_range_list("TIME", one("TIME") or "", read_date).items,
        formats=_formats(one("FORMAT")),
        resolving_power=_number(parameters, "SPECRP"),
        spatial_resolution=_number(parameters, "SPATRES"),
        time_resolution=_number(parameters, "TIMERES"),
        snr=_number(parameters, "SNR"),
        target_name=one("TARGETNAME"),
        target_classes=tuple(each.strip() for each in (one("TARGETCLASS") or "").split(",") if each.strip()),
        flux_levels=FLUX_LEVELS[read_choice("FLUXCALIB", one("FLUXCALIB"), FLUX_LEVELS, default="any")],
        wave_levels=WAVE_LEVELS[read_choice("WAVECALIB", one("WAVECALIB"), WAVE_LEVELS, default="any")],
        publisher_did=one("PUBDID"),
        creator_did=one("CREATORDID"),
        collection=one("COLLECTION"),
        modified=read_range("MTIME", one("MTIME") or "", read_date),
        top=_top(one("TOP")),
        maxrec=read_maxrec(one("MAXREC"), default=rows.default, hard=rows.hard),
        run_id=one("RUNID"),
    )


def _position(text: str | None) -> tuple[tuple[float, float] | None, str]:
    if text is None:
        return None, "ICRS"
    place, _, frame = text.partition(";")
    words = place.split(",")
    if len(words) != 2:
        raise UsageFault(f"POS takes two numbers with a comma between them, ra,dec, not {quoted(text)}.")
    lon, lat = (read_number("POS", word) for word in words)
    if not (0.0 <= lon <= 360.0 and -90.0 <= lat <= 90.0):
        raise UsageFault(f"POS={quoted(text)} is not on the sky: ra is 0 to 360, dec -90 to 90 degrees.")
    name = frame.strip().upper() or "ICRS"
    if name not in FRAMES:
        raise UsageFault(f"POS has the frame {quoted(frame)}, which is not known here; known: {', '.join(FRAMES)}.")
    return (lon, lat), FRAMES[name]


def _size(parameters: Parameters) -> float:
    size = _number(parameters, "SIZE")
    if size is not None and size > 360.0:
        raise UsageFault(f"SIZE must be a diameter of 0 to 360 degrees, not {size:g}.")
    return size or DEFAULT_SIZE_DEG


def _bands(text: str | None) -> tuple[Interval, ...]:
    if text is None:
        return ()
    found = read_range_list("BAND", text, _wavelength)
    if found.qualifier not in (None, "source", "observer"):
        raise UsageFault(f"BAND has the qualifier {quoted(str(found.qualifier))}; it may be source or observer.")
    return found.items


def _wavelength(name: str, text: str) -> Interval:
    try:
        found = read_value(name, text)
    except UsageFault:
        raise UsageFault(
            f"{name}={quoted(text)} is not a wavelength in m; names of bandpasses are not known here."
        ) from None
    if found.lower < 0.0:
        raise UsageFault(f"{name}={quoted(text)} is below zero; it is a wavelength in vacuum, in m.")
    return found


def _formats(text: str | None) -> Formats | None:
    if text is None:
        return None
    media_types: set[str] = set()
    native = False
    for word in (part.strip().lower() for part in text.split(",") if part.strip()):
        if word == "all":
            return None
        if "/" in word:
            # A blank stands where a client forgot to write the plus sign as %2B.
            kind = word.replace("x-votable xml", "x-votable+xml")
            media_types.update(FITS if kind in FITS else {kind})
        elif word in _FORMAT_WORDS:
            media_types.update(_FORMAT_WORDS[word])
            native |= word == "native"
        else:
            known = ", ".join(("all", *_FORMAT_WORDS, "metadata"))
            raise UsageFault(f"FORMAT={quoted(text)} is not understood; known: {known} and media types.")
    return Formats(frozenset(media_types), native)


def _number(parameters: Parameters, name: str) -> float | None:
    text = parameters.one(name)
    if text is None:
        return None
    number = read_number(name, text)
    if number < 0.0:
        raise UsageFault(f"{name}={quoted(text)} is below zero.")
    return number


def _top(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return read_maxrec(text, default=0, hard=2**31 - 1)
    except UsageFault:
        raise UsageFault(f"TOP must be a whole number of zero or more, not {quoted(text)}.") from None
