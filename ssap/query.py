"""An SSA query as a select."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from schema.access import file_format
from schema.catalogue import PublishedTable
from schema.engines.execute import Query
from schema.spatial.constructs import Condition, FixedPosition, is_within, position_of, separation
from schema.spatial.frames import rotated
from ssap.parameters import VOTABLE, SpectrumQuery
from ssap.range_lists import date_of
from ssap.table import COLUMNS, FORMAT, IDENTIFIER, Spectra
from vo.dali.values import Interval

_LEAST_CALIBRATED = 2


@dataclass(frozen=True, slots=True)
class Addresses:
    """What rows of an answer say of the archive.

    Attributes
    ----------
    files_url, spectra_url
        Where files and converted spectra are; identifiers are appended.
    publisher
        Name of the archive.
    """

    files_url: str
    spectra_url: str
    publisher: str


def select_spectra(published: PublishedTable, wanted: SpectrumQuery, addresses: Addresses) -> Query:
    """Select the one-dimensional spectra that satisfy all constraints, the best first; NULL satisfies none.

    A spectrum that can be converted has a row for each of its forms.

    References
    ----------
    SSA 1.1, "Input Parameters", "MultiFormat Association".
    """
    forms = [False, True] if _wants_votables(wanted) else [False]
    selects = [_select(published, wanted, addresses, converted=converted) for converted in forms]
    order: list[sa.ColumnElement[Any]] = [
        sa.desc(sa.literal_column('"score"')),
        *(sa.literal_column(f'"{name}"') for name in (IDENTIFIER, FORMAT)),
    ]
    both: Any = selects[0] if len(selects) == 1 else sa.union_all(*selects)
    ordered = both.order_by(*order)
    return Query(
        ordered if wanted.top is None else ordered.limit(wanted.top), tuple(column.field for column in COLUMNS)
    )


def select_spectrum(published: PublishedTable, dp_id: str, addresses: Addresses) -> Query:
    """Select the description of one spectrum that can be converted."""
    spectra = _spectra(published, addresses, converted=True)
    select = _columns(spectra).where(
        spectra.source.c.dp_id == sa.literal(dp_id), *_is_spectrum(spectra), spectra.is_convertible
    )
    return Query(select, tuple(column.field for column in COLUMNS))


def _select(
    published: PublishedTable, wanted: SpectrumQuery, addresses: Addresses, *, converted: bool
) -> sa.Select[Any]:
    centre = None
    if wanted.position is not None:
        centre = rotated(FixedPosition(*wanted.position), wanted.frame, "ICRS")
    spectra = _spectra(published, addresses, converted=converted)
    place = position_of(spectra.source)
    assert place is not None
    if centre is not None:
        score: sa.ColumnElement[float] = sa.literal(1.0, sa.Double()) - separation(place, centre) * sa.literal(
            1.0 / 180.0, sa.Double()
        )
        spectra = replace(spectra, score=score)
    conditions = [*_is_spectrum(spectra), *_constraints(spectra.source, wanted)]
    if centre is not None:
        conditions.append(is_within(place, centre, wanted.size / 2.0))
    conditions.append(spectra.is_convertible if converted else _native_is_wanted(spectra.source, wanted))
    return _columns(spectra).where(*conditions)


def _spectra(published: PublishedTable, addresses: Addresses, *, converted: bool) -> Spectra:
    return Spectra(
        published,
        published.table.alias(),
        addresses.files_url,
        addresses.spectra_url,
        addresses.publisher,
        converted,
        _real(1.0),
    )


def _columns(spectra: Spectra) -> sa.Select[Any]:
    return sa.select(*(column.expression(spectra).label(column.field.name) for column in COLUMNS))


def _is_spectrum(spectra: Spectra) -> list[Condition]:
    """Raw frames of spectrographs are no one-dimensional spectra."""
    c = spectra.source.c
    return [
        c.dataproduct_type == sa.literal("spectrum"),
        c.calib_level >= sa.literal(_LEAST_CALIBRATED, sa.Integer()),
    ]


def _wants_votables(wanted: SpectrumQuery) -> bool:
    return wanted.formats is None or VOTABLE in wanted.formats.media_types


def _native_is_wanted(table: sa.FromClause, wanted: SpectrumQuery) -> Condition:
    if wanted.formats is None or wanted.formats.native:
        return sa.literal_column("1") == sa.literal_column("1")
    lowered = sa.func.lower(file_format(table))
    return sa.or_(
        sa.literal_column("1") == sa.literal_column("0"),
        *(lowered == sa.literal(each) for each in sorted(wanted.formats.media_types)),
    )


def _constraints(table: sa.FromClause, wanted: SpectrumQuery) -> list[Condition]:
    c = table.c
    found = _overlaps(c.em_min, c.em_max, wanted.bands) + _overlaps(c.t_min, c.t_max, wanted.times)
    for column, least in ((c.em_res_power, wanted.resolving_power), (c.snr, wanted.snr)):
        if least is not None:
            found.append(sa.and_(column >= _real(least), column <= _real(float("inf"))))
    arcsec = None if wanted.spatial_resolution is None else wanted.spatial_resolution * 3600.0
    for column, most in ((c.s_resolution, arcsec), (c.t_resolution, wanted.time_resolution)):
        if most is not None:
            found.append(column <= _real(most))
    for column, levels in ((c.o_calib_status, wanted.flux_levels), (c.em_calib_status, wanted.wave_levels)):
        if levels:
            found.append(_one_of(column, levels))
    for column, text in (
        (c.target_name, wanted.target_name),
        (c.obs_publisher_did, wanted.publisher_did),
        (c.obs_creator_did, wanted.creator_did),
    ):
        if text is not None:
            found.append(_one_of(column, (text,)))
    if wanted.target_classes:
        found.append(_one_of(c.target_class, wanted.target_classes))
    if wanted.collection is not None:
        found.append(_in_collection(c.obs_collection, wanted.collection))
    if wanted.modified is not None:
        found += _modified(c.last_mod_date, wanted.modified)
    return found


def _overlaps(lower: Any, upper: Any, intervals: tuple[Interval, ...]) -> list[Condition]:
    if not intervals:
        return []
    return [sa.or_(*(sa.and_(lower <= _real(each.upper), upper >= _real(each.lower)) for each in intervals))]


def _one_of(column: Any, words: tuple[str, ...]) -> Condition:
    return sa.or_(*(sa.func.lower(column) == sa.literal(word.lower()) for word in words))


def _in_collection(column: Any, text: str) -> Condition:
    """An IVOA identifier is compared as a whole, other names need only be a part ("COLLECTION")."""
    if text.lower().startswith("ivo://"):
        return _one_of(column, (text,))
    return sa.func.strpos(sa.func.lower(column), sa.literal(text.lower())) > sa.literal_column("0")


def _modified(column: Any, interval: Interval) -> list[Condition]:
    found: list[Condition] = [column.is_not(sa.null())]
    for bound, is_lower in ((date_of(interval.lower), True), (date_of(interval.upper), False)):
        if bound is not None:
            instant = sa.literal(bound, sa.DateTime())
            found.append(column >= instant if is_lower else column <= instant)
    return found


def _real(value: float) -> sa.ColumnElement[float]:
    return sa.literal(value, sa.Double())
