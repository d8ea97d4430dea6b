"""Which part of which HDU a cutout takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import fits

from datalink.soda.axes import ImageAxes, Keywords, image_lengths
from datalink.soda.cutout import touched_channels, touched_pixels, wanted_states
from datalink.soda.filters import CutError, Filters, NoOverlapError, PixelBox, Product
from datalink.soda.rows import RowFilter, Table, band_test, cells_in_band, position_test, time_test
from datalink.soda.shapes import contains
from datalink.soda.source import Source
from vo.dali.values import Interval

SMALL_BYTES = 4 * 2**20
"""Images that no condition applies to go along if they are not larger; tables do always."""

_LOOKUPS = ("WCSDVARR", "D2IMARR")
_WHOLE_TYPES = ("image", "cube", None)

Part = tuple[slice, ...]


@dataclass
class Piece:
    """One HDU and what a cutout takes of it.

    Attributes
    ----------
    index
        Number of the HDU.
    hdu
        The same in astropy.
    part
        Pixels of an image, FITS order; None for all of what it is.
    rows
        Conditions for rows of a table.
    cells
        Length of the arrays of a table of one row, and the elements of them.
    applied
        Names of the conditions that cut it.
    missed
        Names of the conditions that leave nothing of it.
    """

    index: int
    hdu: Any
    part: Part | None = None
    rows: RowFilter | None = None
    cells: tuple[int, slice] | None = None
    applied: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of the axes of an image, FITS order."""
        return image_lengths(self.hdu) if self.is_image else ()

    @property
    def is_image(self) -> bool:
        """Whether it has pixels or could have."""
        return bool(self.hdu.is_image) and not isinstance(self.hdu, fits.GroupsHDU)

    @property
    def size(self) -> int:
        """About how many bytes of data it gives; of a table at most."""
        if self.part is not None:
            return (
                math.prod(len(range(*each.indices(each.stop))) for each in self.part) * int(abs(self.hdu._bitpix)) // 8
            )
        if self.is_image:
            return math.prod(self.lengths) * int(abs(self.hdu._bitpix)) // 8 if self.lengths else 0
        return int(self.hdu.size)


def plan_pieces(source: Source, filters: Filters, product: Product) -> list[Piece]:
    """Decide what a cutout takes.

    Parameters
    ----------
    source
        The file.
    filters
        Conditions, one or more.
    product
        What is known of the file without looking into it: judges what the file cannot be cut by.

    Returns
    -------
    pieces
        In the order of the file, the primary HDU first.

    Raises
    ------
    NoOverlapError
        Raised if nothing meets the conditions.
    CutError
        Raised if the file cannot be cut by one of them.

    References
    ----------
    SODA 1.0, "Filtering Parameters".
    """
    pieces = [_judge(source, index, hdu, filters) for index, hdu in enumerate(source.hdus)]
    cut = [piece for piece in pieces if piece.applied and not piece.missed]
    for name in _names(filters):
        if any(name in piece.applied for piece in cut):
            continue
        if any(name in piece.applied for piece in pieces):
            raise NoOverlapError(f"Nothing of it lies in what {name} asks for.")
        if not _whole_meets(name, filters, product):
            raise NoOverlapError(f"It lies outside of what {name} asks for.")
    if not cut:
        if any(piece.missed for piece in pieces):
            raise NoOverlapError("Nothing of it meets all conditions.")
        return pieces
    return [piece for piece in pieces if _goes_along(piece, cut, pieces)]


def _names(filters: Filters) -> list[str]:
    given = {
        "POS": filters.shapes, "BAND": filters.band, "TIME": filters.time, "POL": filters.pol, "SUB": filters.box
    }  # fmt: skip
    return [name for name, value in given.items() if value]


def _judge(source: Source, index: int, hdu: Any, filters: Filters) -> Piece:
    piece = Piece(index, hdu)
    if piece.is_image and piece.lengths and hdu.name not in _LOOKUPS:
        _judge_image(source, piece, filters)
    elif isinstance(hdu, fits.BinTableHDU):
        _judge_table(source, piece, filters)
    return piece


def _judge_image(source: Source, piece: Piece, filters: Filters) -> None:
    axes = ImageAxes(Keywords(piece.hdu.header), piece.lengths, source.hdus)
    part = [slice(0, length) for length in piece.lengths]

    def take(name: str, axis: int, wanted: slice | None) -> None:
        common = None if wanted is None else _common(part[axis - 1], wanted)
        if common is None:
            piece.missed.add(name)
        else:
            part[axis - 1] = common
        piece.applied.add(name)

    if filters.shapes and axes.sky is not None:
        sky, (first, second) = axes.sky
        for shape in filters.shapes:
            found = touched_pixels(sky, shape)
            take("POS", first, None if found is None else found[0])
            take("POS", second, None if found is None else found[1])
    if filters.band is not None and axes.spectral is not None:
        _take_channels(take, "BAND", axes.spectral, axes.wavelengths(axes.spectral), filters.band)
    if filters.time is not None and axes.temporal is not None:
        _take_channels(take, "TIME", axes.temporal, axes.instants(axes.temporal), filters.time)
    if filters.pol and axes.stokes is not None:
        take("POL", axes.stokes, wanted_states(axes.states(axes.stokes), filters.pol))
    if filters.box is not None:
        _take_box(take, piece, filters.box, source)
    if piece.applied and not piece.missed:
        piece.part = tuple(part)


def _take_channels(
    take: Callable[[str, int, slice | None], None], name: str, axis: int, edges: Any, interval: Interval
) -> None:
    if np.isfinite(edges).any():
        take(name, axis, touched_channels(edges, interval))


def _take_box(take: Callable[[str, int, slice | None], None], piece: Piece, box: PixelBox, source: Source) -> None:
    if box.hdu is None:
        chosen = next(
            number for number, hdu in enumerate(source.hdus) if getattr(hdu, "is_image", False) and image_lengths(hdu)
        )
        is_meant = piece.index == chosen
    else:
        is_meant = box.hdu == piece.index or (isinstance(box.hdu, str) and box.hdu.upper() == piece.hdu.name)
    if not is_meant:
        piece.missed.add("SUB")
        return
    if len(box.ranges) > len(piece.lengths):
        raise CutError(f"SUB names {len(box.ranges)} axes, HDU {piece.index} has {len(piece.lengths)}.")
    for axis, limits in enumerate(box.ranges, start=1):
        if limits is None:
            take("SUB", axis, slice(0, piece.lengths[axis - 1]))
        else:
            take("SUB", axis, slice(limits[0] - 1, limits[1]))


def _common(one: slice, other: slice) -> slice | None:
    """What two parts of an axis have in common; the step is that of whichever has one."""
    start, stop = max(one.start, other.start, 0), min(one.stop, other.stop)
    return slice(start, stop, other.step or one.step) if start < stop else None


def _judge_table(source: Source, piece: Piece, filters: Filters) -> None:
    table = Table(Keywords(piece.hdu.header))
    if not table.columns or not table.count:
        return
    tests = []
    for shape in filters.shapes:
        if (test := position_test(table, shape)) is not None:
            tests.append(test)
            piece.applied.add("POS")
    if filters.time is not None and (test := time_test(table, filters.time)) is not None:
        tests.append(test)
        piece.applied.add("TIME")
    if filters.band is not None:
        if (test := band_test(table, filters.band)) is not None:
            tests.append(test)
            piece.applied.add("BAND")
        elif table.count == 1 and table.width <= 2**28:
            _judge_cells(source, piece, table, filters.band)
    if tests:
        piece.rows = RowFilter(tuple(tests))


def _judge_cells(source: Source, piece: Piece, table: Table, band: Interval) -> None:
    rows = np.frombuffer(source.read(piece.hdu.fileinfo()["datLoc"], table.width), np.uint8)[None]
    found = cells_in_band(table, rows, band)
    if found is None:
        return
    length, part = found
    piece.applied.add("BAND")
    if part is None:
        piece.missed.add("BAND")
    else:
        piece.cells = length, part


def _whole_meets(name: str, filters: Filters, product: Product) -> bool:
    """Whether a file meets a condition as a whole, by what is known of it.

    Raises
    ------
    CutError
        Raised if that is not known.
    """
    match name:
        case "POS" if product.dataproduct_type not in _WHOLE_TYPES and product.s_ra is not None:
            ra, dec = np.array([product.s_ra]), np.array([product.s_dec if product.s_dec is not None else np.nan])
            return all(bool(contains(shape, ra, dec)[0]) for shape in filters.shapes)
        case "BAND" if product.em_min is not None and product.em_max is not None and filters.band is not None:
            return product.em_min <= filters.band.upper and product.em_max >= filters.band.lower
        case "TIME" if product.t_min is not None and product.t_max is not None and filters.time is not None:
            return product.t_min <= filters.time.upper and product.t_max >= filters.time.lower
        case "POL" if product.pol_states:
            return bool(filters.pol & set(product.pol_states.strip("/").split("/")))
    raise CutError(f"{product.dp_id} cannot be cut by {name}: {_LACKS[name]}.")


_LACKS = {
    "POS": "no image of it has celestial coordinates that can be used, and no table has positions",
    "BAND": "it has no spectral axis that can be used, and its wavelengths are not known",
    "TIME": "it has no time axis that can be used, and its times are not known",
    "POL": "it has no polarization axis, and its polarization is not known",
    "SUB": "no such HDU of it has pixels",
}


def _goes_along(piece: Piece, cut: list[Piece], pieces: list[Piece]) -> bool:
    """Whether an HDU belongs to a cutout; an image without coordinates is cut as the one that it belongs to."""
    if piece in cut or piece.index == 0:
        return True
    if piece.missed or piece.applied:
        return False
    if piece.is_image and piece.lengths and piece.hdu.name not in _LOOKUPS:
        owner = _owner(piece, pieces)
        if owner is not None:
            piece.part = owner.part
            return owner in cut
    return not piece.is_image or piece.size <= SMALL_BYTES


def _owner(piece: Piece, pieces: list[Piece]) -> Piece | None:
    """The cut image of the same shape that an image belongs to: as SCIDATA says, else the last one before it."""
    alike = [other for other in pieces if other.lengths == piece.lengths and other.applied]
    science = Keywords(piece.hdu.header).text("SCIDATA")
    for other in alike:
        if science is not None and other.hdu.name == science.upper():
            return other
    before = [other for other in alike if other.index < piece.index]
    return before[-1] if before else (alike[0] if alike else None)
