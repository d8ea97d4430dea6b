"""The truth: the PostgreSQL database that holds what the archive knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from schema.embedded import EmbeddedServer, TruthError

DATABASE = "quipu"
OLDEST_VERSION = 14
"""Oldest major version of an external PostgreSQL; multiranges came with it."""


class Truth:
    """An open database.

    Parameters
    ----------
    url
        Address as libpq reads it, password included.
    release
        Called once when the truth is closed.

    Attributes
    ----------
    engine
        Gives connections through psycopg2; sessions are in UTC.
    url
        Address as libpq (and so ADBC, pg_dump) reads it.
    """

    def __init__(self, url: str, release: Callable[[], None] | None = None) -> None:
        self.url = url
        self.engine = _create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=32)
        self._release = release

    def ask(self) -> None:
        """Ask the database something, on a connection of its own: that the others are in use is no trouble.

        Raises
        ------
        sqlalchemy.exc.OperationalError
            Raised if it does not answer.
        """
        engine = _create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    def close(self) -> None:
        """Give back the connections; an embedded server stops with its last user. Closing twice does nothing."""
        self.engine.dispose()
        release, self._release = self._release, None
        if release is not None:
            release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_embedded(folder: Path) -> Truth:
    """Open the PostgreSQL of a folder, making and starting it where needed.

    Raises
    ------
    TruthError
        Raised with a sentence if that is not possible.
    """
    server = EmbeddedServer(folder)
    try:
        _ensure_database(server.url("postgres"))
        return Truth(server.url(DATABASE), server.close)
    except BaseException:
        server.close()
        raise


def open_external(address: str) -> Truth:
    """Open a database of a PostgreSQL that others run.

    Parameters
    ----------
    address
        ``postgresql://user:password@host/database``.

    Raises
    ------
    TruthError
        Raised if the address cannot be read, nobody answers, the server is too old or the database is not in UTF-8.
    """
    url = _read_address(address)
    truth = Truth(url.render_as_string(hide_password=False))
    try:
        with truth.engine.connect() as connection:
            version = int(connection.execute(sa.text("SHOW server_version_num")).scalar_one()) // 10_000
            encoding = connection.scalar(sa.text("SHOW server_encoding"))
    except OperationalError as error:
        truth.close()
        raise TruthError(f"The database {url} cannot be opened: {_first_line(error)}") from None
    try:
        if version < OLDEST_VERSION:
            raise TruthError(
                f"The database {url} is of PostgreSQL {version}; version {OLDEST_VERSION} or later is needed."
            )
        if encoding != "UTF8":
            raise TruthError(
                f"The database {url} has the encoding {encoding}; make one with "
                "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'."
            )
    except TruthError:
        truth.close()
        raise
    return truth


def _read_address(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise TruthError("The address of the database must look like postgresql://user@host/database.") from None
    if url.drivername not in ("postgresql", "postgres", "postgresql+psycopg2"):
        raise TruthError(f"The address of the database must begin with postgresql://, not {url.drivername}://.")
    return url.set(drivername="postgresql")


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0]


def _create_engine(url: str, **options: Any) -> sa.Engine:
    return sa.create_engine(
        make_url(url).set(drivername="postgresql+psycopg2"),
        connect_args={"application_name": "quipu", "options": "-c timezone=UTC"},
        **options,
    )


def _ensure_database(url: str) -> None:
    """Make the database of the archive unless it exists; two processes may try at once."""
    engine = _create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(hashtext('quipu: create database'))"))
        known = connection.scalar(sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": DATABASE})
        if known is None:
            connection.execute(sa.text(f'CREATE DATABASE "{DATABASE}" TEMPLATE template0'))
