"""The tables that say what further tables are published, and which of their files may go."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.tables import metadata, row_id

_NOW = sa.text("timezone('UTC', now())")

publication = sa.Table(
    "publication",
    metadata,
    row_id(),
    sa.Column("schema_name", sa.Text, nullable=False, comment="As queries write it."),
    sa.Column("table_name", sa.Text, nullable=False, comment="As queries write it."),
    sa.Column("generation", sa.Text, nullable=False, comment="Folder of its rows; each load makes a new one."),
    sa.Column("document", postgresql.JSONB, nullable=False, comment="Descriptions of the table and its columns."),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="Number of rows."),
    sa.Column("bytes", sa.BigInteger, nullable=False, comment="Size of the file of its rows."),
    sa.Column("published", sa.DateTime, nullable=False, server_default=_NOW, comment="When the rows came, UTC."),
    sa.Index(
        "publication_name_is_unique",
        sa.func.lower(sa.text("schema_name")),
        sa.func.lower(sa.text("table_name")),
        unique=True,
    ),
    schema="archive",
    comment="Tables that were loaded and published, beside those of the archive itself.",
)
"""Tables that were loaded and published, beside those of the archive itself."""

leftover = sa.Table(
    "leftover",
    metadata,
    sa.Column("generation", sa.Text, primary_key=True, comment="Folder."),
    schema="archive",
    comment="Folders of rows that no table has, or not yet: they go unless a load is still writing them.",
)
"""Folders of rows that no table has, or not yet: they go unless a load is still writing them."""
