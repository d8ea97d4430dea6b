"""Bring a truth to the version of this code."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from schema.embedded import TruthError

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('quipu: migrate', 0))")


def migrate(engine: sa.Engine) -> None:
    """Make or change all tables so that they are those of this code; one who is there already does nothing.

    Everything happens in one transaction, and processes that try at the same time wait for each other.

    Raises
    ------
    TruthError
        Raised if a later version of the archive has changed the tables.
    """
    with engine.begin() as connection:
        connection.execute(_LOCK)
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS archive"))
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        _check_known(connection, ScriptDirectory.from_config(config))
        command.upgrade(config, "head")


def _check_known(connection: sa.Connection, scripts: ScriptDirectory) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "archive"})
    known = {script.revision for script in scripts.walk_revisions()}
    for version in context.get_current_heads():
        if version not in known:
            raise TruthError(
                f"The database was changed by a later version of the archive (its tables are at {version}): "
                "install that version or a later one, or restore a backup that was made before the change."
            )
