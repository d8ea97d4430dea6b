"""The tables of files, of their copies, and of what could not be taken in."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.tables import metadata

_NOW = sa.text("timezone('UTC', now())")

file = sa.Table(
    "file",
    metadata,
    sa.Column("file_id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
    sa.Column("dp_id", sa.Text, nullable=False, comment="Identifier in this archive."),
    sa.Column("sha256", sa.Text, nullable=False, comment="Checksum of the bytes, 64 lower-case hexadecimal digits."),
    sa.Column("name", sa.Text, nullable=False, comment="Name under which the file leaves the archive."),
    sa.Column("size", sa.BigInteger, nullable=False, comment="Number of bytes."),
    sa.Column("content_type", sa.Text, nullable=False, comment="Media type."),
    sa.Column("header", postgresql.JSONB, comment="Headers of all HDUs as one document."),
    sa.Column("release_date", sa.DateTime, comment="When the file becomes public, UTC; NULL for not yet decided."),
    sa.Column("ingested", sa.DateTime, nullable=False, server_default=_NOW, comment="When it was taken in, UTC."),
    sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_is_hexadecimal"),
    sa.CheckConstraint("size >= 0", name="size_is_not_negative"),
    sa.CheckConstraint("dp_id <> ''", name="dp_id_is_not_empty"),
    sa.UniqueConstraint("dp_id", name="file_dp_id_is_unique"),
    sa.UniqueConstraint("sha256", name="file_sha256_is_unique"),
    schema="archive",
    comment="Files held: bytes with one checksum.",
)
"""Files held: bytes with one checksum."""

copy = sa.Table(
    "copy",
    metadata,
    sa.Column(
        "file_id",
        sa.BigInteger,
        sa.ForeignKey("archive.file.file_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("store", sa.Text, primary_key=True, comment="Name of the store."),
    sa.Column("path", sa.Text, nullable=False, comment="Where in the store."),
    sa.Column("verified", sa.DateTime, comment="When the checksum of this copy was last found right, UTC."),
    schema="archive",
    comment="Copies of files: at most one in each store.",
)
"""Copies of files: at most one in each store."""

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("quarantine_id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, comment="Name of the file that was offered."),
    sa.Column("source", sa.Text, comment="Where the file was found."),
    sa.Column("sha256", sa.Text, comment="Checksum of the bytes; NULL where they could not be read."),
    sa.Column("size", sa.BigInteger, comment="Number of bytes; NULL where they could not be read."),
    sa.Column("reason", sa.Text, nullable=False, comment="Why it was refused, one sentence."),
    sa.Column("quarantined", sa.DateTime, nullable=False, server_default=_NOW, comment="When, UTC."),
    sa.Column("path", sa.Text, comment="Where the bytes are kept; NULL where they are not."),
    sa.UniqueConstraint("sha256", "name", name="quarantine_sha256_and_name_are_unique"),
    schema="archive",
    comment="Files that were offered and refused.",
)
"""Files that were offered and refused."""
