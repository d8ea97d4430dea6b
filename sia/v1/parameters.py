"""What one SIA 1 query asks for."""

from __future__ import annotations

from dataclasses import dataclass

from vo.dali.errors import UsageFault
from vo.dali.parameters import Parameters, RowLimits, quoted, read_choice, read_maxrec
from vo.dali.values import read_number
from vo.tables.annotations import Param
from vo.tables.field import Field

INTERSECTIONS = ("OVERLAPS", "COVERS", "ENCLOSED", "CENTER")

FITS = ("image/fits", "application/fits")
GRAPHICS = ("image/jpeg", "image/png", "image/gif")

INPUTS = (
    Param(Field("POS", "char", "*", unit="deg", description="Centre of the region: ra,dec, ICRS.")),
    Param(Field("SIZE", "char", "*", unit="deg", description="Size of the region: one number, or width,height.")),
    Param(
        Field("FORMAT", "char", "*", description="Media types that are wanted, separated by commas, or a word."),
        "ALL",
        options=("ALL", "GRAPHIC", "METADATA", *FITS, *GRAPHICS),
    ),
    Param(
        Field("INTERSECT", "char", "*", description="How an image must lie to the region."),
        "OVERLAPS",
        options=INTERSECTIONS,
    ),
    Param(Field("VERB", "int", description="Columns: 0 the fewest, 3 all."), "2", minimum="0", maximum="3"),
    Param(Field("MAXREC", "int", description="Most rows to give."), minimum="0"),
)
"""The parameters of a query."""

_WORDS = {"jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png", "gif": "image/gif"}


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """What one SIA 1 query asks for.

    Attributes
    ----------
    ra, dec
        Centre of the region, in deg, ICRS.
    width, height
        Its size along right ascension and declination, in deg on the sky.
    intersection
        One of `INTERSECTIONS`.
    formats
        Media types that are wanted, None for all.
    verbosity
        0 for the fewest columns, 3 for all.
    maxrec
        Most rows to return, already cut to the limit of the service.
    """

    ra: float
    dec: float
    width: float
    height: float
    intersection: str
    formats: frozenset[str] | None
    verbosity: int
    maxrec: int


def asks_for_metadata(parameters: Parameters) -> bool:
    """Whether a request is about the service itself.

    References
    ----------
    SIA 1.0, "Metadata Query".
    """
    return (parameters.one("FORMAT") or "").strip().upper() == "METADATA"


def read_image_query(parameters: Parameters, rows: RowLimits) -> ImageQuery:
    """Read the parameters of a query; those that it does not know are ignored, those of image generation too.

    Raises
    ------
    UsageFault
        Raised with a sentence about the first parameter that is missing, repeated, or means nothing.

    References
    ----------
    SIA 1.0, "Image Query", "Input".
    """
    ra, dec = _position(parameters.one("POS"))
    width, height = _size(parameters.one("SIZE"))
    return ImageQuery(
        ra,
        dec,
        width,
        height,
        read_choice("INTERSECT", parameters.one("INTERSECT"), INTERSECTIONS, default="OVERLAPS"),
        _formats(parameters.one("FORMAT")),
        int(read_choice("VERB", parameters.one("VERB"), ("0", "1", "2", "3"), default="2")),
        read_maxrec(parameters.one("MAXREC"), default=rows.default, hard=rows.hard),
    )


def _position(text: str | None) -> tuple[float, float]:
    if text is None:
        raise UsageFault("POS is missing: it holds right ascension and declination, such as POS=83.6,-5.4.")
    words = text.split(",")
    if len(words) != 2:
        raise UsageFault(f"POS takes two numbers with a comma between them, ra,dec, not {quoted(text)}.")
    ra, dec = (read_number("POS", word) for word in words)
    if not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0):
        raise UsageFault(f"POS={quoted(text)} is not on the sky: ra is 0 to 360, dec -90 to 90 degrees.")
    return ra, dec


def _size(text: str | None) -> tuple[float, float]:
    if text is None:
        raise UsageFault("SIZE is missing: it holds the size of the region in degrees, such as SIZE=0.2.")
    words = text.split(",")
    if len(words) not in (1, 2):
        raise UsageFault(f"SIZE takes one number, or width,height, not {quoted(text)}.")
    sizes = [read_number("SIZE", word) for word in words]
    if any(not 0.0 <= size <= 360.0 for size in sizes):
        raise UsageFault(f"SIZE={quoted(text)} is out of range: 0 to 360 degrees.")
    return sizes[0], sizes[-1]


def _formats(text: str | None) -> frozenset[str] | None:
    if text is None:
        return None
    found: set[str] = set()
    for word in (part.strip().lower() for part in text.split(",") if part.strip()):
        kind = word.removeprefix("graphic-")
        if word == "all":
            return None
        if word in ("graphic", "graphic-all"):
            found.update(GRAPHICS)
        elif kind in _WORDS:
            found.add(_WORDS[kind])
        elif word in FITS:
            found.update(FITS)
        elif "/" in word:
            found.add(word)
        elif word != "html":
            raise UsageFault(
                f"FORMAT={quoted(text)} is not understood; write ALL, GRAPHIC, METADATA or media types with commas."
            )
    return frozenset(found)
