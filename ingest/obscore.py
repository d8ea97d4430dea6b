"""Headers of a file to the rows of the archive."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from ingest.astrometry import AstrometryError, Coverage, Footprint, celestial_axes, coverage, footprint
from ingest.cards import Header
from ingest.content import Content
from ingest.filters import band
from ingest.frames import ecliptic, galactic
from ingest.headers import FitsFile, Hdu
from ingest.provenance import Relation, relations
from ingest.release import ReleaseRule, release_date
from ingest.times import as_datetime
from ingest.translators.base import TimeRange, Translator, without_ending
from ingest.translators.choice import translator_for
from ingest.validate import clean_obscore, clean_raw
from schema.identifiers import publisher_did
from schema.keywords import Keyword, read_keywords
from vo.regions import Circle, Position, Region, write_stcs

_CONTENT_TYPES = {
    "": "application/fits", ".gz": "application/gzip", ".Z": "application/x-compress", ".bz2": "application/x-bzip2",
    ".xz": "application/x-xz",
}  # fmt: skip
_UNSAFE = str.maketrans({'"': "_", "\\": "_", "/": "_", " ": "_", ";": "_", "\t": "_"})
_MAX_IMAGES = 300


@dataclass(frozen=True, slots=True)
class Description:
    """What the archive writes down about one file.

    Attributes
    ----------
    dp_id
        Identifier.
    name
        Name under which the file leaves the archive.
    content_type
        Media type.
    release_date
        When it becomes public, UTC without zone.
    obscore
        Row of ``ivoa.obscore``, without what depends on the size of the file.
    raw
        Row of ``dbo.raw``; None for files that are not raw.
    header
        All headers as one JSON document.
    warnings
        What is odd, in sentences.
    relations
        Other files that the header names.
    keywords
        Settings of the instrument that the header of a raw file holds; their values are in `raw`.
    """

    dp_id: str
    name: str
    content_type: str
    release_date: datetime.datetime
    obscore: dict[str, Any]
    raw: dict[str, Any] | None
    header: dict[str, Any]
    warnings: tuple[str, ...]
    relations: tuple[Relation, ...] = ()
    keywords: tuple[Keyword, ...] = ()


def describe(fits: FitsFile, *, authority: str, rule: ReleaseRule, now: datetime.datetime) -> Description:
    """Describe a file by its headers.

    Parameters
    ----------
    fits
        The file.
    authority
        IVOA authority of the archive.
    rule
        When files become public.
    now
        UTC without zone.
    """
    content = Content(fits)
    translator = translator_for(content)
    times = translator.times()
    released = release_date(rule, translator, times, now)
    dp_id = translator.dp_id()
    covered, odd = _coverage(content, translator)
    row = translator.row() | _place(content, translator, covered) | _times(translator, times)
    row |= _spectrum(translator, row)
    row |= {
        "dp_id": dp_id,
        "obs_id": row.get("obs_id") or dp_id,
        "obs_publisher_did": publisher_did(dp_id, authority),
        "access_format": _CONTENT_TYPES[fits.packing],
        "obs_release_date": released,
        "publication_date": now,
        "last_mod_date": now,
        "data_rights": "public" if released <= now else "proprietary",
    }
    if row.get("pol_states"):
        row["pol_xel"] = len(row["pol_states"].strip("/").split("/"))
    obscore, left_out = clean_obscore(row)
    raw: dict[str, Any] | None = None
    keywords: tuple[Keyword, ...] = ()
    if translator.is_raw():
        raw, left_out_raw = clean_raw(_raw(translator, row, dp_id, released, now))
        left_out += [sentence for sentence in left_out_raw if sentence not in left_out]
        cards = fits.hdus[0].header.cards
        raw["keywords"], keywords = read_keywords((card.keyword, card.value, card.comment) for card in cards)
    warnings = tuple(
        dict.fromkeys([*fits.warnings, *_repeated(fits), *translator.warnings, *odd, *left_out, *_renamed(fits, dp_id)])
    )
    return Description(
        dp_id=dp_id,
        name=_name(fits, dp_id),
        content_type=_CONTENT_TYPES[fits.packing],
        release_date=released,
        obscore=obscore,
        raw=raw,
        header=header_document(fits, warnings),
        warnings=warnings,
        relations=relations(content),
        keywords=keywords,
    )


def _coverage(content: Content, translator: Translator) -> tuple[Coverage | None, list[str]]:
    """Region that the science images cover by their WCS."""
    if not translator.uses_wcs():
        return None, []
    odd: list[str] = []
    found: list[Footprint] = []
    for image in content.images[:_MAX_IMAGES]:
        header = _wcs_header(content, image)
        if header is None:
            continue
        try:
            found.append(footprint(header, image.shape))
        except AstrometryError as error:
            odd.append(f"The coordinates of HDU {image.index} cannot be used: {error}")
    return (coverage(found) if found else None), odd


def _wcs_header(content: Content, image: Hdu) -> Header | None:
    """Header that holds the celestial axes of an image; the only image of a file may leave them to the primary."""
    if celestial_axes(image.header) is not None:
        return image.header
    primary = content.fits.hdus[0].header
    if len(content.images) == 1 and image.index > 0 and "CTYPE1" not in image.header and celestial_axes(primary):
        return primary
    return None


def _place(content: Content, translator: Translator, covered: Coverage | None) -> dict[str, Any]:
    """Columns of the spatial axis."""
    if not translator.on_sky():
        return {}
    if covered is not None:
        ra, dec = covered.centre
        region: Region | None = covered.region
        place: dict[str, Any] = {"s_fov": covered.fov, "s_pixel_scale": covered.pixel_scale}
        if covered.shape is not None:
            place |= {"s_xel1": covered.shape[0], "s_xel2": covered.shape[1]}
    else:
        position = translator.position()
        if position is None:
            return {}
        ra, dec = position
        aperture = content.number("APERTURE")
        has_aperture = aperture is not None and 0 < aperture < 0.1
        region = Circle(ra, dec, (aperture or 0) / 2) if has_aperture else Position(ra, dec)
        place = {"s_fov": aperture if has_aperture else None}
    gal_lon, gal_lat = galactic(ra, dec)
    return place | {
        "s_ra": ra, "s_dec": dec, "s_region": write_stcs(region) if region is not None else None, "s_ucd": "pos.eq",
        "s_unit": "deg", "gal_lon": gal_lon, "gal_lat": gal_lat,
    }  # fmt: skip


def _times(translator: Translator, times: TimeRange) -> dict[str, Any]:
    made = translator.file_date()
    return {
        "t_min": times.start,
        "t_max": times.end,
        "t_exptime": translator.total_exposure(),
        "obs_creation_date": None if made is None else as_datetime(made),
    }


def _spectrum(translator: Translator, row: dict[str, Any]) -> dict[str, Any]:
    """Columns of the spectral axis; of an image without one by its filter."""
    spectrum = translator.spectrum()
    if spectrum is None:
        limits = band(row.get("filter")) if row["dataproduct_type"] == "image" else None
        return {} if limits is None else {"em_min": limits[0], "em_max": limits[1]}
    return {
        "em_min": spectrum.em_min,
        "em_max": spectrum.em_max,
        "em_xel": spectrum.em_xel or None,
        "em_unit": spectrum.em_unit,
        "em_ucd": spectrum.em_ucd,
    }


def _raw(
    translator: Translator, row: dict[str, Any], dp_id: str, released: datetime.datetime, now: datetime.datetime
) -> dict[str, Any]:
    """Row of ``dbo.raw``: what the keywords say and the positions."""
    found: dict[str, Any] = translator.raw_row() | {"dp_id": dp_id, "release_date": released, "last_mod_date": now}
    if row.get("em_min") is not None:
        found |= {"lambda_min": row["em_min"] * 1e9, "lambda_max": row["em_max"] * 1e9}
    if row.get("s_ra") is None:
        return found
    position = translator.position() or (row["s_ra"], row["s_dec"])
    ecl_lon, ecl_lat = ecliptic(*position)
    gal_lon, gal_lat = galactic(*position)
    return found | {
        "ra": position[0], "dec": position[1], "ra_pnt": position[0], "dec_pnt": position[1],
        "s_region": row["s_region"], "gal_lon": gal_lon, "gal_lat": gal_lat, "ecl_lon": ecl_lon, "ecl_lat": ecl_lat,
    }  # fmt: skip


def _name(fits: FitsFile, dp_id: str) -> str:
    """Name under which a file leaves the archive: its endings say what it is, and no client stumbles over it."""
    stem = fits.name
    for ending in (".gz", ".Z", ".bz2", ".xz"):
        stem = stem.removesuffix(ending)
    ending = ".fits.fz" if stem.endswith(".fz") else ".fits"
    name = stem if without_ending(stem) == dp_id != stem else f"{dp_id}{ending}"
    return "".join(
        letter if letter.isascii() and letter.isprintable() else "_" for letter in name.translate(_UNSAFE)
    ) + fits.packing  # fmt: skip


def _repeated(fits: FitsFile) -> list[str]:
    return [
        f"{keyword} is given twice with different values; the first, {hdu.header.value(keyword)}, is used."
        for hdu in fits.hdus
        for keyword in hdu.header.repeated
        if not keyword.startswith(("CHECKSUM", "DATASUM", "CONTINUE"))
        and ": " not in f"{hdu.header.value(keyword)}"  # record-valued: further parts of one value
    ][:10]


def _renamed(fits: FitsFile, dp_id: str) -> list[str]:
    return [] if without_ending(fits.name) == dp_id else [f"The file was called {fits.name}; its header says {dp_id}."]


def header_document(fits: FitsFile, warnings: tuple[str, ...]) -> dict[str, Any]:
    """All headers of a file as a JSON document.

    Cards are lists of keyword, value and, where there is one, comment; in the order of the file, repeated and
    commentary cards too. Numbers are finite; what is no value by the standard is its text.
    """
    return {
        "packing": fits.packing,
        "warnings": list(warnings),
        "hdus": [
            {
                "header_start": hdu.header_start,
                "data_start": hdu.data_start,
                "data_size": hdu.data_size,
                "cards": [
                    [card.keyword, card.value, card.comment] if card.comment else [card.keyword, card.value]
                    for card in hdu.header.cards
                ],
            }
            for hdu in fits.hdus
        ],
    }
