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
        _check_known(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def known_versions() -> frozenset[str]:
    """Versions of the tables that this code knows how to bring to its own."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _check_known(connection: sa.Connection) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "archive"})
    known = known_versions()
    for version in context.get_current_heads():
        if version not in known:
            raise TruthError(
                f"The database was changed by a later version of the archive (its tables are at {version}): "
                "install that version or a later one, or restore a backup that was made before the change."
            )
