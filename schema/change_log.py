"""How the database itself records every change to a replicated table, in the order of commits.

The triggers that do it are made by the migrations. A transaction opens one line of ``archive.revision`` with its first
change. At its commit a deferred trigger takes a lock, which is held until the commit is visible, and draws the
revision: whoever draws later also commits later. After SET CONSTRAINTS IMMEDIATE the line is numbered at once, the lock
is held from there, and later changes of the transaction open further lines: more numbers, but still in the order of
commits.
"""

from __future__ import annotations

import sqlalchemy as sa

from schema.tables import metadata

CHANNEL = "quipu_revision"
"""Channel on which each commit that changed a replicated table is announced, with its revision; a hint only."""

# BIGINT, which every client reads, instead of xid8; 2^63 transactions are enough.
_TRANSACTION = sa.text("((pg_current_xact_id())::text)::bigint")
_NOW = sa.text("timezone('UTC', now())")


truth = sa.Table(
    "truth",
    metadata,
    sa.Column("uuid", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
    sa.Column("made", sa.DateTime, nullable=False, server_default=_NOW, comment="When it was made or restored, UTC."),
    sa.Column("one", sa.Boolean, primary_key=True, server_default=sa.true(), comment="Keeps the table at one row."),
    sa.CheckConstraint("one", name="truth_has_one_row"),
    schema="archive",
    comment="Which database this is; a restored one is another.",
)
"""Which database this is; a restored one is another."""

revision = sa.Table(
    "revision",
    metadata,
    sa.Column("line", sa.BigInteger, sa.Identity(always=False), primary_key=True),
    sa.Column("transaction", sa.BigInteger, nullable=False, server_default=_TRANSACTION),
    sa.Column("revision", sa.BigInteger, unique=True, comment="NULL until the transaction commits."),
    sa.Column("token", sa.Uuid, nullable=False, server_default=sa.text("gen_random_uuid()")),
    sa.Column("committed", sa.DateTime, comment="When, UTC."),
    sa.Index(
        "revision_open_line",
        "transaction",
        unique=True,
        postgresql_where=sa.text("revision IS NULL"),
    ),
    schema="archive",
    comment="Transactions that changed replicated tables, numbered in the order of their commits.",
)
"""Transactions that changed replicated tables, numbered in the order of their commits.

The token of a revision is drawn at random: a database that went another way after a restore may use a number again,
but not the number with the same token.
"""

change = sa.Table(
    "change",
    metadata,
    sa.Column("line", sa.BigInteger, nullable=False, comment="Line of archive.revision."),
    sa.Column("table_name", sa.Text, nullable=False, comment="Table with its schema."),
    sa.Column("op", sa.Text, nullable=False, comment="insert, update, delete or truncate."),
    sa.Column("lo", sa.BigInteger, comment="First row_id; NULL for the whole table."),
    sa.Column("hi", sa.BigInteger, comment="Last row_id; NULL for the whole table."),
    sa.Index("change_line", "line"),
    schema="archive",
    comment="Ranges of rows that transactions changed.",
)
"""Ranges of rows that transactions changed."""

follower = sa.Table(
    "follower",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="Last revision that it shows."),
    sa.Column("seen", sa.DateTime, nullable=False, server_default=_NOW, comment="When it said so, UTC."),
    schema="archive",
    comment="Replicas and how far they are.",
)
"""Replicas and how far they are."""


def attach(connection: sa.Connection, schema: str, table: str) -> None:
    """Let the change log record a table, which must have a column ``row_id``; doing it again changes nothing.

    Parameters
    ----------
    connection
        With the rights of the table's owner.
    schema, table
        Names in PostgreSQL.
    """
    quote = connection.dialect.identifier_preparer.quote
    name = f"{quote(schema)}.{quote(table)}"
    triggers = {
        "record_insert": "INSERT ON {} REFERENCING NEW TABLE AS changed {} archive.record_rows()",
        "record_update": (
            "UPDATE ON {} REFERENCING OLD TABLE AS changed_from NEW TABLE AS changed {} archive.record_update()"
        ),
        "record_delete": "DELETE ON {} REFERENCING OLD TABLE AS changed {} archive.record_rows()",
        "record_truncate": "TRUNCATE ON {} {} archive.record_truncate()",
    }
    for trigger, definition in triggers.items():
        event = definition.format(name, "FOR EACH STATEMENT EXECUTE FUNCTION")
        connection.execute(sa.text(f"CREATE OR REPLACE TRIGGER {trigger} AFTER {event}"))
        # Also while data come in by logical replication or by a restore.
        connection.execute(sa.text(f"ALTER TABLE {name} ENABLE ALWAYS TRIGGER {trigger}"))
