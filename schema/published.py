"""What queries see of the truth: described columns, computed addresses and hidden positions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from schema.catalogue import Catalogue, Key, PublishedSchema, PublishedTable
from schema.columns import column, field_of
from schema.keywords import Keyword
from schema.obscore import obscore
from schema.observations import raw
from schema.spatial.regions import REGION_COLUMNS, region_names
from schema.tables import described
from schema.tap_schema import tap_schema
from vo.datalink import LINKS_TYPE

HIDDEN = ("hpx", "ux", "uy", "uz")
"""Columns of the main position: HEALPix number (nested, order 29) and unit vector, ICRS."""


def published(base_url: str, authority: str | None = None) -> Catalogue:
    """Make the description of all that the archive publishes.

    The tables are copies of those of the truth, without what is hidden there. ``table.info["position"]`` names the
    columns of the main position, where there is one; such a table has the columns of `HIDDEN` too.
    ``table.info["regions"]`` names the columns of regions, each of which has hidden columns of its own
    (`schema.spatial.regions`).
    ``table.info["computed"]`` maps the names of columns that are not, or not always, stored to a prefix: where the
    truth has no value, the value is the prefix followed by the percent-encoded ``dp_id`` of the row (RFC 3986, only
    unreserved characters stay).
    ``table.info["links_format"]`` is the media type of what computed ``access_url`` lead to, which ``access_format``
    then says; that of the file itself is in the hidden column ``file_format``.

    Parameters
    ----------
    base_url
        Address of the archive, with or without a slash at its end.
    authority
        Authority of the archive's IVOA identifiers; None puts the bare ``dp_id`` into links of DataLink.
    """
    metadata = sa.MetaData()
    return Catalogue((*archive_schemas(metadata, base_url, authority), tap_schema(metadata)))


def archive_schemas(
    metadata: sa.MetaData,
    base_url: str,
    authority: str | None = None,
    instruments: Mapping[str, Iterable[Keyword]] = MappingProxyType({}),
) -> tuple[PublishedSchema, ...]:
    """Make the schemas of the archive's own tables, as `published` says.

    Parameters
    ----------
    instruments
        Those with raw frames: each has a table of its own in the schema ``ist``, with their keywords as columns.
    """
    base = base_url.rstrip("/")
    files = f"{base}/files/"
    publisher_did = "" if authority is None else quote(f"ivo://{authority}/ID?", safe="")
    links = f"{base}/datalink/links?ID={publisher_did}"
    ivoa = PublishedSchema(
        "ivoa",
        "Observations and their products as the IVOA describes them.",
        (_published(obscore, metadata, {"access_url": links}, links_format=LINKS_TYPE),),
    )
    of_raw = partial(
        _published, raw, metadata, {"access_url": files, "datalink_url": links}, _ACCESS_URL, _DATALINK_URL
    )
    same_file = Key("dp_id", "ivoa.obscore", "dp_id", "The same raw file in the words of ObsCore.")
    dbo = PublishedSchema("dbo", "Raw files in the words of their headers.", (replace(of_raw(), keys=(same_file,)),))
    views = tuple(
        _view_of_instrument(of_raw, name, values, [keyword for each in values for keyword in instruments[each]])
        for name, values in _named(instruments).items()
    )
    if not views:
        return ivoa, dbo
    return ivoa, dbo, PublishedSchema("ist", "Raw files of one instrument each.", views)


def _named(instruments: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Names of tables, and the instruments, as headers write them, whose frames they hold."""
    found: dict[str, tuple[str, ...]] = {}
    for instrument in sorted(instruments):
        name = re.sub("[^a-z0-9_]+", "_", instrument.lower()).strip("_")
        if name:
            name = name if name[0].isalpha() else f"i_{name}"
            found[name] = (*found.get(name, ()), instrument)
    return dict(sorted(found.items()))


def _view_of_instrument(
    of_raw: Callable[..., PublishedTable], name: str, values: tuple[str, ...], keywords: Iterable[Keyword]
) -> PublishedTable:
    found: dict[str, Keyword] = {}
    for each in keywords:
        found[each.name] = found[each.name].joined(each) if each.name in found else each
    view = of_raw(
        schema="ist",
        name=name,
        description=f"Raw files of {values[0]}.",
        only={"instrument": values},
        renamed=_RENAMED,
        keywords=tuple(each for name, each in found.items() if name not in _TAKEN),
    )
    same_file = Key("dp_id", "dbo.raw", "dp_id", "The same file among those of all instruments.")
    return replace(view, keys=(same_file,), kind="view")


_ACCESS_URL = described("access_url", "char", "meta.ref.url", "Where to fetch the file.", principal=True)
_DATALINK_URL = described(
    "datalink_url", "char", "meta.ref.url", "Where to fetch the links to all that belongs to the file."
)


_RENAMED = {"obs_mode": "observing_mode"}
"""Columns of ``dbo.raw`` that the tables of instruments call otherwise, as those of the ESO archive do."""

_TAKEN = frozenset((*raw.columns.keys(), *_RENAMED.values(), "access_url", "datalink_url", *HIDDEN))


def _published(
    table: sa.Table,
    metadata: sa.MetaData,
    computed: Mapping[str, str],
    *further: sa.Column[Any],
    schema: str | None = None,
    name: str | None = None,
    description: str | None = None,
    only: Mapping[str, tuple[str, ...]] | None = None,
    renamed: Mapping[str, str] = MappingProxyType({}),
    keywords: Sequence[Keyword] = (),
    links_format: str | None = None,
) -> PublishedTable:
    """Publish a table of the truth, or the rows of it with certain values under another name."""
    columns = [_copy(stored, renamed) for stored in (*table.columns, *further) if field_of(stored) is not None]
    columns += [column(each.field, case_insensitive=each.datatype == "char") for each in keywords]
    copy = published_table(
        metadata,
        schema or str(table.schema),
        name or table.name,
        columns,
        description=description or str(table.comment),
        position=table.info["position"],
        store=("replica", f"{table.schema}_{table.name}"),
        computed=dict(computed),
        truth=table.fullname,
        only=only,
        renamed={now: former for former, now in renamed.items()},
        keywords=frozenset(each.name for each in keywords),
        **({} if links_format is None else {"links_format": links_format}),
    )
    return PublishedTable(str(copy.schema), copy.name, copy, str(copy.comment), table.info.get("utype"))


def published_table(
    metadata: sa.MetaData,
    schema: str,
    name: str,
    columns: Sequence[sa.Column[Any]],
    *,
    description: str,
    position: tuple[str, str] | None,
    store: tuple[str, ...],
    **info: Any,
) -> sa.Table:
    """Make a table for queries, with the hidden columns of its position and its regions behind the others.

    Parameters
    ----------
    columns
        With their fields (`schema.columns.column`).
    position
        Columns of the main position, ICRS, degrees; None without one.
    store
        What the replica reads, part by part.
    **info
        Goes with the table.
    """
    hidden: list[sa.Column[Any]] = [sa.Column("file_format", sa.Text)] if "links_format" in info else []
    if position is not None:
        hidden += [sa.Column("hpx", sa.BigInteger), *(sa.Column(each, sa.Double) for each in HIDDEN[1:])]
    regions = tuple(column.name for column in columns if _is_region(column))
    for region in regions:
        hidden += [sa.Column(column, REGION_COLUMNS[suffix]) for suffix, column in region_names(region).items()]
    return sa.Table(
        name,
        metadata,
        *columns,
        *hidden,
        schema=schema,
        comment=description,
        info={**({"position": position} if position else {}), "regions": regions, "store": store, **info},
    )


def _is_region(column: sa.Column[Any]) -> bool:
    field = field_of(column)
    return field is not None and field.xtype == "adql:REGION"


def _copy(stored: sa.Column[Any], renamed: Mapping[str, str]) -> sa.Column[Any]:
    field = field_of(stored)
    assert field is not None
    field = replace(field, name=renamed.get(field.name, field.name))
    return column(field, nullable=bool(stored.nullable), case_insensitive=bool(stored.info["case_insensitive"]))
