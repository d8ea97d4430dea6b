"""Make all tables of the first version, with the change log."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from schema.change_log import attach

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
    attach(connection, "ivoa", "obscore")
    attach(connection, "dbo", "raw")
