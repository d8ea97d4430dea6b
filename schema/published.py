"""What queries see of the truth: described columns, computed addresses and hidden positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import column, field_of
from schema.obscore import obscore
from schema.observations import raw
from schema.spatial.regions import REGION_COLUMNS, region_names
from schema.tables import described
from schema.tap_schema import tap_schema

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

    Parameters
    ----------
    base_url
        Address of the archive, with or without a slash at its end.
    authority
        Authority of the archive's IVOA identifiers; None puts the bare ``dp_id`` into links of DataLink.
    """
    base = base_url.rstrip("/")
    files = f"{base}/files/"
    publisher_did = "" if authority is None else quote(f"ivo://{authority}/ID?", safe="")
    links = f"{base}/datalink/links?ID={publisher_did}"
    metadata = sa.MetaData()
    ivoa = PublishedSchema(
        "ivoa",
        "Observations and their products as the IVOA describes them.",
        (_published(obscore, metadata, {"access_url": files}),),
    )
    dbo = PublishedSchema(
        "dbo",
        "Raw files in the words of their headers.",
        (_published(raw, metadata, {"access_url": files, "datalink_url": links}, _ACCESS_URL, _DATALINK_URL),),
    )
    return Catalogue((ivoa, dbo, tap_schema(metadata)))


_ACCESS_URL = described("access_url", "char", "meta.ref.url", "Where to fetch the file.", principal=True)
_DATALINK_URL = described(
    "datalink_url", "char", "meta.ref.url", "Where to fetch the links to all that belongs to the file."
)


def _published(
    table: sa.Table, metadata: sa.MetaData, computed: Mapping[str, str], *further: sa.Column[Any]
) -> PublishedTable:
    columns = [_copy(stored) for stored in (*table.columns, *further) if field_of(stored) is not None]
    hidden = [sa.Column("hpx", sa.BigInteger), *(sa.Column(name, sa.Double) for name in HIDDEN[1:])]
    regions = tuple(column.name for column in columns if _is_region(column))
    for name in regions:
        hidden += [sa.Column(column, REGION_COLUMNS[suffix]) for suffix, column in region_names(name).items()]
    copy = sa.Table(
        table.name,
        metadata,
        *columns,
        *hidden,
        schema=table.schema,
        comment=table.comment,
        info={"position": table.info["position"], "regions": regions, "computed": dict(computed)},
    )
    return PublishedTable(str(table.schema), table.name, copy, str(table.comment), table.info.get("utype"))


def _is_region(column: sa.Column[Any]) -> bool:
    field = field_of(column)
    return field is not None and field.xtype == "adql:REGION"


def _copy(stored: sa.Column[Any]) -> sa.Column[Any]:
    field = field_of(stored)
    assert field is not None
    return column(field, nullable=bool(stored.nullable), case_insensitive=bool(stored.info["case_insensitive"]))
