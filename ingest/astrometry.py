"""Where on the sky an image lies."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from ingest.cards import Header
from ingest.frames import Frame, frame_of, separation, spherical, to_icrs, unit_vector
from ingest.quiet import quietly
from vo.regions import Polygon, Region, Union

_LONGITUDES = {"RA": "DEC", "GLON": "GLAT", "ELON": "ELAT", "SLON": "SLAT"}
_INDEXED = re.compile(r"(CTYPE|CRVAL|CRPIX|CDELT|CROTA|CUNIT)([1-9])")
_MATRIX = re.compile(r"(CD|PC)([1-9])_([1-9])|(PC)00([1-9])00([1-9])")
_PARAMETER = re.compile(r"PV([1-9])_([0-9]{1,2})")
_PLAIN = re.compile(r"LONPOLE|LATPOLE|[AB]P?_(ORDER|[0-9]_[0-9])")
_WIDE_DEG = 5.0
_MAX_PARTS = 256
_MAX_ORDER = 9


@dataclass(frozen=True, slots=True)
class Footprint:
    """Region of the sky that one image covers.

    Attributes
    ----------
    centre
        Right ascension and declination of the middle of the image, ICRS, in deg.
    vertices
        Pairs of the outline, ICRS, in deg, counter-clockwise when seen from the origin; None where the image has no
        outline that great circles could follow, as all-sky maps.
    pixel_scale
        Root of the area of a pixel at the centre, in arcsec.
    shape
        Pixels along longitude and latitude axis.
    """

    centre: tuple[float, float]
    vertices: tuple[tuple[float, float], ...] | None
    pixel_scale: float
    shape: tuple[int, int]


class AstrometryError(ValueError):
    """The coordinates of an image cannot be understood; the text says why."""


def celestial_axes(header: Header) -> tuple[int, int] | None:
    """Numbers of the longitude and the latitude axis, from 1; None without both."""
    types = {axis: (header.text(f"CTYPE{axis}") or "").upper() for axis in range(1, 10)}
    for axis, kind in types.items():
        latitude = _LONGITUDES.get(kind[:5].rstrip("-").partition("-")[0])
        if latitude is not None and len(kind) > 5:
            for other, kind2 in types.items():
                if kind2[:5].rstrip("-").partition("-")[0] == latitude and kind2[5:8] == kind[5:8]:
                    return axis, other
    return None


def footprint(header: Header, shape: tuple[int, ...]) -> Footprint:
    """Footprint of an image from its WCS.

    Parameters
    ----------
    header
        Has celestial axes.
    shape
        Lengths of all axes in FITS order.

    Raises
    ------
    AstrometryError
        Raised if the WCS is incomplete or impossible.

    References
    ----------
    FITS 4.0, "World coordinate systems".
    """
    axes = celestial_axes(header)
    if axes is None or max(axes) > len(shape):
        raise AstrometryError("It has no celestial axes with pixels.")
    if not any(f"{word}{axes[0]}" in header for word in ("CDELT", "CD1_", "CD2_")):
        raise AstrometryError("It has no pixel scale.")
    if _is_unset(header, axes):
        raise AstrometryError("CRVAL is 0, 0, which is taken as not set.")
    frame = _frame(header, axes)
    nx, ny = shape[axes[0] - 1], shape[axes[1] - 1]
    with quietly():
        try:
            wcs = WCS(_celestial_cards(header, axes))
            outline = np.asarray(wcs.all_pix2world(_outline(nx, ny, 1), 1))
            centre = np.asarray(wcs.all_pix2world([[(nx + 1) / 2, (ny + 1) / 2]], 1))[0]
            scale = float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))) * 3600
            if np.isfinite(outline).all() and _is_wide(outline, centre):
                outline = np.asarray(wcs.all_pix2world(_outline(nx, ny, 16), 1))
        except Exception as error:
            raise AstrometryError(f"{type(error).__name__}: {' '.join(f'{error}'.split())[:200]}") from error
    if not (np.isfinite(centre).all() and np.isfinite(scale) and 0 < scale < 3600 * 90 and abs(centre[1]) <= 90):
        raise AstrometryError("Its centre is not on the sky.")
    ra, dec = to_icrs(centre[0], centre[1], frame)
    return Footprint((float(ra), float(dec)), _vertices(outline, (float(ra), float(dec)), frame), scale, (nx, ny))


def _is_unset(header: Header, axes: tuple[int, int]) -> bool:
    """Whether the reference point of a tangential projection is the origin: writers that know nothing put it there."""
    kind = (header.text(f"CTYPE{axes[0]}") or "").upper()
    return kind[5:8] in ("TAN", "SIN") and all(header.number(f"CRVAL{axis}") == 0 for axis in axes)


def _frame(header: Header, axes: tuple[int, int]) -> Frame:
    kind = (header.text(f"CTYPE{axes[0]}") or "").upper()
    equinox = header.number("EQUINOX")
    if equinox is None:
        equinox = header.number("EPOCH")
    if kind.startswith("GLON"):
        return Frame("GALACTIC")
    if kind.startswith("SLON"):
        return Frame("SUPERGALACTIC")
    if kind.startswith("ELON"):
        return Frame("ECLIPTIC", equinox or 2000.0)
    return frame_of(header.text("RADESYS") or header.text("RADECSYS"), equinox)


def _celestial_cards(header: Header, axes: tuple[int, int]) -> fits.Header:
    """Cards of the two celestial axes alone, as axes 1 and 2: what other axes say cannot hurt."""
    new = {f"{axes[0]}": "1", f"{axes[1]}": "2"}
    cards = fits.Header()
    matrix: list[float] = []
    for keyword in header:
        value = header.value(keyword)
        if value is None:
            continue
        if match := _INDEXED.fullmatch(keyword):
            name = match.group(1) + new.get(match.group(2), "")
            if match.group(2) not in new:
                continue
            if match.group(1) == "CUNIT":
                value = _angle_unit(f"{value}")
        elif match := _MATRIX.fullmatch(keyword):
            word, row, column = (group for group in match.groups() if group is not None)
            if row not in new or column not in new:
                continue
            name = f"{word}{new[row]}_{new[column]}"
        elif match := _PARAMETER.fullmatch(keyword):
            if match.group(1) not in new:
                continue
            name = f"PV{new[match.group(1)]}_{match.group(2)}"
        elif _PLAIN.fullmatch(keyword):
            name = keyword
        else:
            continue
        if not name.startswith(("CTYPE", "CUNIT")):
            number = header.number(keyword)
            if number is None:
                raise AstrometryError(f"{keyword} = {value!r} is not a number.")
            if name.endswith("_ORDER") and not 0 <= number <= _MAX_ORDER:
                raise AstrometryError(f"{keyword} = {value} is not the order of a polynomial.")
            value = int(number) if name.endswith("_ORDER") else number
        if name.startswith("CD") and name[2].isdigit():
            matrix.append(float(value))
        cards[name] = value.upper() if isinstance(value, str) and name.startswith("CTYPE") else value
    if matrix and not any(matrix):
        raise AstrometryError("Its CD matrix is zero.")
    return cards


def _angle_unit(text: str) -> str:
    lower = text.strip().lower()
    return "deg" if lower.startswith("deg") or not lower else lower


def _outline(nx: int, ny: int, steps: int) -> np.ndarray:
    """Points along the outer edges of the border pixels, FITS pixel coordinates, shape (4 * steps, 2)."""
    forth = np.arange(steps) / steps
    west, east, south, north = 0.5, nx + 0.5, 0.5, ny + 0.5
    x = np.concatenate([west + nx * forth, np.full(steps, east), east - nx * forth, np.full(steps, west)])
    y = np.concatenate([np.full(steps, south), south + ny * forth, np.full(steps, north), north - ny * forth])
    return np.stack([x, y], axis=1)


def _is_wide(outline: np.ndarray, centre: np.ndarray) -> bool:
    reach = separation(unit_vector(*outline.T), unit_vector(*centre)[:, None])
    return bool(reach.max() > _WIDE_DEG)


def _vertices(outline: np.ndarray, centre: tuple[float, float], frame: Frame) -> tuple[tuple[float, float], ...] | None:
    if not np.isfinite(outline).all() or np.abs(outline[:, 1]).max() > 90:
        return None
    ra, dec = to_icrs(outline[:, 0], outline[:, 1], frame)
    vectors = unit_vector(ra, dec)
    middle = unit_vector(*centre)
    if separation(vectors, middle[:, None]).max() > 85:
        return None
    turn = float(np.sum(np.cross(vectors, np.roll(vectors, -1, axis=1), axis=0) * middle[:, None]))
    if turn == 0:
        return None
    pairs = [(float(a) % 360.0, float(d)) for a, d in zip(ra, dec, strict=True)]
    return tuple(pairs if turn < 0 else reversed(pairs))


@dataclass(frozen=True, slots=True)
class Coverage:
    """Region of the sky that all images of a file cover together.

    Attributes
    ----------
    centre
        ICRS, in deg.
    region
        None where no image has an outline.
    fov
        Diameter of a circle around the centre that holds everything, in deg.
    pixel_scale
        Of the first image, in arcsec.
    shape
        Of the only image; None for several.
    """

    centre: tuple[float, float]
    region: Region | None
    fov: float
    pixel_scale: float
    shape: tuple[int, int] | None


def coverage(footprints: list[Footprint]) -> Coverage:
    """Put the footprints of a file together; the same region twice counts once.

    Parameters
    ----------
    footprints
        One or more.
    """
    parts = list(dict.fromkeys(part.vertices for part in footprints if part.vertices is not None))[:_MAX_PARTS]
    first = footprints[0]
    if len(parts) <= 1:
        centre = first.centre
        reach = _reach(parts[0] if parts else None, first)
        region: Region | None = Polygon(parts[0]) if parts else None
    else:
        corners = unit_vector(*np.array([vertex for part in parts for vertex in part]).T)
        ra, dec = spherical(corners.mean(axis=1))
        centre = float(ra), float(dec)
        reach = float(separation(corners, unit_vector(*centre)[:, None]).max())
        region = Union(tuple(Polygon(part) for part in parts))
    return Coverage(centre, region, min(2 * reach, 360.0), first.pixel_scale, first.shape if len(parts) <= 1 else None)


def _reach(vertices: tuple[tuple[float, float], ...] | None, image: Footprint) -> float:
    if vertices is not None:
        corners = unit_vector(*np.array(vertices).T)
        return float(separation(corners, unit_vector(*image.centre)[:, None]).max())
    return min(float(np.hypot(*image.shape)) * image.pixel_scale / 7200, 180.0)
