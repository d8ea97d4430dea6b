"""Tables that users send along with a query: published for it alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import sql_type
from schema.engines.execute import AttachedTable
from vo.tables.table import Table

SCHEMA = "TAP_UPLOAD"
"""Schema of all uploaded tables.

References
----------
TAP 1.1, "UPLOAD".
"""


@dataclass(frozen=True, slots=True, eq=False)
class UploadedTable:
    """An uploaded table, as queries name it and as engines get it."""

    published: PublishedTable
    attached: AttachedTable


def uploaded_table(name: str, number: int, content: Table) -> UploadedTable:
    """Publish the content of a file.

    Parameters
    ----------
    name
        As queries write it, without the schema.
    number
        Differs for the tables of one query: in the engine, tables and columns have names of ours, so that those of the
        user, which may differ in nothing but case, meet no rules there.
    content
        What was read.
    """
    columns = [
        sa.Column(f"c{place}", sql_type(field), info={"field": field, "case_insensitive": False})
        for place, field in enumerate(content.fields, start=1)
    ]
    table = sa.Table(f"upload_{number}", sa.MetaData(), *columns)
    rows = content.rows.rename_columns([column.name for column in columns])
    published = PublishedTable(SCHEMA, name, table, content.description or "An uploaded table.")
    return UploadedTable(published, AttachedTable(table, rows))


def with_uploads(catalogue: Catalogue, tables: Sequence[UploadedTable]) -> Catalogue:
    """A catalogue and uploaded tables, for one query."""
    schema = PublishedSchema(SCHEMA, "Tables sent along with the query.", tuple(each.published for each in tables))
    return Catalogue((*catalogue.schemas, schema), is_lasting=False)
