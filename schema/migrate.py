"""Bring a truth to the version of this code."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2.errors import InsufficientPrivilege

from schema.embedded import TruthError

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('quipu: migrate', 0))")


def migrate(engine: sa.Engine) -> None:
    """Make or change all tables so that they are those of this code; one who is there already does nothing.

    Everything happens in one transaction, and processes that try at the same time wait for each other.

    Raises
    ------
    TruthError
        Raised if a later version of the archive has changed the tables, or the account may not make tables.
    """
    try:
        with engine.begin() as connection:
            connection.execute(_LOCK)
            if connection.execute(sa.text("SELECT to_regnamespace('archive')")).scalar_one() is None:
                connection.execute(sa.text("CREATE SCHEMA archive"))
            _check_known(connection)
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise TruthError(
            f"The account {engine.url.username} may not make or change tables in the database {engine.url.database} "
            f"({error.orig.diag.message_primary}): make it the owner of the database."
        ) from None


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
