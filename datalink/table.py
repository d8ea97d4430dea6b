"""Links as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from datalink.links import Link
from vo.tables.field import Field, arrow_schema
from vo.tables.stream import TableStream


def _text(name: str, ucd: str | None, description: str) -> Field:
    return Field(name, "char", "*", ucd=ucd, description=description)


FIELDS = (
    _text("ID", "meta.id;meta.main", "Identifier as it was asked for."),
    _text("access_url", "meta.ref.url", "Where the link leads."),
    _text("service_def", "meta.ref", "Service of this document that makes what the link stands for."),
    _text("error_message", "meta.code.error", "Why the link leads nowhere."),
    _text("description", "meta.note", "What the link is, for people."),
    _text("semantics", "meta.code", "What the link is for the product, a term of the DataLink vocabulary."),
    _text("content_type", "meta.code.mime", "Media type of what comes."),
    Field(
        "content_length", "long", unit="byte", ucd="phys.size;meta.file", description="Number of bytes of what comes."
    ),
    _text("content_qualifier", None, "Kind of product of what comes."),
    _text("local_semantics", "meta.id.assoc", "Word of this archive that tells links of one meaning apart."),
    _text("link_auth", "meta.code", "Whether the link takes a sign-in: false, optional or true."),
    Field("link_authorized", "boolean", ucd="meta.code", description="Whether you may follow the link."),
    _text("dp_id", "meta.id", "Identifier of the product in this archive."),
    _text("obs_publisher_did", "meta.ref.ivoid", "Identifier of the product in the Virtual Observatory."),
)
"""Columns of a table of links (DataLink 1.1, "List of Links"), and the canonical identifiers of the product."""

_ATTRIBUTES = ("id", *(field.name for field in FIELDS[1:]))


def links_table(links: Sequence[Link]) -> TableStream:
    """Table of some links, in their order."""
    schema = arrow_schema(FIELDS)
    columns = [
        pa.array([getattr(link, name) for link in links], type_)
        for name, type_ in zip(_ATTRIBUTES, schema.types, strict=True)
    ]
    return TableStream(FIELDS, [pa.RecordBatch.from_arrays(columns, schema=schema)])
