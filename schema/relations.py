"""The table of what files say of others: what they were made of, and what belongs to them."""

from __future__ import annotations

import sqlalchemy as sa

from schema.tables import metadata

relation = sa.Table(
    "relation",
    metadata,
    sa.Column(
        "file_id",
        sa.BigInteger,
        sa.ForeignKey("archive.file.file_id", ondelete="CASCADE"),
        primary_key=True,
        comment="The file that says it.",
    ),
    sa.Column(
        "kind",
        sa.Text,
        primary_key=True,
        comment="What the other is for it: progenitor, calibration that was applied, or companion.",
    ),
    sa.Column("number", sa.Integer, primary_key=True, comment="Order among others of the kind, from 1."),
    sa.Column(
        "name", sa.Text, nullable=False, comment="Name of the other, without an ending; it may not be held here."
    ),
    sa.Column("category", sa.Text, comment="Category of the other, in the words of its maker."),
    sa.CheckConstraint("kind IN ('progenitor', 'calibration', 'companion')", name="relation_kind_is_known"),
    sa.Index("relation_by_name", "name"),
    schema="archive",
    comment="What files say of others: what they were made of, and what belongs to them.",
)
"""What files say of others: what they were made of, and what belongs to them."""
